// The suite's server scenarios, directly at the upstream and through the gateway, one at a time. Nothing that passes
// directly may fail through the gateway, check by check: a check that passed directly may not fail nor disappear.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { record } from '../lib/report.mjs';
import { run } from '../lib/process.mjs';
import { REVISIONS, scenarios } from './scenarios.mjs';

const SUITE = new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;

/** { ok, checks: Map(id → [status, …]), why } of one scenario. */
export async function scenarioAt(url, scenario, revision) {
    const results = mkdtempSync(join(tmpdir(), 'conformance-'));
    try {
        const args = [SUITE, 'server', '--url', url, '--scenario', scenario, '--spec-version', revision, '-o', results];
        const { code, stdout, stderr } = await run(process.execPath, args, { timeoutMs: 90_000 });
        const checks = new Map();
        const why = [];
        for (const folder of readdirSync(results)) {
            for (const check of JSON.parse(readFileSync(join(results, folder, 'checks.json'), 'utf8'))) {
                checks.set(check.id, [...(checks.get(check.id) ?? []), check.status]);
                if (check.status === 'FAILURE' || check.status === 'WARNING') why.push(`${check.name} (${check.status.toLowerCase()}): ${check.errorMessage}`);
            }
        }
        const succeeded = [...checks.values()].flat().filter(status => status === 'SUCCESS').length;
        return { ok: code === 0 && succeeded > 0, checks, why: why.join(' | ') || (code === 0 ? '' : (stderr || stdout).slice(-400)) };
    } finally {
        rmSync(results, { recursive: true, force: true });
    }
}

const count = (statuses, wanted) => (statuses ?? []).filter(status => status === wanted).length;

/** What went well directly and not so well through the gateway, as sentences. */
function losses(direct, through) {
    const lost = [];
    for (const [id, statuses] of direct.checks) {
        const [before, after] = [count(statuses, 'SUCCESS'), count(through.checks.get(id), 'SUCCESS')];
        if (after < before) lost.push(`${id}: ${before} → ${after} successes`);
    }
    return lost;
}

/** Runs everything; `only` narrows to scenarios whose name contains it. Returns rows for the table in the README. */
export async function serverSuite({ direct, through, only }) {
    const rows = [];
    for (const revision of REVISIONS) {
        for (const { scenario, required } of scenarios(revision)) {
            if (only && !scenario.includes(only)) continue;
            const bare = await scenarioAt(direct, scenario, revision);
            const guarded = through && (await scenarioAt(through, scenario, revision));
            rows.push({ revision, scenario, required, direct: bare.ok, through: guarded?.ok });
            const name = `conformance server ${revision} ${scenario}`;
            record(bare.ok || !required, `${name} directly${required || bare.ok ? '' : ' (not required)'}`, bare.ok ? '' : bare.why);
            if (!guarded) continue;
            const lost = losses(bare, guarded);
            record(lost.length === 0 && (guarded.ok || !bare.ok), `${name} through the gateway`, [...lost, guarded.why].filter(Boolean).join(' | '));
        }
    }
    return rows;
}
