// A stand-in for Prokura that is just good enough to prove the harness itself: an authorization server which approves
// everything for one user, and a proxy which checks token, audience and scope. It verifies almost nothing. Never a
// reference for what Prokura must do; a client that passes here and fails there has found a difference, not a fault.
//
// Usage: node stub/stub.mjs PORT RESOURCES   RESOURCES is JSON: { name: { upstream, scopes: { scope: [tool, …] | "*" }, initial } }

import { createHash, randomUUID } from 'node:crypto';
import { createServer, request } from 'node:http';

const [port, resourcesJson] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const resources = JSON.parse(resourcesJson);
const codes = new Map();
const pushed = new Map();
const tokens = new Map();
const refreshes = new Map();

const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true
};

const json = (res, status, body, headers = {}) => res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers }).end(JSON.stringify(body));
const read = async req => new URLSearchParams(await new Response(req).text());
const resourceUri = name => `${issuer}/mcp/${name}`;
const nameOf = uri => Object.keys(resources).find(name => resourceUri(name) === uri);

function issue({ clientId, scope, resource, refreshable }) {
    const access = randomUUID();
    tokens.set(access, { active: true, client_id: clientId, scope, aud: resource, sub: refreshable ? 'alice' : clientId, iss: issuer, token_type: 'Bearer', exp: Math.floor(Date.now() / 1000) + 300 });
    const answer = { access_token: access, token_type: 'Bearer', expires_in: 300, scope };
    if (refreshable) {
        answer.refresh_token = randomUUID();
        refreshes.set(answer.refresh_token, { clientId, scope, resource });
    }
    return answer;
}

function clientOf(req, form) {
    const [, basic] = /^Basic (.*)$/.exec(req.headers.authorization ?? '') ?? [];
    if (basic) return decodeURIComponent(Buffer.from(basic, 'base64').toString().split(':')[0]);
    const assertion = form.get('client_assertion');
    return assertion ? JSON.parse(Buffer.from(assertion.split('.')[1], 'base64url').toString()).sub : form.get('client_id');
}

function authorize(res, query) {
    const params = pushed.get(query.get('request_uri')) ?? query;
    const back = new URL(params.get('redirect_uri'));
    const code = randomUUID();
    codes.set(code, params);
    for (const [key, value] of [['code', code], ['state', params.get('state')], ['iss', issuer]]) if (value) back.searchParams.set(key, value);
    res.writeHead(302, { location: back.href }).end();
}

const GRANTS = {
    authorization_code(form, clientId) {
        const params = codes.get(form.get('code'));
        codes.delete(form.get('code'));
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
        if (!params || params.get('code_challenge') !== challenge || params.get('client_id') !== clientId) return undefined;
        const resource = params.get('resource');
        const scope = params.get('scope') ?? Object.keys(resources[nameOf(resource)].scopes).join(' ');
        return issue({ clientId, scope, resource, refreshable: true });
    },
    refresh_token(form) {
        const held = refreshes.get(form.get('refresh_token'));
        refreshes.delete(form.get('refresh_token'));
        return held && issue({ ...held, refreshable: true });
    },
    client_credentials(form, clientId) {
        const resource = form.get('resource');
        return issue({ clientId, resource, scope: form.get('scope') ?? Object.keys(resources[nameOf(resource)].scopes).join(' ') });
    }
};

async function token(req, res) {
    const form = await read(req);
    const answer = GRANTS[form.get('grant_type')]?.(form, clientOf(req, form));
    return answer ? json(res, 200, answer) : json(res, 400, { error: 'invalid_grant' });
}

/** The scopes a tools/call needs beyond those held, or undefined if it may pass. */
function missing(resource, held, message) {
    if (message?.method !== 'tools/call') return undefined;
    const needed = Object.keys(resource.scopes).filter(scope => resource.scopes[scope] === '*' || resource.scopes[scope].includes(message.params.name));
    return needed.some(scope => held.includes(scope)) ? undefined : needed.join(' ');
}

async function protect(req, res, name) {
    const resource = resources[name];
    const challenge = extra => ({ 'www-authenticate': `Bearer ${extra}resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp/${name}"` });
    const held = tokens.get(/^Bearer (.*)$/.exec(req.headers.authorization ?? '')?.[1]);
    if (!held?.active || held.aud !== resourceUri(name)) return json(res, 401, { error: 'invalid_token' }, challenge(`scope="${resource.initial}", `));
    const body = Buffer.from(await new Response(req).arrayBuffer());
    const needed = body.length > 0 ? missing(resource, held.scope.split(' '), JSON.parse(body)) : undefined;
    if (needed) return json(res, 403, { error: 'insufficient_scope' }, challenge(`error="insufficient_scope", scope="${needed}", `));
    const to = new URL(resource.upstream);
    const { authorization, host, origin, ...headers } = req.headers;
    if ((origin ?? issuer) !== issuer && !origin.includes('127.0.0.1')) return json(res, 403, { error: 'origin' });
    const onward = request({ host: to.hostname, port: to.port, path: to.pathname, method: req.method, headers: { ...headers, host: to.host } }, answer => {
        res.writeHead(answer.statusCode, answer.headers).flushHeaders();
        answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    res.on('close', () => onward.destroy());
    onward.end(body);
}

async function serve(req, res) {
    const url = new URL(req.url, issuer);
    const [, name] = /^\/mcp\/([a-z]+)$/.exec(url.pathname) ?? [];
    const [, prm] = /^\/\.well-known\/oauth-protected-resource\/mcp\/([a-z]+)$/.exec(url.pathname) ?? [];
    if (resources[name]) return protect(req, res, name);
    if (resources[prm]) return json(res, 200, { resource: resourceUri(prm), authorization_servers: [issuer], scopes_supported: Object.keys(resources[prm].scopes) });
    const act = {
        '/.well-known/oauth-authorization-server': () => json(res, 200, metadata),
        '/.well-known/openid-configuration': () => json(res, 200, { ...metadata, jwks_uri: `${issuer}/jwks`, subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['ES256'] }),
        '/authorize': () => authorize(res, url.searchParams),
        '/token': () => token(req, res),
        '/par': async () => {
            const uri = `urn:ietf:params:oauth:request_uri:${randomUUID()}`;
            const form = await read(req);
            form.set('client_id', clientOf(req, form));
            pushed.set(uri, form);
            return json(res, 201, { request_uri: uri, expires_in: 60 });
        },
        '/register': async () => json(res, 201, { ...JSON.parse(await new Response(req).text()), client_id: randomUUID() }),
        '/introspect': async () => json(res, 200, tokens.get((await read(req)).get('token')) ?? { active: false }),
        '/revoke': async () => {
            const gone = (await read(req)).get('token');
            if (tokens.has(gone)) tokens.get(gone).active = false;
            tokens.delete(gone);
            refreshes.delete(gone);
            return res.writeHead(200).end();
        }
    }[url.pathname];
    return act ? act() : json(res, 404, { error: 'not_found' });
}

createServer((req, res) => serve(req, res).catch(error => json(res, 500, { error: String(error) }))).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ url: issuer })));
