// An MCP server on the TypeScript SDK, of both eras, on a free port of loopback, behind the gateway.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { localhostHostValidation, localhostOriginValidation, NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { createMcpHandler, isLegacyRequest, McpServer } from '@modelcontextprotocol/server';

export const says = text => ({ content: [{ type: 'text', text }] });

/** Serves `tools` ({ name: [description, input, run] }), and prints one JSON line when it listens. */
export function serving(name, tools) {
    const build = () => {
        const server = new McpServer({ name, version: '1.0.0' });
        for (const [tool, [description, inputSchema, run]] of Object.entries(tools)) server.registerTool(tool, { description, inputSchema }, run);
        return server;
    };
    const modern = toNodeHandler(createMcpHandler(build, { legacy: 'reject' }));
    const sessions = new Map();
    /** Whoever speaks 2025-11-25 has a session. */
    const legacy = async (req, res, body) => {
        const id = req.headers['mcp-session-id'];
        if (id === undefined) {
            const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: made => void sessions.set(made, transport), onsessionclosed: made => void sessions.delete(made) });
            await build().connect(transport);
            return transport.handleRequest(req, res, body);
        }
        return sessions.has(id) ? sessions.get(id).handleRequest(req, res, body) : res.writeHead(404).end();
    };
    const [hostIsOurs, originIsOurs] = [localhostHostValidation(), localhostOriginValidation()];
    const serve = async (req, res) => {
        if (!hostIsOurs(req, res) || !originIsOurs(req, res)) return;
        if (req.method !== 'POST') return legacy(req, res);
        const body = JSON.parse((await new Response(req).text()) || 'null') ?? undefined;
        return (await isLegacyRequest(await toWebRequest(req, body), body)) ? legacy(req, res, body) : modern(req, res, body);
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
