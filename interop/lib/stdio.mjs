// A host as bare as can be: lines to a program and from it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Starts a program that speaks MCP on standard input and output: { ask, tell, close, log }. */
export function speak(command, args, env) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
    const waiting = new Map();
    let [count, log] = [0, ''];
    child.stderr.setEncoding('utf8').on('data', chunk => (log = (log + chunk).slice(-20_000)));
    createInterface({ input: child.stdout }).on('line', line => {
        const message = JSON.parse(line);
        waiting.get(message.id)?.(message);
        waiting.delete(message.id);
    });
    child.on('exit', () => waiting.forEach(done => done({ error: { message: `the program ended: ${log.slice(-400)}` } })));
    const write = message => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    return {
        ask: (method, params) => new Promise(done => {
            count += 1;
            waiting.set(count, done);
            write({ id: count, method, params });
        }),
        tell: (method, params) => write({ method, params }),
        close: async () => {
            const ended = once(child, 'exit');
            child.stdin.end();
            return (await ended)[0];
        },
        log: () => log
    };
}
