// `prokura gateway` before a foreign authorization server: oidc-provider issues signed and opaque tokens, foreign
// clients find it through the gateway and use what is behind.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, run, serve, serveUntil, temporary } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { at, prokura, target } from '../lib/world.mjs';
import { ADVANCED_TOOL, BASIC_TOOL } from '../clients/agreed.mjs';
import { keycloak, there } from '../lib/keycloak.mjs';
import { one } from './clients.mjs';

const RESOURCES = ['everything', 'stepped', 'everything-opaque', 'stepped-opaque'];

function configuration({ address, port, upstream, issuer, folder }) {
    const everything = `[resource.scopes]\n"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }`;
    const stepped = `default_scopes = ["basic"]\n[resource.scopes]\n"basic" = { title = "Use the simple tool", actions = ["tool:${BASIC_TOOL}"] }\n"advanced" = { title = "Use the advanced tool", actions = ["tool:${ADVANCED_TOOL}"] }`;
    const resource = name => `[[resource]]\nname = "${name}"\nupstream = "${upstream}"\nauthorization_servers = ["provider"]\n${name.startsWith('stepped') ? stepped : everything}\n`;
    return `address = "${address}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'gateway.db')}"
${RESOURCES.map(resource).join('\n')}
[[authorization_server]]
name = "provider"
issuer = "${issuer}"
algorithms = ["ES256"]
introspection = { client_id = "gateway", secret = { env = "INTROSPECTION_SECRET" }, cache = "1s" }
[authorization_server.audience]
${RESOURCES.map(name => `${name} = ["${address}/mcp/${name}"]`).join('\n')}
`;
}

const MODERN = '2026-07-28';
const META = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'robot', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} };

/** One call of the modern era, without a session. */
const call = (url, token) =>
    fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': BASIC_TOOL, authorization: `Bearer ${token}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: BASIC_TOOL, arguments: {}, _meta: META } })
    });

/** A token of the provider's own for software, with the scope that is asked for. */
async function robot(issuer, secret, resource, scope) {
    const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`robot:${secret}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource, scope })
    });
    const answer = await response.json();
    expect(response.ok, JSON.stringify(answer));
    return answer.access_token;
}

/** The example on rmcp behind the SDK's layer, with tokens of the same provider. */
async function layerSuite(issuer, secret) {
    const port = await freePort();
    const address = `http://127.0.0.1:${port}/mcp`;
    await step('layer: the rmcp example starts', async () => {
        const { code, stderr } = await run('cargo', ['build', '-q', '--locked', '-p', 'prokura-sdk', '--example', 'rmcp_resource'], { cwd: at('..'), timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: target() } });
        expect(code === 0, stderr.slice(-1000));
        await serveUntil(`http://127.0.0.1:${port}/.well-known/oauth-protected-resource`, join(target(), 'debug', 'examples', 'rmcp_resource'), [issuer, address]);
    });
    const whoAmI = async token => {
        const response = await fetch(address, {
            method: 'POST',
            headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'who_am_i', ...(token && { authorization: `Bearer ${token}` }) },
            body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'who_am_i', arguments: {}, _meta: META } })
        });
        return { status: response.status, challenge: response.headers.get('www-authenticate') ?? '', text: await response.text() };
    };
    await step('layer: says whom to ask, and for what', async () => {
        const { status, challenge } = await whoAmI();
        expect(status === 401 && challenge.includes('scope="tools:use"') && challenge.includes('resource_metadata='), `${status} ${challenge}`);
    });
    await step('layer: the tool on rmcp hears who calls', async () => {
        const { status, text } = await whoAmI(await robot(issuer, secret, address, 'tools:use'));
        expect(status === 200 && text.includes('robot by robot'), `${status} ${text.slice(0, 300)}`);
    });
    await step('layer: a token without the scope is told which', async () => {
        const { status, challenge } = await whoAmI(await robot(issuer, secret, address, 'basic'));
        expect(status === 403 && challenge.includes('scope="basic tools:use"'), `${status} ${challenge}`);
    });
}

export async function foreignSuite({ upstream }) {
    const folder = temporary('prokura-foreign-');
    const [port, providerPort] = [await freePort(), await freePort()];
    const address = `http://localhost:${port}`;
    const secrets = { INTROSPECTION_SECRET: randomBytes(32).toString('base64url'), ROBOT_SECRET: randomBytes(32).toString('base64url') };
    const { url: issuer } = await serve(process.execPath, [at('provider/server.mjs'), String(providerPort)], { env: secrets });
    const config = join(folder, 'gateway.toml');
    writeFileSync(config, configuration({ address, port, upstream, issuer, folder }));
    const binary = await prokura();
    const command = (...args) => run(binary, [...args, '--config', config], { cwd: folder, env: secrets });
    await step('foreign: the gateway reads the metadata and keys of oidc-provider', async () => {
        const { code, stdout, stderr } = await command('issuer', 'check', 'provider');
        expect(code === 0 && /1 of its keys can be used/.test(stdout), `${stdout} ${stderr}`);
    });
    await serveUntil(`${address}/readyz`, binary, ['gateway', '--config', config], { cwd: folder, env: secrets });
    const url = name => `${address}/mcp/${name}`;

    await step('foreign: nothing of an authorization server is served', async () => {
        for (const path of ['/.well-known/oauth-authorization-server', '/authorize', '/token', '/register', '/jwks', '/account']) {
            const { status } = await fetch(address + path);
            expect(status === 404, `${path} answers ${status}`);
        }
    });
    await step('foreign: the metadata name oidc-provider', async () => {
        const metadata = await (await fetch(`${address}/.well-known/oauth-protected-resource/mcp/everything`)).json();
        expect(metadata.resource === url('everything') && String(metadata.authorization_servers) === issuer, JSON.stringify(metadata));
    });
    for (const kind of ['', '-opaque']) {
        for (const era of ['modern', 'legacy']) {
            const name = `foreign typescript ${era} ${kind ? 'opaque' : 'signed'}`;
            await one(name, [process.execPath, at('clients/typescript.mjs'), url(`everything${kind}`), url(`stepped${kind}`), era, 'dcr'], { timeoutMs: 90_000 });
        }
        const token = await step(`foreign${kind}: software gets a token of its own`, () => robot(issuer, secrets.ROBOT_SECRET, url(`everything${kind}`), 'all'));
        const status = async (name, of = token) => (await call(url(name), of)).status;
        await step(`foreign${kind}: it opens its resource and no other`, async () => {
            const [own, ...others] = await Promise.all([status(`everything${kind}`), status(`stepped${kind}`), status(kind ? 'everything' : 'everything-opaque')]);
            expect(own === 200 && others.every(s => s === 401), `${own} ${others}`);
        });
        await step(`foreign${kind}: a scope that it was not given is asked for`, async () => {
            const advanced = await robot(issuer, secrets.ROBOT_SECRET, url(`stepped${kind}`), 'advanced');
            const answer = await call(url(`stepped${kind}`), advanced);
            expect(answer.status === 403 && answer.headers.get('www-authenticate').includes('scope="advanced basic"'), `${answer.status} ${answer.headers.get('www-authenticate')}`);
        });
        await step(`foreign${kind}: software that an administrator stops is refused at the next call`, async () => {
            expect((await command('issuer', 'disable', 'provider', '--client', 'robot')).code === 0, 'the command failed');
            for (let tries = 0; tries < 600 && (await status(`everything${kind}`)) !== 401; tries += 1) await new Promise(done => setTimeout(done, 50));
            expect((await status(`everything${kind}`)) === 401, 'it still gets through');
            expect((await command('issuer', 'enable', 'provider', '--client', 'robot')).code === 0, 'the command failed');
            for (let tries = 0; tries < 600 && (await status(`everything${kind}`)) !== 200; tries += 1) await new Promise(done => setTimeout(done, 50));
            expect((await status(`everything${kind}`)) === 200, 'it is not let in again');
        });
    }
    await layerSuite(issuer, secrets.ROBOT_SECRET);
    await step('foreign: an opaque token that is revoked there is refused here', async () => {
        const token = await robot(issuer, secrets.ROBOT_SECRET, url('everything-opaque'), 'all');
        expect((await call(url('everything-opaque'), token)).status === 200, 'it was refused at first');
        const revoked = await fetch(`${issuer}/token/revocation`, { method: 'POST', headers: { authorization: `Basic ${Buffer.from(`robot:${secrets.ROBOT_SECRET}`).toString('base64')}` }, body: new URLSearchParams({ token }) });
        expect(revoked.ok, `revocation answered ${revoked.status}`);
        for (let tries = 0; tries < 600 && (await call(url('everything-opaque'), token)).status !== 401; tries += 1) await new Promise(done => setTimeout(done, 100));
        expect((await call(url('everything-opaque'), token)).status === 401, 'it still opens');
    });
    await step('foreign: the record says who it was, in whose words', async () => {
        const { stdout } = await command('audit', 'list', '--json', '--limit', '1000');
        const entries = stdout.trim().split('\n').map(line => JSON.parse(line).entry);
        const calls = entries.filter(entry => entry.action === `tool:${BASIC_TOOL}` && entry.outcome === 'permit');
        expect(calls.some(entry => entry.sub === 'usr_provider:alice' && entry.client.startsWith('provider:')), 'alice is not there');
        expect(calls.some(entry => entry.sub === 'agt_provider:robot' && entry.client === 'provider:robot'), 'the robot is not there');
        expect((await command('audit', 'check')).code === 0, 'the record is not whole');
    });
}

const SECRET = randomBytes(32).toString('base64url');

/** A realm as an administrator makes one: a scope, an audience, a role, three clients and two people. */
function realm() {
    const mapper = (name, protocolMapper, config) => ({ name, protocol: 'openid-connect', protocolMapper, config: { 'access.token.claim': 'true', ...config } });
    const scope = (name, inToken, protocolMappers = []) => ({ name, protocol: 'openid-connect', attributes: { 'include.in.token.scope': String(inToken) }, protocolMappers });
    const person = (username, realmRoles = []) => ({ username, realmRoles, enabled: true, email: `${username}@example.com`, emailVerified: true, firstName: username, lastName: 'x', credentials: [{ type: 'password', value: SECRET }] });
    const client = (clientId, defaultClientScopes, more = {}) => ({ clientId, publicClient: true, directAccessGrantsEnabled: true, redirectUris: ['http://127.0.0.1/*'], defaultClientScopes, ...more });
    return {
        realm: 'tools',
        enabled: true,
        sslRequired: 'none',
        clientScopes: [
            scope('sales.read', true),
            scope('audience', false, [mapper('aud', 'oidc-audience-mapper', { 'included.custom.audience': 'tools-api' })]),
            scope('usual', false, [
                mapper('sub', 'oidc-sub-mapper', {}),
                mapper('username', 'oidc-usermodel-attribute-mapper', { 'user.attribute': 'username', 'claim.name': 'preferred_username', 'jsonType.label': 'String' }),
                mapper('client', 'oidc-usersessionmodel-note-mapper', { 'user.session.note': 'client_id', 'claim.name': 'client_id', 'jsonType.label': 'String' }),
                mapper('roles', 'oidc-usermodel-realm-role-mapper', { 'claim.name': 'realm_access.roles', multivalued: 'true', 'jsonType.label': 'String' })
            ])
        ],
        roles: { realm: [{ name: 'editor' }] },
        clients: [
            client('desk', ['usual', 'sales.read', 'audience']),
            client('narrow', ['usual', 'audience']),
            client('elsewhere', ['usual', 'sales.read']),
            client('robot', ['usual', 'sales.read', 'audience'], { publicClient: false, secret: SECRET, serviceAccountsEnabled: true, standardFlowEnabled: false })
        ],
        users: [person('alice'), person('erin', ['editor'])]
    };
}

const keycloakConfiguration = ({ address, port, upstream, issuer, folder }) => `address = "${address}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'keycloak.db')}"
[[resource]]
name = "sales"
upstream = "${upstream}"
authorization_servers = ["kc"]
[resource.scopes]
"read" = { title = "Use the simple tool", actions = ["tool:${BASIC_TOOL}"] }
"write" = { title = "Use the advanced tool", actions = ["tool:${ADVANCED_TOOL}"] }
[[authorization_server]]
name = "kc"
issuer = "${issuer}"
profile = "keycloak"
audience = { sales = ["tools-api"] }
[authorization_server.scopes]
"read" = ["sales.read"]
"write" = { roles = ["editor"] }
`;

/** Where a Keycloak is: its tokens as they are, by the profile of that name. */
export async function keycloakSuite({ upstream }) {
    if (!there()) return console.log('keycloak: left out, KEYCLOAK_HOME names no distribution');
    const folder = temporary('prokura-kc-');
    const issuer = await step('keycloak: starts with a realm', () => keycloak(realm()));
    if (!issuer) return;
    const port = await freePort();
    const address = `http://localhost:${port}`;
    const config = join(folder, 'gateway.toml');
    writeFileSync(config, keycloakConfiguration({ address, port, upstream, issuer, folder }));
    const binary = await prokura();
    const command = (...args) => run(binary, [...args, '--config', config], { cwd: folder });
    const { log } = await serveUntil(`${address}/readyz`, binary, ['gateway', '--config', config], { cwd: folder, env: { PROKURA_LOG: 'debug' } });
    const token = async form => {
        const response = await fetch(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body: new URLSearchParams(form) });
        const answer = await response.json();
        expect(response.ok, JSON.stringify(answer));
        return answer;
    };
    const person = (username, client_id, scope) => token({ grant_type: 'password', client_id, username, password: SECRET, ...(scope && { scope }) });
    const status = async ({ access_token }) => (await call(`${address}/mcp/sales`, access_token)).status;
    await step('keycloak: a person with the scope and the audience gets through', async () => {
        const answer = await status(await person('alice', 'desk'));
        expect(answer === 200, `${answer} ${log().slice(-600)}`);
    });
    await step('keycloak: a client without the scope is asked for it, in its words', async () => {
        const answer = await call(`${address}/mcp/sales`, (await person('alice', 'narrow')).access_token);
        expect(answer.status === 403 && answer.headers.get('www-authenticate').includes('scope="sales.read"'), `${answer.status} ${answer.headers.get('www-authenticate')}`);
    });
    await step('keycloak: a role is no scope but where the configuration says so', async () => expect((await status(await person('erin', 'narrow'))) === 403, 'the role opened the wrong tool'));
    await step('keycloak: a token without the audience is refused', async () => expect((await status(await person('alice', 'elsewhere'))) === 401, 'it got through'));
    await step('keycloak: an ID token and a refresh token are no access tokens', async () => {
        const all = await person('alice', 'desk', 'openid');
        expect(all.id_token && (await status({ access_token: all.id_token })) === 401, 'the ID token got through');
        expect(all.refresh_token && (await status({ access_token: all.refresh_token })) === 401, 'the refresh token got through');
    });
    await step('keycloak: a service account is software, and people are people', async () => {
        expect((await status(await token({ grant_type: 'client_credentials', client_id: 'robot', client_secret: SECRET }))) === 200, 'the service account is refused');
        const { stdout } = await command('audit', 'list', '--json', '--limit', '1000');
        const permits = stdout.trim().split('\n').map(line => JSON.parse(line).entry).filter(entry => entry.outcome === 'permit' && entry.kind === 'decision');
        expect(permits.some(e => e.sub === 'agt_kc:robot') && permits.some(e => /^usr_kc:[0-9a-f-]{36}$/.test(e.sub) && e.act[0] === 'agt_kc:desk'), JSON.stringify(permits.map(e => e.sub)));
    });
    await step('keycloak: a person whom an administrator stops is refused at the next call', async () => {
        const tokens = await person('alice', 'desk');
        const { sub } = JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'));
        expect((await command('issuer', 'disable', 'kc', '--subject', sub)).code === 0, 'the command failed');
        for (let tries = 0; tries < 600 && (await status(tokens)) !== 401; tries += 1) await new Promise(done => setTimeout(done, 50));
        expect((await status(tokens)) === 401, 'she still gets through');
    });
}
