// The program under test: `prokura serve` on a free port, in a folder of its own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = process.env.PROKURA_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug", "prokura");

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

[[resource]]
name = "sales"
title = "Sales"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read:report" = { title = "Read sales reports", actions = ["resource:report/*", "tool:read_report"] }
"tools:generate_summary" = { title = "Generate sales summaries", actions = ["tool:generate_summary"] }
${dev ? `[dev.client_metadata]\n"${PUBLISHED}" = "${join(folder, "client.json")}"\n` : ""}`;

const DOCUMENT = {
  client_id: PUBLISHED, client_name: "Planner", redirect_uris: ["https://planner.example/cb"],
  grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], token_endpoint_auth_method: "none",
};

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer().once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Starts the program; gives its address, the first user's link and a way to stop it. */
export async function start({ dev = false } = {}) {
  const [folder, port] = [mkdtempSync(join(tmpdir(), "prokura-browser-")), await freePort()];
  const config = join(folder, "prokura.toml");
  writeFileSync(config, configuration(port, folder, dev));
  writeFileSync(join(folder, "client.json"), JSON.stringify(DOCUMENT));
  const child = spawn(program, ["serve", "--config", config, ...(dev ? ["--dev"] : [])], { stdio: ["ignore", "ignore", "pipe"] });
  const base = `http://localhost:${port}`;
  const link = await firstLink(child, base);
  const stop = () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  /** Runs an administration command beside it; gives what it prints. */
  const command = (...args) => execFileSync(program, [...args, "--config", config], { encoding: "utf8" });
  return { base, link, stop, command };
}

/** What the program says at start, until it is ready. */
async function firstLink(child, base) {
  const said = [];
  let link;
  const lines = createInterface(child.stderr);
  const patience = setTimeout(() => lines.close(), 20_000);
  for await (const line of lines) {
    said.push(line);
    if (line.trim().startsWith(`${base}/setup/`)) link = line.trim();
    if (line.includes("ready at")) {
      clearTimeout(patience);
      child.stderr.resume();
      return link;
    }
  }
  child.kill("SIGKILL");
  throw new Error(`${program} did not start:\n${said.join("\n")}`);
}
