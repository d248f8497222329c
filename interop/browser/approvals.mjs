// Walks through calls that somebody must agree to: the agent asks, people see it and decide, and it happens once.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { check } from "./look.mjs";
import { start } from "./server.mjs";
import { agent, employees, staff } from "./staff.mjs";

const PASSWORD = "correct horse battery";
const LETTER = "For the work on the harvest figures, and because two others have left. ".repeat(12).trim();

/** Signs a user in by a link, in a browser of their own. */
async function enter(fresh, own, link, options = {}) {
  const it = await fresh({ baseURL: own.base, ...options });
  await it.page.goto(link);
  await it.page.getByRole("main").getByRole("button").click();
  return it;
}

/** A server with employees behind it; Alice, who has let the assistant in, and the assistant. */
async function staffed(fresh, leads, options = {}) {
  const upstream = await employees();
  const own = await start({ more: (folder) => staff(folder, { upstream: upstream.url, ...options }) });
  const { page, context, broken } = await fresh({ baseURL: own.base });
  await page.goto(own.link);
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Your name").fill("Alice");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Create the user" }).click();
  const verifier = randomBytes(32).toString("base64url");
  const redirect = "https://assistant.example/cb";
  await page.goto(`/authorize?${new URLSearchParams({
    response_type: "code", client_id: "assistant", redirect_uri: redirect, scope: "staff:change", resource: `${own.base}/mcp/staff`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
  })}`);
  let code;
  page.on("request", (request) => { code ??= new URL(request.url()).searchParams.get("code"); });
  const next = await leads(page, /^https:\/\/assistant\.example\/cb\?code=/, () => page.getByRole("button", { name: "Allow" }).click());
  const body = new URLSearchParams({ grant_type: "authorization_code", client_id: "assistant", redirect_uri: redirect, code, code_verifier: verifier });
  const { access_token: token } = await (await fetch(`${own.base}/token`, { method: "POST", body })).json();
  const assistant = agent(own.base, token);
  assert.equal((await assistant.list()).result.tools.length, 2);
  return { own, upstream, assistant, alice: { page: next, context, broken } };
}

const link = (own, name, shown) => own.command("user", "add", name, "--name", shown).match(/http\S+/)[0];

/** The walks, with what every walk needs. */
export const approvalWalks = ({ fresh, leads }) => ({
  async "a call waits for its user, is made once, and asks again"() {
    const { own, upstream, assistant, alice: { page, context, broken } } = await staffed(fresh, leads);
    await page.goto("/account/approvals");
    await check(page, "approvals-empty");
    const first = await assistant.call("delete_employee", { id: "e7" });
    assert.equal(first.done, false);
    assert.ok(first.address.startsWith(`${own.base}/approve/`), first.text);
    // The page was open before anybody asked, and shows it by itself.
    await page.getByRole("link", { name: /Delete an employee/ }).first().waitFor({ timeout: 30_000 });
    await check(page, "approvals", { picture: true });
    await page.getByRole("link", { name: /Delete an employee/ }).first().click();
    await page.waitForURL(first.address);
    assert.match(await page.textContent("h1"), /Assistant asks before it acts/);
    assert.match(await page.textContent("main"), /e7/);
    assert.match(await page.textContent("main"), /High/);
    await check(page, "approve-once");
    await page.getByLabel("A word for the record").fill("as discussed");
    await page.getByRole("button", { name: "Agree, once" }).click();
    assert.match(await page.getByRole("status").innerText(), /You agreed/);
    await check(page, "approve-agreed");
    const done = await assistant.call("delete_employee", { id: "e7" });
    assert.deepEqual([done.done, done.text, upstream.calls()], [true, 'did delete_employee {"id":"e7"}', 1]);
    await page.getByText("Approved and done").waitFor({ timeout: 30_000 });
    const again = await assistant.call("delete_employee", { id: "e7" });
    assert.equal(again.done, false);
    assert.notEqual(again.address, first.address, "what was agreed to was used up");
    await page.goto(again.address);
    await page.getByLabel("A word for the record").fill("not twice");
    await page.getByRole("button", { name: "Refuse" }).click();
    assert.match(await page.getByRole("status").innerText(), /You refused/);
    const refused = await assistant.call("delete_employee", { id: "e7" });
    assert.deepEqual([refused.done, upstream.calls()], [false, 1]);
    await page.goto("/account/approvals");
    await check(page, "approvals-decided");
    await page.goto("/account/history");
    for (const said of ["Allowed: Change and delete employees", "Agreed to one call: delete_employee", "Refused one call: delete_employee"]) {
      assert.equal(await page.getByText(said).count(), 1, said);
    }
    await check(page, "history", { picture: true });
    assert.deepEqual(broken, []);
    await context.close();
    upstream.close();
  },

  async "two of a group have to agree, and neither page needs a script"() {
    const { own, upstream, assistant, alice } = await staffed(fresh, leads);
    const bob = await enter(fresh, own, link(own, "bob", "Bob Keller"), { javaScriptEnabled: false });
    const carol = await enter(fresh, own, link(own, "carol", "Carol Weiss"));
    const raise = { id: "e7", salary: 1_052_000, from: "2027-01-01T00:00:00+01:00", reason: LETTER };
    const asked = await assistant.call("modify_employee", raise);
    assert.equal(asked.done, false);
    await carol.page.goto(asked.address);
    const main = await carol.page.textContent("main");
    for (const shown of ["Change an employee", "Salary", "50000", "1052000", "1\u00a0052\u00a0000", "1 January 2027", "For a year, in euros.", "2 of: hr"]) {
      assert.ok(main.includes(shown), `${shown} in ${main}`);
    }
    assert.match(await carol.page.textContent(".chain"), /Alice[^]*acts for Alice/);
    await check(carol.page, "approve", { picture: true });
    await carol.page.getByText(/Show all/).click();
    await check(carol.page, "approve-unfolded");
    // Bob's browser has no script: everything is there, the long text behind a fold that opens.
    await bob.page.goto(asked.address);
    await bob.page.locator("summary").first().click();
    assert.ok((await bob.page.textContent("main")).includes(LETTER));
    await bob.page.getByRole("button", { name: "Agree, once" }).click();
    assert.match(await bob.page.getByRole("status").innerText(), /Others have to agree, too/);
    assert.equal((await assistant.call("modify_employee", raise)).done, false, "one of two is not enough");
    await carol.page.getByText("1 of 2 agreed").waitFor({ timeout: 30_000 });
    assert.equal(await carol.page.getByText("Bob Keller agreed").count(), 1);
    await alice.page.goto(asked.address);
    assert.equal(await alice.page.getByRole("button", { name: "Agree, once" }).count(), 0, "nobody agrees to their own");
    assert.equal(await alice.page.getByRole("button", { name: "Refuse" }).count(), 1);
    await check(alice.page, "approve-own");
    await carol.page.getByRole("button", { name: "Agree, once" }).click();
    assert.match(await carol.page.getByRole("status").innerText(), /You agreed/);
    assert.equal((await assistant.call("modify_employee", { ...raise, salary: 9_052_000 })).done, false, "another call");
    assert.equal((await assistant.call("modify_employee", raise)).done, true);
    assert.equal((await assistant.call("modify_employee", raise)).done, false, "once");
    assert.equal(upstream.calls(), 1);
    assert.deepEqual([...alice.broken, ...bob.broken, ...carol.broken], []);
    for (const { context } of [alice, bob, carol]) await context.close();
    upstream.close();
  },

  async "what nobody decides in time is over, and the page says so by itself"() {
    const { upstream, assistant, alice: { page, context, broken } } = await staffed(fresh, leads, { waits: "6s" });
    const asked = await assistant.call("delete_employee", { id: "e7" });
    await page.goto(asked.address);
    await page.getByText("Its time is over").waitFor({ timeout: 60_000 });
    assert.equal(await page.getByRole("button", { name: /Agree|Refuse/ }).count(), 0);
    await check(page, "approve-over");
    assert.equal(upstream.calls(), 0);
    assert.deepEqual(broken, []);
    await context.close();
    upstream.close();
  },
});
