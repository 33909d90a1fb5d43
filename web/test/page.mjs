// The page in a real Chromium, for the tests of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { launch, root, serve } from "./helpers.mjs";

// start serves the page and gives open(), which shows it in a tab. What any tab complains of
// is in complaints.
export async function start(...args) {
  const server = await serve(...args), browser = await launch(), complaints = [];
  return {
    server, browser, complaints,
    async open({ address = "?run=no", until = "Ready.", init, ...options } = {}) {
      const page = await browser.newPage({ ...(process.env.DIT8_PHONE ? phone : desktop), ...options });
      page.setDefaultTimeout(Number(process.env.DIT8_PATIENCE ?? 120_000)); // ms
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      await init?.(page);
      await page.goto(server.url + address);
      if (until) await status(page, until);
      return page;
    },
    async stop() {
      await browser.close();
      await server.stop();
    },
  };
}

// Tests are for a desktop's window, or for a phone's with DIT8_PHONE=1, where they don't say.
const desktop = { viewport: { width: 1200, height: 850 } };
export const phone = { viewport: { width: 360, height: 740 }, hasTouch: true };

// status waits for a status that begins like that.
export const status = (page, text) => page.waitForFunction((text) => document.getElementById("status")?.textContent.startsWith(text), text);

// fill fills in fields, opening what they are in. A prompt without a style is in none.
export async function fill(page, fields) {
  const said = "prompt" in fields && await page.isVisible("#styles [data-style='']") ? { style: "", ...fields } : fields;
  for (const [id, value] of Object.entries(said)) {
    if (id === "style") {
      await page.click(`#styles [data-style='${value}']`);
      continue;
    }
    await page.$eval(`#${id}`, (input) => {
      const details = input.closest("details");
      if (details) details.open = true;
      if (input.id === "steps" && input.parentElement.hidden) document.querySelector("#counts [data-steps='']").click();
    });
    if (id === "guidance" && await page.isHidden("#guidance")) {
      assert.equal(await page.inputValue("#guidance"), String(value)); // which is in the weights
      continue;
    }
    await page.fill(`#${id}`, String(value));
  }
}

// generate presses the button and waits for the result.
export async function generate(page) {
  await made(page, () => page.click("#generate"));
}

// made waits for a result that an action leads to.
export async function made(page, action) {
  const before = await page.$eval("main", (main) => main.dataset.made ?? "0");
  await action();
  await page.waitForFunction((before) => { const { made, state } = document.querySelector("main").dataset; return made > Number(before) && state === "ready"; }, before);
}

// clear says whether a press in the middle of an element reaches it, nothing lying above it.
export const clear = (page, selector) => page.$eval(selector, (element) => {
  const { left, top, width, height } = element.getBoundingClientRect(), [x, y] = [left + width / 2, top + height / 2];
  return y > 0 && y < innerHeight && element.contains(document.elementFromPoint(x, y));
});

// canvasHash is the SHA-256 of what the canvas shows.
export const canvasHash = (page) => page.evaluate(async () => {
  const canvas = document.getElementById("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
});

// drop drops a file onto the page.
export async function drop(page, name, bytes) {
  const transfer = await page.evaluateHandle(([name, base64]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
    return transfer;
  }, [name, bytes.toString("base64")]);
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  assert.equal(await page.isVisible("#drop"), true);
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  assert.equal(await page.isVisible("#drop"), false);
}

const axe = readFileSync(`${root}web/node_modules/axe-core/axe.min.js`, "utf8");

// violations gives what axe-core finds that is serious on a page, or in what a selector
// finds there.
export async function violations(page, within) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate((within) => window.axe.run(within ?? document), within);
  if (!within) assert.ok(passes.length > 20, "axe-core has run");
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}

// fits says whether the page is no wider than the window.
export const fits = (page) => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);

// accessible finds nothing serious in what a page shows, in a window as it is and in one of a phone's size, where nothing is wider.
export async function accessible(page, { within, colorSchemes = [undefined] } = {}) {
  const own = page.viewportSize();
  for (const size of [phone.viewport, own]) for (const colorScheme of colorSchemes) {
    await page.setViewportSize(size);
    if (colorScheme) await page.emulateMedia({ colorScheme });
    assert.deepEqual(await violations(page, within), [], `${size.width} ${colorScheme ?? ""}`);
    assert.equal(await fits(page), true, `at ${size.width} it is wider than the window`);
  }
}
