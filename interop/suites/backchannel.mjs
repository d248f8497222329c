// openid-client asks a user who is elsewhere (OpenID Connect CIBA): by polling, by being told, with a No; the user is a browser of
// her own, who finds the question in her account.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import * as oauth from 'openid-client';
import { Person } from '../lib/person.mjs';
import { atEnd, freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { prokura } from '../lib/world.mjs';

const configuration = ({ issuer, port, folder, bell }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[egress]
allow = ["${new URL(bell).host}"]
[[client]]
id = "desk"
name = "Travel desk"
secret = { env = "DESK_SECRET" }
grant_types = ["ciba", "refresh_token"]
[[client]]
id = "bell"
secret = { env = "DESK_SECRET" }
grant_types = ["ciba"]
backchannel_token_delivery_mode = "ping"
backchannel_client_notification_endpoint = "${bell}"
[[resource]]
name = "sales"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read" = { title = "Read", actions = ["tool:read"] }
"write" = { title = "Write", actions = ["tool:write"] }
`;

/** What a client is told: every ping as it comes. */
async function ears() {
    const heard = [];
    const server = createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        heard.push({ authorization: request.headers.authorization, body: JSON.parse(body) });
        response.writeHead(204).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => server.close());
    return { heard, url: `http://127.0.0.1:${server.address().port}/told` };
}

async function start() {
    const [folder, port, { heard, url: bell }] = [temporary('prokura-backchannel-'), await freePort(), await ears()];
    const [issuer, config, binary] = [`http://localhost:${port}`, join(folder, 'prokura.toml'), await prokura()];
    writeFileSync(config, configuration({ issuer, port, folder, bell }));
    const env = { DESK_SECRET: randomBytes(32).toString('base64url') };
    const added = await run(binary, ['user', 'add', 'alice', '--config', config], { cwd: folder, env });
    const link = /http:\/\/\S+/.exec(added.stdout)?.[0];
    expect(link, `no link: ${added.stdout}${added.stderr}`);
    await serveUntil(`${issuer}/readyz`, binary, ['serve', '--config', config], { cwd: folder, env, below: 300 });
    const alice = new Person('alice');
    await alice.send(await alice.open(link), '/setup/', {});
    const discover = id => oauth.discovery(new URL(issuer), id, undefined, oauth.ClientSecretBasic(env.DESK_SECRET), { execute: [oauth.allowInsecureRequests], algorithm: 'oidc' });
    return { issuer, heard, alice, desk: await discover('desk'), bell: await discover('bell') };
}

/** Alice opens what waits and answers it. */
async function answer({ issuer, alice }, said, scopes, shown) {
    const list = await alice.open(`${issuer}/account/approvals`);
    const path = /href="(\/asks\/[^"]+)"/.exec(list.html)?.[1];
    expect(path, `nothing waits: ${list.html.slice(0, 400)}`);
    const question = await alice.open(new URL(path, issuer));
    expect(!shown || question.html.includes(shown), `${shown} is not shown`);
    await alice.send(question, '/interaction/', { answer: said, seconds: '3600', scope: scopes });
}

const refused = (promise, code) =>
    promise.then(
        () => { throw new Error('was given a token'); },
        error => expect(error.error === code || error.cause?.error === code, `${error.code} ${error.error} ${error.message}`)
    );

export async function backchannelSuite() {
    const world = await step('backchannel: a server without a browser in sight', start);
    if (!world) return;
    const { desk, bell } = world;
    await step('backchannel: metadata say what is served', () => {
        const seen = desk.serverMetadata();
        expect(seen.backchannel_authentication_endpoint?.endsWith('/bc-authorize'), JSON.stringify(seen));
        expect(`${seen.backchannel_token_delivery_modes_supported}` === 'poll,ping', JSON.stringify(seen));
    });
    await step('backchannel: openid-client polls, Alice agrees elsewhere, and what she took away stays away', async () => {
        const begun = await oauth.initiateBackchannelAuthentication(desk, { scope: 'openid read write', resource: `${world.issuer}/mcp/sales`, login_hint: 'alice', binding_message: 'W4SCT' });
        expect(begun.auth_req_id && begun.expires_in === 600 && begun.interval === 5, JSON.stringify(begun));
        const waiting = oauth.pollBackchannelAuthenticationGrant(desk, begun);
        await answer(world, 'allow', ['openid', 'read'], 'W4SCT');
        const tokens = await waiting;
        expect(tokens.scope.split(' ').includes('read') && !tokens.scope.includes('write'), tokens.scope);
        expect(tokens.refresh_token && tokens.claims().acr === 'single', JSON.stringify(tokens));
        const again = oauth.genericGrantRequest(desk, 'urn:openid:params:grant-type:ciba', { auth_req_id: begun.auth_req_id });
        await refused(again, 'invalid_grant');
        const renewed = await oauth.refreshTokenGrant(desk, tokens.refresh_token);
        expect(renewed.access_token !== tokens.access_token, 'nothing changed');
    });
    await step('backchannel: a No reaches openid-client', async () => {
        const begun = await oauth.initiateBackchannelAuthentication(desk, { scope: 'read', resource: `${world.issuer}/mcp/sales`, login_hint: 'alice' });
        await answer(world, 'no', []);
        await refused(oauth.pollBackchannelAuthenticationGrant(desk, begun), 'access_denied');
    });
    await step('backchannel: who is nobody is told in the words of the standard', () =>
        refused(oauth.initiateBackchannelAuthentication(desk, { scope: 'read', login_hint: 'nobody' }), 'unknown_user_id'));
    await step('backchannel: a client that is told then gets its token', async () => {
        const token = randomBytes(24).toString('base64url');
        const begun = await oauth.initiateBackchannelAuthentication(bell, { scope: 'read', resource: `${world.issuer}/mcp/sales`, login_hint: 'alice', client_notification_token: token });
        expect(world.heard.length === 0, 'it was told before');
        await answer(world, 'allow', ['read']);
        const until = Date.now() + 60_000;
        while (world.heard.length === 0 && Date.now() < until) await new Promise(done => setTimeout(done, 50));
        expect(world.heard.length === 1, 'nobody told it');
        expect(world.heard[0].authorization === `Bearer ${token}` && world.heard[0].body.auth_req_id === begun.auth_req_id, JSON.stringify(world.heard));
        const tokens = await oauth.genericGrantRequest(bell, 'urn:openid:params:grant-type:ciba', { auth_req_id: begun.auth_req_id });
        expect(tokens.access_token && tokens.scope === 'read', JSON.stringify(tokens));
    });
}
