// Workload identity federation (RFC 7523 §2.1, SEP-1933): foreign JOSE libraries mint what a platform would say, and
// foreign clients take it to the token endpoint. The platform is an OpenID issuer on loopback with one key.

import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import { freePort, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';
import { one } from './clients.mjs';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const INSECURE = { [oauth.allowInsecureRequests]: true };

/** An issuer that publishes its metadata and its key, and counts who asks. */
async function platform() {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const more = { kid: 'platform-1', alg: 'ES256', use: 'sig' };
    const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), ...more }] });
    const asked = { metadata: 0, keys: 0 };
    const server = createServer((request, response) => {
        const issuer = `http://127.0.0.1:${server.address().port}`;
        response.setHeader('content-type', 'application/json');
        if (request.url === '/.well-known/openid-configuration') {
            asked.metadata += 1;
            response.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys`, id_token_signing_alg_values_supported: ['ES256'] }));
        } else if (request.url === '/keys') {
            asked.keys += 1;
            response.end(jwks);
        } else {
            response.writeHead(404).end('{}');
        }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer = `http://127.0.0.1:${server.address().port}`;
    return { issuer, asked, privateKey, jwk: { ...(await exportJWK(privateKey)), ...more }, close: () => server.close() };
}

const configuration = ({ port, issuer, platform, folder }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"

[status_list]
enabled = true

[[resource]]
name = "everything"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read" = { title = "Read", actions = ["tool:read"] }
"write" = { title = "Write", actions = ["tool:write"] }

[[workload.provider]]
name = "ci"
platform = "oidc"
issuer = "${platform}"
claims.project = { type = "number", told = true }

[[workload.rule]]
name = "builder"
provider = "ci"
agent = "builder"
when = { project = 42 }
[[workload.rule.grant]]
resource = "everything"
scopes = ["read"]

[[client]]
id = "deployer"
auth = "workload"
workload = { provider = "ci", subject = "project:42:deploy" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["write"]
`;

let next = 0;
const mint = ({ privateKey, platform: speaks }, audience, claims = {}) =>
    new SignJWT({ project: 42, jti: `js-${(next += 1)}`, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'platform-1', typ: 'JWT' })
        .setIssuer(speaks)
        .setSubject(claims.sub ?? 'project:42:build')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey);

async function npm(world) {
    const { issuer, resource } = world;
    const as = await step('federation oauth4webapi discovers the server', async () => {
        const url = new URL(issuer);
        const found = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE }));
        expect(found.grant_types_supported.includes(GRANT), 'the grant is not in the metadata');
        return found;
    });
    if (!as) return;
    // What the conformance scenario's client sends: an id that nobody registered, and no authentication.
    const client = { client_id: 'conformance-wif-workload' };
    const ask = async (assertion, more = {}, options = INSECURE) => {
        const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), GRANT, new URLSearchParams({ assertion, resource, ...more }), options);
        return oauth.processGenericTokenEndpointResponse(as, client, response);
    };
    await step('federation oauth4webapi gets a token by what its platform says', async () => {
        const token = await ask(await mint(world, issuer));
        expect(token.scope === 'read' && token.token_type === 'bearer' && !token.refresh_token, JSON.stringify({ ...token, access_token: '…' }));
        const said = JSON.parse(Buffer.from(token.access_token.split('.')[1], 'base64url'));
        expect(said.sub === 'agt_builder' && said.aud === resource && said.workload?.provider === 'ci', JSON.stringify(said));
    });
    await step('federation oauth4webapi gets a token that is bound to its key', async () => {
        const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
        const token = await ask(await mint(world, issuer), {}, { ...INSECURE, DPoP });
        expect(token.token_type === 'dpop', token.token_type);
    });
    const refused = (name, error, make, more) =>
        step(`federation ${name} is refused`, async () => {
            const answer = await ask(await make(), more).then(() => 'a token', e => e.error ?? e.message);
            expect(answer === error, `${answer}, not ${error}`);
        });
    const used = await mint(world, issuer);
    await ask(used);
    await refused('evidence that was used', 'invalid_grant', () => used);
    await refused('evidence for another audience', 'invalid_grant', () => mint(world, 'https://wrong.example'));
    await refused('evidence for several audiences', 'invalid_grant', () => mint(world, [issuer, 'https://wrong.example']));
    await refused('evidence that no rule is for', 'invalid_grant', () => mint(world, issuer, { project: 43 }));
    await refused('a number as a text', 'invalid_grant', () => mint(world, issuer, { project: '42' }));
    await refused('more than the rule gives', 'invalid_scope', () => mint(world, issuer), { scope: 'write' });
    await step('federation oauth4webapi authenticates a client by what its platform says', async () => {
        const assertion = await mint(world, issuer, { sub: 'project:42:deploy' });
        const shown = (_as, _client, body) => {
            body.set('client_id', 'deployer');
            body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
            body.set('client_assertion', assertion);
        };
        const deployer = { client_id: 'deployer' };
        const response = await oauth.clientCredentialsGrantRequest(as, deployer, shown, new URLSearchParams({ resource }), INSECURE);
        const token = await oauth.processClientCredentialsResponse(as, deployer, response);
        expect(token.scope === 'write', token.scope);
    });
}

export async function federationSuite() {
    const folder = temporary('prokura-federation-');
    const [port, ci] = [await freePort(), await platform()];
    const issuer = `http://localhost:${port}`;
    const config = join(folder, 'prokura.toml');
    writeFileSync(config, configuration({ port, issuer, platform: ci.issuer, folder }));
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, await prokura(), ['serve', '--config', config], { cwd: folder });
    const world = { resource: `${issuer}/mcp/everything`, privateKey: ci.privateKey };
    try {
        await npm({ ...world, issuer, platform: ci.issuer });
        const python = at('.venv/bin/python');
        if (!existsSync(python)) record(false, 'federation python', `${python} is missing: see README.md`);
        else {
            const env = { PLATFORM_JWK: JSON.stringify(ci.jwk) };
            await one('federation', [python, at('clients/python_federation.py'), issuer, world.resource, ci.issuer], { env, timeoutMs: 60_000 });
        }
        await step('federation fetched the metadata and the keys of the platform once', async () => {
            expect(ci.asked.metadata === 1 && ci.asked.keys === 1, JSON.stringify(ci.asked));
        });
    } finally {
        ci.close();
    }
}
