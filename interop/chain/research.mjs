// The research server: an MCP server on the TypeScript SDK that is an agent too, Reporter, in a pod. It has no secret: what its
// cluster says of it (a mounted token) shows who acts. oauth4webapi exchanges (RFC 8693), the SDK's client calls the next.
//
// Usage: node chain/research.mjs ISSUER NEXT HOPS MOUNTED; prints one JSON line when it listens.

import { appendFileSync, readFileSync } from 'node:fs';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import * as oauth from 'oauth4webapi';
import { z } from 'zod';
import { says, serving } from './serving.mjs';

const [issuer, next, hops, mounted] = process.argv.slice(2);
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const INSECURE = { [oauth.allowInsecureRequests]: true };

const told = said => appendFileSync(hops, `${JSON.stringify({ at: 'research', ...said })}\n`);

let found;
async function server() {
    const url = new URL(issuer);
    return (found ??= await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE })));
}

/** A token for the next server, for what is needed there. What the cluster says of the pod vouches for the client and says who acts. */
async function exchanged(handed) {
    const [as, client, evidence] = [await server(), { client_id: 'reporter' }, readFileSync(mounted, 'utf8').trim()];
    const parameters = new URLSearchParams({
        subject_token: handed,
        subject_token_type: `${TYPE}txn_token`,
        actor_token: evidence,
        actor_token_type: `${TYPE}jwt`,
        resource: next,
        scope: 'summary'
    });
    const vouched = (_as, { client_id }, body) => Object.entries({ client_id, client_assertion_type: JWT_BEARER, client_assertion: evidence }).forEach(([name, value]) => body.set(name, value));
    const response = await oauth.genericTokenEndpointRequest(as, client, vouched, EXCHANGE, parameters, INSECURE);
    return oauth.processGenericTokenEndpointResponse(as, client, response);
}

async function call(token) {
    const client = new Client({ name: 'research', version: '1.0.0' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const transport = new StreamableHTTPClientTransport(new URL(next), { requestInit: { headers: { authorization: `Bearer ${token}` } } });
    await client.connect(transport);
    try {
        return (await client.callTool({ name: 'generate_summary', arguments: { quarter: '2026-Q3' } })).content[0].text;
    } finally {
        await client.close();
    }
}

async function investigate({ topic }, ctx) {
    const { headers } = ctx.http.req;
    const handed = headers.get('txn-token') ?? '';
    told({ handed, authorization: headers.has('authorization') });
    try {
        const token = await exchanged(handed);
        told({ token: token.access_token, issued: token.issued_token_type, scope: token.scope });
        return says(`${topic}: ${await call(token.access_token)}`);
    } catch (error) {
        told({ error: error.error ?? error.message, description: error.error_description });
        return says(`refused: ${error.error ?? error.message}`);
    }
}

serving('research', { investigate: ['Looks into something', z.object({ topic: z.string() }), investigate] });
