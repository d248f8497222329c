// A small MCP server about employees, and what the program is told of it: who agrees to what.
import { createServer } from "node:http";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const TOOLS = [
  {
    name: "modify_employee", title: "Change an employee", description: "Changes what is on file about somebody.",
    inputSchema: {
      type: "object", required: ["id"],
      properties: {
        id: { type: "string", title: "Employee", description: "The number on the payroll." },
        salary: { type: "integer", title: "Salary", description: "For a year, in euros." },
        from: { type: "string", format: "date-time", title: "From" },
        reason: { type: "string", title: "Reason", description: "What the letter to the employee says." },
      },
    },
  },
  {
    name: "delete_employee", title: "Delete an employee", description: "Takes somebody off the file.",
    inputSchema: { type: "object", required: ["id"], properties: { id: { type: "string", title: "Employee" } } },
  },
];

/** What each method answers; whatever is called says what it was called with. */
const METHODS = {
  "tools/list": () => ({ tools: TOOLS, ttlMs: 60_000, cacheScope: "public" }),
  "tools/call": ({ name, arguments: given }) => ({ content: [{ type: "text", text: `did ${name} ${JSON.stringify(given)}` }], isError: false }),
};

/** Starts it; gives its address and how often it was called. */
export async function employees() {
  let calls = 0;
  const server = createServer(async (request, response) => {
    const { id, method, params } = JSON.parse(await new Response(request).text());
    calls += method === "tools/call" ? 1 : 0;
    const answer = METHODS[method];
    const body = answer ? { result: { resultType: "complete", ...answer(params) } } : { error: { code: -32601, message: "Method not found" } };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ jsonrpc: "2.0", id, ...body }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, calls: () => calls, close: () => server.close() };
}

const POLICIES = `permit (principal, action, resource);

@id("raise")
@approval("2 of hr for 10m: raises are agreed to by two of HR")
permit (principal, action == Action::"modify", resource is Employee)
when { context.arguments has salary };
`;

const ENTITIES = [{ uid: { type: "Employee", id: "e7" }, attrs: { salary: 50000, reason: "none" }, parents: [] }];

/** The part of a configuration that is about it; what it names is written into the folder. */
export function staff(folder, { upstream, waits = "1h" }) {
  writeFileSync(join(folder, "staff.cedar"), POLICIES);
  writeFileSync(join(folder, "staff.json"), JSON.stringify(ENTITIES));
  return `
[approvals]
waits = "${waits}"

[[group]]
name = "hr"
members = ["bob", "carol"]

[[client]]
id = "assistant"
name = "Assistant"
redirect_uris = ["https://assistant.example/cb"]

[[policy.set]]
name = "staff"
language = "cedar"
files = ["${join(folder, "staff.cedar")}"]

[[policy.entities]]
files = ["${join(folder, "staff.json")}"]

[[resource]]
name = "staff"
title = "Staff"
upstream = "${upstream}"
[resource.scopes]
"staff:change" = { title = "Change and delete employees", actions = ["tool:modify_employee", "tool:delete_employee"] }
[resource.tools.modify_employee]
action = "modify"
target = { kind = "Employee", id = ".id" }
risk = "medium"
reversible = true
[resource.tools.delete_employee]
risk = "high"
reversible = false
`;
}

/** An agent with a token: it lists, and it calls. */
export function agent(base, token) {
  const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientInfo": { name: "assistant", version: "1" }, "io.modelcontextprotocol/clientCapabilities": {} };
  const ask = async (method, params) => {
    const answer = await fetch(`${base}/mcp/staff`, {
      method: "POST",
      headers: {
        "content-type": "application/json", accept: "application/json, text/event-stream", authorization: `Bearer ${token}`,
        "mcp-protocol-version": "2026-07-28", "mcp-method": method, ...(params.name && { "mcp-name": params.name }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
    });
    const text = await answer.text();
    const message = text.startsWith("{") ? text : text.split("\n").findLast((line) => line.startsWith("data:"))?.slice(5) ?? text;
    return JSON.parse(message);
  };
  return {
    list: () => ask("tools/list", {}),
    call: async (name, given) => {
      const { result, error } = await ask("tools/call", { name, arguments: given });
      const text = result?.content?.[0]?.text ?? error?.message ?? "";
      return { done: Boolean(result) && !result.isError, text, address: text.match(/http\S+\/approve\/[A-Za-z0-9_]+/)?.[0] };
    },
  };
}
