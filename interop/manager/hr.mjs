// The MCP server of human resources: it knows nothing of tokens, managers or policies, and gives everybody everything.
// Usage: node manager/hr.mjs LOG   (every call that reaches it is a line of JSON there)

import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { serving } from '../chain/serving.mjs';
import { staff } from './staff.mjs';

const [log] = process.argv.slice(2);
const kept = new Map(staff().map(person => [person.id, person]));

const text = (said, isError) => ({ content: [{ type: 'text', text: said }], ...(isError && { isError }) });
/** A value, and the same as text for clients that read no values. */
const told = value => ({ ...text(JSON.stringify(value)), structuredContent: value });

/** A tool that writes down that it was called. */
const tool = (name, about, input, run) => [
    name,
    [about, z.object(input), async given => {
        appendFileSync(log, `${JSON.stringify({ tool: name, ...given })}\n`);
        return run(given);
    }]
];

const someone = { id: z.string().describe('the number in the personnel file') };
const of = (id, act) => (kept.has(id) ? act(kept.get(id)) : text(`there is no ${id}`, true));

serving('hr', Object.fromEntries([
    tool('list_employees', 'Everybody on the staff', {}, () => told({ employees: [...kept.values()] })),
    tool('show_employee', 'One of the staff', someone, ({ id }) => of(id, told)),
    tool('modify_employee', 'Change the status of one', { ...someone, status: z.string() }, ({ id, status }) => of(id, person => {
        person.status = status;
        return text(`${person.name} is now: ${status}`);
    })),
    tool('raise_salary', 'Raise the salary of one by some percent', { ...someone, percent: z.number().int() }, ({ id, percent }) => of(id, person => {
        person.salary = Math.round(person.salary * (1 + percent / 100));
        return text(`${person.name} gets ${percent} % more`);
    })),
    tool('delete_employee', 'Remove one from the staff', someone, ({ id }) => of(id, person => {
        kept.delete(id);
        return text(`${person.name} is gone`);
    })),
    // As a text alone: what is kept from it must be kept from texts too.
    tool('export_employees', 'The whole personnel file', {}, () => text(JSON.stringify({ employees: [...kept.values()] })))
]));
