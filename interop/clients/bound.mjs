// Two strict clients with proofs of possession (RFC 9449) and nonces: openid-client at the server and, by its own
// request, at the gateway; and the TypeScript client SDK, which binds whatever it is given.
// Usage: node clients/bound.mjs ISSUER RESOURCE    STRICT_SECRET in the environment

import { randomUUID } from 'node:crypto';
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import * as oauth from 'openid-client';
import { authorize } from '../lib/browser.mjs';
import { expect, finish, step } from '../lib/report.mjs';
import { BASIC_TOOL, CLIENT_METADATA_URL } from './agreed.mjs';

const [issuer, resource] = process.argv.slice(2);
const REDIRECT = 'http://127.0.0.1:45679/callback';
const options = { execute: [oauth.allowInsecureRequests] };
const discover = (id, auth) => oauth.discovery(new URL(issuer), id, undefined, auth, { ...options, algorithm: 'oauth2' });
const refused = (promise, error) => promise.then(() => { throw new Error('it was not refused'); }, e => expect(e.error === error, `${e.code} ${e.error} ${e.message}`));

const config = await step('discovers that proofs are taken', async () => {
    const config = await discover('public', oauth.None());
    for (const alg of ['ES256', 'EdDSA', 'Ed25519', 'PS256']) expect(config.serverMetadata().dpop_signing_alg_values_supported.includes(alg), alg);
    return config;
});
if (!config) process.exit(finish());

/** Signs in; the request is pushed with the proof, so that the code is bound too. */
async function signIn(DPoP, extra = {}) {
    const [verifier, state] = [oauth.randomPKCECodeVerifier(), oauth.randomState()];
    const params = { redirect_uri: REDIRECT, resource, scope: 'all', state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...extra };
    const start = await oauth.buildAuthorizationUrlWithPAR(config, params, { DPoP });
    const callback = await authorize(start, REDIRECT);
    return { callback, checks: { pkceCodeVerifier: verifier, expectedState: state } };
}
const redeem = ({ callback, checks }, DPoP) => oauth.authorizationCodeGrant(config, callback, checks, { resource }, { DPoP });

const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'interop-bound', version: '1.0.0' }, 'io.modelcontextprotocol/clientCapabilities': {} };
const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: BASIC_TOOL, arguments: {}, _meta } };
const headers = () => new Headers({ 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': BASIC_TOOL });
const use = (token, DPoP) => oauth.fetchProtectedResource(config, token, new URL(resource), 'POST', JSON.stringify(call), headers(), { DPoP });

for (const alg of ['ES256', 'Ed25519', 'PS256', 'RS256']) {
    await step(`signs in, calls and refreshes with a key for ${alg}`, async () => {
        const DPoP = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair(alg));
        const tokens = await redeem(await signIn(DPoP), DPoP);
        expect(tokens.token_type === 'dpop', tokens.token_type);
        expect((await use(tokens.access_token, DPoP)).status === 200, 'the call was refused');
        const next = await oauth.refreshTokenGrant(config, tokens.refresh_token, { resource }, { DPoP });
        expect(next.token_type === 'dpop' && next.refresh_token !== tokens.refresh_token, next.token_type);
        expect((await use(next.access_token, DPoP)).status === 200, 'the call with the new token was refused');
    });
}

const mine = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair());
const theirs = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair());
await step('cannot redeem a code that is bound to another key', async () => {
    const code = await signIn(mine);
    await refused(redeem(code, theirs), 'invalid_grant');
    await refused(redeem(code, undefined), 'invalid_dpop_proof');
    expect((await redeem(code, mine)).token_type === 'dpop', 'the code was spent by what was refused');
});
const tokens = await step('has a token', async () => redeem(await signIn(mine), mine));
if (tokens) {
    await step('cannot refresh with another key, or without one', async () => {
        await refused(oauth.refreshTokenGrant(config, tokens.refresh_token, { resource }, { DPoP: theirs }), 'invalid_grant');
        await refused(oauth.refreshTokenGrant(config, tokens.refresh_token, { resource }), 'invalid_dpop_proof');
    });
    await step('introspection says to which key the token is bound', async () => {
        const strict = await discover('strict', oauth.ClientSecretBasic(process.env.STRICT_SECRET));
        const seen = await oauth.tokenIntrospection(strict, tokens.access_token);
        expect(seen.active && seen.token_type === 'DPoP' && seen.cnf.jkt === await mine.calculateThumbprint(), JSON.stringify(seen));
    });
    await step('is refused with another key', async () => {
        const error = await use(tokens.access_token, theirs).then(() => undefined, e => e);
        expect(error?.cause?.some(({ scheme, parameters }) => scheme === 'dpop' && parameters.error === 'invalid_token'), JSON.stringify(error?.cause));
    });
    await step('is refused as a bearer token, and told of the scheme', async () => {
        const answer = await fetch(resource, { method: 'POST', headers: { ...Object.fromEntries(headers()), authorization: `Bearer ${tokens.access_token}` }, body: JSON.stringify(call) });
        const challenge = answer.headers.get('www-authenticate');
        expect(answer.status === 401 && /^DPoP error="invalid_token".*algs="ES256 /.test(challenge), `${answer.status} ${challenge}`);
    });
    await step('cannot send a call that was seen a second time', async () => {
        let seen;
        config[oauth.customFetch] = (url, init) => fetch(url, (seen = init));
        expect((await use(tokens.access_token, mine)).status === 200, 'the call was refused');
        delete config[oauth.customFetch];
        const again = await fetch(resource, seen);
        expect(again.status === 401 && again.headers.get('www-authenticate').includes('invalid_dpop_proof'), `${again.status}`);
    });
}

/** Keeps everything in memory, the key too. */
class Person {
    redirectUrl = REDIRECT;
    clientMetadataUrl = CLIENT_METADATA_URL;
    clientMetadata = { client_name: 'Interop (bound)', redirect_uris: [REDIRECT], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none', application_type: 'native' };
    #kept = {};
    constructor(session) {
        this.session = session;
    }
    dpop = () => this.session;
    state = () => randomUUID();
    clientInformation = () => this.#kept.client;
    saveClientInformation = client => (this.#kept.client = client);
    tokens = () => this.#kept.tokens;
    saveTokens = tokens => (this.#kept.tokens = tokens);
    saveCodeVerifier = verifier => (this.#kept.verifier = verifier);
    codeVerifier = () => this.#kept.verifier;
    async redirectToAuthorization(address) {
        this.callback = await authorize(address, REDIRECT);
    }
}

async function connect(person, era) {
    const client = new Client({ name: 'interop-bound', version: '1.0.0' }, { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } });
    const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: person });
    try {
        await client.connect(transport);
        return client;
    } catch (error) {
        let at = error;
        while (at && !(at instanceof UnauthorizedError)) at = at.cause;
        if (!at) throw error;
        await transport.finishAuth(person.callback.searchParams);
        return connect(person, era);
    }
}

for (const era of ['modern', 'legacy']) {
    await step(`the TypeScript SDK calls with proofs and nonces, ${era}`, async () => {
        const person = new Person(await DpopSession.create());
        const client = await connect(person, era);
        const said = async () => (await client.callTool({ name: BASIC_TOOL, arguments: {} })).content[0].text;
        for (let i = 0; i < 3; i += 1) expect((await said()).startsWith('This is'), 'no answer');
        expect(person.tokens().token_type.toLowerCase() === 'dpop', person.tokens().token_type);
        const before = person.tokens();
        person.saveTokens({ ...before, access_token: 'spoiled' });
        expect((await said()).startsWith('This is'), 'no answer after a refresh');
        expect(person.tokens().access_token !== before.access_token && person.tokens().token_type.toLowerCase() === 'dpop', 'not refreshed');
        await client.close();
    });
}
process.exit(finish());
