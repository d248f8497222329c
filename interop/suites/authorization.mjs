// The suite's two scenarios for an authorization server. It prints an address for a person; a small browser follows it.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authorize } from '../lib/browser.mjs';
import { freePort, run } from '../lib/process.mjs';
import { record } from '../lib/report.mjs';

const SUITE = new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;
const EXPECTED = ['authorization-server-metadata', 'authorization-code-grant'];

export async function authorizationSuite({ issuer, clientId, resource }) {
    const port = await freePort();
    const results = mkdtempSync(join(tmpdir(), 'conformance-'));
    let visit = Promise.resolve();
    const onLine = line => {
        if (!line.startsWith('http') || !line.includes('response_type=code')) return;
        visit = authorize(line.trim(), `http://127.0.0.1:${port}/callback`)
            .then(back => fetch(back))
            .catch(error => record(false, 'conformance authorization: the browser', error.message));
    };
    try {
        const args = [SUITE, 'authorization', '--url', issuer, '--client-id', clientId, '--resource', resource, '-p', String(port), '-o', results];
        const { stdout, stderr } = await run(process.execPath, args, { timeoutMs: 60_000, onLine });
        await visit;
        const checks = readdirSync(results).flatMap(folder => JSON.parse(readFileSync(join(results, folder, 'checks.json'), 'utf8')));
        for (const check of checks) record(check.status === 'SUCCESS', `conformance authorization ${check.id}`, check.errorMessage);
        for (const id of EXPECTED.filter(id => !checks.some(check => check.id.startsWith(id)))) {
            record(false, `conformance authorization ${id}`, `not run: ${(stderr || stdout).slice(-400)}`);
        }
    } finally {
        rmSync(results, { recursive: true, force: true });
    }
}
