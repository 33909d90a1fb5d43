// What a first visit meets: a gallery, a picture that comes out of noise, and a history that is there the next time.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { readMetadata } from "../dit8/png.js";
import { weigh } from "../page/pad.js";
import { accessible, canvasHash, fill, fits, generate, made, phone, start, status, violations } from "./page.mjs";

let site, page;
before(async () => {
  site = await start();
  page = await site.open({ address: "", until: "Done", init: (page) => page.addInitScript(() => {
    window.films = 0; // frames of the replay that were drawn
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => { films++; }).observe(document.getElementById("film"), { attributes: true, attributeFilter: ["width"] }));
  }) });
});
after(() => site?.stop());

const filmHidden = () => page.waitForFunction(() => document.getElementById("film").hidden);
const title = () => page.textContent("#title");
// filmed is the hash of what the replay shows, and how far its pixels are from the picture's.
const filmed = () => page.evaluate(() => {
  const data = (id) => { const c = document.getElementById(id); return c.getContext("2d").getImageData(0, 0, c.width, c.height).data; };
  const [a, b] = [data("film"), data("canvas")];
  return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;
});
const scrub = async (p) => {
  await page.$eval("#scrub", (input, p) => { input.value = p; input.dispatchEvent(new Event("input")); }, p);
  await page.waitForFunction(([p]) => document.getElementById("film").hidden === (p >= 1), [p]);
};

test("the first picture comes out of noise, and its bytes are what they are", async () => {
  await filmHidden();
  assert.ok(await page.evaluate(() => films) > 0, "the replay was shown");
  assert.equal(await canvasHash(page), await page.textContent("#hash"));
});

test("the scrubber goes from noise to the picture", async () => {
  const far = [];
  for (const p of [0, 0.5, 0.9]) {
    await scrub(p);
    far.push(await filmed());
  }
  assert.ok(far[0] > 60 && far[0] > far[1] && far[1] > far[2] && far[2] > 0, String(far));
  assert.match(await page.getAttribute("#scrub", "aria-valuetext"), /^after 3 of 4 steps, t = 0\.\d/);
  await page.selectOption("#shows", "estimate");
  assert.ok(await filmed() < far[2] / 2, "the estimate is nearer to the picture than what is noisy");
  await scrub(1);
  assert.equal(await page.getAttribute("#scrub", "aria-valuetext"), "the picture");
  await page.selectOption("#shows", "noise");
  await filmHidden();
});

test("the way is saved as an animation, which holds the request", async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save-film")]);
  assert.equal(download.suggestedFilename(), "smiling face with sunglasses, fluent-3d-4-from-noise.png");
  const png = readFileSync(await download.path());
  assert.equal(png.readUInt32BE(png.indexOf("acTL") + 4), 22, "frames");
  assert.equal((await readMetadata(new Blob([png]))).request.prompt, "smiling face with sunglasses");
});

test("the gallery is searched, and a click draws", async () => {
  const shown = () => page.$$eval("#thumbs .thumb", (all) => all.map((b) => b.dataset.prompt));
  assert.equal((await shown()).length, 76);
  await page.fill("#find", "appl");
  assert.deepEqual(await shown(), ["red apple"]);
  await made(page, () => page.press("#find", "Enter"));
  assert.equal(await title(), "red apple, fluent-3d, seed 4");
  await page.fill("#find", "nothing like it");
  assert.match(await page.textContent("#thumbs"), /^None of these/);
  await page.fill("#find", "");
  await page.click("#groups [data-group=Food]");
  assert.equal((await shown()).length, 12);
  await page.focus("#thumbs .thumb");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.dataset.prompt), "hamburger");
});

test("Generate varies what has been made, unless the seed is kept, and what is made twice is there once", async () => {
  await page.uncheck("#live");
  await fill(page, { prompt: "ghost" });
  await generate(page);
  const tiles = () => page.$$eval(".tile", (all) => all.length), first = await title(), before = await tiles();
  await generate(page);
  assert.notEqual(await title(), first);
  assert.equal(await tiles(), before + 1);
  await page.click("#lock");
  const [kept, hash] = [await title(), await page.textContent("#hash")];
  await generate(page);
  assert.deepEqual([await title(), await page.textContent("#hash"), await tiles()], [kept, hash, before + 1]);
  await page.click("#lock");
});

test("an image of several is the same on its own, also on the command line", async () => {
  await fill(page, { prompt: "panda", count: 3 });
  await generate(page);
  await page.selectOption("#which", "3 of 3");
  const image = await page.evaluate(async () => {
    const canvas = document.getElementById("canvas"), { data } = canvas.getContext("2d").getImageData(0, 128, 128, 128);
    return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", data)), (b) => b.toString(16).padStart(2, "0")).join("");
  });
  await made(page, () => page.click("#alone"));
  assert.equal(await page.textContent("#hash"), image);
  assert.match(await page.textContent("#command"), / -first 2 /);
  assert.match(await page.evaluate(() => location.hash), /first=2/);
});

test("more like this makes four from the picture", async () => {
  await made(page, () => page.click("#like"));
  const { count, edit } = JSON.parse(await page.textContent("#request"));
  assert.deepEqual([count, edit.task, edit.width], [4, "image", 128]);
  assert.match(await title(), /, varied$/);
});

test("a picture that is pasted is drawn from", async () => {
  await made(page, () => page.evaluate(async () => {
    const canvas = new OffscreenCanvas(200, 100), transfer = new DataTransfer();
    const context = canvas.getContext("2d");
    for (const [color, x] of [["#9cf", 0], ["#c40", 60]]) {
      context.fillStyle = color;
      context.fillRect(x, 0, 200, 100);
    }
    transfer.items.add(new File([await canvas.convertToBlob()], "pasted.png", { type: "image/png" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
  }));
  assert.match(await page.textContent("#note"), /^Started from pasted\.png, scaled from 200×100, fit cover\./);
  assert.equal(await page.textContent("#photo-tool .readout"), "100×100 pixels of 200×100, from 50, 0 on.");
  const edit = async () => JSON.parse(await page.textContent("#request")).edit, before = await edit();
  await page.focus("#photo-tool canvas");
  await made(page, async () => { for (const key of ["+", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key); });
  assert.equal(await page.textContent("#photo-tool .readout"), "67×67 pixels of 200×100, from 73, 17 on.");
  assert.notEqual((await edit()).image, before.image);
  const box = await page.locator("#photo-tool canvas").boundingBox();
  await made(page, async () => {
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x, box.y, { steps: 3 });
    await page.mouse.up();
  });
  assert.match(await page.textContent("#photo-tool .readout"), /^67×67 pixels of 200×100, from 0, 0 on/);
  await accessible(page);
});

test("an edit is compared with what it began with, and others go on from it", async () => {
  await filmHidden();
  const seen = () => page.evaluate(() => { const { hidden, style, width } = document.getElementById("before"); return [hidden, style.clipPath, width]; });
  assert.deepEqual((await seen())[0], true);
  await page.focus("#wipe");
  await page.keyboard.press("End");
  assert.deepEqual(await seen(), [false, "inset(0px 0% 0px 0px)", 128]);
  await page.keyboard.press("Home");
  assert.equal((await seen())[0], true);
  await page.click("#continue");
  assert.equal(await page.textContent("#extras"), "Also: edit image ✕");
  await generate(page);
  assert.match(await title(), /, varied$/);
  await accessible(page);
  await page.click("#extras button");
});

test("two pictures are compared, and all are saved on one sheet", async () => {
  await page.click("#compare");
  assert.equal(await page.textContent("#past-note"), "Pick the picture to compare it with, or press Escape.");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.id), "compare");
  await page.click("#compare");
  await page.click(".tile >> nth=-1");
  await page.waitForSelector("#compare-tool tbody tr");
  assert.match(await page.textContent("#compare-tool .readout"), /^(Their colours are \d|One has)/);
  assert.deepEqual(await page.$$eval("#compare-tool figcaption", (all) => all.map((caption) => caption.textContent)), [await title(), "smiling face with sunglasses, fluent-3d, seed 4"]);
  assert.ok((await page.$$eval("#compare-tool tbody th", (all) => all.map((th) => th.textContent))).includes("prompt"));
  await accessible(page);
  const size = async (button) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    const png = readFileSync(await download.path());
    return [download.suggestedFilename(), png.readUInt32BE(16), png.readUInt32BE(20)];
  };
  assert.deepEqual(await size("#compare-tool .save"), ["dit8-compared.png", 1072, 580]);
  const columns = Math.ceil(Math.sqrt(await page.$$eval(".tile", (all) => all.length))), [name, width] = await size("#sheet");
  assert.deepEqual([name, width], ["dit8-pictures.png", 16 + columns * (Math.min(512, Math.floor(2400 / columns) - 16) + 16)]);
});

test("how it works is shown in five pictures that the page makes", async () => {
  await page.click("#how");
  await page.waitForFunction(() => document.querySelectorAll("#how-tool canvas")[4]?.height === 128);
  const blank = await page.$$eval("#how-tool canvas", (all) => all.map((c) => new Set(new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)).size < 8));
  assert.deepEqual(blank, [false, false, false, false, false]);
  assert.deepEqual(await page.$$eval("#how-tool h3", (all) => all.map((h3) => h3.textContent)), ["Patches", "Noise and velocity", "The mixing board of AdaLN", "Guidance", "Steps"]);
  await accessible(page);
  await page.click("#how");
  assert.equal(await page.isVisible("#tool"), false);
});

test("three or four are mixed on a pad", async () => {
  const weighed = (n, at) => weigh(n, at).map((w) => Math.round(1000 * w) / 1000);
  assert.deepEqual([weighed(4, [0.06, 0.06]), weighed(4, [0.5, 0.5]), weighed(3, [0.5, 0.06]), weighed(3, [0.94, 0.94])], [[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25], [1, 0, 0], [0, 0, 1]]);
  await fill(page, { prompt: "fox" });
  for (const word of ["panda", "frog", "rocket"]) {
    await fill(page, { add: word });
    await page.keyboard.press("Enter");
  }
  await page.waitForSelector(".pad");
  assert.deepEqual(await page.$$eval(".pad span", (all) => all.map((span) => span.textContent)), ["fox", "panda", "frog", "rocket"]);
  await page.focus(".pad");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowLeft");
  const weights = () => page.$$eval("#shares input[type=number][name$=weight]", (all) => all.map((input) => Number(input.value)));
  const [fox, panda, frog, rocket] = await weights();
  assert.ok(fox > panda && fox > frog && rocket < frog, String(await weights()));
  assert.match(await page.getAttribute(".pad", "aria-description"), /fox top left: \d+ %/);
  const { width, height } = await page.locator(".pad").boundingBox();
  await page.click(".pad", { position: { x: width - 5, y: height - 5 } });
  assert.deepEqual(await weights(), [0, 0, 0, 1]);
  await accessible(page);
  await page.click(".pad", { position: { x: width / 2, y: height / 2 } });
  await generate(page);
  assert.equal(JSON.parse(await page.textContent("#request")).classes.length, 4);
  for (let i = 0; i < 3; i++) await page.click("#shares .slider:nth-child(2) button");
  assert.equal(await page.isVisible(".pad"), false);
});

test("the shortcuts are listed, work, and can be turned off", async () => {
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("?");
  assert.equal(await page.evaluate(() => document.getElementById("keys").open), true);
  await accessible(page, { within: "#keys" });
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await made(page, () => page.keyboard.press("n"));
  await page.keyboard.press("f");
  assert.equal(await page.getAttribute("#star", "aria-pressed"), "true");
  await page.click("#help");
  await page.uncheck("#keys input");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("f");
  assert.equal(await page.getAttribute("#star", "aria-pressed"), "true");
});

test("the pictures are there after a reload, with their pixels and stars, until they are deleted", async () => {
  const labels = () => page.$$eval(".tile", (all) => all.map((b) => b.getAttribute("aria-label")));
  const width = () => page.$eval("#canvas", (canvas) => canvas.width);
  const before = await labels(), hash = await page.textContent("#hash"), wide = await width();
  assert.match(before[0], /, starred$/);
  await page.waitForFunction(async (count) => {
    const open = indexedDB.open("dit8");
    await new Promise((resolve) => { open.onsuccess = resolve; });
    const all = open.result.transaction("pictures").objectStore("pictures").getAll();
    await new Promise((resolve) => { all.onsuccess = resolve; });
    open.result.close();
    return all.result.length === count && all.result.some(({ star }) => star);
  }, before.length);
  await page.goto(`${site.server.url}?run=no`);
  await status(page, "Ready.");
  await page.waitForFunction((count) => document.querySelectorAll(".tile").length === count, before.length);
  assert.deepEqual(await labels(), before);
  await page.click(".tile");
  await page.waitForFunction((hash) => document.getElementById("hash").textContent === hash, hash);
  assert.equal(await width(), wide);
  assert.equal(await page.textContent("#note"), "");
  await page.$eval("#others", (details) => { details.open = true; });
  await accessible(page);
  await page.click("#delete");
  assert.deepEqual(await labels(), before.slice(1));
  await page.reload();
  await status(page, "Ready.");
  await page.waitForFunction((count) => document.querySelectorAll(".tile").length === count, before.length - 1);
});

test("a click before the model is there is not lost, and a phone's first screen has what it takes", async () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const other = await site.open({ ...phone, until: "", init: (page) => page.route("**/default.dit8", async (route) => { await held; await route.continue(); }) });
  await other.click("#generate");
  assert.equal(await other.textContent("#status"), "It will be drawn as soon as the model is loaded.");
  const { y, height } = await other.locator("#generate").boundingBox();
  assert.ok(y + height <= phone.viewport.height, `Generate ends at ${y + height}`);
  assert.match(await other.evaluate(() => getComputedStyle(document.getElementById("frame"), "::before").backgroundImage), /first\.webp/);
  await other.fill("#prompt", "rocket");
  release();
  await status(other, "Done");
  assert.match(await other.textContent("#title"), /^rocket, /);
  assert.equal(await fits(other), true);
  const small = await other.$$eval("button, input, select, summary", (all) => all.filter((e) => e.offsetParent && !["checkbox", "range"].includes(e.type))
    .filter((e) => e.getBoundingClientRect().height < 43.5).map((e) => e.outerHTML.slice(0, 80)));
  assert.deepEqual(small, [], "touch targets of 44 px");
  assert.deepEqual(await violations(other), []);
  await other.click("#how");
  await other.waitForFunction(() => document.querySelectorAll("#how-tool canvas")[4]?.height === 128);
  assert.equal(await fits(other), true, "how it works");
  await other.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
