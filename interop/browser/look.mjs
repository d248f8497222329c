// What every page must be, whatever is on it.
import { readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = new URL("../../docs/screenshots/", import.meta.url).pathname;

const WIDTHS = [320, 1440];

/** Checks a page in light and dark, each narrow and wide: nothing for axe-core to say, nothing cut off. */
export async function check(page, name, { picture = false } = {}) {
  const before = page.viewportSize();
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    if (picture) await shoot(page, `${name}-${colorScheme}`);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      const lines = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll(".tabs a")].map((a) => a.getClientRects().length + Number(a.offsetHeight > 48))));
      if (lines > 1) throw new Error(`the tabs of ${name} stand in ${lines} lines at ${width} px`);
      if (over > 0) throw new Error(`${name} is ${over} px too wide at ${width} px`);
      await noAxe(page, `${name}, ${colorScheme}, ${width} px`);
      if (picture && width === WIDTHS[0] && colorScheme === "light") await shoot(page, `${name}-narrow`);
    }
    await page.setViewportSize(before);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

async function noAxe(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  const said = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`);
  if (said.length > 0) throw new Error(`${name}:\n  ${said.join("\n  ")}`);
}

async function shoot(page, name) {
  if (!process.argv.includes("--screenshots")) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
}
