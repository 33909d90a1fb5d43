// The tools beside a result: opened, used and closed on the page itself.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { classModel, root } from "./helpers.mjs";
import { canvasHash, fill, fits, generate, made, phone, start, violations } from "./page.mjs";

const folder = mkdtempSync(join(tmpdir(), "dit8-"));
let site;
before(async () => { site = await start("-model", classModel); });
after(async () => {
  await site?.stop();
  rmSync(folder, { recursive: true });
});

// withResults opens the page with a picture of each class.
async function withResults(options, ...requests) {
  const page = await site.open(options);
  for (const request of requests) {
    await fill(page, { steps: 4, count: 1, ...request });
    await generate(page);
  }
  return page;
}

// tool opens one.
async function tool(page, name) {
  await page.click(`#${name}`);
  assert.equal(await page.getAttribute(`#${name}`, "aria-expanded"), "true");
}

// covered says whether something lies above the tool's title, wherever it is scrolled to.
const covered = (page) => page.evaluate(() => {
  const title = document.getElementById("tool-title");
  return ["start", "center", "end"].some((block) => {
    title.scrollIntoView({ block, behavior: "instant" });
    const { left, right, top, bottom } = title.getBoundingClientRect();
    return [left + 1, (left + right) / 2, right - 1].some((x) => document.elementFromPoint(x, (top + bottom) / 2) !== title);
  });
});
const closed = (page) => page.waitForFunction(() => document.getElementById("tool").hidden);
const focused = (page) => page.evaluate(() => document.activeElement.id);

for (const [size, options] of [["desktop", {}], ["phone", phone]]) for (const colorScheme of ["light", "dark"]) {
  test(`axe-core finds nothing serious in the tools: ${size}, ${colorScheme}`, async () => {
    const page = await withResults({ ...options, colorScheme }, { class: "panda" }, { class: "fox" });
    const check = async (what) => {
      assert.deepEqual(await violations(page), [], what);
      assert.equal(await fits(page), true, `${what} fits`);
    };
    await tool(page, "inspect");
    await page.waitForSelector("#inspect-tool figure:nth-of-type(3)");
    await page.click("#inspect-tool summary");
    await check("the inspector");
    await tool(page, "edit");
    await page.waitForSelector("#edit-tool canvas");
    await check("the editor");
    await page.fill("#edit-tool .class", "fxo");
    await page.click("#edit-tool .vary");
    await page.waitForSelector("#tool-note details");
    assert.match(await page.textContent("#tool-note"), /^The model has no “fxo”\. Did you mean “fox”\?.*class is "fxo", allowed: /);
    assert.deepEqual(await page.$$eval("[aria-invalid=true]", (all) => all.map(({ className }) => className)), ["class"], "the tool's field");
    assert.equal(await page.isVisible("#error"), false);
    await page.click("#tool-note summary");
    await check("an error of a tool");
    await page.click("#morph");
    await check("the question for a second picture");
    await page.click(".tile >> nth=1");
    await page.waitForSelector("#morph-tool .save:enabled");
    await check("a morph");
    await page.close();
  });
}

for (const [size, options] of [["desktop", {}], ["phone", phone]]) {
  test(`the inspector: ${size}`, async () => {
    const page = await withResults(options, { class: "fox" });
    await tool(page, "inspect");
    await page.waitForSelector("#inspect-tool figure:nth-of-type(3)");
    assert.equal(await page.textContent("#tool-title"), "What AdaLN does: fox");
    assert.equal(await covered(page), false);
    await page.locator("#inspect-tool canvas").first()[options.hasTouch ? "tap" : "hover"]();
    assert.match(await page.textContent("#inspect-tool .readout"), /^blocks\.\d msa, t = 0\.\d+: γ mean -?[\d.e-]+, rms/);
    await page.keyboard.press("Escape");
    await closed(page);
    assert.equal(await focused(page), "inspect");
    await page.close();
  });

  test(`what is painted is made anew, and the command line makes the same: ${size}`, async () => {
    const page = await withResults(options, { class: "fox" });
    const before = await canvasHash(page);
    await tool(page, "edit");
    await page.locator("#edit-tool canvas").scrollIntoViewIfNeeded();
    const box = await page.locator("#edit-tool canvas").boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.4, { steps: 5 });
    await page.mouse.up();
    await made(page, () => page.click("#edit-tool .paint-anew"));
    const after = await canvasHash(page);
    assert.notEqual(after, before);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    const file = join(folder, `${size}.png`);
    await download.saveAs(file);
    assert.equal(JSON.parse(execFileSync("go", ["run", "./tools/sample", "-model", classModel, "-request", file, "-json"], { cwd: root })).sha256, after);
    await page.close();
  });

  test(`a morph of two pictures: ${size}`, async () => {
    const page = await withResults(options, { class: "fox" });
    await page.click("#morph");
    assert.equal(await page.textContent("#status"), "Make another picture first, for this one to become.");
    await fill(page, { class: "panda" });
    await generate(page);
    await page.click("#morph");
    assert.equal(await page.textContent("#past-note"), "Pick the picture to morph into, or press Escape.");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "morph");
    assert.equal(await page.isHidden("#tool"), true);
    await page.click("#morph");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#morph-tool .readout")?.textContent === "All 17 frames are there.");
    assert.equal(await page.textContent("#tool-title"), "Morph: panda");
    assert.deepEqual(await page.$$eval("#morph-tool .ends span", (ends) => ends.map(({ textContent }) => textContent)), ["panda", "fox"]);
    await page.click("#close");
    await closed(page);
    await page.close();
  });
}

test("a morph goes from an image of a grid to the one at its place in the other", async () => {
  const page = await withResults({}, { class: "fox", count: 2 }, { class: "panda", count: 2 });
  await page.selectOption("#which", "2 of 2");
  await page.click("#morph");
  await page.click(".tile >> nth=1");
  await page.waitForFunction(() => document.querySelector("#morph-tool .readout")?.textContent === "All 17 frames are there.");
  await page.close();
});

test("and not to another place", async () => {
  const page = await withResults({}, { class: "fox" }, { class: "panda", count: 2 });
  await page.selectOption("#which", "2 of 2");
  await page.click("#morph");
  await page.click(".tile >> nth=1");
  await page.waitForFunction(() => document.getElementById("tool-note").textContent.startsWith("Images at different places"));
  await page.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
