// A foreign MCP server that asks for tokens: the TypeScript SDK with its own bearer check and metadata, nothing of ours,
// before a foreign authorization server.
//
// Usage: node protected/server.mjs ISSUER; prints one JSON line when it listens.

import { createServer } from 'node:http';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { createMcpHandler, getOAuthProtectedResourceMetadataUrl, McpServer, oauthMetadataResponse, OAuthError, OAuthErrorCode, requireBearerAuth } from '@modelcontextprotocol/server';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { z } from 'zod';

const issuer = process.argv[2];
const oauthMetadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(oauthMetadata.jwks_uri));
let resource;

const verifier = {
    async verifyAccessToken(token) {
        const { payload } = await jwtVerify(token, keys, { issuer, audience: resource.href, typ: 'at+jwt' }).catch(error => {
            throw new OAuthError(OAuthErrorCode.InvalidToken, error.message);
        });
        return { token, clientId: payload.client_id, scopes: (payload.scope ?? '').split(' '), expiresAt: payload.exp, resource: new URL(payload.aud) };
    }
};

const mcp = toNodeHandler(
    createMcpHandler(() => {
        const server = new McpServer({ name: 'protected', version: '1.0.0' });
        server.registerTool('greet', { description: 'Greets', inputSchema: z.object({}) }, () => ({ content: [{ type: 'text', text: 'Hello' }] }));
        return server;
    })
);
const [hostIsOurs, originIsOurs] = [localhostHostValidation(), localhostOriginValidation()];

async function send(res, response) {
    res.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()));
}

async function serve(req, res, gate, options) {
    const raw = await new Response(req).text();
    let body;
    try {
        body = raw === '' ? undefined : JSON.parse(raw);
    } catch {
        body = raw;
    }
    const web = await toWebRequest(req, body);
    const document = oauthMetadataResponse(new Request(web.url, { method: req.method, headers: web.headers }), options);
    if (document) return send(res, document);
    if (new URL(web.url).pathname !== resource.pathname) return void res.writeHead(404).end();
    if (!hostIsOurs(req, res) || !originIsOurs(req, res)) return undefined;
    const admitted = await gate(new Request(web.url, { headers: web.headers }));
    if (admitted instanceof Response) return send(res, admitted);
    req.auth = admitted;
    return mcp(req, res, body);
}

let serving;
const server = createServer((req, res) => {
    serving(req, res).catch(error => {
        console.error(error);
        if (!res.headersSent) res.writeHead(500);
        res.end();
    });
});
server.listen(0, '127.0.0.1', () => {
    resource = new URL(`http://127.0.0.1:${server.address().port}/mcp/protected`);
    const gate = requireBearerAuth({ verifier, requiredScopes: ['all'], resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource), expectedResource: resource });
    const options = { oauthMetadata, resourceServerUrl: resource, scopesSupported: ['all'], dangerouslyAllowInsecureIssuerUrl: true };
    serving = (req, res) => serve(req, res, gate, options);
    console.log(JSON.stringify({ url: resource.href }));
});
