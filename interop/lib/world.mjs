// Everything that stands while a run lasts: the upstream, Prokura (or the stub), the shim; and what they agree on.

import { randomBytes } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { ADVANCED_TOOL, BASIC_TOOL, CLIENT_METADATA_URL } from '../clients/agreed.mjs';
import { postgres } from './postgres.mjs';
import { freePort, run, serve, serveUntil, temporary } from './process.mjs';

const HERE = new URL('..', import.meta.url).pathname;
const ROOT = new URL('../..', import.meta.url).pathname;
export const at = path => join(HERE, path);

/** Where cargo puts what it builds: `own`, or `below` the folder that CARGO_TARGET_DIR names. */
export const target = (own = join(ROOT, 'target'), below = '') => (process.env.CARGO_TARGET_DIR ? join(resolve(process.env.CARGO_TARGET_DIR), below) : own);

/** A client's secret as a person would make one. */
const secret = () => randomBytes(32).toString('base64url');

function configuration({ issuer, port, upstream, newer, older, folder, database }) {
    return `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "${database}"
${database.startsWith('postgres:') ? 'master_key = { env = "PROKURA_MASTER_KEY" }' : ''}

[dev]
auto_approve_user = "alice"
[dev.client_metadata]
"${CLIENT_METADATA_URL}" = "${join(folder, 'client-metadata.json')}"

[registration]
dynamic = "open"
per_minute = 1000

[[client]]
id = "conformance"
auth = "none"
redirect_uris = ["http://127.0.0.1/callback"]

[[client]]
id = "shim"
secret = { env = "SHIM_CLIENT_SECRET" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["all"]

[[client]]
id = "strict"
secret = { env = "STRICT_SECRET" }
redirect_uris = ["http://127.0.0.1/callback"]
introspects = ["everything"]

[[client]]
id = "television"
auth = "none"
grant_types = ["device_code", "refresh_token"]

[[client]]
id = "signs"
auth = "none"
jwks_file = "${join(folder, 'worker.jwks')}"
require_signed_request_object = true
redirect_uris = ["http://127.0.0.1/callback"]

[[client]]
id = "worker"
jwks_file = "${join(folder, 'worker.jwks')}"
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["all"]

[[resource]]
name = "everything"
upstream = "${upstream}"
rate = { calls = 100000, per = "1m" }
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }

[[resource]]
name = "stepped"
upstream = "${upstream}"
default_scopes = ["basic"]
[resource.scopes]
"basic" = { title = "Use the simple tool", actions = ["tool:${BASIC_TOOL}"] }
"advanced" = { title = "Use the advanced tool", actions = ["tool:${ADVANCED_TOOL}"] }
${newer ? ofOneEra('newer', newer) : ''}${older ? ofOneEra('older', older) : ''}`;
}

const ofOneEra = (name, upstream) => `
[[resource]]
name = "${name}"
upstream = "${upstream}"
rate = { calls = 100000, per = "1m" }
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }
`;

async function keys(folder) {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const [shared, kept] = [await exportJWK(publicKey), await exportJWK(privateKey)];
    const more = { kid: 'worker-1', alg: 'ES256', use: 'sig' };
    writeFileSync(join(folder, 'worker.jwks'), JSON.stringify({ keys: [{ ...shared, ...more }] }));
    return JSON.stringify({ ...kept, ...more });
}

/** The program: the one that PROKURA_BIN names, or one that is built. */
export async function prokura() {
    if (process.env.PROKURA_BIN) return resolve(process.env.PROKURA_BIN);
    const { code, stderr } = await run('cargo', ['build', '-q', '--locked', '-p', 'prokura', '--features', 'rego,polar'], { cwd: ROOT, timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: target() } });
    if (code !== 0) throw new Error(`prokura does not build: ${stderr.slice(-2000)}`);
    return join(target(), 'debug', 'prokura');
}

async function startProkura(world) {
    const config = join(world.folder, 'prokura.toml');
    writeFileSync(config, configuration(world));
    copyFileSync(at('clients/client-metadata.json'), join(world.folder, 'client-metadata.json'));
    const binary = await prokura();
    world.prokura = binary;
    return serveUntil(`${world.issuer}/.well-known/oauth-authorization-server`, binary, ['serve', '--dev', '--config', config], { cwd: world.folder, env: world.secrets });
}

const startStub = world =>
    serve(process.execPath, [
        at('stub/stub.mjs'),
        String(world.port),
        JSON.stringify({
            everything: { upstream: world.upstream, scopes: { all: '*' }, initial: 'all' },
            stepped: { upstream: world.upstream, scopes: { basic: [BASIC_TOOL], advanced: [ADVANCED_TOOL] }, initial: 'basic' }
        })
    ]);

/**
 * Starts what a run needs. `stub` puts a stand-in where Prokura is; `shim` adds the proxy that holds a token; `eras`
 * adds two resources whose servers know one era each;
 * `onPostgres` keeps everything in a PostgreSQL instead of a file.
 */
export async function build({ stub, shim, eras, onPostgres }) {
    const folder = temporary('prokura-interop-');
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    const { url: upstream } = await serve(process.execPath, [at('upstream/server.mjs')]);
    const database = onPostgres ? await postgres() : `sqlite:${join(folder, 'prokura.db')}`;
    const world = { stub, folder, port, issuer, upstream, database, everything: `${issuer}/mcp/everything`, stepped: `${issuer}/mcp/stepped` };
    if (eras) {
        for (const [name, era] of [['newer', 'modern'], ['older', 'legacy']]) {
            world[name] = (await serve(process.execPath, [at('upstream/server.mjs'), '0', era])).url;
        }
    }
    const master = randomBytes(32).toString('hex');
    world.secrets = { PROKURA_MASTER_KEY: master, SHIM_CLIENT_SECRET: secret(), STRICT_SECRET: secret(), WORKER_JWK: await keys(folder) };
    Object.assign(world, stub ? await startStub(world) : await startProkura(world));
    if (shim) {
        const env = { ...world.secrets, SHIM_TOKEN_ENDPOINT: `${issuer}/token`, SHIM_CLIENT_ID: 'shim', SHIM_RESOURCE: world.everything };
        const { url } = await serve(process.execPath, [at('shim/shim.mjs'), issuer], { env });
        world.through = `${url}/mcp/everything`;
    }
    return world;
}
