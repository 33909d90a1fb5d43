// A morph goes from one result to the other, and its file is an animation that plays.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, open, sample } from "./tools.mjs";

const a = { class: "fox", seed: 1, steps: 2, count: 1, guidance: 3 }, b = { class: "panda", seed: 2, steps: 4, count: 1, guidance: 2 };
const folder = mkdtempSync(join(tmpdir(), "dit8-"));
let page, complaints, close;

before(async () => {
  ({ page, complaints, close } = await open("morph.js", "dit8/png.js"));
  await page.evaluate(async ([a, b]) => {
    window.said = [];
    window.morphed = morph(tool, { onError: ({ message }) => said.push(message) });
    window.result = async (request, index = 0) => ({ request, image: (await sampler.generate(request)).images[index], index });
    [window.from, window.to] = [await result(a), await result(b)];
    // the hash of what the canvas shows
    window.shown = () => { const c = tool.querySelector("canvas"); return hash(c.getContext("2d").getImageData(0, 0, c.width, c.height).data); };
    const generate = sampler.generate.bind(sampler);
    window.generated = [];
    sampler.generate = async (request, options) => { const made = await generate(request, options); generated.push(made); return made; };
  }, [a, b]);
});
after(async () => {
  await close?.();
  rmSync(folder, { recursive: true });
});

const start = () => page.evaluate(() => { generated.length = said.length = 0; return morphed.open(sampler, from, to); });
const scrubTo = (k) => page.fill(".scrub", String(k));
const shown = () => page.evaluate(() => shown());

// cli is the hash of a request's pixels on the command line.
function cli(request) {
  writeFileSync(join(folder, "request.json"), JSON.stringify(request));
  return sample("-request", join(folder, "request.json"), "-json", "-o", join(folder, "out.png")).sha256;
}

test("its ends are the two results, and the frames between are made in between", async () => {
  await page.selectOption("select", "9");
  await start();
  assert.equal(await page.textContent(".readout"), "All 9 frames are there.");
  await scrubTo(0);
  assert.equal(await shown(), cli(a));
  await scrubTo(8);
  assert.equal(await shown(), cli(b));
  const made = await page.evaluate(() => generated.map(({ metadata }) => metadata));
  assert.equal(made.length, 7);
  await scrubTo(4); // made first
  assert.equal(await shown(), made[0].sha256);
  assert.deepEqual(made[0].request, { seed: 1, seed_to: 2, seed_mix: 0.5, steps: 3, count: 1, guidance: 2.5, classes: [{ class: "fox", weight: 0.5 }, { class: "panda", weight: 0.5 }] });
  assert.equal(made[0].sha256, cli(made[0].request));
  assert.equal(await page.getAttribute(".scrub", "aria-valuetext"), "50 % of the way from fox to panda");
});

test("made by its rule, the ends are the same images", async () => {
  const hashes = await page.evaluate(async () => {
    const plan = between(from, to, sampler.info);
    return [(await sampler.generate(plan(0))).sha256, (await sampler.generate(plan(1))).sha256];
  });
  assert.deepEqual(hashes, [cli(a), cli(b)]);
});

test("it plays to and fro, and pauses", async () => {
  await page.evaluate(() => {
    window.places = [];
    new MutationObserver(() => places.push(Number(tool.querySelector(".scrub").value))).observe(tool.querySelector("canvas"), { attributes: true, attributeFilter: ["aria-label"] });
  });
  await page.click(".play");
  await page.waitForFunction(() => places.length > 22);
  await page.click(".play");
  assert.equal(await page.textContent(".play"), "Play");
  const places = await page.evaluate(() => places);
  for (let i = 1; i < places.length; i++) assert.equal(Math.abs(places[i] - places[i - 1]), 1, String(places));
  assert.ok(places.includes(0) && places.includes(8), String(places));
  const still = await page.evaluate(() => new Promise((resolve) => { const n = places.length; setTimeout(() => resolve(places.length - n), 300); }));
  assert.equal(still, 0);
});

test("the file is an animated PNG of the frames, to and fro", async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(".save")]);
  assert.equal(download.suggestedFilename(), "fox-to-panda.png");
  const bytes = readFileSync(await download.path());
  const { frameCount, repetitions, frames, metadata, still } = await page.evaluate(async (base64) => {
    const data = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const decoder = new ImageDecoder({ data, type: "image/png" });
    await decoder.tracks.ready;
    const frames = [], { frameCount, repetitionCount } = decoder.tracks.selectedTrack;
    for (let frameIndex = 0; frameIndex < frameCount; frameIndex++) {
      const { image } = await decoder.decode({ frameIndex });
      const { duration } = image;
      const large = new OffscreenCanvas(image.displayWidth, image.displayHeight).getContext("2d");
      large.drawImage(image, 0, 0);
      image.close();
      const { data, width, height } = large.getImageData(0, 0, large.canvas.width, large.canvas.height);
      const small = new Uint8ClampedArray(32 * 32 * 4);
      let flat = true; // each pixel is one of 8 × 8
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) for (let c = 0; c < 4; c++) {
        const to = 4 * ((y >> 3) * 32 + (x >> 3)) + c, v = data[4 * (y * width + x) + c];
        if (x % 8 || y % 8) flat &&= small[to] === v;
        else small[to] = v;
      }
      frames.push({ size: [width, height], ms: duration / 1000, flat, hash: await hash(small) });
    }
    const still = await createImageBitmap(new Blob([data], { type: "image/png" }));
    return { frameCount, repetitions: repetitionCount, frames, metadata: await readMetadata(new Blob([data])), still: [still.width, still.height] };
  }, bytes.toString("base64"));
  assert.equal(frameCount, 16);
  assert.equal(repetitions, Infinity);
  assert.deepEqual(still, [256, 256]);
  const sampled = [];
  for (let k = 0; k < 9; k++) {
    await scrubTo(k);
    sampled.push(await shown());
  }
  assert.deepEqual(frames.map(({ hash }) => hash), [...sampled, ...sampled.slice(1, -1).reverse()]);
  for (const [k, { size, ms, flat }] of frames.entries()) assert.deepEqual([size, ms, flat], [[256, 256], k === 0 || k === 8 ? 640 : 80, true]);
  assert.deepEqual(metadata.request, a);
  assert.equal(metadata.model_id, await page.evaluate(() => sampler.info.id));
});

test("cancel, and go on", async () => {
  await page.evaluate(() => {
    generated.length = 0;
    Object.assign(to.request, { steps: 200 });
    window.running = morphed.open(sampler, from, to);
  });
  await page.waitForFunction(() => generated.length === 2);
  await page.click(".cancel");
  await page.waitForFunction(() => document.querySelector(".cancel").textContent === "Go on");
  assert.match(await page.textContent(".readout"), /^Stopped at [45] of 9 frames\.$/);
  await page.evaluate(() => running);
  assert.equal(await page.isEnabled(".save"), true);
  const before = await page.evaluate(() => generated.length);
  await page.click(".cancel");
  assert.equal(await page.textContent(".cancel"), "Cancel");
  await page.waitForFunction((n) => generated.length > n, before);
  // closing stops it as well, and the sampler is free
  await page.evaluate((b) => { morphed.close(); Object.assign(to.request, b); }, b);
  assert.equal(await page.evaluate(async () => (await sampler.generate(to.request)).sha256), cli(b));
  assert.equal(await page.isDisabled(".save"), true);
  assert.deepEqual(await page.evaluate(() => said), []);
});

test("another number of frames begins anew", async () => {
  await start();
  await page.selectOption("select", "17");
  await page.waitForFunction(() => document.querySelector(".readout").textContent === "All 17 frames are there.");
  await scrubTo(16);
  assert.equal(await shown(), cli(b));
});

test("the place that is looked for is made next", async () => {
  await page.selectOption("select", "33");
  await page.waitForFunction(() => document.querySelector(".readout").textContent === "All 33 frames are there.");
  const order = await page.evaluate(async () => {
    generated.length = 0;
    const running = morphed.open(sampler, from, to), scrub = tool.querySelector(".scrub");
    scrub.value = 5;
    scrub.dispatchEvent(new Event("input"));
    await running;
    return generated.slice(0, 3).map(({ metadata }) => 32 * metadata.request.seed_mix);
  });
  assert.deepEqual(order, [16, 5, 8]);
  assert.equal(await page.inputValue(".scrub"), "5");
  await page.selectOption("select", "17");
});

test("requests on the way", async () => {
  const ways = await page.evaluate(() => {
    const info = { steps: 20, guidance: 3, classes: ["fox"] };
    const way = (a, b, w, index = 0) => between({ request: a, index }, { request: b, index }, info)(w);
    return {
      empty: way({}, { seed: 3 }, 0.25),
      same: way({ class: "fox", seed: 5 }, { class: "fox", seed: 5, solver: "heun" }, 0.75),
      blends: way({ seed: 1 }, { seed: 1, seed_to: 2, seed_mix: 0.4 }, 0.5),
      swapped: way({ seed: 1, seed_to: 2, seed_mix: 0.5 }, { seed: 2, seed_to: 1, seed_mix: 0.25 }, 0.5),
      mixes: way({ classes: [{ class: "a", weight: 1 }, { class: "b", weight: 3 }] }, { classes: [{ class: "b", weight: 2 }, { class: "c", weight: 2, from: 0.5, to: 0 }] }, 0.5),
      grid: way({ count: 9 }, { count: 4 }, 0.5, 2),
    };
  });
  const plain = { steps: 20, guidance: 3, count: 1, classes: [{ class: "fox", weight: 1 }] };
  assert.deepEqual(ways.empty, { ...plain, seed: 0, seed_to: 3, seed_mix: 0.25 });
  assert.deepEqual(ways.same, { ...plain, seed: 5, solver: "heun" });
  assert.deepEqual(ways.blends, { ...plain, seed: 1, seed_to: 2, seed_mix: 0.2 });
  assert.deepEqual(ways.swapped, { ...plain, seed: 1, seed_to: 2, seed_mix: 0.625 });
  assert.deepEqual(ways.mixes.classes, [{ class: "a", weight: 0.125 }, { class: "b", weight: 0.625 }, { class: "c", weight: 0.25, from: 0.5, to: 0 }]);
  assert.deepEqual([ways.grid.first, ways.grid.count], [2, 1]);
});

test("an image of a grid", async () => {
  const { hash, want } = await page.evaluate(async ([a, b]) => {
    await morphed.open(sampler, await result({ ...a, count: 3 }, 1), await result({ ...b, count: 2 }, 1));
    const plan = between({ request: { ...a, count: 3 }, index: 1 }, { request: { ...b, count: 2 }, index: 1 }, sampler.info);
    const made = (await sampler.generate(plan(1))).images[0];
    tool.querySelector(".play").click();
    tool.querySelector(".scrub").value = 16;
    tool.querySelector(".scrub").dispatchEvent(new Event("input"));
    return { hash: await shown(), want: await hash(made.data) };
  }, [a, b]);
  assert.equal(hash, want);
});

test("what can't be blended is said", async () => {
  for (const [from, to, text] of [
    [{ request: a, index: 0 }, { request: a, index: 1 }, /^Images at different places/],
    [{ request: { ...a, seed_to: 7, seed_mix: 0.5 } }, { request: b }, /more than two seeds/],
  ]) {
    await page.evaluate(([from, to]) => morphed.open(sampler, from, to), [from, to]);
    assert.match(await page.evaluate(() => said.at(-1)), text);
    assert.equal(await page.isDisabled(".play"), true);
  }
  await page.evaluate(() => morphed.open(sampler, { ...from, request: { ...from.request, class: "fxo" } }, to));
  assert.match(await page.evaluate(() => said.at(-1)), /did you mean "fox"\?/);
});

test("it stands still for who wants less motion", async () => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await start();
  assert.equal(await page.textContent(".play"), "Play");
  assert.equal(await page.inputValue(".scrub"), "0");
  await page.emulateMedia({ reducedMotion: "no-preference" });
});

test("it can be used by everyone, on a phone too", () => accessible(page));

test("no errors on the console", () => assert.deepEqual(complaints, []));
