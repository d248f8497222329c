// Security events between Prokura and foreign software: a transmitter and a receiver that know jose and nothing of ours.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { BASIC_TOOL } from '../clients/agreed.mjs';
import { atEnd, freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { prokura } from '../lib/world.mjs';

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/';
const SECRET = 'a-secret-that-a-machine-made-1234567890';
const MODERN = '2026-07-28';
const META = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'robot', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} };

const configuration = ({ issuer, port, folder, upstream, foreign }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'signals.db')}"
[egress]
allow = ["${foreign.host}"]
[[resource]]
name = "everything"
upstream = "${upstream}"
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*"] }
[[client]]
id = "robot"
secret = { env = "SIGNALS_SECRET" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["all"]
[[client]]
id = "receiver"
secret = { env = "SIGNALS_SECRET" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "ssf"
scopes = ["ssf.manage"]
[signals.send]
enabled = true
[[signals.transmitter]]
name = "acme"
issuer = "${foreign.issuer}"
secret = { env = "SIGNALS_SECRET" }
`;

/** A foreign party: its metadata and keys, and a place where events are posted to it. */
async function party() {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    const issuer = `http://${host}`;
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'acme-1', alg: 'RS256', use: 'sig' };
    const posted = [];
    const server = createServer((request, response) => {
        const json = body => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        if (request.url === '/.well-known/ssf-configuration') return json({ spec_version: '1_0', issuer, jwks_uri: `${issuer}/jwks`, delivery_methods_supported: ['urn:ietf:rfc:8935'] });
        if (request.url === '/jwks') return json({ keys: [jwk] });
        let body = '';
        request.on('data', piece => (body += piece));
        request.on('end', () => {
            posted.push({ headers: request.headers, body });
            response.writeHead(202).end();
        });
    });
    await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
    atEnd(() => server.close());
    const tell = (audience, event, subject, members, changes = {}) =>
        new SignJWT({ sub_id: subject, txn: randomUUID(), events: { [`${CAEP}${event}`]: { event_timestamp: Math.floor(Date.now() / 1000), ...members } }, ...changes.claims })
            .setProtectedHeader({ alg: 'RS256', kid: 'acme-1', typ: changes.typ ?? 'secevent+jwt' })
            .setIssuer(issuer)
            .setAudience(changes.audience ?? audience)
            .setJti(randomUUID())
            .setIssuedAt()
            .sign(privateKey);
    return { host, issuer, posted, tell };
}

async function token(issuer, client, resource) {
    const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${client}:${SECRET}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource })
    });
    const answer = await response.json();
    expect(response.ok, JSON.stringify(answer));
    return answer.access_token;
}

async function call(issuer, bearer) {
    const response = await fetch(`${issuer}/mcp/everything`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': BASIC_TOOL, authorization: `Bearer ${bearer}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: BASIC_TOOL, arguments: {}, _meta: META } })
    });
    await response.text();
    return response.status;
}

const claims = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

async function post(issuer, set) {
    const response = await fetch(`${issuer}/signals/acme`, { method: 'POST', headers: { 'content-type': 'application/secevent+jwt', authorization: `Bearer ${SECRET}` }, body: set });
    return { status: response.status, text: await response.text() };
}

export async function signalsSuite({ upstream }) {
    const [port, folder, foreign] = [await freePort(), temporary('prokura-signals-'), await party()];
    const issuer = `http://127.0.0.1:${port}`;
    const file = join(folder, 'prokura.toml');
    const env = { SIGNALS_SECRET: SECRET };
    writeFileSync(file, configuration({ issuer, port, folder, upstream, foreign }));
    await serveUntil(`${issuer}/.well-known/ssf-configuration`, await prokura(), ['serve', '--config', file], { cwd: folder, env });
    const robot = await token(issuer, 'robot', `${issuer}/mcp/everything`);
    const agent = { format: 'opaque', id: claims(robot).sub };
    const risk = level => ({ principal: 'USER', current_level: level });

    await step('signals: an event that jose signed stops an agent at its very next call', async () => {
        expect((await call(issuer, robot)) === 200, 'the call works at first');
        const { status, text } = await post(issuer, await foreign.tell(issuer, 'risk-level-change', agent, risk('HIGH')));
        expect(status === 202 && text === '', `${status} ${text}`);
        const after = await call(issuer, robot);
        expect(after === 401 || after === 403, `${after}`);
    });
    await step('signals: it acts again when the risk is low', async () => {
        await new Promise(resolve => setTimeout(resolve, 1100));
        expect((await post(issuer, await foreign.tell(issuer, 'risk-level-change', agent, risk('LOW')))).status === 202, 'taken');
        expect((await call(issuer, robot)) === 200, 'the call works again');
    });
    await step('signals: an event for others, of another type or with an end is refused by its code', async () => {
        for (const [changes, code] of [[{ audience: 'https://other.example' }, 'invalid_audience'], [{ typ: 'JWT' }, 'invalid_request'], [{ claims: { exp: 4102444800 } }, 'invalid_request']]) {
            const { status, text } = await post(issuer, await foreign.tell(issuer, 'session-revoked', agent, {}, changes));
            expect(status === 400 && JSON.parse(text).err === code, `${status} ${text}`);
        }
        expect((await call(issuer, robot)) === 200, 'nobody was stopped');
    });

    const manager = await token(issuer, 'receiver', `${issuer}/ssf`);
    const ask = async (method, url, body) => {
        const response = await fetch(url, { method, headers: { authorization: `Bearer ${manager}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
        const text = await response.text();
        return { status: response.status, body: text && JSON.parse(text) };
    };
    const metadata = await (await fetch(`${issuer}/.well-known/ssf-configuration`)).json();
    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
    const read = set => jwtVerify(set, keys, { issuer, audience: 'receiver', typ: 'secevent+jwt', algorithms: ['RS256'] });
    let polled;
    await step('signals: streams are made by the metadata alone', async () => {
        const push = await ask('POST', metadata.configuration_endpoint, { delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: `${foreign.issuer}/events`, authorization_header: 'Bearer hook' } });
        expect(push.status === 201 && push.body.iss === issuer && push.body.aud === 'receiver', JSON.stringify(push));
        polled = await ask('POST', metadata.configuration_endpoint, { delivery: { method: 'urn:ietf:rfc:8936' } });
        expect(polled.status === 201 && polled.body.delivery.endpoint_url, JSON.stringify(polled));
    });
    await step('signals: jose verifies what is posted', async () => {
        const { code, stderr } = await run(await prokura(), ['agent', 'disable', '--config', file, agent.id, '--why', 'left'], { cwd: folder, env });
        expect(code === 0, stderr);
        for (let tries = 0; foreign.posted.length === 0 && tries < 600; tries++) await new Promise(resolve => setTimeout(resolve, 100));
        const [{ headers, body }] = foreign.posted;
        expect(headers.authorization === 'Bearer hook' && headers['content-type'] === 'application/secevent+jwt', JSON.stringify(headers));
        const { payload } = await read(body);
        expect(payload.sub_id.sub === agent.id && payload.events[`${CAEP}session-revoked`].reason_admin.en === 'left' && !payload.exp && !payload.sub, JSON.stringify(payload));
    });
    await step('signals: jose verifies what is fetched, and what is acknowledged does not come again', async () => {
        const at = polled.body.delivery.endpoint_url;
        const first = await ask('POST', at, { returnImmediately: true });
        const [[jti, set]] = Object.entries(first.body.sets);
        const { payload } = await read(set);
        expect(payload.jti === jti, JSON.stringify(payload));
        const second = await ask('POST', at, { returnImmediately: true, ack: [jti] });
        expect(second.status === 200 && Object.keys(second.body.sets).length === 0, JSON.stringify(second));
    });
}
