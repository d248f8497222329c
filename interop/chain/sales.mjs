// The sales server, at the end of the chain: an MCP server on the TypeScript SDK that knows nothing of tokens, but writes down
// what the gateway says of the caller.
//
// Usage: node chain/sales.mjs HOPS; prints one JSON line when it listens.

import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { says, serving } from './serving.mjs';

const told = ctx => appendFileSync(process.argv[2], `${JSON.stringify({ at: 'sales', handed: ctx.http.req.headers.get('txn-token'), authorization: ctx.http.req.headers.has('authorization') })}\n`);
const quarter = z.object({ quarter: z.string() });

serving('sales', {
    generate_summary: ['Sums up a quarter', quarter, (_, ctx) => (told(ctx), says('sales rose 8.7 %'))],
    read_report: ['A quarter by region', quarter, () => says('North: 1')]
});
