// What every page must be, whatever is on it.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = new URL("../../docs/screenshots/", import.meta.url).pathname;

/** Checks a page in light and dark, wide and narrow: nothing for axe-core to say, nothing cut off. */
export async function check(page, name, { picture = false } = {}) {
  const before = page.viewportSize();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await noAxe(page, `${name}, ${colorScheme}`);
    if (picture) await shoot(page, `${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  for (const width of [320, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) throw new Error(`${name} is ${over} px too wide at ${width} px`);
    await noAxe(page, `${name}, ${width} px`);
    if (picture && width === 320) await shoot(page, `${name}-narrow`);
  }
  await page.setViewportSize(before);
}

async function noAxe(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  const said = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`);
  if (said.length > 0) throw new Error(`${name}:\n  ${said.join("\n  ")}`);
}

async function shoot(page, name) {
  if (!process.env.PROKURA_SCREENSHOTS) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
}
