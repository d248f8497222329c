// The suite's client scenarios: it plays the servers, and judges what a client of ours does. One at a time, because
// its servers measure time.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { record } from '../lib/report.mjs';
import { run } from '../lib/process.mjs';
import { target } from '../lib/world.mjs';

const ROOT = new URL('../..', import.meta.url).pathname;
const SUITE = new URL('../node_modules/@modelcontextprotocol/conformance/', import.meta.url).pathname;

/** Optional by definition, and ours all the same; and what servers of 2025-03-26 ask of a client. */
const BEYOND = {
    '2026-07-28': ['client-credentials-jwt', 'client-credentials-basic', 'enterprise-managed-authorization', 'dpop', 'dpop-nonce', 'wif-jwt-bearer'],
    '2025-03-26': ['2025-03-26-oauth-metadata-backcompat', '2025-03-26-oauth-endpoint-fallback']
};
/** So many there are in the pinned version. If there are fewer, something was left out. */
const EXPECTED = 33;

function authorizationScenarios() {
    const { client } = parse(readFileSync(join(SUITE, 'requirements/2026-07-28.yaml'), 'utf8'));
    const required = client.filter(scenario => scenario.startsWith('auth/')).map(scenario => ({ scenario, revision: '2026-07-28' }));
    const beyond = Object.entries(BEYOND).flatMap(([revision, names]) => names.map(name => ({ scenario: `auth/${name}`, revision })));
    return [...required, ...beyond];
}

async function clientProgram() {
    const { code, stderr } = await run('cargo', ['build', '-q', '--locked', '-p', 'prokura-sdk', '--example', 'conformance'], { cwd: ROOT, timeoutMs: 1_200_000, env: { CARGO_TARGET_DIR: target() } });
    if (code !== 0) throw new Error(`the client does not build: ${stderr.slice(-2000)}`);
    return join(target(), 'debug', 'examples', 'conformance');
}

/** { ok, why } of one scenario with the client that `command` starts. */
export async function clientScenario(command, scenario, revision) {
    const results = mkdtempSync(join(tmpdir(), 'conformance-'));
    try {
        const { code, stdout, stderr } = await run(process.execPath, [join(SUITE, 'dist/index.js'), 'client', '--command', command, '--scenario', scenario, '--spec-version', revision, '--force', '-o', results], { timeoutMs: 90_000 });
        const checks = readdirSync(results, { recursive: true }).filter(file => file.endsWith('checks.json')).flatMap(file => JSON.parse(readFileSync(join(results, file), 'utf8')));
        const bad = checks.filter(check => check.status === 'FAILURE' || check.status === 'WARNING');
        const good = checks.filter(check => check.status === 'SUCCESS').length;
        const why = bad.map(check => `${check.name} (${check.status.toLowerCase()}): ${check.errorMessage ?? check.description}`).join(' | ');
        return { ok: code === 0 && bad.length === 0 && good > 0, why: why || (stderr || stdout).slice(-600) };
    } finally {
        rmSync(results, { recursive: true, force: true });
    }
}

/** Runs every authorization scenario; `only` narrows to those whose name contains it. */
export async function agentSuite({ command, only } = {}) {
    const program = command ?? (await clientProgram());
    const all = authorizationScenarios();
    record(all.length === EXPECTED, `conformance client: ${EXPECTED} authorization scenarios`, `${all.length} were found`);
    for (const { scenario, revision } of all) {
        if (only && !scenario.includes(only)) continue;
        const { ok, why } = await clientScenario(program, scenario, revision);
        record(ok, `conformance client ${revision} ${scenario}`, ok ? '' : why);
    }
}
