// A real SPIRE server and agent on loopback: one trust domain, its bundle endpoint, and the Workload API on a socket.

import { existsSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort, run, serveUntil, temporary } from './process.mjs';

const VERSION = '1.15.3';
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
/** Where `spire/build.sh` puts the programs, or where somebody else did. */
const HOME = process.env.SPIRE_HOME ?? join(cache, 'prokura-ci', `spire-${VERSION}`);
const SERVER = join(HOME, 'spire-server');
const AGENT = join(HOME, 'spire-agent');

export const spireIsThere = () => existsSync(SERVER) && existsSync(AGENT);

const serverConfiguration = ({ domain, folder, port, bundlePort, socket, web }) => `server {
    bind_address = "127.0.0.1"
    bind_port = "${port}"
    socket_path = "${socket}"
    trust_domain = "${domain}"
    data_dir = "${folder}/server"
    log_level = "WARN"
    ca_ttl = "24h"
    default_x509_svid_ttl = "10m"
    default_jwt_svid_ttl = "5m"
    jwt_issuer = "https://oidc.${domain}"
    federation {
        bundle_endpoint {
            address = "127.0.0.1"
            port = ${bundlePort}
            refresh_hint = "1m"
            ${web ? `profile "https_web" { serving_cert_file { cert_file_path = "${web.certificate}" key_file_path = "${web.key}" file_sync_interval = "1h" } }` : 'profile "https_spiffe" {}'}
        }
    }
}
plugins {
    DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "${folder}/spire.sqlite3" } }
    KeyManager "memory" { plugin_data {} }
    NodeAttestor "join_token" { plugin_data {} }
}
`;

const agentConfiguration = ({ domain, folder, port, socket }) => `agent {
    data_dir = "${folder}/agent"
    log_level = "WARN"
    server_address = "127.0.0.1"
    server_port = "${port}"
    socket_path = "${socket}"
    trust_bundle_path = "${folder}/bundle.pem"
    trust_domain = "${domain}"
}
plugins {
    KeyManager "memory" { plugin_data {} }
    NodeAttestor "join_token" { plugin_data {} }
    WorkloadAttestor "unix" { plugin_data {} }
}
`;

/** Starts a trust domain whose agent knows this user as `paths`, each `[path, hint]`. */
export async function spire(domain, paths, { web } = {}) {
    // Sockets have short names, whatever the folder of the run is called.
    const folder = temporary('spire-');
    const [port, bundlePort] = [await freePort(), await freePort()];
    const [socket, workloads] = [join(folder, 's.sock'), join(folder, 'w.sock')];
    writeFileSync(join(folder, 'server.conf'), serverConfiguration({ domain, folder, port, bundlePort, socket, web }));
    writeFileSync(join(folder, 'agent.conf'), agentConfiguration({ domain, folder, port, socket: workloads }));

    /** A command to the server; what it says, as JSON. */
    const command = async (...args) => {
        const { code, stdout, stderr } = await run(SERVER, [...args, '-socketPath', socket, '-output', 'json']);
        if (code !== 0) throw new Error(`spire-server ${args.join(' ')}: ${stderr || stdout}`);
        return JSON.parse(stdout || '{}');
    };
    const healthy = async (program, path) => (await run(program, ['healthcheck', '-socketPath', path])).code === 0;
    const server = await serveUntil(() => healthy(SERVER, socket), SERVER, ['run', '-config', join(folder, 'server.conf')], { cwd: folder });

    const shown = await run(SERVER, ['bundle', 'show', '-socketPath', socket]);
    writeFileSync(join(folder, 'bundle.pem'), shown.stdout);
    const node = `spiffe://${domain}/node`;
    const { value: token } = await command('token', 'generate', '-spiffeID', node);
    for (const [path, hint] of paths) {
        await command('entry', 'create', '-parentID', node, '-spiffeID', `spiffe://${domain}${path}`, '-selector', `unix:uid:${process.getuid()}`, ...(hint ? ['-hint', hint] : []));
    }
    const agent = await serveUntil(() => healthy(AGENT, workloads), AGENT, ['run', '-config', join(folder, 'agent.conf'), '-joinToken', token], { cwd: folder });

    /** The bundle, as a SPIFFE bundle. */
    const bundle = async () => {
        const { stdout } = await run(SERVER, ['bundle', 'show', '-format', 'spiffe', '-socketPath', socket]);
        return stdout;
    };
    /** A JWT-SVID of the real agent, fetched by its own client. */
    const jwt = async (audience, path) => {
        const { code, stdout, stderr } = await run(AGENT, ['api', 'fetch', 'jwt', '-audience', audience, '-spiffeID', `spiffe://${domain}${path}`, '-output', 'json', '-socketPath', workloads]);
        if (code !== 0) throw new Error(`spire-agent api fetch jwt: ${stderr || stdout}`);
        return JSON.parse(stdout)[0].svids[0].svid;
    };
    /** X.509-SVIDs of this user, written as `svid.N.pem` and `svid.N.key` into the folder. */
    const x509 = async into => {
        const { code, stdout, stderr } = await run(AGENT, ['api', 'fetch', 'x509', '-write', into, '-socketPath', workloads]);
        if (code !== 0) throw new Error(`spire-agent api fetch x509: ${stderr || stdout}`);
        return stdout;
    };
    const log = () => `${server.log()}\n${agent.log()}`;
    return { domain, folder, endpoint: `https://127.0.0.1:${bundlePort}`, workloadApi: `unix://${workloads}`, command, bundle, jwt, x509, log };
}
