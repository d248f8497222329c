// A PostgreSQL for a run: the one that PROKURA_TEST_POSTGRES names (its database is filled), or one of our own.

import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { atEnd } from './process.mjs';

/** Makes a cluster in `$1` and serves on a socket there until standard input ends, in whatever way. */
const KEEPER = `
"$2/initdb" -D "$1/data" -U prokura --auth=trust -E UTF8 --locale=C >"$1/log" 2>&1 || exit 1
"$2/postgres" -D "$1/data" -k "$1" -c listen_addresses= >>"$1/log" 2>&1 &
read -r _
kill -INT $!
wait $!
rm -rf "$1"
`;
/** PostgreSQL refuses to run as root; this is nobody. */
const NOBODY = 65534;
const PACKAGED = '/usr/lib/postgresql';

/** The newest folder with `initdb` and `postgres` in it. */
function binaries() {
    const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).sort((a, b) => Number(b) - Number(a)) : [];
    const folders = [...versions.map(version => join(PACKAGED, version, 'bin')), ...(process.env.PATH ?? '').split(delimiter)];
    return folders.find(folder => ['initdb', 'postgres'].every(name => existsSync(join(folder, name))));
}

/** The URL of a database. */
export async function postgres() {
    if (process.env.PROKURA_TEST_POSTGRES) return process.env.PROKURA_TEST_POSTGRES;
    const programs = binaries();
    if (!programs) throw new Error('no PostgreSQL: install it or set PROKURA_TEST_POSTGRES');
    const folder = mkdtempSync(join(tmpdir(), 'prokura-pg-'));
    const command = ['sh', '-c', KEEPER, 'sh', folder, programs];
    if (process.getuid() === 0) {
        chownSync(folder, NOBODY, NOBODY);
        command.unshift('setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups');
    }
    // In a process group of its own: what ends the run must not end the keeper before it has cleaned up.
    const keeper = spawn(command[0], command.slice(1), { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(keeper, 'exit');
    atEnd(() => (keeper.stdin.end(), ended));
    await ready(join(folder, 'log'), keeper);
    return `postgres://prokura@${encodeURIComponent(folder)}/postgres`;
}

async function ready(log, keeper) {
    const said = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
    for (let i = 0; i < 600 && keeper.exitCode === null; i += 1) {
        if (said().includes('ready to accept connections')) return;
        await new Promise(done => setTimeout(done, 100));
    }
    throw new Error(`PostgreSQL does not come up: ${said().slice(-1000)}`);
}
