// A person's browser, as far as an automatically approving server needs one: it follows redirects, keeps cookies,
// and stops where the client's own redirect URI begins.

const HOPS = 10;

/** Follows `start` to the first address that begins with `redirectUri`, and returns it. */
export async function authorize(start, redirectUri, { fetch: get = fetch } = {}) {
    const cookies = new Map();
    let at = new URL(start);
    for (let hop = 0; hop < HOPS; hop += 1) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const response = await get(at, { redirect: 'manual', headers: { accept: 'text/html', ...(cookie && { cookie }) } });
        for (const line of response.headers.getSetCookie()) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
            if (name) cookies.set(name, value);
        }
        const location = response.headers.get('location');
        if (!location) throw new Error(`${at.origin}${at.pathname} answered ${response.status} without a redirect: ${(await response.text()).slice(0, 400)}`);
        await response.body?.cancel();
        at = new URL(location, at);
        if (at.href.startsWith(redirectUri)) return at;
    }
    throw new Error(`no end after ${HOPS} redirects, last ${at.origin}${at.pathname}`);
}

/** Carries a device's code as a person would: opens the address with the code in it, and says that it is the same. */
export async function carry(address, { fetch: get = fetch } = {}) {
    const page = await get(address, { redirect: 'manual', headers: { accept: 'text/html' } });
    const html = await page.text();
    const [, token] = /name="form_token" value="([^"]+)"/.exec(html) ?? [];
    const [, code] = /name="user_code" value="([^"]+)"/.exec(html) ?? [];
    if (!token || !code) throw new Error(`${address} answered ${page.status} without a form`);
    const cookie = page.headers.getSetCookie().map(line => line.split(';')[0]).join('; ');
    const body = new URLSearchParams({ form_token: token, user_code: code });
    const answer = await get(new URL('device', address), { method: 'POST', redirect: 'manual', headers: { cookie }, body });
    return new URL(answer.headers.get('location') ?? address, address).pathname;
}
