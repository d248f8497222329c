// A person's browser for programs that start one: notes the visit and follows the address to its end.
// Usage: node clients/visit.mjs LOG ADDRESS

import { appendFileSync } from 'node:fs';

const [log, address] = process.argv.slice(2);
appendFileSync(log, `${address}\n`);
await fetch(address, { headers: { accept: 'text/html' } });
