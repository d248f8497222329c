// People sign in at a foreign provider, oidc-provider: by a secret and by a private key, made users at first sight or
// known by a verified address, asked anew where software wants that; and nobody comes in whom it does not vouch for.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, serve, serveUntil, temporary } from '../lib/process.mjs';
import { expect, step } from '../lib/report.mjs';
import { at, prokura } from '../lib/world.mjs';

const HOPS = 16;

/** A browser that keeps cookies by host and port, and follows redirects; `who` signs in at the provider. */
class Browser {
    cookies = new Map();

    async get(address, who) {
        let url = new URL(address);
        for (let hop = 0; hop < HOPS; hop += 1) {
            const jar = this.cookies.get(url.host) ?? new Map();
            const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
            const response = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html', ...(cookie && { cookie }) } });
            for (const line of response.headers.getSetCookie()) {
                const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
                if (name && value) jar.set(name, value);
                else jar.delete(name);
            }
            this.cookies.set(url.host, jar);
            const location = response.headers.get('location');
            if (location) {
                await response.body?.cancel();
                url = new URL(location, url);
                continue;
            }
            const html = await response.text();
            if (!html.includes('Who comes?') || !who) return { url, status: response.status, html };
            url.searchParams.set('who', who);
        }
        throw new Error(`no end after ${HOPS} redirects, last ${url.origin}${url.pathname}`);
    }

    /** Follows the link of a page whose path begins so. */
    async follow(page, path, who) {
        const href = new RegExp(`href="(${path}[^"]*)"`).exec(page.html)?.[1];
        expect(href, `no link ${path} on ${page.url.pathname}: ${page.html.slice(0, 300)}`);
        return this.get(new URL(href.replaceAll('&#38;', '&'), page.url), who);
    }

    async signIn(issuer, who) {
        return this.follow(await this.get(`${issuer}/signin`), '/signin/with/corp', who);
    }
}

const configuration = ({ issuer, port, folder, provider, more }) => `issuer = "${issuer}"
listen = "127.0.0.1:${port}"
database = "sqlite:${join(folder, 'prokura.db')}"
[egress]
allow = ["${new URL(provider).host}"]
[[client]]
id = "app"
redirect_uris = ["https://app.example/cb"]
[[resource]]
name = "sales"
upstream = "http://127.0.0.1:9/mcp"
[resource.scopes]
"read" = { title = "Read", actions = ["tool:read"] }
[[identity_provider]]
name = "corp"
title = "Corp"
issuer = "${provider}"
scopes = ["openid", "email", "profile", "groups"]
allowed_groups = ["/staff", "/guests"]
groups = { "/sales" = "sales" }
${more}
`;

/** A Prokura before a provider of its own. */
async function start(more) {
    const folder = temporary('prokura-sso-');
    const [port, theirs] = [await freePort(), await freePort()];
    const issuer = `http://localhost:${port}`;
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(folder, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const secrets = { PEOPLE_SECRET: randomBytes(24).toString('base64'), PEOPLE_JWKS: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'ours', alg: 'ES256', use: 'sig' }] }) };
    const { url } = await serve(process.execPath, [at('provider/people.mjs'), String(theirs), `${issuer}/signin/from/corp`], { env: secrets });
    const config = join(folder, 'prokura.toml');
    writeFileSync(config, configuration({ issuer, port, folder, provider: url, more: more.replace('KEY', join(folder, 'key.pem')) }));
    const { log } = await serveUntil(`${issuer}/readyz`, await prokura(), ['serve', '--config', config], { cwd: folder, env: secrets });
    return issuer;
}

const SECRET = 'client_id = "prokura"\nclient_secret = { env = "PEOPLE_SECRET" }';
const KEY = 'client_id = "prokura-key"\nprivate_key = { file = "KEY" }\nprivate_key_id = "ours"';

export async function ssoSuite() {
    await step('sign-in at oidc-provider: a secret, a new user, known again', async () => {
        const issuer = await start(`${SECRET}\nlink = "create"`);
        const first = await new Browser().signIn(issuer, 'ada');
        expect(first.url.pathname === '/account' && first.html.includes('Ada King'), `${first.status} ${first.url.pathname}`);
        const browser = new Browser();
        await browser.signIn(issuer, 'ada');
        const page = await browser.get(`${issuer}/account/security`);
        expect(page.html.includes('by Corp') && page.html.includes('ada@corp.example'), 'the account is not listed');
    });
    await step('sign-in at oidc-provider: by a private key', async () => {
        const page = await new Browser().signIn(await start(`${KEY}\nlink = "create"`), 'ada');
        expect(page.url.pathname === '/account', `${page.status} ${page.url.pathname}`);
    });
    await step('sign-in at oidc-provider: an address that is not verified opens nothing', async () => {
        const issuer = await start(`${SECRET}\nlink = "verified_email"`);
        const page = await new Browser().signIn(issuer, 'eve');
        expect(page.status === 403 && page.html.includes('Nobody here is known'), `${page.status} ${page.url.pathname}`);
    });
    await step('sign-in at oidc-provider: a refusal there is a page here', async () => {
        const issuer = await start(`${SECRET}\nlink = "create"`);
        const page = await new Browser().signIn(issuer, 'nobody');
        expect(page.status === 401 && page.html.includes('You were not signed in at Corp'), `${page.status} ${page.url.pathname}`);
    });
    await step('sign-in at oidc-provider: asked anew where software wants it', async () => {
        const issuer = await start(`${SECRET}\nlink = "create"`);
        const browser = new Browser();
        await browser.signIn(issuer, 'ada');
        const query = new URLSearchParams({ response_type: 'code', client_id: 'app', redirect_uri: 'https://app.example/cb', scope: 'read', resource: `${issuer}/mcp/sales`, code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', prompt: 'login' });
        const asked = await browser.get(`${issuer}/authorize?${query}`);
        expect(asked.url.pathname === '/signin', `no new sign-in was asked for: ${asked.url.pathname}`);
        const silent = await browser.follow(asked, '/signin/with/corp');
        expect(silent.html.includes('Who comes?'), 'the provider did not ask again');
        silent.url.searchParams.set('who', 'ada');
        const page = await browser.get(silent.url);
        expect(page.url.pathname.startsWith('/interaction/'), `${page.status} ${page.url.pathname}`);
    });
}
