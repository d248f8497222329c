// A reverse proxy that adds a bearer token, so that a suite which knows no authorization can drive what is protected.
//
// Everything else passes as it came: method, path, every header, streams byte by byte in both directions, an early
// end on either side. `Host` and `Origin` are translated only where they name the shim itself; any other value is
// what a DNS rebinding attack sends, and the gateway has to see it.
//
// Usage: node shim/shim.mjs TARGET [PORT]
//   SHIM_TOKEN                                              a ready token, or
//   SHIM_TOKEN_ENDPOINT SHIM_CLIENT_ID SHIM_CLIENT_SECRET   client_credentials for
//   SHIM_RESOURCE [SHIM_SCOPE]                              this resource; renewed before it expires.

import { createServer, request } from 'node:http';

const [target, port = '0'] = process.argv.slice(2);
if (!target) throw new Error('usage: shim.mjs TARGET [PORT]');
const upstream = new URL(target);
const env = process.env;

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'trailer']);
const RENEW_BEFORE_MS = 20_000;

let held;
let asking;

async function ask() {
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: env.SHIM_RESOURCE });
    if (env.SHIM_SCOPE) body.set('scope', env.SHIM_SCOPE);
    const basic = Buffer.from(`${encodeURIComponent(env.SHIM_CLIENT_ID)}:${encodeURIComponent(env.SHIM_CLIENT_SECRET)}`).toString('base64');
    const response = await fetch(env.SHIM_TOKEN_ENDPOINT, { method: 'POST', headers: { authorization: `Basic ${basic}` }, body });
    const answer = await response.json();
    if (!response.ok) throw new Error(`no token: ${response.status} ${JSON.stringify(answer)}`);
    held = { token: answer.access_token, until: Date.now() + (answer.expires_in ?? 60) * 1000 };
    return held.token;
}

/** The token, from the endpoint at most once at a time. */
async function token() {
    if (env.SHIM_TOKEN) return env.SHIM_TOKEN;
    if (held && held.until - Date.now() > RENEW_BEFORE_MS) return held.token;
    asking ??= ask().finally(() => (asking = undefined));
    return asking;
}

/** Raw header pairs for the other side; repeated headers stay repeated. */
function pairs(raw, own) {
    const out = [];
    for (let i = 0; i < raw.length; i += 2) {
        const [name, lower] = [raw[i], raw[i].toLowerCase()];
        if (HOP_BY_HOP.has(lower) || (own && lower === 'authorization')) continue;
        out.push(name, own ? own(lower, raw[i + 1]) : raw[i + 1]);
    }
    return out;
}

const server = createServer(async (req, res) => {
    const self = `${server.address().address}:${server.address().port}`;
    const mine = host => host === self || host === self.replace('127.0.0.1', 'localhost');
    const translate = (name, value) => {
        if (name === 'host' && mine(value)) return upstream.host;
        if (name === 'origin' && mine(value.replace(/^http:\/\//, ''))) return upstream.origin;
        return value;
    };
    try {
        const headers = pairs(req.rawHeaders, translate);
        headers.push('authorization', `Bearer ${await token()}`);
        const onward = request({ host: upstream.hostname, port: upstream.port, method: req.method, path: req.url, headers, setHost: false });
        res.on('close', () => onward.destroy());
        onward.on('error', error => (res.headersSent ? res.destroy() : res.writeHead(502).end(String(error))));
        onward.on('response', answer => {
            res.writeHead(answer.statusCode, answer.statusMessage, pairs(answer.rawHeaders));
            res.flushHeaders();
            answer.on('error', () => res.destroy());
            answer.pipe(res);
        });
        req.pipe(onward);
    } catch (error) {
        res.writeHead(502).end(String(error));
    }
});
server.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
