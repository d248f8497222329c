// A Keycloak of the run's own, where one is there: KEYCLOAK_HOME names its distribution. Nothing is fetched here.

import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, serveUntil, temporary } from './process.mjs';

export const there = () => Boolean(process.env.KEYCLOAK_HOME && existsSync(join(process.env.KEYCLOAK_HOME, 'bin', 'kc.sh')));

/** Starts it with a realm in development mode, all its data in a temporary folder; returns the issuer of the realm. */
export async function keycloak(realm) {
    const folder = temporary('prokura-keycloak-');
    const home = join(folder, 'keycloak');
    cpSync(process.env.KEYCLOAK_HOME, home, { recursive: true, filter: path => !path.includes('/data/') });
    mkdirSync(join(home, 'data', 'import'), { recursive: true });
    writeFileSync(join(home, 'data', 'import', 'realm.json'), JSON.stringify(realm));
    const port = await freePort();
    const issuer = `http://127.0.0.1:${port}/realms/${realm.realm}`;
    const script = ['start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, '--import-realm'];
    await serveUntil(`${issuer}/.well-known/openid-configuration`, join(home, 'bin', 'kc.sh'), script, { timeoutMs: 240_000, below: 400, cwd: home, env: { JAVA_OPTS_APPEND: '-Xmx512m' } });
    return issuer;
}
