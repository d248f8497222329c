// Ten hosts on one login: access tokens live so briefly that every call needs a new one, and a refresh token is good for
// one use, with no grace. Whoever uses one twice loses the login of all ten.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { speak } from '../lib/stdio.mjs';
import { environment } from '../clients/login.mjs';

const HOSTS = 10;
const CALLS = 100;

const configuration = (port, upstream, folder) => `issuer = "http://localhost:${port}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[dev]
auto_approve_user = "alice"
[registration]
dynamic = "open"
[tokens]
access = "5s"
refresh_retry = "1s"
[[resource]]
name = "everything"
upstream = "${upstream}"
rate = { calls = 100000, per = "1m" }
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }
`;

const opening = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'together', version: '1' } };

async function host(prokura, url, env) {
    const program = speak(prokura, ['connect', url, '--wait', '120'], env);
    const opened = await program.ask('initialize', opening);
    expect(opened.result, `initialize: ${JSON.stringify(opened.error)}`);
    program.tell('notifications/initialized');
    for (let n = 0; n < CALLS; n += 1) {
        const { result, error } = await program.ask('tools/call', { name: 'test_simple_text', arguments: {} });
        expect(result?.content?.[0]?.text?.startsWith('This is'), `call ${n}: ${JSON.stringify(error ?? result)}`);
    }
    return program.close();
}

/** How many entries of the record there are of a sort, page by page. */
async function entries(prokura, config, of) {
    let [count, before] = [0, undefined];
    for (;;) {
        const page = before === undefined ? [] : ['--before', String(before)];
        const { code, stdout, stderr } = await run(prokura, ['audit', 'list', '--config', config, '--json', '--limit', '500', ...of, ...page]);
        expect(code === 0, stderr);
        const lines = stdout.trim().split('\n').filter(Boolean).map(line => JSON.parse(line));
        if (lines.length === 0) return count;
        [count, before] = [count + lines.length, lines.at(-1).seq];
    }
}

export async function togetherSuite(world) {
    const folder = temporary('prokura-together-');
    const port = await freePort();
    const config = join(folder, 'prokura.toml');
    writeFileSync(config, configuration(port, world.upstream, folder));
    const issuer = `http://localhost:${port}`;
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, world.prokura, ['serve', '--dev', '--config', config], { cwd: folder });
    const env = environment(folder, 'dcr');
    const url = `${issuer}/mcp/everything`;
    await step(`connect ${HOSTS} hosts on one login make ${HOSTS * CALLS} calls`, async () => {
        const all = await Promise.allSettled(Array.from({ length: HOSTS }, () => host(world.prokura, url, env)));
        const failed = all.filter(one => one.status === 'rejected').map(one => one.reason.message);
        expect(failed.length === 0, `${failed.length} failed: ${failed.join(' | ').slice(0, 500)}`);
    });
    await step('connect: a person signed in once for all of them', () => {
        const visits = readFileSync(join(folder, 'visits'), 'utf8').trim().split('\n');
        expect(visits.length === 1, `${visits.length} visits`);
    });
    await step(`connect: at least ${HOSTS * CALLS} refreshes, and no refresh token was used twice`, async () => {
        const refreshed = await entries(world.prokura, config, ['--action', 'token:refresh_token', '--outcome', 'permit']);
        expect(refreshed >= HOSTS * CALLS, `${refreshed} refreshes`);
        const ended = await entries(world.prokura, config, ['--action', 'grant:revoke']);
        expect(ended === 0, `${ended} grants were ended`);
    });
}
