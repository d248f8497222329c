// The "everything" server behind the gateway: both protocol eras on one address, on the foreign TypeScript SDK.
// Usage: node upstream/server.mjs [PORT [ERA]]   (0 picks a free one; prints one JSON line {"url": …} when it listens;
// ERA is `modern` or `legacy` for a server that knows no other)

import { createServer } from 'node:http';
import { randomBytes, randomUUID } from 'node:crypto';
import { localhostHostValidation, localhostOriginValidation, NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { completable, createMcpHandler, createRequestStateCodec, isLegacyRequest, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { PROMPTS, RESOURCES, TEMPLATE, tools, toolSchema } from './catalog.mjs';

const only = process.argv[3];
const codec = createRequestStateCodec({ key: randomBytes(32) });
const sessions = new Map();
const cached = { ttlMs: 60_000, cacheScope: 'public' };

function build({ era }) {
    const legacy = era === 'legacy';
    const server = new McpServer(
        { name: 'everything', version: '1.0.0' },
        {
            capabilities: {
                tools: { listChanged: true },
                prompts: { listChanged: true },
                resources: { listChanged: true, ...(legacy && { subscribe: true }) },
                logging: {},
                completions: {}
            },
            cacheHints: Object.fromEntries(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'].map(method => [method, cached])),
            requestState: { verify: codec.verify }
        }
    );
    addTools(server);
    addResources(server);
    addPrompts(server);
    if (legacy) addSubscriptions(server);
    return server;
}

function addTools(server) {
    for (const [name, tool] of Object.entries(tools({ notify: () => announcer(server), codec }))) {
        server.registerTool(name, { description: tool.about, inputSchema: toolSchema(tool.schema) }, tool.run);
    }
}

/** Changes reach listeners of the stateless era through the handler, and the session at hand through its server. */
function announcer(server) {
    return {
        toolsChanged: () => (modern.notify.toolsChanged(), server.sendToolListChanged()),
        promptsChanged: () => (modern.notify.promptsChanged(), server.sendPromptListChanged())
    };
}

function addResources(server) {
    for (const [uri, { name, about, mimeType, contents }] of Object.entries(RESOURCES)) {
        server.registerResource(name, uri, { description: about, mimeType }, () => ({ contents: [{ uri, mimeType, ...contents }] }));
    }
    const { name, uri: pattern, about, mimeType, read } = TEMPLATE;
    server.registerResource(name, new ResourceTemplate(pattern, { list: undefined }), { description: about, mimeType }, (uri, { id }) => ({
        contents: [{ uri: uri.href, mimeType, text: read(id) }]
    }));
}

function addPrompts(server) {
    for (const [name, prompt] of Object.entries(PROMPTS)) {
        const argument = ([key, about]) => [key, completable(z.string().describe(about), typed => (prompt.completes?.[key] ?? []).filter(word => word.startsWith(typed)))];
        const argsSchema = prompt.arguments && z.object(Object.fromEntries(Object.entries(prompt.arguments).map(argument)));
        const run = argsSchema ? prompt.run : ctx => prompt.run({}, ctx);
        server.registerPrompt(name, { description: prompt.about, ...(argsSchema && { argsSchema }) }, run);
    }
}

function addSubscriptions(server) {
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) server.server.setRequestHandler(method, () => ({}));
}

/** Events of one session, so that a stream which was cut can be resumed (2025 eras). */
function eventLog() {
    const events = [];
    return {
        storeEvent: async (stream, message) => `${stream}_${events.push({ stream, message }) - 1}`,
        getStreamIdForEventId: async id => id.slice(0, id.lastIndexOf('_')),
        replayEventsAfter: async (id, { send }) => {
            const stream = id.slice(0, id.lastIndexOf('_'));
            for (let i = Number(id.slice(id.lastIndexOf('_') + 1)) + 1; i < events.length; i += 1) {
                const { stream: of, message } = events[i];
                if (of === stream && Object.keys(message).length > 0) await send(`${of}_${i}`, message);
            }
            return stream;
        }
    };
}

async function openSession() {
    const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: eventLog(),
        retryInterval: 200,
        onsessioninitialized: id => void sessions.set(id, transport),
        onsessionclosed: id => void sessions.delete(id)
    });
    await build({ era: 'legacy' }).connect(transport);
    return transport;
}

const refuse = (res, status, message) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message }, id: null }));

async function legacy(req, res, body) {
    const id = req.headers['mcp-session-id'];
    if (id !== undefined) {
        const transport = sessions.get(id);
        return transport ? transport.handleRequest(req, res, body) : refuse(res, 404, 'Session not found');
    }
    if (body?.method !== 'initialize') return refuse(res, 400, 'Mcp-Session-Id header is required');
    return (await openSession()).handleRequest(req, res, body);
}

const modern = createMcpHandler(build, { legacy: 'reject' });
const serveModern = toNodeHandler(modern);
const [hostIsOurs, originIsOurs] = [localhostHostValidation(), localhostOriginValidation()];

async function serve(req, res) {
    if (!hostIsOurs(req, res) || !originIsOurs(req, res)) return;
    if (new URL(req.url, 'http://localhost').pathname !== '/mcp') return void res.writeHead(404).end();
    if (req.method !== 'POST') return only === 'modern' ? void res.writeHead(405).end() : legacy(req, res);
    const raw = await new Response(req).text();
    let body;
    try {
        body = JSON.parse(raw);
    } catch {
        return void res.writeHead(400, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}');
    }
    const probe = await toWebRequest(req, body);
    const isLegacy = only ? only === 'legacy' : await isLegacyRequest(probe, body);
    return isLegacy ? legacy(req, res, body) : serveModern(req, res, body);
}

const listener = createServer((req, res) => {
    serve(req, res).catch(error => {
        console.error(error);
        if (!res.headersSent) res.writeHead(500);
        res.end();
    });
});
listener.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${listener.address().port}/mcp` })));
