// The TypeScript client SDK, as it comes from its registry, as an agent's host: it starts `prokura connect` and speaks
// to it on standard input and output.
// Usage: node clients/host.mjs PROKURA FOLDER URL STEPPED_URL|- (modern|legacy) SERVER_ERA (cimd|dcr)

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { expect, finish, step } from '../lib/report.mjs';
import { ADVANCED_TOOL, BASIC_TOOL } from './agreed.mjs';
import { environment } from './login.mjs';

const [prokura, folder, url, stepped, era, serverEra, registration] = process.argv.slice(2);
const visits = () => (existsSync(join(folder, 'visits')) ? readFileSync(join(folder, 'visits'), 'utf8').trim().split('\n').map(line => new URL(line)) : []);
const said = result => result.content?.[0]?.text;

async function connect(to) {
    const versionNegotiation = { mode: era === 'modern' ? 'auto' : 'legacy' };
    const client = new Client({ name: 'interop-host', version: '1.0.0' }, { versionNegotiation, capabilities: { elicitation: { form: {} }, roots: {} } });
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { username: 'alice', email: 'alice@example.com', name: 'alice' } }));
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///here', name: 'here' }] }));
    await client.connect(new StdioClientTransport({ command: prokura, args: ['connect', to], env: environment(folder, registration), stderr: 'pipe' }));
    return client;
}

async function walk() {
    const client = await step('connects, and signs in by a browser', () => connect(url));
    if (!client) return;
    await step('speaks the revision it was asked to', () => expect((client.getNegotiatedProtocolVersion?.() === '2026-07-28') === (era === 'modern'), `negotiated ${client.getNegotiatedProtocolVersion?.()}`));
    await step('asked once, for the server it uses', () => expect(visits().length === 1 && visits()[0].searchParams.get('resource') === url, String(visits())));
    await step('lists and calls a tool', async () => {
        const { tools } = await client.listTools();
        expect(tools.some(tool => tool.name === BASIC_TOOL), 'the tool is not listed');
        expect(said(await client.callTool({ name: BASIC_TOOL, arguments: {} })) === 'This is a simple text response for testing.', 'another answer');
    });
    await step('reads a resource and gets a prompt', async () => {
        expect((await client.readResource({ uri: 'test://static-text' })).contents[0].text.startsWith('This is the content'), 'another resource');
        expect((await client.getPrompt({ name: 'test_simple_prompt' })).messages.length === 1, 'another prompt');
    });
    await step('sees progress while a tool works', async () => {
        const seen = [];
        await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, { onprogress: ({ progress }) => seen.push(progress) });
        expect(String(seen) === '0,50,100', `saw ${seen}`);
    });
    await step('is asked for what a tool needs', async () => {
        const asks = serverEra === 'modern' ? { name: 'test_input_required_result_elicitation', arguments: {} } : { name: 'test_elicitation', arguments: { message: 'Who?' } };
        const answer = said(await client.callTool(asks));
        expect(answer?.includes('alice'), `said ${answer}`);
    });
    await step('tells a tool what is mirrored into a header', async () => {
        const answer = said(await client.callTool({ name: 'test_custom_headers', arguments: { region: 'é' } }));
        expect(answer !== undefined, 'no answer');
    });
    await step('hears of a list that changed', async () => {
        const heard = new Promise(done => client.setNotificationHandler('notifications/tools/list_changed', done));
        if (era === 'modern') await client.listen?.({ toolsListChanged: true });
        await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
        await Promise.race([heard, new Promise((_, fail) => setTimeout(() => fail(new Error('heard nothing')), 60_000).unref())]);
    });
    await step('gets an error as it is', async () => {
        const answer = await client.callTool({ name: 'test_error_handling', arguments: {} });
        expect(answer.isError === true, JSON.stringify(answer));
    });
    await client.close();
}

async function again() {
    const before = visits().length;
    await step('starts again without asking the person again', async () => {
        const client = await connect(url);
        expect(said(await client.callTool({ name: BASIC_TOOL, arguments: {} }))?.startsWith('This is'), 'no answer');
        expect(visits().length === before, 'asked again');
        await client.close();
    });
}

async function stepUp() {
    const before = visits().length;
    const client = await step('connects with the scope of the challenge alone', () => connect(stepped));
    if (!client) return;
    await step('sees only what it may use', async () => {
        const names = (await client.listTools()).tools.map(tool => tool.name);
        expect(names.includes(BASIC_TOOL) && !names.includes(ADVANCED_TOOL), String(names));
    });
    await step('steps up by the union of scopes, within one call', async () => {
        expect((await client.callTool({ name: ADVANCED_TOOL, arguments: {} })).content.length === 3, 'no answer after the step up');
        const asked = visits().at(-1).searchParams.get('scope').split(' ');
        expect(visits().length === before + 2 && asked.includes('basic') && asked.includes('advanced'), `asked for ${asked}`);
        expect(said(await client.callTool({ name: BASIC_TOOL, arguments: {} }))?.startsWith('This is'), 'lost the first scope');
    });
    await client.close();
}

await walk();
await again();
if (stepped !== '-') await stepUp();
process.exit(finish());
