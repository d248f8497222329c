// The pages under test: the real server where there is one, else the pages on their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Starts the pages; gives their address, the first user's link and a way to stop them. */
export async function start() {
  const program = process.env.PROKURA_PEOPLE ?? `${root}target/debug/examples/people`;
  const child = spawn(program, { stdio: ["ignore", "pipe", "inherit"] });
  const failed = once(child, "exit").then(([code]) => { throw new Error(`${program} ended with ${code}`); });
  failed.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), failed]);
  const [base, link] = line.split(" ");
  return { base, link, stop: () => child.kill() };
}
