// The manager example with foreign clients: an assistant on the TypeScript SDK, and one on the Python SDK, act for Mia at an MCP
// server of human resources that gives everybody everything. What they may is in examples/policies/staff, in three languages;
// what comes of it must be the same in each. Afterwards the record says why.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';
import { Person } from '../lib/person.mjs';
import { atEnd, freePort, run, serve, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';
import { ASSISTANT, MIA, entities, staff } from '../manager/staff.mjs';
import { one } from './clients.mjs';

const POLICIES = at('../examples/policies/staff');
const PYTHON = at('.venv/bin/python');

const everywhere = (names, rule) => Object.fromEntries(names.map(name => [name, rule]));

const CEDAR = { list: 'hidden', lists: 'staff#staff-is-listed', permits: 'staff#own-staff', exports: 'staff#managers-export', deletes: 'staff#agents-never-delete', status: 'staff#status-is-known', raises: 'staff#raises-are-small' };

/** The ways to write it down, and what the record names as reasons: ids of rules in Cedar, names of rules in the others. */
const WAYS = {
    cedar: { language: 'cedar', schema: true, ...CEDAR },
    // What no call may do is known before a call only where policies are evaluated in part.
    rego: { language: 'rego', list: 'shown', ...everywhere(['lists', 'permits', 'exports'], 'staff#data.prokura.allow'), ...everywhere(['deletes', 'status', 'raises'], 'staff#data.prokura.deny') },
    polar: { language: 'polar', list: 'shown', ...everywhere(['lists', 'permits', 'exports'], 'staff#allow/3'), ...everywhere(['deletes', 'status', 'raises'], 'staff#deny/4') },
    // Who manages whom is no attribute, but a tuple.
    relations: { language: 'cedar', byTuples: true, ...CEDAR }
};

/** What the policies are and know in one way, as files in a folder; what of it stands in the configuration. */
function policies(folder, { language, schema, byTuples }) {
    const all = entities().map(entity => (byTuples && delete entity.attrs.manager, entity));
    writeFileSync(join(folder, 'staff.json'), JSON.stringify(all));
    const file = join(folder, `staff.${language}`);
    const text = readFileSync(join(POLICIES, `staff.${language}`), 'utf8');
    const [own, related] = ['resource has manager && resource.manager == principal', 'resource has relations && resource.relations.contains("manager")'];
    expect(!byTuples || text.includes(own), `the example does not say \`${own}\``);
    writeFileSync(file, byTuples ? text.replace(own, related) : text);
    writeFileSync(join(folder, 'staff.fga'), 'model\n  schema 1.1\ntype user\ntype employee\n  relations\n    define manager: [user]\n');
    writeFileSync(join(folder, 'staff.tuples'), staff().map(({ id, manager }) => `user:${manager} manager employee:${id}\n`).join(''));
    return `[[policy.set]]
name = "staff"
language = "${language}"
files = ["${file}"]
${schema ? `schema = "${join(POLICIES, 'staff.cedarschema')}"` : ''}
[[policy.entities]]
files = ["${join(folder, 'staff.json')}"]
${byTuples ? `[relations]
model = "${join(folder, 'staff.fga')}"
tuples = ["${join(folder, 'staff.tuples')}"]
ask = { Employee = ["manager"] }` : ''}
`;
}

const configuration = ({ port, issuer, folder, upstream, way }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[dev]
auto_approve_user = "mia"

[[client]]
id = "assistant"
auth = "none"
redirect_uris = ["http://127.0.0.1/callback"]

[[resource]]
name = "staff"
upstream = "${upstream}"
[resource.scopes]
"staff:read" = { title = "See staff", actions = ["tool:list_employees", "tool:show_employee", "tool:export_employees"] }
"staff:write" = { title = "Change staff", actions = ["tool:modify_employee", "tool:raise_salary", "tool:delete_employee"] }
[resource.tools.list_employees]
action = "list"
rows = { at = "$.employees", kind = "Employee", id = "id", action = "view" }
[resource.tools.export_employees]
action = "export"
[resource.tools.show_employee]
action = "view"
target = { kind = "Employee", id = ".id" }
[resource.tools.modify_employee]
action = "modify"
target = { kind = "Employee", id = ".id" }
arguments = "strict"
[resource.tools.raise_salary]
action = "raise"
target = { kind = "Employee", id = ".id" }
[resource.tools.delete_employee]
action = "delete"
target = { kind = "Employee", id = ".id" }

${policies(folder, way)}[[role]]
name = "manager"
members = ["mia"]
[[group]]
name = "hr"
members = ["hana"]
[[group]]
name = "assistants"
members = ["${ASSISTANT}"]
`;

/** A command of the program, with something on its standard input. */
function typed(binary, args, input, options) {
    return new Promise((done, fail) => {
        const child = execFile(binary, args, options, (error, stdout) => (error ? fail(error) : done(stdout)));
        child.stdin.end(input);
    });
}

/** Where a client has human resources told of a page; Hana reads what would happen there, and agrees. */
async function humanResources(hana) {
    const agreed = [];
    const answer = async (req, res) => {
        const address = await new Response(req).text();
        const page = await hana.open(address);
        expect(/raise_salary/.test(page.html) && /e1/.test(page.html) && /percent/.test(page.html), `the page does not say what would happen: ${page.html.slice(0, 2000)}`);
        await hana.send(page, '/approve/', { answer: 'once' });
        agreed.push(address);
        res.end();
    };
    const desk = createServer((req, res) => answer(req, res).catch(error => res.writeHead(500).end(error.message)));
    desk.listen(0, '127.0.0.1');
    await once(desk, 'listening');
    atEnd(() => desk.close());
    return { url: `http://127.0.0.1:${desk.address().port}/`, agreed };
}

/** Everything that stands for one way. */
async function stage(name, binary) {
    const [folder, port] = [temporary('prokura-manager-'), await freePort()];
    const issuer = `http://localhost:${port}`;
    const calls = join(folder, 'calls');
    appendFileSync(calls, '');
    const upstream = (await serve(process.execPath, [at('manager/hr.mjs'), calls])).url;
    const config = join(folder, 'prokura.toml');
    writeFileSync(config, configuration({ port, issuer, folder, upstream, way: WAYS[name] }));
    const password = randomBytes(18).toString('base64url');
    await typed(binary, ['user', 'add', 'hana', '--password', '--config', config], `${password}\n`, { cwd: folder });
    const desk = await humanResources(new Person('hana', password));
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, binary, ['serve', '--dev', '--config', config], { cwd: folder });
    const command = async (...args) => {
        const { code, stdout, stderr } = await run(binary, [...args, '--config', config], { cwd: folder });
        expect(code === 0, `${args.join(' ')}: ${code} ${stderr}`);
        return stdout;
    };
    const lines = text => text.split('\n').filter(Boolean).map(line => JSON.parse(line));
    /** What the record says of decisions, oldest first. */
    const decisions = async () => lines(await command('audit', 'list', '--json', '--kind', 'decision', '--limit', '1000')).map(({ entry }) => entry).reverse();
    return { name, issuer, server: `${issuer}/mcp/staff`, desk, command, decisions, lines, reached: () => lines(readFileSync(calls, 'utf8')) };
}

/** Whether the program was built with a language. */
async function reads(binary, language) {
    const { stderr } = await run(binary, ['policy', 'check', join(POLICIES, `staff.${language}`)]);
    return !stderr.includes('not built into this program');
}

export async function managerSuite() {
    if (!existsSync(PYTHON)) return record(false, 'manager', `${PYTHON} is missing: see README.md`);
    const binary = await prokura();
    let first;
    for (const [name, { language, list }] of Object.entries(WAYS)) {
        if (!(await reads(binary, language))) {
            record(!process.env.CI, `manager ${name}: SKIPPED, the program was built without ${language}`, 'build it with `--features rego,polar`');
            continue;
        }
        const world = await stage(name, binary);
        for (const era of ['modern', 'legacy']) {
            await one(`manager ${name} typescript ${era}`, [process.execPath, at('manager/assistant.mjs'), world.server, world.desk.url, era, list], { timeoutMs: 60_000 });
            await one(`manager ${name} python ${era}`, [PYTHON, at('manager/assistant.py'), world.server, world.desk.url, era, list], { timeoutMs: 60_000 });
        }
        const seen = await recorded(world);
        first ??= { name, seen };
        if (first.name !== name) await step(`manager ${name}: every call came out as in ${first.name}`, () => expect(seen === first.seen, `${seen} is not ${first.seen}`));
    }
}

/** What came of the calls of one walk: which tool, how it came out, why, and what was done besides. */
const outcome = ({ action, outcome: how, reasons, details }) => [action, how, reasons[0], ...(details.obligations ?? []).map(o => `${o.type}: ${o.with}`)].join(' ');

/** Of each call that a rule decided, by which. */
function byRules(walk, { permits, deletes, exports, lists, raises, status }) {
    const of = (action, how) => walk.filter(e => e.action === `tool:${action}` && e.outcome === how && e.reasons[0] !== 'arguments');
    const says = (entries, ...wanted) =>
        entries.forEach((entry, n) => {
            const rules = entry.details.rules ?? [];
            const fits = wanted[n] === undefined ? rules.length === 0 : rules.some(rule => wanted[n] === rule);
            expect(fits && /^staff@[0-9a-f]{12}$/.test(entry.details.policies), `not ${wanted[n]}: ${JSON.stringify(entry)}`);
        });
    says(of('list_employees', 'permit'), lists);
    says(of('show_employee', 'permit'), permits);
    says(of('show_employee', 'deny'), undefined);
    says(of('modify_employee', 'permit'), permits);
    says(of('modify_employee', 'deny'), undefined, status);
    says(of('delete_employee', 'deny'), deletes);
    says(of('export_employees', 'permit'), exports);
    says(of('raise_salary', 'permit'), permits);
    says(of('raise_salary', 'deny').slice(0, 1), raises);
}

/** Looks into the record of all walks in one way; what came of the calls, to be compared. */
async function recorded(world) {
    const { name, command, lines } = world;
    const rules = WAYS[name];
    const all = (await world.decisions()).filter(e => e.act?.[0] === ASSISTANT && /^tool:/.test(e.action));
    const walks = [...Map.groupBy(all, e => e.grant).values()];
    await step(`manager ${name}: the record says of each call whose it was, how it came out, and by which rule`, () => {
        expect(walks.length === 4, `${walks.length} grants`);
        expect(all.every(e => e.sub === MIA && e.client === 'assistant'), 'somebody else');
        walks.forEach(walk => byRules(walk, rules));
    });
    await step(`manager ${name}: each raise was done by an agreement to exactly it, given by one of human resources`, async () => {
        const agreed = lines(await command('audit', 'list', '--json', '--action', 'approval:agree')).map(({ entry }) => entry.details);
        const raised = all.filter(e => e.action === 'tool:raise_salary' && e.outcome === 'permit');
        expect(raised.length === walks.length && agreed.length === walks.length, `${raised.length} raises, ${agreed.length} agreements`);
        for (const { details } of raised) {
            const [{ id, grant }] = details.approvals;
            const by = agreed.find(a => a.approval === id);
            expect(by?.arguments_sha256 === details.arguments_sha256 && by.by !== MIA && grant.startsWith('g_'), JSON.stringify({ details, by }));
        }
    });
    await step(`manager ${name}: nothing that was refused reached the server, and every raise did once`, () => {
        const reached = world.reached();
        expect(!reached.some(call => call.tool === 'delete_employee' || call.id === 'e3' || call.status === 'fired'), JSON.stringify(reached));
        const raises = reached.filter(call => call.tool === 'raise_salary');
        expect(raises.length === walks.length && raises.every(call => call.percent === 5), JSON.stringify(raises));
    });
    await step(`manager ${name}: changes wait to be looked at, with what they were`, async () => {
        const reviews = lines(await command('approval', 'reviews', '--json'));
        const done = all.filter(e => e.action === 'tool:modify_employee' && e.outcome === 'permit');
        const hashes = entries => String(entries.map(e => e.arguments_hash ?? e.details.arguments_sha256).sort());
        expect(reviews.length === walks.length && hashes(reviews) === hashes(done), JSON.stringify(reviews));
    });
    await step(`manager ${name}: by its trace the refusal is explained, and nothing is missing from the record`, async () => {
        const refused = all.find(e => e.action === 'tool:delete_employee');
        const explained = await command('policy', 'explain', '--trace', refused.trace);
        expect(explained.includes(`decided by ${rules.deletes}`) && explained.includes(refused.details.policies), explained);
        const whole = JSON.parse(await command('audit', 'check', '--json'));
        expect(whole.missing.length === 0 && whole.entries > all.length, JSON.stringify(whole));
        expect(!/ssn-of-|iban-of-|"percent"/.test(await command('audit', 'list', '--json', '--limit', '1000')), 'arguments or results stand in the record');
    });
    return walks.map(walk => walk.map(outcome).join(', ')).join('; ');
}
