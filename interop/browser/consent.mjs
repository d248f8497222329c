// Walks through what is asked of a user who has allowed something before, or whose organisation decides.
import assert from "node:assert/strict";
import { check } from "./look.mjs";

/** The walks, with what every walk needs. */
export const consentWalks = ({ fresh, asks, typePassword, leads }) => ({
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
