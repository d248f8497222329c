// openid-client, a strict OAuth client library, against the authorization server.
// Usage: node clients/strict.mjs ISSUER RESOURCE    STRICT_SECRET, WORKER_JWK (a private JWK) in the environment

import { importJWK } from 'jose';
import * as oauth from 'openid-client';
import { authorize, carry } from '../lib/browser.mjs';
import { expect, finish, step } from '../lib/report.mjs';

const [issuer, resource] = process.argv.slice(2);
const REDIRECT = 'http://127.0.0.1:45678/callback';
const options = algorithm => ({ execute: [oauth.allowInsecureRequests], algorithm });
const discover = (id, auth, algorithm = 'oauth2') => oauth.discovery(new URL(issuer), id, undefined, auth, options(algorithm));

const strict = await step('discovers by RFC 8414', () => discover('strict', oauth.ClientSecretBasic(process.env.STRICT_SECRET)));
await step('discovers by OpenID Connect, with the same endpoints', async () => {
    const other = (await discover('strict', undefined, 'oidc')).serverMetadata();
    for (const name of ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'code_challenge_methods_supported']) {
        const [a, b] = [other[name], strict.serverMetadata()[name]].map(value => JSON.stringify(value));
        expect(a !== undefined && (a === b || name === 'jwks_uri'), `${name}: ${a} and ${b}`);
    }
});
if (!strict) process.exit(finish());

/** Parameters of a request, with fresh PKCE and state. */
async function begin(extra = {}) {
    const [verifier, state] = [oauth.randomPKCECodeVerifier(), oauth.randomState()];
    const params = { redirect_uri: REDIRECT, resource, scope: 'all', state, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...extra };
    return { params, checks: { pkceCodeVerifier: verifier, expectedState: state } };
}
const redeem = (callback, checks) => oauth.authorizationCodeGrant(strict, callback, checks, { resource });

await step('says that it sends iss, and requires it to be right', () => expect(strict.serverMetadata().authorization_response_iss_parameter_supported === true, 'not advertised'));
const tokens = await step('signs in by PAR, PKCE S256, state and iss', async () => {
    const { params, checks } = await begin();
    const start = await oauth.buildAuthorizationUrlWithPAR(strict, params);
    expect(start.searchParams.has('request_uri') && !start.searchParams.has('redirect_uri'), 'the request was not pushed');
    const callback = await authorize(start, REDIRECT);
    expect(callback.searchParams.get('iss') === issuer, `iss is ${callback.searchParams.get('iss')}`);
    return redeem(callback, checks);
});
await step('signs in without PAR', async () => {
    const { params, checks } = await begin();
    return redeem(await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT), checks);
});
await step('is told of an unknown scope at its redirect URI, with state and iss', async () => {
    const { params, checks } = await begin({ scope: 'nothing_like_this' });
    const callback = await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT);
    try {
        await redeem(callback, checks);
        throw new Error('was given a token');
    } catch (error) {
        expect(error instanceof oauth.AuthorizationResponseError && error.error === 'invalid_scope', `${error.code} ${error.message}`);
        expect(callback.searchParams.get('iss') === issuer, 'no iss beside the error');
    }
});
await step('cannot redeem a code twice, and loses what the code gave', async () => {
    const { params, checks } = await begin();
    const callback = await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT);
    const first = await redeem(callback, checks);
    await redeem(callback, checks).then(() => { throw new Error('was given a second token'); }, error => expect(error.error === 'invalid_grant', `${error.code} ${error.message}`));
    expect((await oauth.tokenIntrospection(strict, first.access_token)).active === false, 'the first token is still active');
});
await step('cannot redeem a code with another verifier', async () => {
    const { params, checks } = await begin();
    const callback = await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT);
    await redeem(callback, { ...checks, pkceCodeVerifier: oauth.randomPKCECodeVerifier() }).then(() => { throw new Error('was given a token'); }, error => expect(error.error === 'invalid_grant', `${error.code} ${error.message}`));
});
if (tokens) {
    await step('introspects an active token', async () => {
        const seen = await oauth.tokenIntrospection(strict, tokens.access_token);
        expect(seen.active === true && seen.client_id === 'strict' && seen.scope === 'all', JSON.stringify(seen));
        expect([seen.aud].flat().includes(resource) && typeof seen.exp === 'number', JSON.stringify(seen));
    });
    const refreshed = await step('refreshes, and the token rotates', async () => {
        const next = await oauth.refreshTokenGrant(strict, tokens.refresh_token, { resource });
        expect(next.access_token !== tokens.access_token && next.refresh_token && next.refresh_token !== tokens.refresh_token, 'nothing changed');
        return next;
    });
    await step('revokes, and the token is no longer active', async () => {
        await oauth.tokenRevocation(strict, (refreshed ?? tokens).refresh_token, { token_type_hint: 'refresh_token' });
        await oauth.refreshTokenGrant(strict, (refreshed ?? tokens).refresh_token).then(() => { throw new Error('refreshed after revocation'); }, error => expect(error.error === 'invalid_grant', `${error.code} ${error.message}`));
    });
    await step('introspects anything unknown as inactive, and nothing more', async () => {
        const seen = await oauth.tokenIntrospection(strict, 'not-a-token');
        expect(seen.active === false && Object.keys(seen).length === 1, JSON.stringify(seen));
    });
}
// The stand-in serves none of these.
if (!process.env.INTEROP_STUB) {
    await step('gets a token by the device grant, while a person carries the code', async () => {
        const television = await discover('television', oauth.None());
        const begun = await oauth.initiateDeviceAuthorization(television, { resource, scope: 'all' });
        expect(/^[A-Z]{4}-[A-Z]{4}$/.test(begun.user_code) && begun.verification_uri_complete.endsWith(begun.user_code), JSON.stringify(begun));
        const polled = oauth.pollDeviceAuthorizationGrant(television, begun);
        expect((await carry(begun.verification_uri_complete)) === '/device/allowed', 'the person was not let through');
        const tokens = await polled;
        expect(tokens.scope === 'all' && tokens.refresh_token, JSON.stringify(Object.keys(tokens)));
        const seen = await oauth.tokenIntrospection(strict, tokens.access_token);
        expect(seen.active === true && seen.client_id === 'television', JSON.stringify(seen));
        await oauth.genericGrantRequest(television, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: begun.device_code }).then(() => { throw new Error('was given a second token'); }, error => expect(error.error === 'invalid_grant', `${error.code} ${error.message}`));
    });
    const signer = async () => ({ key: await importJWK(JSON.parse(process.env.WORKER_JWK), 'ES256'), kid: JSON.parse(process.env.WORKER_JWK).kid });
    await step('signs in by a signed request (JAR), alone and pushed', async () => {
        const signs = await discover('signs', oauth.None());
        for (const pushed of [false, true]) {
            const { params, checks } = await begin();
            let start = await oauth.buildAuthorizationUrlWithJAR(signs, params, await signer());
            expect(start.searchParams.has('request') && !start.searchParams.has('redirect_uri'), 'the request was not signed');
            if (pushed) start = await oauth.buildAuthorizationUrlWithPAR(signs, { request: start.searchParams.get('request') });
            const callback = await authorize(start, REDIRECT);
            const tokens = await oauth.authorizationCodeGrant(signs, callback, checks, { resource });
            expect(tokens.scope === 'all', `pushed ${pushed}: ${tokens.scope}`);
        }
    });
    await step('is refused a request that its key did not sign, or that is not signed', async () => {
        const signs = await discover('signs', oauth.None());
        const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
        const { params } = await begin();
        const forged = await oauth.buildAuthorizationUrlWithJAR(signs, params, { key: privateKey, kid: (await signer()).kid });
        for (const start of [forged, oauth.buildAuthorizationUrl(signs, params)]) {
            const answer = await fetch(start, { redirect: 'manual' });
            expect(answer.status === 400, `${answer.status}`);
        }
    });
    await step('names a grant, merges into it, reads it and ends it', async () => {
        const agree = async extra => {
            const { params, checks } = await begin(extra);
            return redeem(await authorize(await oauth.buildAuthorizationUrlWithPAR(strict, params), REDIRECT), checks);
        };
        const first = await agree({ grant_management_action: 'create' });
        expect(typeof first.grant_id === 'string' && first.grant_id !== '', JSON.stringify(Object.keys(first)));
        const merged = await agree({ grant_management_action: 'merge', grant_id: first.grant_id });
        expect(merged.grant_id === first.grant_id && merged.scope === 'all', JSON.stringify(merged));
        const at = `${strict.serverMetadata().grant_management_endpoint}/${first.grant_id}`;
        const headers = { authorization: `Basic ${btoa(`strict:${process.env.STRICT_SECRET}`)}` };
        const held = await (await fetch(at, { headers })).json();
        expect(held.scopes?.[0]?.scope === 'all' && held.scopes[0].resources[0] === resource, JSON.stringify(held));
        expect((await fetch(at, { headers, method: 'DELETE' })).status === 204, 'was not ended');
        expect((await oauth.tokenIntrospection(strict, merged.access_token)).active === false, 'its token is still active');
    });
    await step('verifies a signed answer of introspection (RFC 9701)', async () => {
        const { params, checks } = await begin();
        const { access_token: token } = await redeem(await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT), checks);
        const [algorithm] = strict.serverMetadata().introspection_signing_alg_values_supported;
        const metadata = { introspection_signed_response_alg: algorithm };
        const reader = await oauth.discovery(new URL(issuer), 'strict', metadata, oauth.ClientSecretBasic(process.env.STRICT_SECRET), options('oauth2'));
        let type;
        reader[oauth.customFetch] = async (...request) => {
            const answer = await fetch(...request);
            if (String(request[0]).endsWith('/introspect')) type = answer.headers.get('content-type');
            return answer;
        };
        const seen = await oauth.tokenIntrospection(reader, token);
        expect(seen.active === true && seen.client_id === 'strict' && type === 'application/token-introspection+jwt', `${type} ${JSON.stringify(seen)}`);
    });
    await step('signs a person in by OpenID Connect: ID token, nonce, userinfo, the way to sign out', async () => {
        const client = { client_id: 'strict', id_token_signed_response_alg: 'ES256' };
        const openid = await oauth.discovery(new URL(issuer), 'strict', client, oauth.ClientSecretBasic(process.env.STRICT_SECRET), options('oidc'));
        const nonce = oauth.randomNonce();
        const { params, checks } = await begin({ scope: 'openid profile', nonce, max_age: '600' });
        delete params.resource;
        const callback = await authorize(oauth.buildAuthorizationUrl(openid, params), REDIRECT);
        const signedIn = await oauth.authorizationCodeGrant(openid, callback, { ...checks, expectedNonce: nonce, maxAge: 600, idTokenExpected: true });
        const claims = signedIn.claims();
        expect(claims.acr === 'single' && typeof claims.auth_time === 'number', JSON.stringify(claims));
        const info = await oauth.fetchUserInfo(openid, signedIn.access_token, claims.sub);
        expect(info.preferred_username && info.preferred_username === claims.preferred_username, JSON.stringify(info));
        const out = oauth.buildEndSessionUrl(openid, { id_token_hint: signedIn.id_token });
        expect(out.href.startsWith(`${issuer}/logout?`), out.href);
        await oauth.tokenRevocation(openid, signedIn.access_token);
        await oauth.fetchUserInfo(openid, signedIn.access_token, claims.sub).then(() => { throw new Error('was still told'); }, error => expect(error.status === 401 || error.cause?.[0]?.scheme === 'bearer', `${error.code} ${error.message}`));
    });
    await step('gets no ID token and no name for an MCP server\'s token at userinfo', async () => {
        const { params, checks } = await begin();
        const plain = await redeem(await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT), checks);
        const answer = await fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${plain.access_token}` } });
        expect(!plain.id_token && answer.status === 401, `${plain.id_token} ${answer.status}`);
    });
    await step('asks for one tool with a limit on its argument (RAR), pushed and plain, and gets that much and no more', async () => {
        const TOOL = 'json_schema_2020_12_tool';
        const details = [{ type: 'mcp_tool', locations: [resource], actions: [TOOL], constraints: [['like', '.name', 'Ada*']] }];
        const call = (token, tool, args) => fetch(resource, {
            method: 'POST',
            headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': tool, authorization: `Bearer ${token}` },
            body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: args, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'strict', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } })
        });
        for (const pushed of [false, true]) {
            const { params, checks } = await begin({ authorization_details: JSON.stringify(details) });
            delete params.scope;
            const start = pushed ? await oauth.buildAuthorizationUrlWithPAR(strict, params) : oauth.buildAuthorizationUrl(strict, params);
            const given = await redeem(await authorize(start, REDIRECT), checks);
            expect(given.authorization_details?.length === 1 && given.authorization_details[0].actions[0] === TOOL, JSON.stringify(given.authorization_details));
            const seen = await oauth.tokenIntrospection(strict, given.access_token);
            expect(seen.authorization_details?.[0].constraints[0][2] === 'Ada*', JSON.stringify(seen));
            const [within, beyond, other] = [await call(given.access_token, TOOL, { name: 'Ada L.' }), await call(given.access_token, TOOL, { name: 'Bob' }), await call(given.access_token, 'test_simple_text', {})];
            expect(within.status === 200 && beyond.status === 403 && other.status === 403, `${within.status} ${beyond.status} ${other.status}`);
        }
    });
    await step('is told of authorization details of a type that nobody knows', async () => {
        const { params } = await begin({ authorization_details: '[{"type":"payment"}]' });
        const callback = await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT);
        expect(callback.searchParams.get('error') === 'invalid_authorization_details', callback.href);
    });
    await step('is told that a class of sign-in cannot be had', async () => {
        const { params } = await begin({ acr_values: 'urn:unknown' });
        const callback = await authorize(oauth.buildAuthorizationUrl(strict, params), REDIRECT);
        expect(callback.searchParams.get('error') === 'unmet_authentication_requirements', callback.href);
    });
}
await step('gets a token by client_credentials with private_key_jwt', async () => {
    const jwk = JSON.parse(process.env.WORKER_JWK);
    const worker = await discover('worker', oauth.PrivateKeyJwt({ key: await importJWK(jwk, 'ES256'), kid: jwk.kid }));
    const { token_type: type, access_token: access, expires_in: seconds, refresh_token: refresh } = await oauth.clientCredentialsGrant(worker, { resource, scope: 'all' });
    expect(type.toLowerCase() === 'bearer' && access && seconds > 0 && seconds <= 3600 && !refresh, `${type} ${seconds} ${refresh}`);
});
await step('is refused with another key, as invalid_client', async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const impostor = await discover('worker', oauth.PrivateKeyJwt({ key: privateKey, kid: JSON.parse(process.env.WORKER_JWK).kid }));
    await oauth.clientCredentialsGrant(impostor, { resource }).then(() => { throw new Error('was given a token'); }, error => expect(error.error === 'invalid_client', `${error.code} ${error.error} ${error.message}`));
});
process.exit(finish());
