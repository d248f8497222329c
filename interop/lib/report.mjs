// One line a result, and the sum at the end.

const results = { passed: 0, failed: 0 };
let seeded;

/** Names that match are of faults which were put in: seeing them is what passes. */
export function seed(pattern) {
    seeded = pattern;
}

export function record(outcome, name, detail) {
    const ok = outcome !== Boolean(seeded?.test(name));
    results[ok ? 'passed' : 'failed'] += 1;
    console.log(`${ok ? 'PASS' : 'FAIL'} ${name}${ok !== outcome ? ' (seeded)' : ''}${detail && !ok ? `: ${String(detail).replace(/\s+/g, ' ').slice(0, 600)}` : ''}`);
    return ok;
}

/** Runs a step; what it throws is the failure. Returns what it returned, or undefined. */
export async function step(name, run) {
    try {
        const value = await run();
        record(true, name);
        return value;
    } catch (error) {
        const cause = error.cause ? ` (${error.cause.message ?? JSON.stringify(error.cause)})` : '';
        record(false, name, `${error.message}${cause}`);
        return undefined;
    }
}

export function expect(condition, message) {
    if (!condition) throw new Error(message);
}

/** Counts the PASS and FAIL lines that another program printed, and prints them with a prefix. */
export function adopt(prefix, output) {
    let seen = 0;
    for (const line of output.split('\n')) {
        const [, verdict, rest] = /^(PASS|FAIL) (.*)$/.exec(line) ?? [];
        if (verdict) {
            const [, name, detail] = /^(.*?)(?:: (.*))?$/.exec(rest);
            record(verdict === 'PASS', `${prefix} ${name}`, detail);
            seen += 1;
        }
    }
    return seen;
}

/** Prints the sum and returns the exit code. */
export function finish() {
    console.log(`${results.passed} passed, ${results.failed} failed`);
    return results.failed === 0 && results.passed > 0 ? 0 : 1;
}
