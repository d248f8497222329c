// `prokura connect` between hosts that nobody here wrote and servers behind the gateway, in all four pairs of eras; ten
// of them on one login; and the suite's scenarios for clients, as far as a bridge meets them.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, temporary } from '../lib/process.mjs';
import { adopt, expect, record, step } from '../lib/report.mjs';
import { at } from '../lib/world.mjs';
import { BASIC_TOOL } from '../clients/agreed.mjs';
import { environment } from '../clients/login.mjs';
import { clientScenario } from './agent.mjs';

/** Host era, the resource, its server's era, how the client is known. */
const PAIRS = [
    ['modern', 'everything', 'modern', 'cimd'],
    ['modern', 'everything', 'modern', 'dcr'],
    ['legacy', 'everything', 'legacy', 'cimd'],
    ['legacy', 'everything', 'legacy', 'dcr'],
    ['legacy', 'newer', 'modern', 'cimd'],
    ['modern', 'older', 'legacy', 'cimd']
];

const HOSTS = {
    typescript: () => [process.execPath, at('clients/host.mjs')],
    python: () => [at('.venv/bin/python'), at('clients/host_python.py')]
};

export async function connectSuite(world) {
    const folders = temporary('prokura-hosts-');
    for (const [name, host] of Object.entries(HOSTS)) {
        const [program, script] = host();
        for (const [hostEra, resource, serverEra, registration] of PAIRS) {
            const title = `connect ${name} ${hostEra} host, ${serverEra} server, ${registration}`;
            if (!existsSync(program)) {
                record(false, title, `${program} is missing: see README.md`);
                continue;
            }
            const folder = join(folders, title.replace(/\W+/g, '-'));
            mkdirSync(folder);
            const stepped = resource === 'everything' ? world.stepped : '-';
            const url = `${world.issuer}/mcp/${resource}`;
            const { code, stdout, stderr } = await run(program, [script, world.prokura, folder, url, stepped, hostEra, serverEra, registration, process.execPath], { timeoutMs: 120_000 });
            const seen = adopt(title, stdout);
            if (seen === 0 || !/\d+ passed, \d+ failed\s*$/.test(stdout)) record(false, `${title} ends in order`, `code ${code} ${stderr.slice(-500)}`);
        }
    }
    await inspector(world, join(folders, 'inspector'));
}

const INSPECTOR = at('inspector/node_modules/.bin/mcp-inspector');

/** The Inspector starts a host for every request; the login outlives them all. */
async function inspector(world, folder) {
    mkdirSync(folder);
    if (!existsSync(INSPECTOR)) return void record(false, 'connect inspector', `${INSPECTOR} is missing: see README.md`);
    const variables = Object.entries(environment(folder, 'dcr')).filter(([name]) => name !== 'PATH').flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    const asks = [
        ['tools/list', [], result => result.tools.some(tool => tool.name === BASIC_TOOL)],
        ['tools/call', ['--tool-name', BASIC_TOOL], result => result.content[0].text.startsWith('This is a simple text')],
        ['resources/read', ['--uri', 'test://static-text'], result => result.contents[0].text.startsWith('This is the content')],
        ['prompts/get', ['--prompt-name', 'test_simple_prompt'], result => result.messages.length === 1]
    ];
    for (const [era, resource] of [['modern', 'everything'], ['legacy', 'everything'], ['legacy', 'newer'], ['modern', 'older']]) {
        for (const [method, more, fits] of asks) {
            await step(`connect inspector ${era} host at ${resource}: ${method}`, async () => {
                const args = [INSPECTOR, '--cli', ...variables, '--protocol-era', era, '--connect-timeout', '60000', world.prokura, 'connect', `${world.issuer}/mcp/${resource}`, '--method', method, ...more];
                const { code, stdout, stderr } = await run(process.execPath, args, { timeoutMs: 90_000, env: { HOME: folder } });
                expect(code === 0, `code ${code}: ${stderr.slice(-400)}`);
                expect(fits(JSON.parse(stdout)), stdout.slice(0, 400));
            });
        }
    }
    await step('connect inspector signed in once at each server', () => {
        const visits = readFileSync(join(folder, 'visits'), 'utf8').trim().split('\n').map(line => new URL(line).searchParams.get('resource'));
        expect(visits.length === 3 && new Set(visits).size === 3, String(visits));
    });
}

/**
 * The suite's scenarios for clients that are about messages, each at the revision it is for. The others are about
 * authorization, which is `agent`, or about the skills extension, of which a bridge sees nothing but requests.
 */
const SCENARIOS = [
    ['initialize', '2025-11-25'],
    ['tools_call', '2025-11-25'],
    ['tools_call', '2026-07-28'],
    ['elicitation-sep1034-client-defaults', '2025-11-25'],
    ['sse-retry', '2025-11-25'],
    ['request-metadata', '2026-07-28'],
    ['sep-2322-client-request-state', '2026-07-28'],
    ['http-standard-headers', '2026-07-28'],
    ['http-custom-headers', '2026-07-28'],
    ['http-invalid-tool-headers', '2026-07-28'],
    ['json-schema-2020-12-preservation', '2026-07-28'],
    ['json-schema-ref-no-deref', '2026-07-28']
];

/** Runs them with a foreign host behind the bridge; `only` narrows to those whose name contains it. */
export async function bridgeScenarios(prokura, { only } = {}) {
    process.env.PROKURA_BIN = prokura;
    for (const [scenario, revision] of SCENARIOS) {
        if (only && !scenario.includes(only)) continue;
        const { ok, why } = await clientScenario(`${process.execPath} ${at('clients/scenario.mjs')}`, scenario, revision);
        record(ok, `connect ${revision} ${scenario}`, ok ? '' : why);
    }
}
