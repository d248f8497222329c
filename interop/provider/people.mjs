// A foreign OpenID provider for people to sign in at: npm oidc-provider, as it comes from its registry. It knows ada,
// whose e-mail address it has verified, and eve, whose it has not. The query of its own sign-in says who comes.
//
// Usage: node provider/people.mjs PORT REDIRECT_URI; prints one JSON line when it listens.
// PEOPLE_SECRET is the secret of the client `prokura`; PEOPLE_JWKS are the public keys of the client `prokura-key`.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import Provider from 'oidc-provider';

const [port, ...redirects] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const PEOPLE = {
    ada: { email: 'ada@corp.example', email_verified: true, name: 'Ada King', preferred_username: 'ada', groups: ['/staff', '/sales'] },
    eve: { email: 'alice@corp.example', email_verified: false, name: 'Eve', preferred_username: 'alice', groups: ['/guests'] }
};
const key = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'rs', alg: 'RS256', use: 'sig' };
const client = { redirect_uris: redirects, response_types: ['code'], grant_types: ['authorization_code'], require_auth_time: false };

const provider = new Provider(issuer, {
    clients: [
        { ...client, client_id: 'prokura', client_secret: process.env.PEOPLE_SECRET },
        { ...client, client_id: 'prokura-key', token_endpoint_auth_method: 'private_key_jwt', jwks: JSON.parse(process.env.PEOPLE_JWKS) }
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['of a test run'] },
    pkce: { required: () => true },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'], groups: ['groups'] },
    scopes: ['openid', 'groups'],
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
    interactions: { url: (_, interaction) => `/come/${interaction.uid}` },
    ttl: { AccessToken: 300, Interaction: 300, Grant: 3600, Session: 3600, IdToken: 300 },
    features: { devInteractions: { enabled: false } }
});

async function come(request, response) {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
        const who = new URL(request.url, issuer).searchParams.get('who');
        if (!who) return response.writeHead(200, { 'content-type': 'text/html' }).end('Who comes?');
        if (who === 'nobody') return provider.interactionFinished(request, response, { error: 'access_denied' }, { mergeWithLastSubmission: false });
        return provider.interactionFinished(request, response, { login: { accountId: who, amr: ['pwd', 'mfa'] } }, { mergeWithLastSubmission: false });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const serve = provider.callback();
const server = createServer((request, response) => {
    if (!request.url.startsWith('/come/')) return serve(request, response);
    come(request, response).catch(error => response.writeHead(500).end(String(error.stack)));
});
server.listen(Number(port), '127.0.0.1');
await once(server, 'listening');
console.log(JSON.stringify({ url: issuer }));
