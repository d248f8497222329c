// A foreign authorization server: npm oidc-provider, as it comes from its registry. One person, who agrees by
// themselves. Resources whose address ends in `-opaque` get opaque tokens, all others signed ones (RFC 9068).
//
// Usage: node provider/server.mjs PORT; prints one JSON line when it listens.
// INTROSPECTION_SECRET is the secret of the client `gateway`, which may introspect.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import Provider, { errors } from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const SCOPES = 'all basic advanced tools:use';

const key = (type, options, kid, alg) => ({ ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });

const provider = new Provider(issuer, {
    clients: [
        { client_id: 'gateway', client_secret: process.env.INTROSPECTION_SECRET, redirect_uris: [], response_types: [], grant_types: [] },
        { client_id: 'robot', client_secret: process.env.ROBOT_SECRET, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }
    ],
    jwks: { keys: [key('ec', { namedCurve: 'P-256' }, 'es', 'ES256'), key('rsa', { modulusLength: 2048 }, 'rs', 'RS256')] },
    cookies: { keys: ['of a test run'] },
    // Clients that register name the scopes of the resource, so the server has to know them.
    scopes: ['openid', 'offline_access', ...SCOPES.split(' ')],
    // A client may ask for more than it thought of when it registered: step-up.
    extraClientMetadata: { properties: ['grows'], validator: (_, key, value, metadata) => delete metadata.scope },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    interactions: { url: (_, interaction) => `/agree/${interaction.uid}` },
    ttl: { AccessToken: 300, ClientCredentials: 300, Interaction: 300, Grant: 3600, Session: 3600, RefreshToken: 3600 },
    features: {
        devInteractions: { enabled: false },
        registration: { enabled: true },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === 'gateway' },
        revocation: { enabled: true },
        resourceIndicators: {
            enabled: true,
            defaultResource: () => undefined,
            useGrantedResource: () => true,
            getResourceServerInfo: (_, resource) => {
                if (!/\/mcp(\/|$)/.test(resource)) throw new errors.InvalidTarget();
                const opaque = resource.endsWith('-opaque');
                return { scope: SCOPES, audience: resource, accessTokenTTL: 300, accessTokenFormat: opaque ? 'opaque' : 'jwt', ...(!opaque && { jwt: { sign: { alg: 'ES256' } } }) };
            }
        }
    }
});

/** Alice signs in and agrees to whatever is asked. */
async function agree(request, response) {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId: 'alice' } }, { mergeWithLastSubmission: false });
    const { grantId } = await provider.interactionDetails(request, response);
    const grant = (grantId && (await provider.Grant.find(grantId))) || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const { missingOIDCScope, missingResourceScopes } = prompt.details;
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
    for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const serve = provider.callback();
const server = createServer((request, response) => {
    if (!request.url.startsWith('/agree/')) return serve(request, response);
    agree(request, response).catch(error => response.writeHead(500).end(String(error.stack)));
});
server.listen(port, '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ url: issuer }));
