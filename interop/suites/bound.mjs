// Tokens that are bound to whom they were issued to: by proofs of possession with nonces, and by certificates on
// connections that Prokura ends itself. Each against a Prokura of its own, which takes no other tokens.

import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_METADATA_URL } from '../clients/agreed.mjs';
import { freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { record } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';
import { one } from './clients.mjs';

const PYTHON = at('.venv/bin/python');
const RESOURCE = upstream => `[[resource]]
name = "everything"
upstream = "${upstream}"
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*", "resource:*", "prompt:*"] }
`;

async function byProof({ upstream }) {
    const [folder, port] = [temporary('prokura-interop-'), await freePort()];
    const issuer = `http://localhost:${port}`;
    copyFileSync(at('clients/client-metadata.json'), join(folder, 'client-metadata.json'));
    const env = { STRICT_SECRET: randomBytes(32).toString('base64url') };
    writeFileSync(join(folder, 'prokura.toml'), `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[dpop]
server_nonces = true
gateway_nonces = true
[dev]
auto_approve_user = "alice"
[dev.client_metadata]
"${CLIENT_METADATA_URL}" = "${join(folder, 'client-metadata.json')}"
[[client]]
id = "public"
dpop_bound_access_tokens = true
redirect_uris = ["http://127.0.0.1/callback"]
[[client]]
id = "strict"
secret = { env = "STRICT_SECRET" }
grant_types = ["client_credentials"]
introspects = ["everything"]
${RESOURCE(upstream).replace('[resource.scopes]', 'require_dpop = true\n[resource.scopes]')}`);
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, await prokura(), ['serve', '--dev', '--config', join(folder, 'prokura.toml')], { cwd: folder, env });
    await one('bound by proof', [process.execPath, at('clients/bound.mjs'), issuer, `${issuer}/mcp/everything`], { env, timeoutMs: 90_000 });
}

async function byCertificate({ upstream }) {
    if (!existsSync(PYTHON)) return record(false, 'bound by certificate', `${PYTHON} is missing: see README.md`);
    const [folder, port] = [temporary('prokura-interop-'), await freePort()];
    const made = await run(PYTHON, [at('clients/mutual_tls.py'), folder]);
    if (made.code !== 0) return record(false, 'bound by certificate', made.stderr);
    const issuer = `https://localhost:${port}`;
    const client = (id, how) => `[[client]]
id = "${id}"
${how}
tls_client_certificate_bound_access_tokens = true
grant_types = ["client_credentials"]
[[client.grant]]
resource = "everything"
scopes = ["all"]
`;
    writeFileSync(join(folder, 'prokura.toml'), `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[tls]
certificate = "${join(folder, 'server.pem')}"
key = "${join(folder, 'server.key')}"
client_certificates = "optional"
client_authorities = ["${join(folder, 'authority.pem')}"]
${client('batch', 'auth = "tls_client_auth"\ntls_client_auth_subject_dn = "CN=batch,O=Interop"')}
${client('own', `auth = "self_signed_tls_client_auth"\njwks_file = "${join(folder, 'own.jwks')}"`)}
${RESOURCE(upstream)}`);
    const ready = () => run(PYTHON, ['-c', `import ssl, urllib.request; urllib.request.urlopen("${issuer}/readyz", context=ssl.create_default_context(cafile="${join(folder, 'authority.pem')}"))`]);
    await serveUntil(async () => (await ready()).code === 0, await prokura(), ['serve', '--config', join(folder, 'prokura.toml')], { cwd: folder });
    await one('bound by certificate', [PYTHON, at('clients/mutual_tls.py'), folder, issuer, `${issuer}/mcp/everything`], { timeoutMs: 90_000 });
}

export async function boundSuite(world) {
    await byProof(world);
    await byCertificate(world);
}
