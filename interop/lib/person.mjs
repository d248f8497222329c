// A person with a password and a browser without script: opens addresses, signs in where a page asks for it, sends forms.

import { expect } from './report.mjs';

const HOPS = 10;
const MARKS = { '&#34;': '"', '&#39;': "'", '&#60;': '<', '&#62;': '>', '&#38;': '&' };
const plain = text => text.replace(/&#(?:34|39|60|62|38);/g, mark => MARKS[mark]);
const attribute = (tag, name) => {
    const found = new RegExp(`\\b${name}="([^"]*)"`).exec(tag);
    return found && plain(found[1]);
};

export class Person {
    #cookies = new Map();

    constructor(login, password) {
        Object.assign(this, { login, password });
    }

    /** Opens an address, signing in on the way where somebody must be there. */
    async open(address) {
        const page = await this.#go(address);
        if (!page.html.includes('name="password"')) return page;
        return this.send(page, '/signin/password', { login: this.login, password: this.password });
    }

    /** Fills in the form of a page whose address has `action` in it, and sends it. */
    async send(page, action, fields) {
        const start = page.html.search(new RegExp(`<form[^>]*action="[^"]*${action}`));
        expect(start >= 0, `${page.at} has no form for ${action}: ${page.html.slice(0, 300)}`);
        const form = page.html.slice(start, page.html.indexOf('</form>', start));
        const hidden = [...form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')]);
        const all = Object.entries(fields).flatMap(([name, value]) => [value].flat().map(one => [name, one]));
        const body = new URLSearchParams([...hidden, ...all]);
        return this.#go(new URL(attribute(form, 'action'), page.at), { method: 'POST', body });
    }

    async #go(address, init = {}) {
        let at = new URL(address);
        for (let hop = 0; hop < HOPS; hop += 1) {
            const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
            const headers = { accept: 'text/html', ...(cookie && { cookie }), ...(init.method && { origin: at.origin, 'sec-fetch-site': 'same-origin' }) };
            const response = await fetch(at, { ...init, redirect: 'manual', headers });
            for (const line of response.headers.getSetCookie()) {
                const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
                if (value) this.#cookies.set(name, value);
                else this.#cookies.delete(name);
            }
            const location = response.headers.get('location');
            const html = await response.text();
            if (!location) {
                expect(response.status === 200, `${at} answered ${response.status}: ${html.slice(0, 300)}`);
                return { at: at.href, html };
            }
            [at, init] = [new URL(location, at), {}];
        }
        throw new Error(`no end after ${HOPS} redirects, last ${at}`);
    }
}
