// Foreign clients end to end, each by both registrations and in both eras, and a strict OAuth client.

import { run } from '../lib/process.mjs';
import { adopt, record } from '../lib/report.mjs';
import { at } from '../lib/world.mjs';

export const CLIENTS = {
    typescript: () => [process.execPath, at('clients/typescript.mjs')],
    python: () => [at('.venv/bin/python'), at('clients/python_client.py')],
    rmcp: () => [at('rmcp-client/target/debug/prokura-interop-rmcp')]
};

async function build() {
    const { code, stderr } = await run('cargo', ['build', '-q', '--locked'], { cwd: at('rmcp-client'), timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: at('rmcp-client/target') } });
    if (code !== 0) throw new Error(`the rmcp client does not build: ${stderr.slice(-2000)}`);
}

async function one(prefix, [command, ...args], options) {
    const { code, stdout, stderr } = await run(command, args, options);
    const seen = adopt(prefix, stdout);
    const ended = /\d+ passed, \d+ failed\s*$/.test(stdout);
    if (!ended || seen === 0) record(false, `${prefix} ends in order`, `code ${code} ${stderr.slice(-500)}`);
}

export async function clientSuite(world, names = Object.keys(CLIENTS)) {
    if (names.includes('rmcp')) await build();
    for (const name of names) {
        for (const era of ['modern', 'legacy']) {
            for (const registration of ['cimd', 'dcr']) {
                await one(`client ${name} ${era} ${registration}`, [...CLIENTS[name](), world.everything, world.stepped, era, registration], { timeoutMs: 90_000 });
            }
        }
    }
}

export const strictSuite = world => one('client openid-client', [process.execPath, at('clients/strict.mjs'), world.issuer, world.everything], { env: world.secrets });
