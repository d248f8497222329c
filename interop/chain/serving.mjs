// An MCP server on the TypeScript SDK, on a free port of loopback, behind the gateway.

import { createServer } from 'node:http';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';

export const says = text => ({ content: [{ type: 'text', text }] });

/** Serves `tools` ({ name: [description, input, run] }), and prints one JSON line when it listens. */
export function serving(name, tools) {
    const handler = toNodeHandler(
        createMcpHandler(() => {
            const server = new McpServer({ name, version: '1.0.0' });
            for (const [tool, [description, inputSchema, run]] of Object.entries(tools)) server.registerTool(tool, { description, inputSchema }, run);
            return server;
        })
    );
    const [hostIsOurs, originIsOurs] = [localhostHostValidation(), localhostOriginValidation()];
    const serve = async (req, res) => {
        if (!hostIsOurs(req, res) || !originIsOurs(req, res)) return;
        await handler(req, res, JSON.parse((await new Response(req).text()) || 'null') ?? undefined);
    };
    const listener = createServer((req, res) => {
        serve(req, res).catch(error => {
            console.error(error);
            if (!res.headersSent) res.writeHead(500);
            res.end();
        });
    });
    listener.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${listener.address().port}/mcp` })));
}
