// The program under test: `prokura serve` on a free port, in a folder of its own.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, run, serveUntil, temporary } from "../lib/process.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A client's metadata document that development mode takes from a file. */
export const PUBLISHED = "https://planner.example/client.json";

const configuration = (port, folder, dev) => `issuer = "http://localhost:${port}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, "prokura.db")}"

[registration]
dynamic = "open"

[[client]]
id = "planner"
name = "Planner"
redirect_uris = ["https://planner.example/cb"]

[[client]]
id = "keys"
name = "Keys"
redirect_uris = ["https://keys.example/cb"]

[[client]]
id = "enter"
name = "Enter"
redirect_uris = ["https://enter.example/cb"]

[[client]]
id = "keeper"
name = "Keeper"
secret = { file = "${join(folder, "keeper.secret")}" }
redirect_uris = ["https://keeper.example/cb"]

[[client]]
id = "stepper"
name = "Stepper"
redirect_uris = ["https://stepper.example/cb"]

[[client]]
id = "reporter"
name = "Reporter"
redirect_uris = ["https://reporter.example/cb"]

[[client]]
id = "known"
name = "Known"
redirect_uris = ["https://known.example/cb", "http://127.0.0.1/cb"]

[[client]]
id = "payer"
name = "Payer"
redirect_uris = ["https://payer.example/cb"]

[[client]]
id = "spender"
name = "Spender"
redirect_uris = ["https://spender.example/cb"]

[[group]]
name = "staff"
members = ["alice"]

[[enterprise_consent]]
name = "known"
groups = ["staff"]
clients = ["known"]
resource = "sales"
scopes = ["read:report"]

[[client]]
id = "desk"
name = "Travel desk"
secret = { file = "${join(folder, "keeper.secret")}" }
grant_types = ["ciba"]

[[client]]
id = "television"
name = "Television"
grant_types = ["device_code"]

[[resource]]
name = "sales"
title = "Sales"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read:report" = { title = "Read sales reports", actions = ["resource:report/*", "tool:read_report"] }
"tools:generate_summary" = { title = "Generate sales summaries", actions = ["tool:generate_summary"] }
${dev ? `[dev.client_metadata]\n"${PUBLISHED}" = "${join(folder, "client.json")}"\n` : ""}`;

/** The secret of the clients that have one. */
export const KEEPER = randomBytes(32).toString("base64url");

const DOCUMENT = {
  client_id: PUBLISHED, client_name: "Planner", redirect_uris: ["https://planner.example/cb"],
  grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], token_endpoint_auth_method: "none",
};

/** The program that PROKURA_BIN names, else as it is built now. */
async function program() {
  if (process.env.PROKURA_BIN) return resolve(process.env.PROKURA_BIN);
  const target = resolve(process.env.CARGO_TARGET_DIR ?? join(root, "target"));
  const options = { cwd: root, timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: target } };
  const { code, stderr } = await run("cargo", ["build", "-q", "--locked", "-p", "prokura"], options);
  if (code !== 0) throw new Error(`prokura does not build: ${stderr.slice(-2000)}`);
  return join(target, "debug", "prokura");
}

/** Starts it; gives its address, the first user's link and a way to run an administration command beside it. */
export async function start({ dev = false, more = () => "" } = {}) {
  const [binary, folder, port] = [await program(), temporary("prokura-browser-"), await freePort()];
  const [config, base] = [join(folder, "prokura.toml"), `http://localhost:${port}`];
  writeFileSync(config, configuration(port, folder, dev) + more(folder));
  writeFileSync(join(folder, "client.json"), JSON.stringify(DOCUMENT));
  writeFileSync(join(folder, "keeper.secret"), KEEPER);
  const { log } = await serveUntil(`${base}/readyz`, binary, ["serve", "--config", config, ...(dev ? ["--dev"] : [])]);
  const [link] = log().match(new RegExp(`${base}/setup/\\S+`)) ?? [];
  if (!link) throw new Error(`no link for the first user:\n${log()}`);
  const command = (...args) => execFileSync(binary, [...args, "--config", config], { encoding: "utf8" });
  return { base, link, command };
}
