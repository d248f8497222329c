// Starts, awaits and ends the programs of a run. What was started here is ended here.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';

/** What is under way may end by itself for so long; then it is killed. */
const GRACE_MS = 3_000;

const running = new Set();
const endings = [];
let stopping;

function launch(command, args, options) {
    if (stopping) throw new Error('the run was stopped');
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options, env: { ...process.env, ...options?.env } });
    running.add(child);
    child.on('exit', () => running.delete(child));
    child.on('error', () => running.delete(child));
    return child;
}

/** Runs to the end: { code, stdout, stderr }. `onLine` sees every line of stdout as it comes. */
export async function run(command, args, { timeoutMs = 120_000, onLine, ...options } = {}) {
    const child = launch(command, args, options);
    const out = { stdout: '', stderr: '' };
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', chunk => {
        out.stdout += chunk;
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        lines.forEach(line => onLine?.(line));
    });
    child.stderr.setEncoding('utf8').on('data', chunk => (out.stderr += chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const [code] = await Promise.race([once(child, 'close'), once(child, 'error').then(([error]) => { throw error; })]);
    clearTimeout(timer);
    return { code, ...out };
}

/** Starts a server that prints one JSON line when it listens, and returns { url, … } of that line. */
export async function serve(command, args, options) {
    const child = launch(command, args, options);
    child.stderr.on('data', chunk => process.env.INTEROP_VERBOSE && process.stderr.write(chunk));
    let text = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) {
        text += chunk;
        if (text.includes('\n')) break;
    }
    child.stdout.resume();
    if (!text.includes('\n')) throw new Error(`${command} ${args[0]} ended before it listened`);
    return JSON.parse(text.slice(0, text.indexOf('\n')));
}

/** Starts a server and polls an address until it answers below 500, or `below`, or asks a function; returns its log so far by `log()`, and `stop()`, which ends it before the run does. */
export async function serveUntil(ready, command, args, { timeoutMs = 30_000, below = 500, ...options } = {}) {
    const child = launch(command, args, options);
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', chunk => (log = (log + chunk).slice(-200_000)));
    const until = Date.now() + timeoutMs;
    while (Date.now() < until) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${command} ended with ${child.exitCode ?? child.signalCode}: ${log.slice(-2000)}`);
        const up = typeof ready === 'function' ? await ready() : await fetch(ready).then(r => r.status < below, () => false);
        if (up) return { log: () => log, stop: () => stop(child) };
        await new Promise(done => setTimeout(done, 50));
    }
    throw new Error(`${command} was not ready after ${timeoutMs} ms: ${log.slice(-2000)}`);
}

async function stop(child) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await ended;
    clearTimeout(late);
}

/** The port to be tried next: below those that the system gives to connections and to whoever asks it for any. */
let next = 20_000 + ((process.pid * 61) % 12_000);

/** A port that nobody listens on. It is told once: so it is still free when a program is started anew where it was. */
export async function freePort() {
    for (;;) {
        const port = next;
        next = next < 31_999 ? next + 1 : 20_000;
        if (await isFree(port)) return port;
    }
}

async function isFree(port) {
    const probe = createServer().listen(port, '127.0.0.1');
    const free = await new Promise(done => probe.once('listening', () => done(true)).once('error', () => done(false)));
    if (free) await new Promise(done => probe.close(done));
    return free;
}

/** What else has to be undone at the end, when every program has ended. */
export function atEnd(undo) {
    endings.push(undo);
}

/** A folder that is there as long as the run. */
export function temporary(prefix) {
    const folder = mkdtempSync(join(tmpdir(), prefix));
    atEnd(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

/** Ends every program that was started here, and waits until it has ended. Nothing can be started any more. */
export function stopAll() {
    return (stopping ??= end());
}

async function end() {
    const ended = [...running].map(child => once(child, 'exit'));
    for (const child of running) child.kill('SIGTERM');
    const late = setTimeout(() => running.forEach(child => child.kill('SIGKILL')), GRACE_MS);
    await Promise.all(ended);
    clearTimeout(late);
    for (const undo of endings.reverse()) await undo();
}
