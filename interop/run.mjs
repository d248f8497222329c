// Lets foreign suites and foreign clients judge Prokura. See README.md.
//
// Usage: node run.mjs [--stub | --postgres] [--only TEXT] [--table] [--verbose] [PART …]
//   parts: authorization, agent, connect, together, scenarios, server, clients, bound, chain, kubernetes, workload, attester, authzen, backchannel, manager, foreign, signals, sso, spire, federation, keycloak (if KEYCLOAK_HOME names one), typescript, python, rmcp,
//   strict, device, doctor; all if none is named.
//   --stub puts a small stand-in where Prokura is: it proves the harness, nothing else.
//   --postgres keeps everything in the PostgreSQL that PROKURA_TEST_POSTGRES names, or in one of the run's own.

import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

// The suite needs Node 22; the package manager brought one along for machines that have an older.
if (Number(process.versions.node.split('.')[0]) < 22) {
    const own = ['x64', 'arm64'].map(cpu => fileURLToPath(new URL(`node_modules/node-linux-${cpu}/bin/node`, import.meta.url))).find(existsSync);
    if (!own) throw new Error('Node 22 or newer is needed: run `npm ci` here first');
    const child = spawn(own, process.argv.slice(1), { stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    process.exit((await once(child, 'exit'))[0] ?? 1);
}

const { parseArgs } = await import('node:util');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { stub: { type: 'boolean' }, postgres: { type: 'boolean' }, only: { type: 'string' }, verbose: { type: 'boolean' }, table: { type: 'boolean' } } });
if (values.verbose) process.env.INTEROP_VERBOSE = '1';

const { build } = await import('./lib/world.mjs');
const { stopAll } = await import('./lib/process.mjs');
const { finish, record, seed } = await import('./lib/report.mjs');
const { authorizationSuite } = await import('./suites/authorization.mjs');
const { agentSuite } = await import('./suites/agent.mjs');
const { bridgeScenarios, connectSuite } = await import('./suites/connect.mjs');
const { togetherSuite } = await import('./suites/together.mjs');
const { streamSuite } = await import('./suites/stream.mjs');
const { serverSuite } = await import('./suites/server.mjs');
const { foreignSuite, keycloakSuite } = await import('./suites/foreign.mjs');
const { boundSuite } = await import('./suites/bound.mjs');
const { chainSuite } = await import('./suites/chain.mjs');
const { kubernetesSuite } = await import('./suites/kubernetes.mjs');
const { workloadSuite } = await import('./suites/workload.mjs');
const { signalsSuite } = await import('./suites/signals.mjs');
const { spireSuite } = await import('./suites/spire.mjs');
const { ssoSuite } = await import('./suites/sso.mjs');
const { federationSuite } = await import('./suites/federation.mjs');
const { CLIENTS, clientSuite, deviceSuite, strictSuite } = await import('./suites/clients.mjs');
const { attesterSuite } = await import('./suites/attester.mjs');
const { doctorSuite } = await import('./suites/doctor.mjs');
const { authzenSuite } = await import('./suites/authzen.mjs');
const { backchannelSuite } = await import('./suites/backchannel.mjs');
const { managerSuite } = await import('./suites/manager.mjs');

const unknown = positionals.filter(part => !['authorization', 'agent', 'connect', 'together', 'scenarios', 'server', 'clients', 'bound', 'chain', 'attester', 'authzen', 'backchannel', 'manager', 'kubernetes', 'workload', 'doctor', 'foreign', 'keycloak', 'signals', 'spire', 'sso', 'federation', 'strict', 'device', ...Object.keys(CLIENTS)].includes(part));
if (unknown.length > 0) {
    console.error(`no such part: ${unknown.join(', ')}`);
    process.exit(1);
}
// What was started ends first; then the run itself does, because nothing answers it any more.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void stopAll());

// The agent alone needs nothing of ours to stand: the suite plays the servers.
const standing = positionals.length === 0 || positionals.some(part => part !== 'agent' && part !== 'sso' && part !== 'attester' && part !== 'authzen' && part !== 'backchannel' && part !== 'manager' && part !== 'workload' && part !== 'federation' && part !== 'chain');
const wants = part => positionals.length === 0 || positionals.includes(part) || (part === 'world' && standing);
let world;
// The faults of the stub. A run against it passes only if every one of them is found.
if (values.stub) seed(/sees only what it may use|is told of an unknown scope|cannot redeem a code twice|is refused with another key/);
try {
    if (wants('agent') && !values.stub) await agentSuite({ only: values.only });
    if (wants('world')) world = await build({ stub: values.stub, onPostgres: values.postgres, shim: wants('server'), eras: !values.stub && wants('connect') });
    if (wants('authorization')) await authorizationSuite({ issuer: world.issuer, clientId: 'conformance', resource: world.everything });
    if (wants('bound') && !values.stub) await boundSuite(world);
    if (wants('chain') && !values.stub) await chainSuite();
    if (wants('kubernetes') && !values.stub) await kubernetesSuite(world);
    if (wants('workload') && !values.stub) await workloadSuite();
    if (wants('attester') && !values.stub) await attesterSuite();
    if (wants('authzen') && !values.stub) await authzenSuite();
    if (wants('backchannel') && !values.stub) await backchannelSuite();
    if (wants('manager') && !values.stub) await managerSuite();
    if (wants('foreign') && !values.stub) await foreignSuite(world);
    if (wants('signals') && !values.stub) await signalsSuite(world);
    if (wants('sso') && !values.stub) await ssoSuite();
    if (wants('federation') && !values.stub) await federationSuite();
    if (wants('spire') && !values.stub) await spireSuite(world);
    if (wants('keycloak') && !values.stub) await keycloakSuite(world);
    if (wants('scenarios') && !values.stub) await bridgeScenarios(world.prokura, { only: values.only });
    if (wants('connect') && !values.stub) await connectSuite(world);
    if (wants('together') && !values.stub) await togetherSuite(world);
    if (wants('doctor') && !values.stub) await doctorSuite(world);
    if (wants('strict')) await strictSuite(world);
    if (wants('device') && !values.stub) await deviceSuite(world);
    const names = wants('clients') ? Object.keys(CLIENTS) : Object.keys(CLIENTS).filter(name => positionals.includes(name));
    if (names.length > 0) await clientSuite(world, names);
    if (wants('server')) {
        await streamSuite({ direct: world.upstream, through: world.through });
        const rows = await serverSuite({ direct: world.upstream, through: world.through, only: values.only });
        const mark = ok => (ok ? 'pass' : 'fail');
        if (values.table) for (const row of rows) console.log(`| ${row.revision} | ${row.scenario} | ${row.required ? 'yes' : 'no'} | ${mark(row.direct)} | ${mark(row.through)} |`);
    }
} catch (error) {
    record(false, 'the run itself', error.stack);
} finally {
    if (values.verbose && world?.log) console.error(world.log());
    await stopAll();
}
process.exit(finish());
