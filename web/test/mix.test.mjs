// Mixes of classes and of seeds.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { classModel, goldenClasses, root } from "./helpers.mjs";
import { fill, generate, start } from "./page.mjs";

let site, page;
before(async () => {
  site = await start("-model", classModel);
  page = await site.open();
  await fill(page, { steps: 4 });
});
after(() => site?.stop());

const request = async () => JSON.parse(await page.textContent("#request"));
const command = async () => (await page.textContent("#command")).match(/'[^']*'|\S+/g).map((word) => word.replace(/^'|'$/g, ""));

// sameByCommand runs the command line that is shown.
async function sameByCommand() {
  const args = await command();
  args[args.indexOf("-model") + 1] = classModel;
  args[args.indexOf("-o") + 1] = join(mkdtempSync(join(tmpdir(), "dit8-")), "out.png");
  const { sha256 } = JSON.parse(execFileSync(args[0], [...args.slice(1), "-json"], { cwd: root, encoding: "utf8" }));
  assert.equal(sha256, await page.textContent("#hash"));
}

async function add(name) {
  await fill(page, { add: name });
  await page.keyboard.press("Enter");
}

test("classes are mixed by their sliders", async () => {
  await add("panda");
  await add("rainbow");
  assert.equal(await page.$$eval("#shares .slider", (rows) => rows.length), 3);
  assert.equal(await page.evaluate(() => document.activeElement.id), "add");
  await page.focus("[aria-label='Weight of panda']");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  await page.fill("[name='classes[2].weight']", "0.333");
  await generate(page);
  assert.deepEqual((await request()).classes, [{ class: "fox", weight: 1 }, { class: "panda", weight: 1.25 }, { class: "rainbow", weight: 0.333 }]);
  assert.equal(await page.textContent("#title"), "fox + panda + rainbow, seed 1");
  await sameByCommand();
});

test("a share is left out, and the last one ends the mix", async () => {
  await page.click("[aria-label='Leave out panda']");
  await generate(page);
  assert.deepEqual((await request()).classes.map((share) => share.class), ["fox", "rainbow"]);
  await page.click("[aria-label='Leave out rainbow']");
  await generate(page);
  assert.equal((await request()).class, "fox");
});

test("shares act at their own times", async () => {
  await fill(page, { class: "bear" });
  await add("panda");
  await page.check("#timed");
  await page.fill("[name='classes[0].to']", "0.6");
  await page.fill("[name='classes[1].from']", "0.6");
  await generate(page);
  assert.deepEqual((await request()).classes, [{ class: "bear", weight: 1, from: 1, to: 0.6 }, { class: "panda", weight: 1, from: 0.6 }]);
  await sameByCommand();
});

test("a wrong share is marked", async () => {
  for (const [name, value, message] of [["classes[0].weight", "", "classes is"], ["classes[1].weight", "1001", "classes[1].weight is 1001, allowed: -1000 to 1000"], ["classes[1].from", "-0.5", "classes[1].from is -0.5 and to is 0"]]) {
    const field = page.locator(`[name="${name}"]`), before = await field.inputValue();
    await field.fill(value);
    await page.click("#generate");
    await page.waitForSelector(`[name="${name}"][aria-invalid=true]`);
    assert.ok((await page.textContent("#error")).includes(message), await page.textContent("#error"));
    await field.fill(before);
  }
});

test("a second seed is blended in", async () => {
  await page.click("[aria-label='Leave out panda']");
  assert.equal(await page.isVisible("[name=seed_mix]"), false);
  await fill(page, { class: "fox", seed_to: 9 });
  await page.fill("[name=seed_mix]", "0.25");
  await generate(page);
  const { class: name, seed, seed_to, seed_mix } = await request();
  assert.deepEqual({ name, seed, seed_to, seed_mix }, { name: "fox", seed: 1, seed_to: 9, seed_mix: 0.25 });
  assert.equal(await page.textContent("#title"), "🦊 fox, seed 1 to 9");
  await sameByCommand();
});

// What other programs may ask for beyond the form's fields comes along too.
for (const { request, sha256 } of goldenClasses) test(`the golden pixels of a link: ${JSON.stringify(request).slice(0, 120)}`, async () => {
  const other = await site.open({ address: `#${new URLSearchParams({ request: JSON.stringify(request) })}`, until: "Done" });
  assert.equal(await other.textContent("#hash"), sha256);
  await other.click("#reuse");
  await generate(other);
  assert.equal(await other.textContent("#hash"), sha256);
  await other.close();
});

test("a request's fields that the form has none for can be left out", async () => {
  const other = await site.open({ address: "#class=fox&steps=2&negative=panda&shift=2", until: "Done" });
  assert.equal(await other.textContent("#extras"), 'Also: negative "panda" ✕shift 2 ✕');
  await other.click("[aria-label='Leave out shift 2']");
  await generate(other);
  assert.deepEqual(Object.keys(JSON.parse(await other.textContent("#request"))).filter((name) => ["negative", "shift"].includes(name)), ["negative"]);
  await other.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
