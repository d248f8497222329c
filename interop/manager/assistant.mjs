// Mia's assistant: the TypeScript SDK's client, as it comes from its registry.
// Usage: node manager/assistant.mjs SERVER HR (modern|legacy) (hidden|shown)
//   HR is where somebody of human resources is told of a page to agree at; `hidden`: the list leaves out what no call may do.

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { randomUUID } from 'node:crypto';
import { authorize } from '../lib/browser.mjs';
import { expect, finish, step } from '../lib/report.mjs';

const [server, hr, era, list] = process.argv.slice(2);
const redirectUrl = `http://127.0.0.1:${20_000 + Math.floor(Math.random() * 20_000)}/callback`;
const kept = {};
const mia = {
    redirectUrl,
    clientMetadata: { client_name: 'Assistant', redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' },
    state: () => (kept.state = randomUUID()),
    clientInformation: () => ({ client_id: 'assistant' }),
    tokens: () => kept.tokens,
    saveTokens: tokens => void (kept.tokens = tokens),
    saveCodeVerifier: verifier => void (kept.verifier = verifier),
    codeVerifier: () => kept.verifier,
    redirectToAuthorization: async address => void (kept.callback = await authorize(address, redirectUrl))
};

/** Whether Mia goes where she is sent; what she was told there. */
const sent = { goes: true, pages: [] };
/** Has human resources agree, and says how that went. */
async function asks(url) {
    sent.pages.push(url);
    if (!sent.goes) return { action: 'decline' };
    const answer = await fetch(hr, { method: 'POST', body: url });
    expect(answer.status === 200, await answer.text());
    return { action: 'accept' };
}

async function connect() {
    const versionNegotiation = { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' };
    const client = new Client({ name: 'assistant', version: '1.0.0' }, { versionNegotiation, capabilities: { elicitation: { url: {} } } });
    client.setRequestHandler('elicitation/create', ({ params }) => asks(params.url));
    const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: mia });
    try {
        await client.connect(transport);
        return client;
    } catch (error) {
        let at = error;
        while (at && !(at instanceof UnauthorizedError)) at = at.cause;
        if (!at || kept.tokens) throw error;
        await transport.finishAuth(kept.callback.searchParams);
        return connect();
    }
}

const client = await step('signs Mia in and connects', connect);
if (!client) process.exit(finish());
const call = (name, given = {}) => client.callTool({ name, arguments: given });
const said = ({ content }) => content.map(({ text }) => text).join('\n');
const ids = rows => String(rows.map(({ id }) => id));
/** Everything that came, in whatever form. */
const has = (answer, word) => JSON.stringify(answer).includes(word);
const noNumbers = answer => expect(!has(answer, 'ssn-of-') && !has(answer, 'iban-of-'), JSON.stringify(answer));
/** That a call is refused, by the gateway's own word for it. */
async function refused(name, given, word) {
    const error = await call(name, given).then(answer => new Error(`it went through: ${JSON.stringify(answer)}`), e => e);
    const told = `${error.message} ${JSON.stringify(error.data ?? {})}`;
    expect(told.includes(word), told);
}

await step('speaks the revision it was asked to', () => expect((client.getNegotiatedProtocolVersion() === '2026-07-28') === (era === 'modern'), client.getNegotiatedProtocolVersion()));
await step('is shown the tools that some call of hers may use', async () => {
    const names = (await client.listTools()).tools.map(({ name }) => name);
    for (const name of ['list_employees', 'show_employee', 'modify_employee', 'raise_salary', 'export_employees']) expect(names.includes(name), String(names));
    expect(names.includes('delete_employee') === (list === 'shown'), String(names));
});
await step('lists her own staff alone, without numbers', async () => {
    const answer = await call('list_employees');
    expect(ids(answer.structuredContent.employees) === 'e1,e2,e4', JSON.stringify(answer));
    expect(ids(JSON.parse(said(answer)).employees) === 'e1,e2,e4', said(answer));
    expect(!has(answer, 'Cyd') && !has(answer, 'Eli') && has(answer, 'Ada'), JSON.stringify(answer));
    noNumbers(answer);
});
await step('shows one of them without numbers', async () => {
    const answer = await call('show_employee', { id: 'e1' });
    expect(answer.structuredContent.name === 'Ada' && answer.structuredContent.salary > 0, JSON.stringify(answer));
    noNumbers(answer);
});
await step('is refused to show another one', () => refused('show_employee', { id: 'e3' }, 'policy'));
await step('changes the status of one', async () => {
    const answer = await call('modify_employee', { id: 'e1', status: 'leave' });
    expect(said(answer) === 'Ada is now: leave', said(answer));
});
await step("is refused to change somebody else's", () => refused('modify_employee', { id: 'e3', status: 'leave' }, 'policy'));
await step('is refused a status that is none', () => refused('modify_employee', { id: 'e1', status: 'fired' }, 'policy'));
await step('is refused an argument that nobody named', () => refused('modify_employee', { id: 'e1', status: 'leave', salary: 1 }, 'arguments'));
await step('is refused to delete one, though she herself could', () => refused('delete_employee', { id: 'e1' }, 'policy'));
await step('exports her own rows without numbers, also as text', async () => {
    const answer = await call('export_employees');
    expect(ids(JSON.parse(said(answer)).employees) === 'e1,e2,e4', said(answer));
    noNumbers(answer);
});
await step('is refused a raise that is too large, and nobody is asked', async () => {
    await refused('raise_salary', { id: 'e1', percent: 50 }, 'policy');
    expect(sent.pages.length === 0, String(sent.pages));
});

/** Asks for a raise. In 2026-07-28 the SDK goes where it is sent by itself; before, it is told in an error. */
async function raise(percent) {
    try {
        return await call('raise_salary', { id: 'e1', percent });
    } catch (error) {
        const [asked] = error.data?.elicitations ?? [];
        if (!asked) throw error;
        if ((await asks(asked.url)).action !== 'accept') throw error;
        return call('raise_salary', { id: 'e1', percent });
    }
}
await step('gives a raise when human resources agreed to it', async () => {
    const answer = await raise(5);
    expect(said(answer) === 'Ada gets 5 % more' && sent.pages.length === 1, `${said(answer)} ${sent.pages}`);
});
await step('is asked again for the same raise, and for another', async () => {
    sent.goes = false;
    for (const percent of [5, 6]) {
        const before = sent.pages.length;
        const answer = await raise(percent).then(said, e => `refused: ${e.message} ${JSON.stringify(e.data ?? {})}`);
        expect(answer.startsWith('refused') && sent.pages.length === before + 1, `${answer} ${sent.pages}`);
    }
    expect(new Set(sent.pages).size === 3, String(sent.pages));
});
await client.close();
process.exit(finish());
