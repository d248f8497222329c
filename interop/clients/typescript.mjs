// The TypeScript client SDK, as it comes from its registry, against a protected MCP server.
// Usage: node clients/typescript.mjs URL STEPPED_URL (modern|legacy) (cimd|dcr)

import { randomUUID } from 'node:crypto';
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { authorize } from '../lib/browser.mjs';
import { expect, finish, step } from '../lib/report.mjs';
import { ADVANCED_TOOL, BASIC_TOOL, CLIENT_METADATA_URL } from './agreed.mjs';

const [url, stepped, era, registration] = process.argv.slice(2);
const redirectUrl = `http://127.0.0.1:${20_000 + Math.floor(Math.random() * 20_000)}/callback`;

/** Keeps everything in memory, and the callback until the transport asks for it. */
class Person {
    redirectUrl = redirectUrl;
    clientMetadataUrl = registration === 'cimd' ? CLIENT_METADATA_URL : undefined;
    clientMetadata = {
        client_name: 'Interop (TypeScript)',
        redirect_uris: [redirectUrl],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
        application_type: 'native'
    };
    visits = [];
    #kept = {};
    state() {
        return (this.expectedState = randomUUID());
    }
    clientInformation() {
        return this.#kept.client;
    }
    saveClientInformation(client) {
        this.#kept.client = client;
    }
    tokens() {
        return this.#kept.tokens;
    }
    saveTokens(tokens) {
        this.#kept.tokens = tokens;
    }
    saveCodeVerifier(verifier) {
        this.#kept.verifier = verifier;
    }
    codeVerifier() {
        return this.#kept.verifier;
    }
    async redirectToAuthorization(address) {
        this.visits.push(address);
        this.callback = await authorize(address, redirectUrl);
        expect(this.callback.searchParams.get('state') === this.expectedState, 'the state came back changed');
    }
}

async function connect(to, person) {
    const client = new Client({ name: 'interop-typescript', version: '1.0.0' }, { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } });
    const transport = new StreamableHTTPClientTransport(new URL(to), { authProvider: person });
    try {
        await client.connect(transport);
        return { client, transport };
    } catch (error) {
        if (!authorizationIsNeeded(error)) throw error;
        await transport.finishAuth(person.callback.searchParams);
        return connect(to, person);
    }
}

/** Somewhere in the chain of causes the SDK says that a person is needed. */
function authorizationIsNeeded(error) {
    for (let at = error; at; at = at.cause) if (at instanceof UnauthorizedError) return true;
    return false;
}

const said = result => result.content?.[0]?.text;

async function walk() {
    const person = new Person();
    const session = await step('connects after discovery, registration, consent and PKCE', () => connect(url, person));
    if (!session) return;
    const { client } = session;
    await step('speaks the revision it was asked to', () => expect((client.getNegotiatedProtocolVersion?.() === '2026-07-28') === (era === 'modern'), `negotiated ${client.getNegotiatedProtocolVersion?.()}`));
    await step(`is known by ${registration}`, () => expect((person.clientInformation().client_id === CLIENT_METADATA_URL) === (registration === 'cimd'), person.clientInformation().client_id));
    await step('asked once, for the resource it uses', () => expect(person.visits.length === 1 && person.visits[0].searchParams.get('resource') === url, String(person.visits.map(String))));
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
    await step('keeps its token and cookies from the server behind the gateway', async () => {
        const seen = JSON.parse(said(await client.callTool({ name: 'test_seen_headers', arguments: {} })));
        expect(!seen.some(name => /authorization|cookie|dpop/.test(name)), String(seen));
    });
    await step('refreshes a token that was spoiled', async () => {
        const before = person.tokens();
        expect(before.refresh_token, 'there is no refresh token');
        person.saveTokens({ ...before, access_token: 'spoiled' });
        expect(said(await client.callTool({ name: BASIC_TOOL, arguments: {} }))?.startsWith('This is'), 'no answer');
        expect(person.tokens().access_token !== before.access_token && person.visits.length === 1, 'asked the person again');
    });
    await client.close();
}

async function stepUp() {
    const person = new Person();
    const session = await step('connects with the scope of the challenge alone', () => connect(stepped, person));
    if (!session) return;
    const { client, transport } = session;
    await step('was given the first scope', () => expect(String(person.visits[0].searchParams.get('scope')).split(' ').includes('basic') && !person.tokens().scope?.includes('advanced'), `${person.visits[0].searchParams.get('scope')} / ${person.tokens().scope}`));
    await step('sees only what it may use', async () => {
        const names = (await client.listTools()).tools.map(tool => tool.name);
        expect(names.includes(BASIC_TOOL) && !names.includes(ADVANCED_TOOL), String(names));
    });
    await step('is challenged, asks for the union, and calls again', async () => {
        try {
            await client.callTool({ name: ADVANCED_TOOL, arguments: {} });
            throw new Error('the call went through without a person');
        } catch (error) {
            if (!authorizationIsNeeded(error)) throw error;
        }
        const asked = person.visits.at(-1).searchParams.get('scope').split(' ');
        expect(person.visits.length === 2 && asked.includes('basic') && asked.includes('advanced'), `asked for ${asked}`);
        await transport.finishAuth(person.callback.searchParams);
        expect((await client.callTool({ name: ADVANCED_TOOL, arguments: {} })).content.length === 3, 'no answer after the step up');
    });
    await step('keeps the first scope', async () => {
        expect(said(await client.callTool({ name: BASIC_TOOL, arguments: {} }))?.startsWith('This is'), 'lost the first scope');
        expect(person.visits.length === 2, 'asked again');
    });
    await client.close();
}

await walk();
await stepUp();
process.exit(finish());
