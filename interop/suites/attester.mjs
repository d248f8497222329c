// Workloads whose evidence is no token: requests to STS as botocore signs them, judged by an STS that makes every signature
// again with botocore's own signer, and a genuine document of EC2; each to a token, through a Prokura of the part's own.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, run, serve, serveUntil, temporary } from '../lib/process.mjs';
import { adopt, record } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

const PYTHON = at('.venv/bin/python');

const configuration = ({ issuer, port, folder, sts }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[egress]
allow = ["${new URL(sts).host}"]
[[resource]]
name = "everything"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"all" = { title = "Use everything", actions = ["tool:*"] }
[[workload.provider]]
name = "aws"
platform = "aws_caller"
accounts = ["123456789012"]
sts_endpoint = "${sts}"
[[workload.provider]]
name = "fleet"
platform = "ec2"
accounts = ["278576220453"]
[[workload.rule]]
name = "planner"
provider = "aws"
agent = "planner"
when = { account = "123456789012", role = "Planner" }
[[workload.rule.grant]]
resource = "everything"
scopes = ["all"]
[[workload.rule]]
name = "instance"
provider = "fleet"
agent = "instance"
when = { account = "278576220453", region = "us-west-2" }
[[workload.rule.grant]]
resource = "everything"
scopes = ["all"]
`;

export async function attesterSuite() {
    const there = existsSync(PYTHON) && (await run(PYTHON, ['-c', 'import botocore'])).code === 0;
    if (!there) return record(!process.env.CI, 'attester', `botocore is missing in ${PYTHON}: see README.md`);
    const { url: sts } = await serve(PYTHON, [at('clients/aws_caller.py'), 'serve']);
    const [folder, port] = [temporary('prokura-interop-'), await freePort()];
    const issuer = `http://localhost:${port}`;
    writeFileSync(join(folder, 'prokura.toml'), configuration({ issuer, port, folder, sts }));
    await serveUntil(`${issuer}/.well-known/oauth-authorization-server`, await prokura(), ['serve', '--config', join(folder, 'prokura.toml')], { cwd: folder });
    const { code, stdout, stderr } = await run(PYTHON, [at('clients/aws_caller.py'), 'attest', issuer, `${issuer}/mcp/everything`, sts]);
    adopt('attester', stdout);
    if (code !== 0) record(false, 'attester', stderr.slice(-600));
    // The same from the other side: the program that a workload runs, judged by the same STS.
    const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLEEXAMPLE00', AWS_SECRET_ACCESS_KEY: 'a-secret-of-aws', AWS_SESSION_TOKEN: 'a/session+token==', AWS_REGION: 'eu-west-1', HOME: folder };
    const own = async env => run(await prokura(), ['token', '--resource', `${issuer}/mcp/everything`, '--workload', 'aws_caller', '--json'], { cwd: folder, env: { ...keys, ...env } });
    const good = await own({});
    record(good.code === 0 && JSON.parse(good.stdout).scope === 'all', 'attester: `prokura token` signs what STS takes', good.stderr);
    const bad = await own({ AWS_SECRET_ACCESS_KEY: 'another' });
    record(bad.code === 1 && bad.stderr.includes('invalid_grant'), 'attester: a wrong secret of `prokura token` is refused', `${bad.code} ${bad.stderr}`);
}
