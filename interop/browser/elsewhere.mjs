// Software without a browser: the code of a device, and a question that waits in the account of a user who is elsewhere.
import assert from "node:assert/strict";
import { check } from "./look.mjs";
import { KEEPER } from "./server.mjs";

/** The walks, by name. `base` says where the server is, once it is started. */
export const elsewhereWalks = ({ fresh, typePassword, base }) => ({
  async "a device's code is typed or compared, and the question says that another device asks"() {
    const asking = async () => {
      const answer = await fetch(`${base()}/device_authorization`, {
        method: "POST", body: new URLSearchParams({ client_id: "television", scope: "read:report" }),
      });
      assert.equal(answer.status, 200);
      return answer.json();
    };
    const poll = async (begun) => {
      const body = { grant_type: "urn:ietf:params:oauth:grant-type:device_code", client_id: "television", device_code: begun.device_code };
      return (await fetch(`${base()}/token`, { method: "POST", body: new URLSearchParams(body) })).json();
    };
    const { page, context, broken } = await fresh();
    const begun = await asking();
    await page.goto("/device");
    await check(page, "device");
    await page.getByRole("textbox", { name: "Code" }).fill("bcdf ghjk");
    await page.getByRole("button", { name: "Continue" }).click();
    assert.match(await page.getByRole("alert").innerText(), /No device waits/);
    await check(page, "device-refused");
    await page.getByRole("textbox", { name: "Code" }).fill(begun.user_code.toLowerCase().replace("-", " "));
    await page.keyboard.press("Enter");
    await typePassword(page);
    await page.getByText("Another device asks").waitFor();
    assert.equal(await page.getByText(begun.user_code).count() > 0, true);
    await check(page, "consent-device", { picture: true });
    await page.getByRole("button", { name: "Allow" }).click();
    assert.match(await page.textContent("h1"), /Go back to your device/);
    await check(page, "device-allowed");
    assert.equal((await poll(begun)).scope, "read:report");
    const other = await asking();
    await page.goto(other.verification_uri_complete);
    assert.match(await page.textContent("h1"), /Does your device show this code/);
    await check(page, "device-compare", { picture: true });
    assert.equal((await poll(other)).error, "authorization_pending");
    await page.getByRole("button", { name: "Yes, my device shows it" }).click();
    await page.getByRole("button", { name: "No", exact: true }).click();
    assert.match(await page.textContent("h1"), /Nothing was allowed/);
    await check(page, "device-refused-end");
    assert.equal((await poll(other)).error, "access_denied");
    assert.deepEqual(broken, []);
    await context.close();
    const plain = await fresh({ javaScriptEnabled: false });
    const third = await asking();
    await plain.page.goto(third.verification_uri_complete);
    await plain.page.getByRole("button", { name: "Yes, my device shows it" }).click();
    await typePassword(plain.page);
    await plain.page.getByRole("button", { name: "Allow" }).click();
    assert.match(await plain.page.textContent("h1"), /Go back to your device/);
    await plain.context.close();
  },

  async "a question from elsewhere waits in the account, with the words to compare"() {
    const desk = async (path, fields) => {
      const answer = await fetch(base() + path, {
        method: "POST", headers: { authorization: `Basic ${btoa(`desk:${KEEPER}`)}` }, body: new URLSearchParams(fields),
      });
      return { status: answer.status, ...await answer.json() };
    };
    const poll = ({ auth_req_id: request }) => desk("/token", { grant_type: "urn:openid:params:grant-type:ciba", auth_req_id: request });
    const asking = (message) => desk("/bc-authorize", {
      login_hint: "alice", scope: "read:report tools:generate_summary", binding_message: message, resource: `${base()}/mcp/sales`,
    });
    const { page, context } = await fresh({ javaScriptEnabled: false });
    const first = await asking("W4SCT");
    assert.equal(first.status, 200, JSON.stringify(first));
    await page.goto("/account/approvals");
    await typePassword(page);
    await page.goto("/account/approvals");
    assert.equal(await page.getByText("Travel desk asks for access to Sales").count(), 1);
    await page.getByRole("link", { name: /Travel desk/ }).click();
    assert.match(await page.textContent("main"), /It asks from elsewhere[^]*W4SCT/);
    await page.getByRole("checkbox", { name: /Generate sales summaries/ }).uncheck();
    await page.getByRole("button", { name: "Allow" }).click();
    assert.match(await page.getByRole("status").innerText(), /goes on by itself/);
    assert.equal((await poll(first)).scope, "read:report");
    await context.close();
    const { page: next, context: with_script, broken } = await fresh();
    const second = await asking("Flight 1420: Berlin");
    await next.goto("/account/approvals");
    await typePassword(next);
    await next.goto("/account/approvals");
    await check(next, "approvals-elsewhere");
    await next.getByRole("link", { name: /Travel desk/ }).click();
    await next.getByText("It asks from elsewhere").waitFor();
    await check(next, "consent-elsewhere", { picture: true });
    await next.getByRole("button", { name: "No", exact: true }).click();
    await next.getByText("Nothing was allowed").waitFor();
    assert.equal((await poll(second)).error, "access_denied");
    assert.deepEqual(broken, []);
    await with_script.close();
  },
});
