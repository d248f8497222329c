// Pods of a real cluster's API server at Prokura, by the files of docs/how-to/kubernetes.md: projected tokens of pods that
// are there and of pods that are not, for Prokura and for others, for ten minutes and for a year, before and after the
// cluster's keys were changed.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASIC_TOOL } from '../clients/agreed.mjs';
import { cluster, ISSUER, there, binary } from '../lib/kubernetes.mjs';
import { freePort, run, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

const file = name => readFileSync(at(`../docs/examples/kubernetes/${name}`), 'utf8');
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const MODERN = '2026-07-28';
const META = { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientInfo': { name: 'pod', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} };

/** The guide's configuration, with the addresses and files of this run in place of those of a cluster. */
function configuration({ issuer, port, folder, upstream, kube, token }) {
    const changes = [
        ['"https://prokura.example.com"', `"${issuer}"`],
        ['0.0.0.0:9400', `127.0.0.1:${port}`],
        ['/var/lib/prokura/prokura.db', join(folder, 'prokura.db')],
        ['http://reports.tools.svc.cluster.local:8080/mcp', upstream],
        [`${ISSUER}/openid/v1/jwks`, `${kube.address}/openid/v1/jwks`],
        [`server = "${ISSUER}"`, `server = "${kube.address}"`],
        ['/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', kube.ca],
        ['/var/run/secrets/kubernetes.io/serviceaccount/token', token]
    ];
    return changes.reduce((text, [from, to]) => {
        expect(text.includes(from), `the guide's configuration has no ${from}`);
        return text.replaceAll(from, to);
    }, file('prokura.toml'));
}

/** Starts Prokura by a configuration; what it logs says what was expected and what came. */
async function start(issuer, folder, text) {
    writeFileSync(join(folder, 'prokura.toml'), text);
    return serveUntil(`${issuer}/.well-known/oauth-authorization-server`, await prokura(), ['serve', '--config', join(folder, 'prokura.toml')], { cwd: folder });
}

/** Shows a token: { status, body }. */
async function show(issuer, assertion, resource = `${issuer}/mcp/reports`) {
    const body = new URLSearchParams({ grant_type: GRANT, assertion, resource });
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
    return { status: answer.status, body: await answer.json() };
}

async function accepted(issuer, assertion) {
    const { status, body } = await show(issuer, assertion);
    expect(status === 200 && body.access_token, `${status} ${JSON.stringify(body)}`);
    return body;
}

/** Refused, with one sentence that says nothing of why. */
async function refused(issuer, assertion) {
    const { status, body } = await show(issuer, assertion);
    expect(status === 400 && body.error === 'invalid_grant', `${status} ${JSON.stringify(body)}`);
    expect(!/audience|pod|system:serviceaccount/.test(JSON.stringify(body)), `it tells a stranger why: ${JSON.stringify(body)}`);
}

const claims = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

async function call(issuer, token) {
    return fetch(`${issuer}/mcp/reports`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': BASIC_TOOL, authorization: `Bearer ${token}` },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: BASIC_TOOL, arguments: {}, _meta: META } })
    });
}

/** A pod as the Deployment of the guide makes it; there is no kubelet, so it never starts, which its token does not say. */
async function pod(kube, name) {
    const { body } = await kube.ask('GET', '/apis/apps/v1/namespaces/agents/deployments/planner');
    const { metadata, spec } = body.spec.template;
    return kube.must('POST', '/api/v1/namespaces/agents/pods', { metadata: { ...metadata, name }, spec });
}

/** The token that the kubelet would put into the pod: what its volume asks for. */
async function projected(kube, made, issuer) {
    const source = made.spec.volumes.find(v => v.name === 'prokura-token').projected.sources[0].serviceAccountToken;
    expect(source.audience === 'https://prokura.example.com', `the guide's volume is for ${source.audience}`);
    return kube.token('agents', 'planner', { audiences: [issuer], pod: made, seconds: source.expirationSeconds });
}

export async function kubernetesSuite({ upstream }) {
    if (!there()) {
        if (process.env.CI) return record(false, 'kubernetes', `${binary()} is missing: run interop/kubernetes/build.sh`);
        return console.log('SKIP kubernetes: there is no API server; build one by interop/kubernetes/build.sh');
    }
    const [folder, port] = [temporary('prokura-interop-'), await freePort()];
    const issuer = `http://localhost:${port}`;
    const kube = await step('kubernetes: an API server with its etcd starts', cluster);
    if (!kube) return;
    await step('kubernetes: it takes the files of the guide, each member of them', async () => {
        const applied = [...(await kube.apply(file('prokura.yaml'))), ...(await kube.apply(file('agent.yaml')))];
        const made = await kube.must('POST', '/api/v1/namespaces/prokura/configmaps', { metadata: { name: 'prokura' }, data: { 'prokura.toml': file('prokura.toml') } });
        expect(applied.length === 10 && made.data['prokura.toml'], `${applied.length} objects`);
    });
    const token = join(folder, 'prokura-token');
    const renewed = async () => writeFileSync(token, await kube.token('prokura', 'prokura', { seconds: 3600 }));
    await renewed();
    await step('kubernetes: its keys are not for everybody', async () => {
        const anonymous = await kube.ask('GET', '/openid/v1/jwks', undefined, { token: null });
        expect(anonymous.status === 403, `${anonymous.status}`);
    });
    const server = await step('kubernetes: prokura starts with the configuration of the guide', () => start(issuer, folder, configuration({ issuer, port, folder, upstream, kube, token })));
    if (!server) return;
    const [first, second] = [await pod(kube, 'planner-1'), await pod(kube, 'planner-2')];
    const right = await projected(kube, first, issuer);

    await step('kubernetes: the token of a pod becomes one for the resource, and no longer than it', async () => {
        const body = await accepted(issuer, right);
        const [made, shown] = [claims(body.access_token), claims(right)];
        expect(made.aud === `${issuer}/mcp/reports` && made.exp <= shown.exp && body.expires_in <= 600, JSON.stringify(made));
        expect(made.workload.claims.namespace === 'agents' && made.workload.claims.pod === 'planner-1', JSON.stringify(made.workload));
        const answer = await call(issuer, body.access_token);
        expect(answer.status === 200, `${answer.status} ${await answer.text()}`);
    });
    await step('kubernetes: the pod itself gets it by `prokura token`, and says how', async () => {
        const mounted = join(folder, 'mounted');
        writeFileSync(mounted, right);
        const env = { PROKURA_KUBERNETES_TOKEN_FILE: mounted, HOME: folder };
        const { code, stdout, stderr } = await run(await prokura(), ['token', '--resource', `${issuer}/mcp/reports`, '--json'], { env });
        expect(code === 0, `${stdout} ${stderr}`);
        const answer = await call(issuer, JSON.parse(stdout).access_token);
        expect(answer.status === 200, `${answer.status}`);
    });
    await step('kubernetes: `prokura workload test` says which rule matches, or what was expected and what came', async () => {
        const test = async jwt => run(await prokura(), ['workload', 'test', jwt, '--config', join(folder, 'prokura.toml')], { cwd: folder });
        const good = await test(right);
        expect(good.code === 0 && /planner .*matches/.test(good.stdout) && good.stdout.includes('pod = `planner-1`'), `${good.stdout} ${good.stderr}`);
        const wrong = await test(await kube.token('agents', 'planner', { audiences: ['https://other.example'], pod: first }));
        expect(wrong.code === 1 && wrong.stdout.includes(`\`aud\` is \`https://other.example\`, expected \`${issuer}\` alone`), `${wrong.code} ${wrong.stdout} ${wrong.stderr}`);
    });
    await step('kubernetes: a token for somebody else is refused, and the log says for whom it is', async () => {
        const other = await kube.token('agents', 'planner', { audiences: ['https://other.example'], pod: first });
        const both = await kube.token('agents', 'planner', { audiences: [issuer, 'https://other.example'], pod: first });
        const clusters = await kube.token('agents', 'planner', { pod: first });
        for (const wrong of [other, both, clusters]) await refused(issuer, wrong);
        expect(server.log().includes('https://other.example'), 'the log does not say what was received');
    });
    await step('kubernetes: a token of a year, one without a pod, and one of another account are refused', async () => {
        await refused(issuer, await kube.token('agents', 'planner', { audiences: [issuer], pod: first, seconds: 31_536_000 }));
        await refused(issuer, await kube.token('agents', 'planner', { audiences: [issuer] }));
        await kube.must('POST', '/api/v1/namespaces/agents/serviceaccounts', { metadata: { name: 'other' } });
        const spec = { ...first.spec, serviceAccountName: 'other', serviceAccount: 'other', volumes: undefined, containers: [{ name: 'x', image: 'x' }] };
        const stranger = await kube.must('POST', '/api/v1/namespaces/agents/pods', { metadata: { name: 'other' }, spec });
        await refused(issuer, await kube.token('agents', 'other', { audiences: [issuer], pod: stranger }));
    });
    await step('kubernetes: the token of a deleted pod is refused at once, that of its neighbour is not', async () => {
        const neighbour = await projected(kube, second, issuer);
        await accepted(issuer, right);
        await kube.must('DELETE', '/api/v1/namespaces/agents/pods/planner-1?gracePeriodSeconds=0');
        await refused(issuer, right);
        await accepted(issuer, neighbour);
    });
    const apart = await byFile({ upstream, kube, second });
    await step('kubernetes: a key that the cluster begins to sign with refuses nobody', async () => {
        const old = await projected(kube, second, issuer);
        await accepted(issuer, old);
        kube.newKey();
        await kube.start();
        const made = await projected(kube, second, issuer);
        await accepted(issuer, made);
        await accepted(issuer, old);
        await apart.renew();
        await accepted(apart.issuer, await projected(kube, second, apart.issuer));
        // The kubelet renews Prokura's own token too, long before the cluster stops to believe the old key.
        await renewed();
        await kube.start(1);
        await accepted(issuer, made);
        await refused(issuer, old);
    });
    await step('kubernetes: while the API server is away, nobody gets in', async () => {
        const made = await projected(kube, second, issuer);
        await kube.running.stop();
        const { status, body } = await show(issuer, made);
        expect(status === 503 || (status === 400 && body.error === 'invalid_grant'), `${status} ${JSON.stringify(body)}`);
        await kube.start(1);
        await accepted(issuer, made);
    });
}

/** Keys from a file in place of an API server that can be reached, and nobody who is asked about pods. */
async function byFile({ upstream, kube, second }) {
    const [folder, port] = [temporary('prokura-interop-'), await freePort()];
    const issuer = `http://localhost:${port}`;
    const jwks = join(folder, 'cluster.json');
    const renew = async () => writeFileSync(jwks, JSON.stringify(await kube.must('GET', '/openid/v1/jwks', undefined, { accept: 'application/jwk-set+json' })));
    await step('kubernetes: keys from a file are enough', async () => {
        await renew();
        const text = configuration({ issuer, port, folder, upstream, kube, token: 'none' });
        const own = text.replace(/^jwks_uri.*$/m, `jwks_file = "${jwks}"`).replace(/^(ca_file|token_file|review) .*$/gm, '');
        await start(issuer, folder, own);
        await accepted(issuer, await projected(kube, second, issuer));
    });
    return { issuer, renew };
}
