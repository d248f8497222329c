// `prokura token` and `prokura workload verify-live` on an AWS that judges signatures by botocore's own signer, in front of a
// Prokura of the part's own: from credentials of three places to a token, and what a wrong secret or another server gets.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, run, serve, serveUntil, temporary } from '../lib/process.mjs';
import { expect, record, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

const PYTHON = at('.venv/bin/python');
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLEEXAMPLE00', AWS_SECRET_ACCESS_KEY: 'a-secret/of+aws', AWS_SESSION_TOKEN: 'a/session+token==' };

const configuration = ({ issuer, port, folder, aws }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[[resource]]
name = "everything"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*"] }
[[workload.provider]]
name = "aws"
platform = "aws"
issuer = "${aws.issuer}"
jwks = '${JSON.stringify(aws.jwks)}'
[[workload.rule]]
name = "reporter"
provider = "aws"
agent = "reporter"
when = { account = "123456789012", role = "report-agent", "principal_tags.environment" = "production" }
[[workload.rule.grant]]
resource = "everything"
scopes = ["all"]
`;

export async function workloadSuite() {
    const there = existsSync(PYTHON) && (await run(PYTHON, ['-c', 'import botocore'])).code === 0;
    if (!there) return record(!process.env.CI, 'workload', `botocore is missing in ${PYTHON}: see README.md`);
    const aws = await serve(PYTHON, [at('clients/aws_tokens.py')]);
    const [folder, port, program] = [temporary('prokura-interop-'), await freePort(), await prokura()];
    const issuer = `http://localhost:${port}`;
    const file = join(folder, 'prokura.toml');
    writeFileSync(file, configuration({ issuer, port, folder, aws }));
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, program, ['serve', '--config', file], { cwd: folder });
    const resource = `${issuer}/mcp/everything`;
    const as = (env, ...args) => run(program, args, { cwd: folder, env: { HOME: folder, AWS_ENDPOINT_URL_STS: aws.url, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url, ...env } });
    const token = (env, ...more) => as(env, 'token', '--resource', resource, '--json', ...more);
    const places = {
        'a function, by its environment': { AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_REGION: 'eu-central-1', ...KEYS },
        'a task, by the endpoint of its container': { AWS_REGION: 'eu-central-1', AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/v2/credentials`, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'of-the-task' },
        'an instance, by its metadata service': undefined
    };
    for (const [name, env] of Object.entries(places)) {
        await step(`workload aws: ${name}, has a token`, async () => {
            const { code, stdout, stderr } = env ? await token(env) : await token({}, '--workload', 'aws');
            expect(code === 0 && JSON.parse(stdout).scope === 'all', stderr);
            const claims = JSON.parse(Buffer.from(JSON.parse(stdout).access_token.split('.')[1], 'base64url'));
            expect(claims.aud === resource && claims.workload.claims.account === '123456789012' && claims.exp - claims.iat <= 600, JSON.stringify(claims));
        });
    }
    const lambda = places['a function, by its environment'];
    await step('workload aws: a wrong secret is refused by the signer, and said to be', async () => {
        const { code, stderr } = await token({ ...lambda, AWS_SECRET_ACCESS_KEY: 'another' });
        expect(code === 1 && stderr.includes('SignatureDoesNotMatch'), `${code} ${stderr}`);
    });
    await step('workload aws: a token that does not come at once is explained without being shown', async () => {
        const { code, stdout } = await as({ ...lambda, AWS_SECRET_ACCESS_KEY: 'another' }, 'token', '--resource', resource, '--explain');
        expect(code === 1 && stdout.includes('SignatureDoesNotMatch') && stdout.includes('AWS_LAMBDA_FUNCTION_NAME'), stdout);
        const good = await as(lambda, 'token', '--resource', resource, '--explain');
        expect(good.code === 0 && good.stdout.includes('principal_tags.environment = production') && !good.stdout.includes('eyJ'), good.stdout + good.stderr);
    });
    await step('workload aws: another authorization server than the one that was named is shown nothing', async () => {
        const { code, stderr } = await token(lambda, '--provider-options', 'issuer=https://prokura.example.com');
        expect(code === 1 && stderr.includes('not shown'), `${code} ${stderr}`);
    });
    await step('workload aws: the provider is verified live', async () => {
        const { code, stdout, stderr } = await as(lambda, 'workload', 'verify-live', '--config', file);
        expect(code === 0 && stdout.includes('reporter leads to'), stdout + stderr);
    });
}
