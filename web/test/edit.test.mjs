// What is painted becomes the mask of a request, whose pixels are the command line's.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { root } from "./helpers.mjs";
import { accessible, open, sample } from "./tools.mjs";

const size = 32, made = { class: "fox", seed: 1, steps: 4, count: 1, guidance: 3 };
const folder = mkdtempSync(join(tmpdir(), "dit8-"));
let page, complaints, close, pixels;

before(async () => {
  ({ page, complaints, close } = await open("edit.js"));
  pixels = await page.evaluate(async (made) => {
    const { images } = await sampler.generate(made);
    window.image = images[0];
    window.said = [];
    window.asked = [];
    window.edit = editor(tool, { onEdit: (request) => asked.push(request), onMessage: (text) => said.push(text) });
    return Array.from(image.data);
  }, made);
});
after(async () => {
  await close?.();
  rmSync(folder, { recursive: true });
});
beforeEach(() => begin());

// begin opens the image anew, as the result of a request.
const begin = (request = made) => page.evaluate((request) => { asked.length = said.length = 0; edit.open(image, request, sampler.info); }, request);
const brush = (n) => page.fill(".size", String(n));
const asked = () => page.evaluate(() => asked.at(-1));

// place is where the middle of a pixel is on the page.
async function place(x, y) {
  await page.locator(".editor canvas").scrollIntoViewIfNeeded();
  const box = await page.locator(".editor canvas").boundingBox();
  return [box.x + (x + 0.5) / size * box.width, box.y + (y + 0.5) / size * box.height];
}

async function drag(from, to) {
  await page.mouse.move(...await place(...from));
  await page.mouse.down();
  await page.mouse.move(...await place(...to));
  await page.mouse.up();
}

// marked is the pixels of the mask that Inpaint sends, as "x,y".
async function marked() {
  await page.click(".paint-anew");
  const { edit } = await asked() ?? {};
  return edit ? Array.from(Buffer.from(edit.mask, "base64")).flatMap((b, i) => (b ? [`${i % size},${Math.floor(i / size)}`] : [])) : [];
}

const box = (x0, y0, x1, y1) => {
  const all = [];
  for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) all.push(`${x},${y}`);
  return all;
};

test("strokes of a mouse", async () => {
  await brush(1);
  await drag([5, 7], [12, 7]);
  await drag([3, 10], [3, 14]);
  assert.deepEqual(await marked(), [...box(5, 7, 13, 8), ...box(3, 10, 4, 15)]);
  assert.match(await page.textContent(".readout"), /^13 pixels are marked of 1024/);
});

test("sizes of the brush, and the edge of the image", async () => {
  await brush(3);
  await drag([10, 10], [10, 10]);
  assert.deepEqual(await marked(), box(9, 9, 12, 12));
  await begin();
  await drag([0, 31], [0, 31]);
  assert.deepEqual(await marked(), box(0, 30, 2, 32));
  await begin();
  await brush(4); // without its corners
  await page.mouse.click(...(await place(9.45, 9.45)));
  assert.deepEqual(await marked(), box(8, 8, 12, 12).filter((p) => !["8,8", "11,8", "8,11", "11,11"].includes(p)));
});

test("erase, undo, invert and clear", async () => {
  await brush(1);
  await drag([5, 7], [8, 7]);
  await page.click("label:has([value=erase])");
  await drag([6, 7], [7, 7]);
  assert.deepEqual(await marked(), ["5,7", "8,7"]);
  await page.click(".undo");
  assert.deepEqual(await marked(), box(5, 7, 9, 8));
  await page.click(".invert");
  assert.deepEqual(await marked(), box(0, 0, size, size).filter((p) => !box(5, 7, 9, 8).includes(p)));
  await page.click(".clear");
  assert.equal(await page.isDisabled(".clear"), true);
  await page.click(".undo");
  await page.click(".undo");
  assert.deepEqual(await marked(), box(5, 7, 9, 8));
  await page.click(".undo");
  assert.equal(await page.isDisabled(".undo"), true);
  await page.click("label:has([value=paint])");
});

test("a finger paints and does not scroll", async () => {
  const touch = await page.context().newCDPSession(page);
  await page.setViewportSize({ width: 360, height: 500 });
  await brush(1);
  const points = [await place(4, 4), await place(4, 9), await place(9, 9)].map(([x, y]) => ({ x, y }));
  const scrolled = await page.evaluate(() => scrollY);
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [points[0]] });
  for (const point of points.slice(1)) await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [point] });
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  assert.equal(await page.evaluate(() => scrollY), scrolled);
  assert.deepEqual(await marked(), [...box(4, 4, 5, 9), ...box(4, 9, 10, 10)]);
  await page.setViewportSize({ width: 940, height: 900 });
});

test("the keyboard paints", async () => {
  await brush(1);
  await page.locator(".editor canvas").focus();
  for (const key of ["ArrowLeft", "Space", "ArrowUp", "Shift+ArrowUp", "Shift+ArrowUp"]) await page.keyboard.press(key);
  assert.equal(await page.textContent(".readout"), "Row 14, column 16: marked, 4 marked in all.");
  assert.deepEqual(await marked(), ["15,13", "15,14", "15,15", "15,16"]);
  await page.locator(".editor canvas").focus();
  await page.keyboard.press("Control+z");
  assert.deepEqual(await marked(), ["15,14", "15,15", "15,16"]);
});

// generated is the pixels that the page makes of what was asked for, after the command
// line has made the same.
async function generated() {
  const request = await asked(), file = join(folder, "request.json");
  writeFileSync(file, JSON.stringify(request));
  const { sha256 } = sample("-request", file, "-json", "-o", join(folder, "out.png"));
  const ours = await page.evaluate(async (request) => {
    const { images, sha256 } = await sampler.generate(request);
    return { sha256, hash: await hash(images[0].data), pixels: Array.from(images[0].data) };
  }, request);
  assert.equal(ours.sha256, sha256);
  assert.equal(ours.hash, sha256);
  return ours.pixels;
}

test("painting anew keeps all other pixels", async () => {
  await brush(8);
  await drag([8, 8], [20, 12]);
  const painted = new Set(await marked());
  const request = await asked();
  assert.deepEqual({ ...request, edit: undefined }, { ...made, seed: 2, edit: undefined });
  assert.deepEqual([request.edit.task, request.edit.width], ["inpaint", size]);
  assert.deepEqual(Array.from(Buffer.from(request.edit.image, "base64")), pixels.filter((_, i) => i % 4 < 3));
  const after = await generated();
  let changed = 0;
  for (let i = 0; i < size * size; i++) {
    const same = [0, 1, 2].every((c) => after[4 * i + c] === pixels[4 * i + c]);
    if (!painted.has(`${i % size},${Math.floor(i / size)}`)) assert.ok(same, `pixel ${i} was to be kept`);
    else if (!same) changed++;
  }
  assert.ok(changed > painted.size / 2, `${changed} of ${painted.size} painted pixels are new`);
});

test("vary, with another class and strength", async () => {
  await page.fill(".class", "panda");
  await page.fill(".strength", "75");
  assert.equal(await page.textContent(".strength-value"), "75 %");
  await page.click(".vary");
  const { edit, ...rest } = await asked();
  assert.deepEqual(rest, { ...made, class: "panda", seed: 2 });
  assert.deepEqual([edit.task, edit.strength, edit.mask], ["image", 0.75, undefined]);
  await generated();
  // the next has another seed
  await page.click(".vary");
  assert.equal((await asked()).seed, 3);
});

test("colour anew", async () => {
  await page.click(".colour");
  const { edit } = await asked();
  assert.equal(edit.task, "colorize");
  assert.equal(Buffer.from(edit.image, "base64").length, size * size);
  await generated();
});

test("a solver that can't inpaint is left out, others stay", async () => {
  for (const [solver, stays] of [["heun", false], ["ab2", false], ["midpoint", false], ["sde", true], ["euler", true]]) {
    await begin({ ...made, solver });
    await drag([8, 8], [9, 9]);
    await page.click(".paint-anew");
    assert.equal((await asked()).solver, stays ? solver : undefined);
    if (solver === "heun") await generated();
    await page.click(".vary");
    assert.equal((await asked()).solver, solver);
  }
});

test("a grid, a blend, a mix and an edit become one image of their own", async () => {
  const { class: _, ...rest } = made, classes = [{ class: "fox", weight: 1 }, { class: "panda", weight: 2 }];
  await begin({ ...rest, classes, count: 4, seed_to: 8, seed_mix: 0.5, edit: { task: "inpaint", image: "", mask: "", width: 1 } });
  assert.equal(await page.getAttribute(".class", "placeholder"), "as it is: fox, panda");
  await page.click(".vary");
  const { edit, ...asks } = await asked();
  assert.deepEqual(asks, { ...rest, classes, seed: 2 });
  assert.deepEqual(Object.keys(edit).sort(), ["image", "strength", "task", "width"]);
  await page.fill(".class", "rocket");
  await page.click(".vary");
  assert.deepEqual({ ...await asked(), edit: undefined }, { ...made, class: "rocket", seed: 3, edit: undefined });
});

test("what is wrong is said", async () => {
  await page.click(".paint-anew");
  assert.equal(await asked(), undefined);
  assert.match(await page.evaluate(() => said.at(-1)), /^First brush over/);
  await page.fill(".seed", "abc");
  await page.click(".vary");
  assert.equal((await asked()).seed, "abc"); // the sampler names the field
});

test("a mask of a file, by the command line's rule", async () => {
  const trial = (name) => `${root}testdata/trials/${name}`;
  for (const [name, pixels, said] of [
    ["mask-127.png", box(8, 8, 24, 24), "the brighter of its two levels"], ["mask-transparent.png", box(8, 8, 24, 24), "what is transparent"],
  ]) {
    await begin();
    await page.setInputFiles(".mask-file", trial(name));
    await page.waitForFunction((name) => document.querySelector(".readout").textContent.includes(name), name);
    assert.equal(await page.textContent(".readout"), `256 pixels are marked of 1024. Of ${name}, ${said} is painted anew.`);
    assert.deepEqual(await marked(), pixels);
  }
  // Of several levels those from 128 on; a picture of another size is fitted.
  for (const name of ["mask", "pixels"]) await page.route(`**/${name}.js`, (route) => route.fulfill({ contentType: "text/javascript", path: `${root}web/page/${name}.js` })); // which the build joins with others
  const levels = await page.evaluate(async () => {
    const { masked } = await import("./mask.js");
    const picture = (width, ...grey) => createImageBitmap(new ImageData(Uint8ClampedArray.from(grey.flatMap((v) => [v, v, v, 255])), width));
    const all = [];
    for (const [bitmap, size] of [[await picture(2, 10, 127, 128, 200), 2], [await picture(2, 0, 0, 255, 255), 4], [await picture(2, 1, 2, 3, 4), 2]]) {
      try { all.push(masked(bitmap, size).mask.join("")); } catch ({ message }) { all.push(message); }
    }
    return all;
  });
  assert.deepEqual(levels.slice(0, 2), ["0011", "0000000011111111"]);
  assert.match(levels[2], /nothing to paint/);
});

test("it can be used by everyone, on a phone too", async () => {
  await drag([8, 8], [20, 12]);
  await accessible(page);
  assert.equal(await page.$$eval("#edit-classes option", (options) => options.length), 128);
});

test("closed, it does nothing", async () => {
  await page.evaluate(() => edit.close());
  for (const button of [".paint-anew", ".vary", ".colour", ".undo", ".invert", ".clear"]) assert.equal(await page.isDisabled(button), true);
  await page.locator(".editor canvas").focus();
  await page.keyboard.press("Space");
  assert.equal(await asked(), undefined);
});

test("no errors on the console", () => assert.deepEqual(complaints, []));
