// A quiet stream must be seen to be open. A client that holds a lock until the headers come (the Python SDK does)
// stands still for as long as a proxy holds them back; the upstream's first byte is a comment after 15 seconds.

import { expect, step } from '../lib/report.mjs';

const ENOUGH_MS = 5_000;
const base = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' };
const hello = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'interop', version: '1' } } };

async function opensAtOnce(url) {
    const first = await fetch(url, { method: 'POST', headers: base, body: JSON.stringify(hello) });
    const session = first.headers.get('mcp-session-id');
    expect(first.ok && session, `initialize answered ${first.status}`);
    await first.text();
    const headers = { ...base, 'mcp-session-id': session };
    await fetch(url, { method: 'POST', headers, body: '{"jsonrpc":"2.0","method":"notifications/initialized"}' });
    const stream = new AbortController();
    const timer = setTimeout(() => stream.abort(new Error(`no headers after ${ENOUGH_MS} ms`)), ENOUGH_MS);
    const opened = await fetch(url, { headers: { ...headers, accept: 'text/event-stream' }, signal: stream.signal });
    clearTimeout(timer);
    expect(opened.status === 200 && opened.headers.get('content-type').startsWith('text/event-stream'), `the stream answered ${opened.status}`);
    stream.abort();
    const gone = await fetch(url, { method: 'DELETE', headers });
    expect(gone.ok, `DELETE answered ${gone.status}`);
}

export async function streamSuite({ direct, through }) {
    await step('a quiet stream opens at once, directly', () => opensAtOnce(direct));
    await step('a quiet stream opens at once, through the gateway', () => opensAtOnce(through));
}
