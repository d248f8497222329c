// Foreign clients end to end, each by both registrations and in both eras, and a strict OAuth client.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/process.mjs';
import { adopt, record } from '../lib/report.mjs';
import { at, target } from '../lib/world.mjs';

/** A workspace of its own, so that what it depends on stays out of Prokura's. */
const RMCP_TARGET = target(at('rmcp-client/target'), 'interop-rmcp');

export const CLIENTS = {
    typescript: () => [process.execPath, at('clients/typescript.mjs')],
    python: () => [at('.venv/bin/python'), at('clients/python_client.py')],
    rmcp: () => [join(RMCP_TARGET, 'debug', 'prokura-interop-rmcp')]
};

async function build() {
    const { code, stderr } = await run('cargo', ['build', '-q', '--locked'], { cwd: at('rmcp-client'), timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: RMCP_TARGET } });
    if (code !== 0) throw new Error(`the rmcp client does not build: ${stderr.slice(-2000)}`);
}

export async function one(prefix, [command, ...args], options) {
    const { code, stdout, stderr } = await run(command, args, options);
    const seen = adopt(prefix, stdout);
    const ended = /\d+ passed, \d+ failed\s*$/.test(stdout);
    if (!ended || seen === 0) record(false, `${prefix} ends in order`, `code ${code} ${stderr.slice(-500)}`);
}

export async function clientSuite(world, names = Object.keys(CLIENTS)) {
    if (names.includes('rmcp')) await build();
    for (const name of names) {
        const [program] = CLIENTS[name]();
        if (!existsSync(program)) {
            record(false, `client ${name}`, `${program} is missing: see README.md`);
            continue;
        }
        for (const era of ['modern', 'legacy']) {
            for (const registration of ['cimd', 'dcr']) {
                await one(`client ${name} ${era} ${registration}`, [...CLIENTS[name](), world.everything, world.stepped, era, registration], { timeoutMs: 90_000 });
            }
        }
    }
}

export async function deviceSuite(world) {
    const python = at('.venv/bin/python');
    if (!existsSync(python)) return record(false, 'client authlib', `${python} is missing: see README.md`);
    return one('client authlib', [python, at('clients/python_device.py'), world.issuer, world.everything], { timeoutMs: 90_000 });
}

export const strictSuite = world => one('client openid-client', [process.execPath, at('clients/strict.mjs'), world.issuer, world.everything], { env: { ...world.secrets, ...(world.stub && { INTEROP_STUB: '1' }) } });
