// Which scenarios of the foreign conformance suite are run, by protocol revision.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

const REQUIREMENTS = new URL('../node_modules/@modelcontextprotocol/conformance/requirements/', import.meta.url);

/** Not required of a server, but what passes directly must pass through the gateway all the same. */
const BEYOND = {
    '2026-07-28': ['json-schema-2020-12', 'http-header-validation', 'http-custom-header-server-validation'],
    '2025-11-25': ['server-session-lifecycle', 'server-sse-polling', 'json-schema-2020-12']
};

export const REVISIONS = Object.keys(BEYOND);

/** [{ scenario, required }] in the order of the suite's own frozen list. */
export function scenarios(revision) {
    const { server } = parse(readFileSync(new URL(`${revision}.yaml`, REQUIREMENTS), 'utf8'));
    return [...server.map(scenario => ({ scenario, required: true })), ...BEYOND[revision].map(scenario => ({ scenario, required: false }))];
}
