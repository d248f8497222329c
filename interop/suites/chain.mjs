// A user, three agents one after the other, and three protected MCP servers that each of them calls by the authority of the one
// before: Front (Python or TypeScript SDK) → planner (Python SDK, Authlib) → research (TypeScript SDK, oauth4webapi; the agent
// Reporter, a pod without a secret) → sales. Every hop goes through the gateway; every exchange is RFC 8693 by a library that
// nobody here wrote.

import { appendFileSync, copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import { CLIENT_METADATA_URL } from '../clients/agreed.mjs';
import { freePort, run, serve, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';
import { one } from './clients.mjs';

const CLUSTER = 'https://kubernetes.default.svc.cluster.local';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const INSECURE = { [oauth.allowInsecureRequests]: true };
const SERVERS = ['planner', 'research', 'sales'];

const configuration = ({ port, issuer, folder, upstream }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"

[dev]
auto_approve_user = "alice"
[dev.client_metadata]
"${CLIENT_METADATA_URL}" = "${join(folder, 'client-metadata.json')}"

[transaction_tokens]
trust_domain = "tools.example"

[[resource]]
name = "planner"
upstream = "${upstream.planner}"
transaction_tokens = true
default_scopes = ["plan"]
[resource.scopes]
"plan" = { title = "Have work planned", actions = ["tool:plan"] }

[[resource]]
name = "research"
upstream = "${upstream.research}"
transaction_tokens = true
[resource.scopes]
"investigate" = { title = "Look into something", actions = ["tool:investigate"] }
"status" = { title = "See whether it is there", actions = ["tool:status"] }

[[resource]]
name = "sales"
upstream = "${upstream.sales}"
transaction_tokens = true
[resource.scopes]
"summary" = { title = "Sum up sales", actions = ["tool:generate_summary"] }
"report" = { title = "Read sales", actions = ["tool:read_report"] }

[[client]]
id = "planner"
secret = { env = "PLANNER_SECRET" }
grant_types = ["client_credentials", "token_exchange"]
introspects = ["planner"]
[[client.grant]]
resource = "research"
scopes = ["status"]

[[client]]
id = "reporter"
auth = "workload"
workload = { rule = "reporter" }
grant_types = ["token_exchange"]
introspects = ["research"]

[[client]]
id = "bystander"
secret = { env = "BYSTANDER_SECRET" }
grant_types = ["client_credentials", "token_exchange"]
[[client.grant]]
resource = "research"
scopes = ["status"]

[[workload.provider]]
name = "cluster"
platform = "kubernetes"
issuer = "${CLUSTER}"
jwks_file = "${join(folder, 'cluster.jwks')}"

[[workload.rule]]
name = "reporter"
provider = "cluster"
agent = "reporter"
when = { namespace = "agents", service_account = "reporter" }

[[delegation]]
name = "planner-researches"
at = "planner"
to = ["planner"]
resource = "research"
give = { "plan" = ["investigate"] }

[[delegation]]
name = "reporter-sums-up"
at = "research"
from = ["planner"]
to = ["reporter"]
resource = "sales"
give = { "investigate" = ["summary"] }
`;

/** A cluster: its key, and what it mounts into a pod. */
async function cluster(folder) {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    writeFileSync(join(folder, 'cluster.jwks'), JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'cluster-1', alg: 'ES256', use: 'sig' }] }));
    const named = name => ({ name, uid: `uid-of-${name}` });
    return (namespace, account, audience) =>
        new SignJWT({ 'kubernetes.io': { namespace, node: named('node-1'), pod: named(`${account}-1`), serviceaccount: named(account) } })
            .setProtectedHeader({ alg: 'ES256', kid: 'cluster-1', typ: 'JWT' })
            .setIssuer(CLUSTER)
            .setSubject(`system:serviceaccount:${namespace}:${account}`)
            .setAudience([audience])
            .setIssuedAt()
            .setNotBefore('0s')
            .setExpirationTime('10m')
            .sign(privateKey);
}

const claims = token => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
const actors = ({ act }) => (act ? [act.sub, ...actors(act)] : []);
const words = text => (text ?? '').split(' ').filter(Boolean);

async function call(url, token, name = 'x') {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { topic: 'sales', quarter: '2026-Q3' }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'interop', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } };
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name, authorization: `Bearer ${token}` };
    return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Everything that stands, and what the servers wrote down. */
async function stage() {
    const folder = temporary('prokura-chain-');
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    const hops = join(folder, 'hops');
    appendFileSync(hops, '');
    const env = { PLANNER_SECRET: randomBytes(32).toString('base64url'), BYSTANDER_SECRET: randomBytes(32).toString('base64url') };
    const mint = await cluster(folder);
    const mounted = join(folder, 'mounted');
    writeFileSync(mounted, await mint('agents', 'reporter', issuer));
    const url = Object.fromEntries(SERVERS.map(name => [name, `${issuer}/mcp/${name}`]));
    const [python, node] = [at('.venv/bin/python'), process.execPath];
    const upstream = {
        planner: (await serve(python, [at('chain/planner.py'), issuer, url.research, hops], { env })).url,
        research: (await serve(node, [at('chain/research.mjs'), issuer, url.sales, hops, mounted])).url,
        sales: (await serve(node, [at('chain/sales.mjs'), hops])).url
    };
    const config = join(folder, 'prokura.toml');
    writeFileSync(config, configuration({ port, issuer, folder, upstream }));
    copyFileSync(at('clients/client-metadata.json'), join(folder, 'client-metadata.json'));
    const binary = await prokura();
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, binary, ['serve', '--dev', '--config', config], { cwd: folder, env });
    const command = async (...args) => {
        const { code, stdout, stderr } = await run(binary, [...args, '--config', config], { cwd: folder, env });
        expect(code === 0, `${args.join(' ')}: ${code} ${stderr}`);
        return stdout;
    };
    const lines = () => readFileSync(hops, 'utf8').split('\n').filter(Boolean).map(line => JSON.parse(line));
    const newest = (where, what) => lines().findLast(line => line.at === where && line[what])?.[what];
    return { issuer, url, env, mint, hops, command, newest, lines };
}

/** The three tokens of the last walk, each as the agent got it that calls with it. */
const tokens = ({ newest }) => ({ planner: newest('front', 'token'), research: newest('planner', 'token'), sales: newest('research', 'token') });

/** What they say. */
const contents = world => Object.fromEntries(SERVERS.map(name => [name, claims(tokens(world)[name])]));

async function narrower(world) {
    const said = contents(world);
    await step('chain: each token names the user, everybody before it, and one resource', () => {
        const chain = SERVERS.map(name => actors(said[name]));
        expect(SERVERS.every(name => said[name].sub === said.planner.sub && said[name].aud === world.url[name]), JSON.stringify(said));
        expect(chain[0].length === 1 && String(chain[1]) === `agt_planner,${chain[0]}` && String(chain[2]) === `agt_reporter,${chain[1]}`, JSON.stringify(chain));
    });
    await step('chain: each token is of a grant below the one before, and lives for minutes', () => {
        const grants = SERVERS.map(name => said[name].grant);
        expect(!grants[0].anc?.length && String(grants[1].anc) === grants[0].id, JSON.stringify(grants));
        expect(String([...grants[2].anc].sort()) === String([grants[0].id, grants[1].id].sort()), JSON.stringify(grants));
        expect(SERVERS.every(name => said[name].exp - said[name].iat <= 300), 'one lives longer than minutes');
        expect(String(grants.map(grant => grant.depth)) === '0,1,2', JSON.stringify(grants));
        expect(said.sales.workload?.provider === 'cluster', JSON.stringify(said.sales));
    });
    await step('chain: each has what the rule makes of the one before, and no more', () => {
        const scopes = SERVERS.map(name => said[name].scope);
        expect(String(scopes) === 'plan,investigate,summary', String(scopes));
    });
    await step('chain: no server behind the gateway sees an access token, and each is told the chain', () => {
        const seen = SERVERS.map(name => world.newest(name, 'handed'));
        expect(!world.lines().some(line => line.authorization), 'an `authorization` header came through');
        const told = seen.map(token => actors(claims(token)));
        expect(told.every((chain, i) => String(chain) === String(actors(said[SERVERS[i]]))), JSON.stringify(told));
    });
    return said;
}

async function recorded({ command }, said) {
    await step('chain: the record names the user, three agents, client, workload and every grant on the last call', async () => {
        const listed = await command('audit', 'list', '--json', '--kind', 'decision', '--action', 'tool:generate_summary');
        const { entry } = JSON.parse(listed.split('\n')[0]);
        expect(entry.outcome === 'permit' && entry.sub === said.sales.sub, listed);
        expect(String(entry.act) === String(actors(said.sales)) && entry.act.length === 3, listed);
        expect(entry.client === said.sales.client_id && entry.grant === said.sales.grant.id, listed);
        expect(String(entry.details.anc) === String(said.sales.grant.anc), listed);
        expect(entry.details.workload === said.sales.workload.id && entry.details.provider === 'cluster', listed);
    });
    await step('chain: for people it is one line from the user to the tool', async () => {
        const listed = await command('audit', 'list', '--action', 'tool:generate_summary', '--kind', 'decision');
        expect(/alice → Interop → planner → reporter → sales\/generate_summary/i.test(listed), listed);
    });
}

/** What an exchange at the token endpoint comes to: its error, or `a token`. */
async function exchange({ issuer, env, mint }, who, more) {
    const url = new URL(issuer);
    const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...INSECURE }));
    const client = { client_id: who };
    const vouched = await mint('agents', 'reporter', issuer);
    const pod = (_as, _client, body) => [['client_id', who], ['client_assertion_type', JWT_BEARER], ['client_assertion', vouched]].forEach(([name, value]) => body.set(name, value));
    const auth = who === 'reporter' ? pod : who.startsWith('https:') ? oauth.None() : oauth.ClientSecretBasic(env[`${who.toUpperCase()}_SECRET`]);
    const parameters = new URLSearchParams({ subject_token_type: `${TYPE}access_token`, ...more });
    const response = await oauth.genericTokenEndpointRequest(as, client, auth, EXCHANGE, parameters, INSECURE);
    return oauth.processGenericTokenEndpointResponse(as, client, response).then(() => 'a token', e => e.error ?? e.message);
}

async function own({ issuer, env, url }, who) {
    const as = { issuer, token_endpoint: `${issuer}/token` };
    const response = await oauth.clientCredentialsGrantRequest(as, { client_id: who }, oauth.ClientSecretBasic(env[`${who.toUpperCase()}_SECRET`]), new URLSearchParams({ resource: url.research }), INSECURE);
    return (await oauth.processClientCredentialsResponse(as, { client_id: who }, response)).access_token;
}

async function nobodySkips(world) {
    const { issuer, url, mint } = world;
    const held = tokens(world);
    const access = token => ({ actor_token: token, actor_token_type: `${TYPE}access_token` });
    const pod = async (namespace = 'agents') => ({ actor_token: await mint(namespace, 'reporter', issuer), actor_token_type: `${TYPE}jwt` });
    const refused = (name, who, make, wanted = /^invalid_(grant|request|target|scope)$|^unauthorized_client$/) =>
        step(`chain: ${name}`, async () => {
            const answer = await exchange(world, who, await make());
            expect(wanted.test(answer), `${answer}, not ${wanted}`);
        });
    await refused('Front does not get to the last server by itself', CLIENT_METADATA_URL, () => ({ subject_token: held.planner, resource: url.sales }));
    await refused('Reporter does not take over what Front holds', 'reporter', async () => ({ subject_token: held.planner, resource: url.sales, ...(await pod()) }));
    await refused('Planner does not get to the last server past Reporter', 'planner', async () => ({ subject_token: held.planner, resource: url.sales, ...access(await own(world, 'planner')) }));
    await refused('Planner does not pass on more than the rule gives', 'planner', async () => ({ subject_token: held.planner, resource: url.research, scope: 'investigate status', ...access(await own(world, 'planner')) }));
    await refused('who acts has to be shown (act laundering)', 'planner', () => ({ subject_token: held.planner, resource: url.research }), /^invalid_(grant|request)$/);
    await refused('nobody shows somebody else as who acts', 'planner', async () => ({ subject_token: held.planner, resource: url.research, ...access(await own(world, 'bystander')) }), /^invalid_(grant|request)$/);
    await refused('a client that is not the server of the resource exchanges nothing', 'bystander', async () => ({ subject_token: held.planner, resource: url.research, ...access(await own(world, 'bystander')) }));
    await refused('a pod of another namespace is nobody', 'reporter', async () => ({ subject_token: held.research, resource: url.sales, ...(await pod('sandbox')) }), /^invalid_(grant|request|client)$/);
    await refused('the last token leads nowhere else', 'reporter', async () => ({ subject_token: held.sales, resource: url.research, ...(await pod()) }));
    await step('chain: no token opens another server than its own', async () => {
        for (const token of SERVERS) for (const server of SERVERS.filter(name => name !== token)) expect((await call(url[server], held[token])).status === 401, `the token of ${token} at ${server}`);
    });
    await step('chain: Reporter may not use what was not passed on', async () => {
        const answer = await call(url.sales, held.sales, 'read_report');
        expect(answer.status === 403, String(answer.status));
    });
}

const TOOL = { planner: 'plan', research: 'investigate', sales: 'generate_summary' };

/** The answers of the three servers to the three tokens. */
async function statuses({ url }, held) {
    return Promise.all(SERVERS.map(async name => (await call(url[name], held[name], TOOL[name])).status));
}

/** A command of another process reaches the gateway within its bound; how the servers answer then. */
async function until(world, held, wanted) {
    for (let tries = 0; tries < 600; tries += 1) {
        if (String(await statuses(world, held)) === wanted) return;
        await new Promise(done => setTimeout(done, 50));
    }
    throw new Error(`the servers answer ${await statuses(world, held)}, not ${wanted}`);
}

async function ends(world, root) {
    const held = tokens(world);
    await step('chain: the three tokens work', async () => expect(String(await statuses(world, held)) === '200,200,200', String(await statuses(world, held))));
    await step('chain: what is paused at the root is refused at all three servers, and works again when it is resumed', async () => {
        await world.command('grant', 'suspend', root);
        await until(world, held, '401,401,401');
        await world.command('grant', 'resume', root);
        await until(world, held, '200,200,200');
    });
    await step('chain: what is ended at the root is refused at all three servers', async () => {
        await world.command('grant', 'revoke', root);
        await until(world, held, '401,401,401');
    });
    await step('chain: nobody below gets a token any more', async () => {
        const actor = { actor_token: await world.mint('agents', 'reporter', world.issuer), actor_token_type: `${TYPE}jwt` };
        const planner = { actor_token: await own(world, 'planner'), actor_token_type: `${TYPE}access_token` };
        const answers = [await exchange(world, 'planner', { subject_token: held.planner, resource: world.url.research, ...planner }), await exchange(world, 'reporter', { subject_token: held.research, resource: world.url.sales, ...actor })];
        expect(answers.every(answer => answer === 'invalid_grant'), String(answers));
    });
}

export async function chainSuite() {
    const python = at('.venv/bin/python');
    if (!existsSync(python)) return record(false, 'chain', `${python} is missing: see README.md`);
    const world = await stage();
    await one('chain:', [python, at('chain/front.py'), world.url.planner, world.hops], { timeoutMs: 60_000 });
    if (world.newest('research', 'token') === undefined) return record(false, 'chain: it does not stand', JSON.stringify(world.lines().map(({ at: where, error, description }) => ({ where, error, description }))));
    await recorded(world, await narrower(world));
    await one('chain:', [process.execPath, at('chain/front.mjs'), world.url.planner, world.hops], { timeoutMs: 60_000 });
    await nobodySkips(world);
    return ends(world, contents(world).planner.grant.id);
}
