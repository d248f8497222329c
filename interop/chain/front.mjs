// Front once more: the TypeScript SDK's client, as it comes from its registry, for a user who agrees in a browser.
// Usage: node chain/front.mjs PLANNER HOPS

import { appendFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { CLIENT_METADATA_URL } from '../clients/agreed.mjs';
import { authorize } from '../lib/browser.mjs';
import { expect, finish, step } from '../lib/report.mjs';

const [planner, hops] = process.argv.slice(2);
const redirectUrl = `http://127.0.0.1:${20_000 + Math.floor(Math.random() * 20_000)}/callback`;
const kept = {};
const person = {
    redirectUrl,
    clientMetadataUrl: CLIENT_METADATA_URL,
    clientMetadata: { client_name: 'Front', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none', application_type: 'native' },
    state: () => (kept.state = randomUUID()),
    clientInformation: () => kept.client,
    saveClientInformation: client => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: tokens => void (kept.tokens = tokens),
    saveCodeVerifier: verifier => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    redirectToAuthorization: async address => void (kept.callback = await authorize(address, redirectUrl))
};

async function connect() {
    const client = new Client({ name: 'front', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const transport = new StreamableHTTPClientTransport(new URL(planner), { authProvider: person });
    try {
        await client.connect(transport);
        return client;
    } catch (error) {
        if (kept.tokens || !kept.callback) throw error;
        await transport.finishAuth(kept.callback.searchParams);
        return connect();
    }
}

await step("the TypeScript SDK's client reaches the last server through two agents", async () => {
    const client = await connect();
    const { content } = await client.callTool({ name: 'plan', arguments: { topic: 'sales' } });
    appendFileSync(hops, `${JSON.stringify({ at: 'front', token: kept.tokens.access_token })}\n`);
    expect(content[0].text === 'planned: sales: sales rose 8.7 %', content[0].text);
    await client.close();
});
process.exit(finish());
