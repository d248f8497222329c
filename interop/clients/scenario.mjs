// What an agent's host does in the suite's scenarios for clients, by the TypeScript client SDK through `prokura connect`.
// Usage: node clients/scenario.mjs URL   (the suite sets MCP_CONFORMANCE_SCENARIO and MCP_CONFORMANCE_CONTEXT)

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { environment } from './login.mjs';

const url = process.argv.at(-1);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const modern = (process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? '') >= '2026-07-28';
const folder = mkdtempSync(join(tmpdir(), 'prokura-scenario-'));

const capabilities = { elicitation: { form: { applyDefaults: true } }, roots: {}, sampling: {} };
const client = new Client({ name: 'interop-scenario', version: '1.0.0' }, { capabilities, versionNegotiation: { mode: modern ? 'auto' : 'legacy' } });
client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: scenario?.includes('1034') ? {} : { confirmed: true } }));

const call = (name, args = {}) => client.callTool({ name, arguments: args });
const argumentsOf = tool => (tool.name === 'add_numbers' ? { a: 5, b: 3 } : Object.fromEntries(Object.entries(tool.inputSchema.properties ?? {}).map(([name, { type }]) => [name, { string: 'x', integer: 7, number: 7, boolean: true }[type] ?? 'x'])));

/** Everything that is offered is listed and used once. */
async function everything() {
    const { tools } = await client.listTools();
    const offered = client.getServerCapabilities() ?? {};
    const calls = context.toolCalls ?? tools.map(tool => ({ name: tool.name, arguments: argumentsOf(tool) }));
    for (const one of calls) await call(one.name, one.arguments).catch(error => console.error(`${one.name}: ${error.message}`));
    if (offered.resources) for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    if (offered.prompts) for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
}

const HOSTS = {
    'request-metadata': () => client.listTools(),
    'json-schema-ref-no-deref': () => client.listTools(),
    'json-schema-2020-12-preservation': async () => {
        const { tools } = await client.listTools();
        await call('json_schema_echo', { schema: tools.find(tool => tool.name === 'json_schema_2020_12_tool').inputSchema });
    },
    'sep-2322-client-request-state': async () => {
        await client.listTools();
        const state = call('test_mrtr_echo_state');
        await Promise.all([state, call('test_mrtr_unrelated')]);
        await call('test_mrtr_no_state');
        await call('test_mrtr_no_result_type');
    }
};

await client.connect(new StdioClientTransport({ command: process.env.PROKURA_BIN, args: ['connect', url, '--allow', 'localhost'], env: environment(folder, 'dcr') }));
try {
    await (HOSTS[scenario] ?? everything)();
} finally {
    await client.close();
    rmSync(folder, { recursive: true, force: true });
}
