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
