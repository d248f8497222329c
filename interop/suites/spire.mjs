// A real SPIRE server and agent vouch for workloads: JWT- and X.509-SVIDs at every door, bundles by endpoint and by the
// Workload API, and keys that are prepared, activated, tainted and revoked while requests run. See spire/build.sh.

import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { atEnd, freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { spire, spireIsThere } from '../lib/spire.mjs';
import { at, prokura } from '../lib/world.mjs';

const PYTHON = at('.venv/bin/python');
const [PLANNER, CLIENT] = ['/agents/planner', '/clients/batch'];
const [NEAR, FAR] = ['prod.example', 'prod.example.net'];
/** Agents hand out one SVID again and again for the same audience; a fresh audience is signed by the key of the moment. */
const AUDIENCES = 2000;
/** An agent hears of new keys and entries within five seconds; a bundle of the endpoint counts for a minute. */
const [SOON_MS, BY_HINT_MS] = [30_000, 90_000];
const pause = ms => new Promise(done => setTimeout(done, ms));

async function until(what, limit, look) {
    let last;
    for (const end = Date.now() + limit; Date.now() < end; await pause(500)) {
        try {
            const found = await look();
            if (found) return found;
        } catch (error) {
            last = error;
        }
    }
    throw new Error(`${what}: not within ${limit} ms${last ? `: ${last.message}` : ''}`);
}

/** A form to the token endpoint, on a connection of its own with this certificate. */
function post(issuer, form, { ca, certificate, key } = {}) {
    const body = new URLSearchParams(form).toString();
    if (issuer.startsWith('http:')) {
        return fetch(`${issuer}/token`, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }).then(async r => ({ status: r.status, body: await r.json() }));
    }
    return new Promise((done, failed) => {
        const asked = request(`${issuer}/token`, { method: 'POST', ca, cert: certificate, key, agent: false, headers: { 'content-type': 'application/x-www-form-urlencoded' } }, answer => {
            let text = '';
            answer.setEncoding('utf8').on('data', chunk => (text += chunk));
            answer.on('end', () => done({ status: answer.statusCode, body: JSON.parse(text) }));
        });
        asked.on('error', failed).end(body);
    });
}

/** A call of the gateway, with that token, on a connection with this certificate. */
function call(resource, token, { ca, certificate, key }) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'spire', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } });
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' };
    return new Promise((done, failed) => {
        const asked = request(resource, { method: 'POST', ca, cert: certificate, key, agent: false, headers }, answer => {
            answer.resume().on('end', () => done(answer.statusCode));
        });
        asked.on('error', failed).end(body);
    });
}

const rules = `[[workload.rule]]
name = "planner"
provider = "near"
agent = "planner"
when = { path = "${PLANNER}" }
[[workload.rule.grant]]
resource = "everything"
scopes = ["all"]
[[client]]
id = "batch"
auth = "workload"
workload = { provider = "near", subject = "spiffe://${NEAR}${CLIENT}" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["all"]
`;
const provider = (name, domain, bundle, more = '') => `[[workload.provider]]
name = "${name}"
platform = "spiffe"
trust_domain = "${domain}"
audience = [${Array.from({ length: AUDIENCES }, (_, n) => `"load-${n}"`).join(', ')}]
bundle = { ${bundle} }
${more}
`;
const resource = upstream => `[[resource]]
name = "everything"
upstream = "${upstream}"
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }
`;

async function server({ issuer, port, folder, upstream, more, ready }) {
    const config = join(folder, `prokura-${port}.toml`);
    writeFileSync(config, `issuer = "${issuer}"\nlisten = "127.0.0.1:${port}"\ndatabase = "sqlite:${join(folder, `${port}.db`)}"\n${more}${rules}${resource(upstream)}`);
    return serveUntil(ready, await prokura(), ['serve', '--config', config], { cwd: folder });
}

/** Prokura with TLS of its own that knows the trust domain by its endpoint (https_spiffe). */
async function byEndpoint(world, folder, near) {
    const port = await freePort();
    const issuer = `https://localhost:${port}`;
    const ca = readFileSync(join(folder, 'authority.pem'));
    writeFileSync(join(folder, 'first.json'), await near.bundle());
    const more = `[tls]
certificate = "${join(folder, 'server.pem')}"
key = "${join(folder, 'server.key')}"
client_certificates = "optional"
${provider('near', NEAR, `endpoint = "${near.endpoint}", profile = "https_spiffe", endpoint_id = "spiffe://${NEAR}/spire/server", file = "${join(folder, 'first.json')}"`)}`;
    const ready = () => new Promise(done => request(`${issuer}/readyz`, { ca, agent: false }, answer => { answer.resume(); done(answer.statusCode < 500); }).on('error', () => done(false)).end());
    const { log } = await server({ issuer, port, folder, upstream: world.upstream, more, ready });
    return { issuer, ca, log, resource: `${issuer}/mcp/everything` };
}

/** Prokura that knows one trust domain by the Workload API of the agent beside it, and another by the web (https_web). */
async function byAgent(world, folder, near, far) {
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    const web = far.endpoint.replace('127.0.0.1', 'localhost');
    const more = provider('near', NEAR, `workload_api = "${near.workloadApi}"`) + provider('far', FAR, `endpoint = "${web}", profile = "https_web"`, `ca_file = "${join(folder, 'authority.pem')}"`) + `[[workload.rule]]
name = "far"
provider = "far"
agent = "far"
when = { path = "${PLANNER}" }
[[workload.rule.grant]]
resource = "everything"
scopes = ["all"]
`;
    const { log } = await server({ issuer, port, folder, upstream: world.upstream, more, ready: `${issuer}/readyz` });
    return { issuer, log, resource: `${issuer}/mcp/everything` };
}

const grant = (place, assertion) => ({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion, resource: place.resource });
const asClient = (place, assertion, more = {}) => ({ grant_type: 'client_credentials', resource: place.resource, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe', client_assertion: assertion, ...more });
const issued = ({ status, body }, log) => {
    expect(status === 200, `${status} ${JSON.stringify(body)}${log ? `: ${log().slice(-600)}` : ''}`);
    return decodeJwt(body.access_token);
};

/** The X.509-SVID of this user whose ID has that path, written by the agent's own client. */
async function x509(of, path, folder) {
    mkdirSync(folder, { recursive: true });
    await of.x509(folder);
    for (let n = 0; existsSync(join(folder, `svid.${n}.pem`)); n += 1) {
        const [certificate, key] = ['pem', 'key'].map(kind => readFileSync(join(folder, `svid.${n}.${kind}`)));
        if (new X509Certificate(certificate).subjectAltName.includes(`URI:spiffe://${of.domain}${path}`)) return { certificate, key };
    }
    throw new Error(`no X.509-SVID for ${path}`);
}

async function doors(own, near, folder) {
    const id = `spiffe://${NEAR}${PLANNER}`;
    await step('spire: a JWT-SVID yields a token as a grant', async () => {
        const token = issued(await post(own.issuer, grant(own, await near.jwt(own.issuer, PLANNER)), own), own.log);
        expect(token.sub === 'agt_planner' && token.workload?.claims?.spiffe_id === id, JSON.stringify(token));
        expect(token.exp - token.iat <= 600, `it lives ${token.exp - token.iat} s`);
    });
    await step('spire: a JWT-SVID authenticates a client (jwt-spiffe)', async () => {
        const svid = await near.jwt(own.issuer, CLIENT);
        expect(decodeJwt(svid).iss, 'the SVID has an `iss`, which must not matter');
        for (const more of [{}, { client_id: 'batch' }, { client_id: `spiffe://${NEAR}${CLIENT}` }]) {
            const token = issued(await post(own.issuer, asClient(own, svid, more), own), own.log);
            expect(token.client_id === 'batch', JSON.stringify(token));
        }
    });
    await step('spire: an X.509-SVID yields a token that is bound to it', async () => {
        const shown = { ca: own.ca, ...await x509(near, PLANNER, join(folder, 'x509')) };
        const answer = await post(own.issuer, { grant_type: 'client_credentials', client_id: id, resource: own.resource }, shown);
        const token = issued(answer, own.log);
        const hash = createHash('sha256').update(new X509Certificate(shown.certificate).raw).digest('base64url');
        expect(token.cnf?.['x5t#S256'] === hash && token.sub === 'agt_planner', JSON.stringify(token));
        expect(await call(own.resource, answer.body.access_token, shown) === 200, 'the gateway does not take it with the certificate');
        expect(await call(own.resource, answer.body.access_token, { ca: own.ca }) === 401, 'the gateway takes it without the certificate');
        const other = { ca: own.ca, ...await x509(near, CLIENT, join(folder, 'x509')) };
        expect(await call(own.resource, answer.body.access_token, other) === 401, 'the gateway takes it with another certificate');
    });
    await step('spire: an X.509-SVID authenticates a client', async () => {
        const shown = { ca: own.ca, ...await x509(near, CLIENT, join(folder, 'x509')) };
        const token = issued(await post(own.issuer, { grant_type: 'client_credentials', client_id: `spiffe://${NEAR}${CLIENT}`, resource: own.resource }, shown), own.log);
        expect(token.client_id === 'batch' && token.cnf?.['x5t#S256'], JSON.stringify(token));
    });
}

async function refused(own, near, far, folder) {
    await step('spire: an SVID for somebody else is refused', async () => {
        for (const audience of ['https://other.example', `${own.issuer}/`, `${own.issuer},https://other.example`]) {
            const { status, body } = await post(own.issuer, grant(own, await near.jwt(audience, PLANNER)), own);
            expect(status === 400 && body.error === 'invalid_grant', `${audience}: ${status} ${JSON.stringify(body)}`);
        }
    });
    await step('spire: another trust domain with a common prefix is refused', async () => {
        const { status, body } = await post(own.issuer, grant(own, await far.jwt(own.issuer, PLANNER)), own);
        expect(status === 400 && body.error === 'invalid_grant', `${status} ${JSON.stringify(body)}`);
        const shown = { ca: own.ca, ...await x509(far, PLANNER, join(folder, 'far')) };
        for (const client_id of [`spiffe://${FAR}${PLANNER}`, `spiffe://${NEAR}${PLANNER}`]) {
            const answer = await post(own.issuer, { grant_type: 'client_credentials', client_id, resource: own.resource }, shown);
            expect(answer.status === 401, `${client_id}: ${answer.status} ${JSON.stringify(answer.body)}`);
        }
    });
}

async function beside(agent, near, far) {
    await step('spire: bundles come by the Workload API', async () => {
        issued(await post(agent.issuer, grant(agent, await near.jwt(agent.issuer, PLANNER))), agent.log);
    });
    await step('spire: bundles come by an endpoint of the web', async () => {
        const token = issued(await post(agent.issuer, grant(agent, await far.jwt(agent.issuer, PLANNER))), agent.log);
        expect(token.sub === 'agt_far', JSON.stringify(token));
    });
    await step('spire: `prokura token` needs nothing but the socket', async () => {
        // This agent has one identity for this user; of several a person would name one.
        const env = { SPIFFE_ENDPOINT_SOCKET: far.workloadApi };
        const { code, stdout, stderr } = await run(await prokura(), ['token', '--resource', agent.resource], { env });
        expect(code === 0, stderr || stdout);
        const token = decodeJwt(stdout.trim());
        expect(token.aud === agent.resource && token.workload?.platform === 'spiffe', JSON.stringify(token));
    });
}

/** Asks again and again by every kind of SVID while `change` goes on; every one has to be served. */
async function underLoad(places, near, folder, change) {
    const failures = [];
    let [running, asked, next] = [true, 0, underLoad.next ?? 0];
    const worker = async number => {
        while (running) {
            const place = places[number % places.length];
            const audience = number < 2 ? place.issuer : `load-${next++ % AUDIENCES}`;
            try {
                let answer;
                if (place.ca && number >= 4) {
                    const shown = { ca: place.ca, ...await x509(near, PLANNER, join(folder, `load-${number}`)) };
                    answer = await post(place.issuer, { grant_type: 'client_credentials', client_id: `spiffe://${NEAR}${PLANNER}`, resource: place.resource }, shown);
                } else if (number % 4 === 1) {
                    answer = await post(place.issuer, asClient(place, await near.jwt(audience, CLIENT)), place);
                } else {
                    answer = await post(place.issuer, grant(place, await near.jwt(audience, PLANNER)), place);
                }
                asked += 1;
                if (answer.status !== 200) failures.push(`${place.issuer} worker ${number}: ${answer.status} ${JSON.stringify(answer.body)} ${place.log().slice(-400)}`);
            } catch (error) {
                failures.push(`worker ${number}: ${error.message}`);
            }
            await pause(50);
        }
    };
    const workers = Array.from({ length: 6 }, (_, number) => worker(number));
    try {
        await change();
        await pause(2_000);
    } finally {
        running = false;
        await Promise.all(workers);
        underLoad.next = next;
    }
    expect(failures.length === 0, `${failures.length} of ${asked} refused: ${failures.slice(0, 3).join(' | ')}`);
    expect(asked > 20, `only ${asked} requests`);
    return asked;
}

/**
 * Prepares, activates, taints and revokes keys of both kinds, each step when agents have heard of the one before: every
 * five seconds. Returns what signed before.
 */
async function rotate(near) {
    const of = (kind, ...what) => near.command('localauthority', kind, ...what);
    const [jwt, x509] = [await of('jwt', 'show'), await of('x509', 'show')].map(shown => shown.active.authority_id);
    const [nextJwt, nextX509] = [await of('jwt', 'prepare'), await of('x509', 'prepare')].map(made => made.prepared_authority.authority_id);
    await pause(7_000);
    // Tokens of the new key are newer than the bundle of the endpoint: it is fetched at once, with the new authority in it,
    // of which the endpoint has an SVID itself after the next line but one.
    await of('jwt', 'activate', '-authorityID', nextJwt);
    await pause(4_000);
    await of('x509', 'activate', '-authorityID', nextX509);
    await pause(7_000);
    await of('jwt', 'taint', '-authorityID', jwt);
    await of('x509', 'taint', '-authorityID', x509);
    await pause(14_000);
    await of('jwt', 'revoke', '-authorityID', jwt);
    await of('x509', 'revoke', '-authorityID', x509);
    await pause(7_000);
    return { jwt, x509 };
}

async function rotations(own, agent, near, folder) {
    const places = [own, agent];
    const held = { jwt: [await near.jwt(agent.issuer, '/agents/kept'), await near.jwt(own.issuer, '/agents/kept')], x509: await x509(near, PLANNER, join(folder, 'held')) };
    await step('spire: keys and authorities change under load and nobody is refused', async () => {
        let revoked;
        await underLoad(places, near, folder, async () => (revoked = await rotate(near)));
        const [before, now] = [decodeProtectedHeader(held.jwt[0]).kid, decodeProtectedHeader(await near.jwt(`load-${AUDIENCES - 1}`, PLANNER)).kid];
        expect(before === revoked.jwt && now !== before, `${before} was to be replaced, ${now} signs`);
        const fresh = await x509(near, PLANNER, join(folder, 'now'));
        expect(new X509Certificate(fresh.certificate).issuer !== new X509Certificate(held.x509.certificate).issuer, 'the same authority still signs');
    });
    await step('spire: an SVID of a revoked key is refused once the bundle dropped it', async () => {
        // It is good for longer than this takes: only its key is gone.
        for (const [place, jwt, limit] of [[agent, held.jwt[0], SOON_MS], [own, held.jwt[1], BY_HINT_MS]]) {
            expect(decodeJwt(jwt).exp > Date.now() / 1000 + 5, 'the SVID is over by itself');
            await until(`${place.issuer} takes the revoked key`, limit, async () => {
                const { status, body } = await post(place.issuer, grant(place, jwt), place);
                expect(status === 200 || body.error === 'invalid_grant', `${status} ${JSON.stringify(body)}`);
                return status === 400;
            });
        }
        const { certificate, key } = held.x509;
        await until('the revoked authority still vouches', BY_HINT_MS, async () => {
            const answer = await post(own.issuer, { grant_type: 'client_credentials', client_id: `spiffe://${NEAR}${PLANNER}`, resource: own.resource }, { ca: own.ca, certificate, key });
            return answer.status === 401;
        });
    });
}

export async function spireSuite(world) {
    if (!spireIsThere()) {
        return record(!process.env.CI, 'spire: SPIRE is there', 'build it: interop/spire/build.sh') && console.log('     without SPIRE nothing of it is tested: build it by interop/spire/build.sh');
    }
    if (!existsSync(PYTHON)) return record(false, 'spire', `${PYTHON} is missing: see README.md`);
    const folder = temporary('prokura-interop-');
    const made = await run(PYTHON, [at('clients/mutual_tls.py'), folder]);
    if (made.code !== 0) return record(false, 'spire', made.stderr);
    const web = { certificate: join(folder, 'server.pem'), key: join(folder, 'server.key') };
    const near = await spire(NEAR, [[PLANNER], [CLIENT, 'batch'], ['/agents/kept', 'kept']]);
    const far = await spire(FAR, [[PLANNER]], { web });
    atEnd(() => process.env.INTEROP_VERBOSE && console.error(near.log()));
    await until('the agents know this user', SOON_MS, () => near.jwt('first', PLANNER));
    await until('the agents know this user', SOON_MS, () => far.jwt('first', PLANNER));
    const own = await byEndpoint(world, folder, near);
    const agent = await byAgent(world, folder, near, far);
    await doors(own, near, folder);
    await refused(own, near, far, folder);
    await beside(agent, near, far);
    await rotations(own, agent, near, folder);
}
