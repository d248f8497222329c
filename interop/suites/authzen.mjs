// The decision point, asked over HTTP by Node's own client as the runners of openid/authzen do it: the decisions of the Todo
// interop and the searches of the Search interop, with the policies of authzen/ in front of a Prokura of the part's own. The
// runners themselves need packages (cli-color, a TypeScript loader) that are not among those of this folder.

import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

const VECTORS = process.env.PROKURA_VECTORS ?? at('../../shared/vectors');
const SECRET = 'a-secret-that-a-machine-made-1234567890';

const configuration = ({ issuer, port, folder, scenario }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[[client]]
id = "pep"
secret = { env = "PEP_SECRET" }
grant_types = ["client_credentials"]
[[client.grant]]
resource = "authzen"
scopes = ["authzen:evaluate", "authzen:search", "authzen:assert"]
[authzen]
reasons = "none"
kinds = { record = "Record", todo = "Todo" }
actions = { record = ["view", "edit", "delete"] }
[[policy.set]]
name = "${scenario}"
language = "cedar"
files = ["${scenario}.cedar"]
[[policy.entities]]
files = ["${scenario}.entities.json"]
`;

/** A Prokura with the policies of a scenario; what asks it. */
async function started(scenario) {
    const [folder, port, program] = [temporary('prokura-interop-'), await freePort(), await prokura()];
    const issuer = `http://localhost:${port}`;
    for (const file of [`${scenario}.cedar`, `${scenario}.entities.json`]) copyFileSync(at(`authzen/${file}`), join(folder, file));
    writeFileSync(join(folder, 'prokura.toml'), configuration({ issuer, port, folder, scenario }));
    await serveUntil(`${issuer}/.well-known/authzen-configuration`, program, ['serve', '--config', join(folder, 'prokura.toml')], { cwd: folder, env: { ...process.env, PEP_SECRET: SECRET } });
    const metadata = await (await fetch(`${issuer}/.well-known/authzen-configuration`)).json();
    expect(metadata.policy_decision_point === issuer, JSON.stringify(metadata));
    const basic = `Basic ${Buffer.from(`pep:${SECRET}`).toString('base64')}`;
    const form = new URLSearchParams({ grant_type: 'client_credentials', resource: `${issuer}/access/v1` });
    const { access_token: token } = await (await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization: basic }, body: form })).json();
    return async (endpoint, request) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-request-id': `${endpoint}-1` };
        const answer = await fetch(metadata[endpoint], { method: 'POST', headers, body: JSON.stringify(request) });
        expect(answer.status === 200 && answer.headers.get('x-request-id') === `${endpoint}-1`, `${answer.status} ${await answer.clone().text()}`);
        return answer.json();
    };
}

const read = name => JSON.parse(readFileSync(join(VECTORS, 'authzen', name), 'utf8'));
const sorted = results => JSON.stringify(results.map(r => r.id ?? r.name).sort());

export async function authzenSuite() {
    if (!existsSync(join(VECTORS, 'authzen'))) return record(!process.env.CI, 'authzen', 'the vectors are missing: set PROKURA_VECTORS');
    const todo = await started('todo');
    const { evaluation, evaluations } = read('todo-decisions.json');
    await step(`authzen todo: ${evaluation.length} decisions`, async () => {
        for (const { request, expected } of evaluation) {
            const { decision } = await todo('access_evaluation_endpoint', request);
            expect(decision === expected, JSON.stringify(request));
        }
    });
    await step(`authzen todo: ${evaluations.length} batches`, async () => {
        for (const { request, expected } of evaluations) {
            const answer = await todo('access_evaluations_endpoint', request);
            expect(JSON.stringify(answer.evaluations) === JSON.stringify(expected), JSON.stringify(answer));
        }
    });
    const search = await started('search');
    for (const what of ['subject', 'resource', 'action']) {
        const cases = read(`search-${what}.json`).evaluation;
        await step(`authzen search: ${cases.length} for ${what}s`, async () => {
            for (const { request, expected } of cases) {
                const answer = await search(`search_${what}_endpoint`, request);
                expect(sorted(answer.results) === sorted(expected.results), `${JSON.stringify(request)} ${JSON.stringify(answer)}`);
            }
        });
    }
}
