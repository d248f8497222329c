// `prokura doctor` at Prokura, and at a foreign MCP server before a foreign authorization server: what it says has to be
// true, and all of it.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { authorize } from '../lib/browser.mjs';
import { freePort, serve } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

/** Runs the doctor as a person would who signs in with a browser; what it printed, and its exit code. */
async function examine(binary, url, options) {
    const child = spawn(binary, ['doctor', url, '--json', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', chunk => (said.out += chunk));
    const asked = new Promise(done => {
        child.stderr.setEncoding('utf8').on('data', chunk => {
            said.err += chunk;
            const [, address] = /(https?:\/\/\S+)\n/.exec(said.err) ?? [];
            if (address) done(new URL(address));
        });
        child.on('close', () => done());
    });
    const ended = new Promise(done => child.on('close', done));
    const address = await asked;
    if (address) await fetch(await authorize(address, address.searchParams.get('redirect_uri')));
    const code = await ended;
    return { code, ...JSON.parse(said.out) };
}

const ids = report => [...new Set(report.findings.map(finding => finding.check))].sort().join(' ');
const brief = report => JSON.stringify({ trouble: report.trouble, findings: report.findings.map(({ check, at: where, received }) => [check, where, received]) });

function judges(report, { must, checks, unseen }) {
    expect(ids(report) === checks.join(' '), brief(report));
    expect(report.must === must, `${report.must} that must be mended`);
    expect(report.code === (must ? 1 : 0), `ended with ${report.code}`);
    const missing = report.unseen.filter(({ check }) => !unseen.includes(check));
    expect(missing.length === 0, `not seen: ${JSON.stringify(missing)}`);
}

export async function doctorSuite({ everything, upstream }) {
    const binary = await prokura();
    const all = ['--login', '--register', '--invasive'];
    await step('doctor finds nothing at Prokura, with a login, codes and tokens used twice', async () => {
        const report = await examine(binary, everything, all);
        judges(report, { must: 0, checks: [], unseen: ['token-foreign', 'authorize-frame', 'stream-buffering', 'initialize-refusal'] });
        expect(report.versions.includes('2026-07-28') && report.versions.includes('2025-11-25'), report.versions.join());
    });
    await step('doctor says of an open server of the TypeScript SDK what is true', async () => {
        const report = await examine(binary, upstream, []);
        expect(report.protection === 'open' && ids(report) === 'twice', brief(report));
    });
    const port = await freePort();
    const secrets = { INTROSPECTION_SECRET: randomBytes(32).toString('base64url'), ROBOT_SECRET: randomBytes(32).toString('base64url') };
    const { url: issuer } = await serve(process.execPath, [at('provider/server.mjs'), String(port)], { env: secrets });
    const { url } = await serve(process.execPath, [at('protected/server.mjs'), issuer]);
    await step('doctor says of the TypeScript SDK before oidc-provider what is true', async () => {
        // The SDK tells of an error where no token came, and reads a member twice; the provider offers the implicit grant,
        // takes no client metadata documents, and is set up here to grant any resource whose path is one of MCP.
        const checks = ['authorize-resource', 'challenge-error', 'registration-documents', 'server-implicit', 'twice'];
        const unseen = ['token-foreign', 'authorize-frame', 'server-resources', 'stream-buffering', 'session-missing', 'session-ended', 'session-token', 'initialize-refusal'];
        judges(await examine(binary, url, all), { must: 0, checks, unseen });
    });
}
