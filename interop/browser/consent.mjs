// Walks through what is asked of a user who has allowed something before, or whose organisation decides.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { check } from "./look.mjs";

/** The walks, with what every walk needs. */
export const consentWalks = ({ fresh, asks, typePassword, leads, tabTo }) => ({
  async "a step-up asks for what is new, and through whom"() {
    let { page, context, broken } = await fresh({ javaScriptEnabled: false });
    const asking = (extra) => {
      const url = new URL(asks("stepper", "https://stepper.example/cb"));
      for (const [name, value] of Object.entries(extra)) url.searchParams.set(name, value);
      return url.href;
    };
    const allowed = async () => {
      page = await leads(page, /^https:\/\/stepper\.example\/cb\?code=/, () => page.getByRole("button", { name: "Allow" }).click());
    };
    await page.goto(asking({ scope: "read:report" }));
    await typePassword(page);
    await page.getByRole("button", { name: "Allow" }).waitFor();
    await allowed();
    await page.goto(asking({}));
    assert.equal(await page.getByRole("checkbox").count(), 1);
    assert.equal(await page.getByText("Allowed already").count(), 1);
    await allowed();
    await page.goto(asking({ requested_actor: "agt_reporter" }));
    await page.getByRole("checkbox", { name: /Reporter/ }).uncheck();
    assert.match(await page.textContent(".chain"), /Stepper[^]*Reporter[^]*sales/);
    await allowed();
    assert.deepEqual(broken, []);
    await context.close();
    ({ page, context, broken } = await fresh());
    await page.goto(asking({ requested_actor: "agt_reporter" }));
    await typePassword(page);
    await page.getByRole("checkbox", { name: /Reporter/ }).waitFor();
    await check(page, "consent-through", { picture: true });
    assert.deepEqual(broken, []);
    await context.close();
  },

  async "single values are taken away, and nothing can be added"() {
    let { page, context, broken } = await fresh({ javaScriptEnabled: false });
    const verifier = randomBytes(32).toString("base64url");
    const asking = new URL(asks("payer", "https://payer.example/cb"));
    const resource = asking.searchParams.get("resource");
    asking.searchParams.set("scope", "tools:generate_summary");
    asking.searchParams.set("code_challenge", createHash("sha256").update(verifier).digest("base64url"));
    asking.searchParams.set("authorization_details", JSON.stringify([{
      type: "mcp_tool", locations: [resource], actions: ["generate_summary"],
      constraints: [["in", ".region", ["north", "south", "east"]], ["<=", ".days", 30], ["like", ".file", "/reports/2026/*"], ["==", ".format", "pdf"]],
    }]));
    await page.goto(asking.href);
    await typePassword(page);
    await page.getByRole("button", { name: "Allow" }).waitFor();
    await page.getByRole("checkbox", { name: "“south”" }).uncheck();
    await page.getByRole("textbox", { name: "days is at most" }).fill("31");
    await page.getByRole("textbox", { name: "file is like" }).fill("/reports/2026/q3/*");
    await page.getByRole("button", { name: "Allow" }).click();
    assert.match(await page.getByRole("status").innerText(), /cannot be/);
    assert.equal(await page.getByRole("checkbox", { name: "“south”" }).isChecked(), false);
    assert.equal(await page.locator("[aria-invalid=true]").inputValue(), "31");
    await page.getByRole("textbox", { name: "days is at most" }).fill("7");
    let code;
    page.on("request", (request) => { code ??= new URL(request.url()).searchParams.get("code"); });
    page = await leads(page, /^https:\/\/payer\.example\/cb\?code=/, () => page.getByRole("button", { name: "Allow" }).click());
    const body = new URLSearchParams({ grant_type: "authorization_code", client_id: "payer", redirect_uri: "https://payer.example/cb", code, code_verifier: verifier });
    const answer = await (await fetch(new URL("/token", asking), { method: "POST", body })).json();
    assert.deepEqual(answer.authorization_details[0].constraints, [["in", ".region", ["north", "east"]], ["<=", ".days", 7], ["like", ".file", "/reports/2026/q3/*"], ["==", ".format", "pdf"]]);
    await context.close();
    ({ page, context, broken } = await fresh());
    await page.goto(asking.href);
    await typePassword(page);
    await page.getByRole("button", { name: "Allow" }).waitFor();
    await check(page, "consent-values", { picture: true });
    await page.getByRole("textbox", { name: "days is at most" }).fill("300");
    for (const region of ["north", "south", "east"]) await page.getByRole("checkbox", { name: region }).uncheck();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByText("Leave at least one").waitFor();
    await check(page, "consent-values-refused");
    await page.getByRole("checkbox", { name: /Use generate_summary/ }).uncheck();
    assert.equal(await page.getByRole("textbox", { name: "days is at most" }).isVisible(), false);
    assert.deepEqual(broken, []);
    await context.close();
  },

  async "of what was allowed single values are taken away, without JavaScript and by keyboard"() {
    let { page, context, broken } = await fresh({ javaScriptEnabled: false });
    const [client, redirect, verifier] = ["spender", "https://spender.example/cb", randomBytes(32).toString("base64url")];
    const asking = new URL(asks(client, redirect));
    const resource = asking.searchParams.get("resource");
    asking.searchParams.set("scope", "tools:generate_summary");
    asking.searchParams.set("code_challenge", createHash("sha256").update(verifier).digest("base64url"));
    asking.searchParams.set("authorization_details", JSON.stringify([{
      type: "mcp_tool", locations: [resource], actions: ["generate_summary"],
      constraints: [["in", ".region", ["north", "south", "east"]], ["<=", ".days", 30], ["like", ".file", "/reports/2026/*"], ["==", ".format", "pdf"]],
    }]));
    await page.goto(asking.href);
    await typePassword(page);
    let code;
    page.on("request", (request) => { code ??= new URL(request.url()).searchParams.get("code"); });
    page = await leads(page, /^https:\/\/spender\.example\/cb\?code=/, () => page.getByRole("button", { name: "Allow" }).click());
    const token = async (more) => {
      const body = new URLSearchParams({ client_id: client, ...more });
      return (await fetch(new URL("/token", asking), { method: "POST", body })).json();
    };
    const first = await token({ grant_type: "authorization_code", redirect_uri: redirect, code, code_verifier: verifier });
    const taken = async (answer) => (await fetch(resource, {
      method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }),
      headers: { authorization: `Bearer ${answer.access_token}`, "content-type": "application/json", accept: "application/json, text/event-stream" },
    })).status !== 401;
    assert.equal(await taken(first), true);
    const { grant } = JSON.parse(Buffer.from(first.access_token.split(".")[1], "base64url"));
    const own = `/account/grants/${grant.id}`;
    await page.goto(own);
    await page.getByRole("checkbox", { name: "“south”" }).uncheck();
    await page.getByRole("textbox", { name: "days is at most" }).fill("31");
    await page.getByRole("textbox", { name: "file is like" }).fill("/reports/2026/q3/*");
    await page.getByRole("button", { name: "Leave only this" }).click();
    assert.match(await page.getByRole("status").innerText(), /cannot be/);
    assert.equal(await page.getByRole("checkbox", { name: "“south”" }).isChecked(), false);
    assert.equal(await page.locator("[aria-invalid=true]").inputValue(), "31");
    assert.equal(await taken(first), true, "nothing was changed");
    await page.getByRole("textbox", { name: "days is at most" }).fill("7");
    await page.getByRole("button", { name: "Leave only this" }).click();
    assert.match(await page.getByRole("status").innerText(), /may do only what is listed below/);
    assert.equal(await page.getByText("Taken away: single values").count(), 1);
    assert.equal(await page.getByRole("checkbox", { name: "“south”" }).count(), 0);
    assert.equal(await taken(first), false, "tokens of before count no more");
    const next = await token({ grant_type: "refresh_token", refresh_token: first.refresh_token });
    assert.deepEqual(next.authorization_details[0].constraints, [["in", ".region", ["north", "east"]], ["<=", ".days", 7], ["like", ".file", "/reports/2026/q3/*"], ["==", ".format", "pdf"]]);
    assert.equal(await taken(next), true);
    await context.close();
    ({ page, context, broken } = await fresh());
    await page.goto("/account");
    await typePassword(page);
    await page.waitForURL("**/account");
    await page.goto(own);
    await check(page, "grant-values", { picture: true });
    await tabTo(page, "“north”");
    await page.keyboard.press("Space");
    await tabTo(page, "days is at most");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("8");
    await page.keyboard.press("Enter");
    await page.getByText("Write a number that allows no more").waitFor();
    await check(page, "grant-values-refused");
    await tabTo(page, "days is at most");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("5");
    await tabTo(page, "Leave only this");
    await page.keyboard.press("Enter");
    await page.getByText("may do only what is listed below").waitFor();
    assert.equal(await page.getByText("region is “east”, days is at most 5").count(), 1);
    assert.deepEqual(broken, []);
    await context.close();
  },

  async "what an organisation allows is given, or said"() {
    let { page, context, broken } = await fresh();
    const asking = (redirect) => {
      const url = new URL(asks("known", redirect));
      url.searchParams.set("scope", "read:report");
      return url.href;
    };
    await page.goto(asking("http://127.0.0.1:9/cb"));
    await typePassword(page);
    await page.getByRole("button", { name: "Continue" }).waitFor();
    assert.equal(await page.getByRole("checkbox").count(), 0);
    await check(page, "consent-organisation", { picture: true });
    page = await leads(page, /^https:\/\/known\.example\/cb\?code=/, () => page.goto(asking("https://known.example/cb")).catch(() => {}));
    assert.deepEqual(broken, []);
    await context.close();
  },
});
