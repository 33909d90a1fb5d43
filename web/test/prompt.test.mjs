// Models that are told words: the field of a prompt, its styles, and pictures that are drawn while one types.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { complete } from "../page/prompt.js";
import { classModel, root } from "./helpers.mjs";
import { canvasHash, clear, fill, fits, generate, made, phone, start, status, violations } from "./page.mjs";

const model = "testdata/words.dit8"; // a small network with random weights

let site, page;
before(async () => {
  site = await start("-model", model);
  page = await site.open();
});
after(() => site?.stop());

const request = async () => JSON.parse(await page.textContent("#request"));
const chips = () => page.$$eval("#said .chip", (all) => all.map((chip) => `${chip.classList.contains("unknown") ? "?" : chip.classList.contains("without") ? "-" : ""}${chip.textContent}`));
const completions = () => page.$$eval("#prompt-list li", (all) => all.map((option) => option.textContent));
const settled = (text) => page.waitForFunction((text) => document.getElementById("request").textContent.includes(text), text);
const chipped = (n) => page.waitForFunction((n) => document.querySelectorAll("#said .chip").length === n, n);

// cli makes a request's pixels with the command line.
function cli(...args) {
  const out = join(mkdtempSync(join(tmpdir(), "dit8-")), "out.png");
  return JSON.parse(execFileSync("go", ["run", "./tools/sample", "-model", model, ...args, "-o", out, "-json"], { cwd: root, encoding: "utf8" })).sha256;
}

test("words are completed", () => {
  const info = { words: ["box", "face", "fox", "foxglove"], styles: ["noto-blob", "fluent-3d"], synonyms: ["foxy", "vixen"] };
  const words = (text) => complete(text, info).map(({ word }) => word);
  assert.deepEqual(words("a blue fo"), ["fox", "foxglove", "foxy"]);
  assert.deepEqual(words("Fox"), ["foxglove", "foxy"]);
  assert.deepEqual(words("a fox in flu"), ["fluent 3d"]);
  assert.deepEqual(words("blob"), ["noto blob"]);
  assert.deepEqual(words("heart-f"), ["fox", "face", "foxglove", "foxy"]);
  for (const none of ["", "fox ", "zz", "fox, "]) assert.deepEqual(words(none), [], none);
});

test("the form asks for words, in a style", async () => {
  assert.equal(await page.isVisible("#class"), false);
  assert.equal(await page.inputValue("#prompt"), "blue fox");
  assert.deepEqual(await page.$$eval("#styles button", (all) => all.map((b) => b.textContent)), ["any style", "noto", "fluent 3d"]);
  assert.deepEqual(await page.$$eval("#picks button", (all) => all.map((b) => b.textContent)), ["blue fox", "cat with a hat"]);
  assert.deepEqual(await page.$$eval("#counts button", (all) => all.map((b) => [b.textContent, b.getAttribute("aria-pressed")])), [["1 step", "false"], ["2", "false"], ["4", "true"], ["20", "false"], ["…", "false"]]);
  assert.equal(await page.isHidden("#steps"), true);
  assert.match(await page.textContent("#model"), /^words, 7 words, 2 styles, 20×20 pixels/);
  await page.uncheck("#live");
  await page.click("#styles button >> text=noto");
  await generate(page);
  assert.deepEqual((({ prompt, style, seed, steps, guidance, class: name, skip_unknown }) => ({ prompt, style, seed, steps, guidance, name, skip_unknown }))(await request()),
    { prompt: "blue fox", style: "noto", seed: 1, steps: 4, guidance: 1, name: undefined, skip_unknown: undefined });
  assert.equal(await page.textContent("#hash"), cli("-prompt", "fox, blue", "-style", "noto", "-seed", "1"));
  assert.equal(await page.textContent("#title"), "blue fox, noto, seed 1");
  assert.match(await page.textContent("#command"), /-prompt 'blue fox' -style noto /);
});

test("chips show which words count", async () => {
  await page.fill("#prompt", "kitty foxx:2, heart:0.5 no hat ");
  await chipped(4);
  assert.deepEqual(await chips(), ["kitty= cat", "heart×0.5", "-no hat", "?foxx → fox?"]);
  await page.click("#said button");
  await chipped(4);
  await page.waitForFunction(() => !document.querySelector("#said .unknown"));
  assert.equal(await page.inputValue("#prompt"), "kitty fox:2, heart:0.5 no hat ");
  assert.deepEqual(await chips(), ["kitty= cat", "fox×2", "heart×0.5", "-no hat"]);
  await page.fill("#prompt", "zebra");
  await page.click("#generate");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /words that the model knows, which it does not of "zebra"/);
  assert.equal(await page.getAttribute("#prompt", "aria-invalid"), "true");
});

test("a style in the text goes first, and gives way to a button", async () => {
  await page.fill("#prompt", "a cat in the fluent 3d style");
  await page.waitForFunction(() => document.querySelector("[data-style=fluent-3d]").getAttribute("aria-pressed") === "true");
  await page.click("[data-style=noto]");
  assert.equal(await page.inputValue("#prompt"), "a cat");
  await page.waitForFunction(() => document.querySelector("[data-style=noto]").getAttribute("aria-pressed") === "true");
  await page.click("[data-style='']");
});

test("the field is a combobox that completes", async () => {
  await page.fill("#prompt", "");
  await page.type("#prompt", "a blue h");
  assert.deepEqual(await completions(), ["hat", "heart"]);
  await chipped(1);
  assert.deepEqual(await chips(), ["blue"]); // what is being typed is not unknown yet
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.evaluate(() => document.getElementById(document.getElementById("prompt").getAttribute("aria-activedescendant")).textContent), "heart");
  await page.keyboard.press("Enter");
  assert.equal(await page.inputValue("#prompt"), "a blue heart ");
  assert.equal(await page.isVisible("#prompt-list"), false);
  await page.type("#prompt", "flu");
  assert.deepEqual(await completions(), ["fluent 3dstyle"]);
  await page.click("#prompt-list li");
  assert.equal(await page.inputValue("#prompt"), "a blue heart fluent 3d ");
  await page.type("#prompt", "ca");
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#prompt-list"), false);
  await page.fill("#prompt", "cat");
  await made(page, () => page.press("#prompt", "Enter"));
  assert.equal((await request()).prompt, "cat");
});

for (const [size, options, press] of [["desktop", {}, "click"], ["phone", phone, "tap"]]) {
  test(`Generate is clear of the completions, and one press generates: ${size}`, async () => {
    const page = await site.open(options);
    const typed = async (last) => { // with completions, while all that is said is known
      await page.fill("#prompt", `cat ${last.slice(1)}`);
      for (const _ of last.slice(1)) await page.keyboard.press("ArrowLeft");
      await page.keyboard.type(last[0]);
      assert.equal(await page.isVisible("#prompt-list"), true);
    };
    await page.uncheck("#live");
    await typed("hat");
    assert.equal(await clear(page, "#generate"), true);
    await made(page, () => page[press]("#generate"));
    assert.equal(await page.isVisible("#prompt-list"), false);
    assert.equal(JSON.parse(await page.textContent("#request")).prompt, "cat hat");
    await typed("fox");
    await made(page, () => page.keyboard.press("Enter")); // nothing is marked
    assert.equal(JSON.parse(await page.textContent("#request")).prompt, "cat fox");
    await page.close();
  });
}

test("live: what changes is drawn at once, and the last is kept", async () => {
  await made(page, () => page.check("#live"));
  await page.evaluate(() => {
    window.drawn = new Set();
    const context = document.getElementById("canvas").getContext("2d"), draw = context.drawImage;
    context.drawImage = function (...args) { window.drawn.add(document.getElementById("canvas").getAttribute("aria-label")); return draw.apply(this, args); };
  });
  const before = await page.$$eval(".tile", (tiles) => tiles.length);
  await page.fill("#prompt", "");
  await page.type("#prompt", "fox, zebra box", { delay: 60 });
  await settled('"prompt": "fox, zebra box"');
  assert.equal(await page.$$eval(".tile", (tiles) => tiles.length), before + 1);
  assert.equal(await page.textContent("#hash"), await canvasHash(page));
  assert.equal(await page.textContent("#hash"), cli("-prompt", "box fox", "-seed", "1"));
  assert.match(await page.textContent("#note"), /Left out, as the model does not know them: zebra/);
  assert.ok(await page.evaluate(() => window.drawn.size) >= 1);
  for (const [what, act, text] of [
    ["a style", () => page.click("[data-style=noto]"), '"style": "noto"'],
    ["the steps", () => page.click("[data-steps='2']"), '"steps": 2'],
    ["the seed", () => fill(page, { seed: 5 }), '"seed": 5'],
    ["a second seed", () => fill(page, { seed_to: 9 }), '"seed_to": 9'],
    ["its slider", () => page.$eval("#blend input[type=range]", (range) => { range.value = 0.25; range.dispatchEvent(new Event("input", { bubbles: true })); }), '"seed_mix": 0.25'],
    ["an example", () => page.click("#picks button >> text=cat with a hat"), '"prompt": "cat with a hat"'],
  ]) {
    await act();
    await settled(text).catch(() => assert.fail(`${what} is not drawn`));
  }
  assert.equal(await page.textContent("#hash"), cli("-prompt", "cat hat", "-style", "noto", "-steps", "2", "-seed", "5", "-seed-to", "9", "-seed-mix", "0.25"));
});

test("a mix, a link and the tools know prompts", async () => {
  await fill(page, { seed_to: "" });
  await fill(page, { add: "heart" });
  await page.keyboard.press("Enter");
  await settled('"class": "heart"');
  const { classes, prompt, style } = await request();
  assert.deepEqual([classes.map((share) => share.class), prompt, style], [["cat with a hat", "heart"], undefined, "noto"]);
  await page.click("#shares .slider:nth-child(2) button");
  await settled('"prompt": "cat with a hat"');
  const hash = await page.textContent("#hash"), address = page.url();
  assert.match(address, /#prompt=cat\+with\+a\+hat&style=noto/);
  const other = await site.open({ address: `./${new URL(address).hash}`, until: "Done" });
  assert.equal(await other.textContent("#hash"), hash);
  assert.match(await other.textContent("#note"), /^$|Bit for bit/);
  await other.click("#inspect");
  await other.waitForSelector("#inspect-tool figure:nth-of-type(3)");
  await other.click("#edit");
  await other.waitForSelector("#edit-tool canvas");
  assert.equal(await other.inputValue("#edit-tool .class"), "cat with a hat");
  await other.fill("#edit-tool .class", "blue box");
  await made(other, () => other.click("#edit-tool .vary"));
  assert.equal(JSON.parse(await other.textContent("#request")).prompt, "blue box");
  await other.click("#morph");
  await other.click("#history .tile:nth-child(2)");
  await other.waitForFunction(() => document.querySelector("#morph-tool .readout")?.textContent.startsWith("All"));
  await other.close();
});

test("at both sizes and in both themes it is accessible and fits", async () => {
  for (const options of [{}, phone]) for (const colorScheme of ["light", "dark"]) {
    const page = await site.open({ ...options, colorScheme });
    await page.fill("#prompt", "kitty zebr no hat, f");
    await page.waitForSelector("#said .unknown");
    assert.deepEqual(await violations(page), []);
    assert.equal(await fits(page), true);
    await page.close();
  }
});

test("a model of classes has the field for classes again", async () => {
  const page = await site.open();
  await page.setInputFiles("#file", `${root}${classModel}`);
  await status(page, "Done");
  assert.equal(await page.isVisible("#class"), await page.evaluate(() => !document.getElementById("prompt-field").hidden) === false);
  await page.close();
});

test("nothing was complained of", () => assert.deepEqual(site.complaints, []));
