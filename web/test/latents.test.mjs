// Models of latents with an autoencoder in their file, decoded by the kernels in integers: the
// pixels are the command line's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "./helpers.mjs";
import { canvasHash, drop, fill, generate, made, start } from "./page.mjs";

const goldens = `${root}testdata/golden-vae/`, dir = mkdtempSync(join(tmpdir(), "dit8-latents-"));
const go = (...args) => execFileSync("go", ["run", ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
const models = {}; // by name: the file, and the metadata of what the command line makes with it
let site, page;
before(async () => {
  for (const [name, vae] of [["kl", "e2e_dit/vae"], ["taesd", "taesd"]]) {
    const file = join(dir, `${name}.dit8`);
    go("./tools/quantize", "-num-heads", "4", "-convention", "dit", "-steps", "4", "-name", name, "-vae", goldens + vae, "-o", file, `${goldens}e2e_dit/model.safetensors`);
    const want = JSON.parse(go("./tools/sample", "-model", file, "-class", "1", "-seed", "7", "-count", "2", "-o", join(dir, "x.png"), "-json"));
    models[name] = { bytes: readFileSync(file), want };
  }
  // The same two in files of their own.
  for (const [name, args] of [["net", ["-num-heads", "4", "-convention", "dit", "-steps", "4", "-name", "kl", `${goldens}e2e_dit/model.safetensors`]], ["vae", [`${goldens}e2e_dit/vae`]]]) {
    const file = join(dir, `${name}.dit8`);
    go("./tools/quantize", "-o", file, ...args);
    models[name] = { bytes: readFileSync(file) };
  }
  site = await start();
  page = await site.open();
  for (const name in models) await page.route(`**/${name}.dit8`, (route) => route.fulfill({ body: models[name].bytes, contentType: "application/octet-stream" }));
});
after(async () => {
  await site?.stop();
  rmSync(dir, { recursive: true });
});

for (const name of ["kl", "taesd"]) for (const threads of [1, 2]) test(`${name} on ${threads} threads`, async () => {
  const { events, metadata, device, size } = await page.evaluate(async ({ name, threads }) => {
    const { Sampler } = await import("./dit8/sampler.js");
    const sampler = await Sampler.load({ model: `/${name}.dit8`, threads, storage: false }), events = [];
    const { metadata } = await sampler.generate({ class: "1", seed: 7, count: 2 }, { onStep: ({ step, steps, decoding }) => events.push([step, steps, decoding]) });
    sampler.dispose();
    return { events, metadata, device: sampler.info.device, size: sampler.info.size };
  }, { name, threads });
  assert.equal(metadata.sha256, models[name].want.sha256);
  assert.equal(size, 64);
  assert.match(device, /simd128/);
  assert.equal(/×2/.test(device), threads === 2);
  const total = 4 + 2 * 5; // the parts of decoding: four levels and what comes before them
  assert.deepEqual(events, Array.from({ length: total }, (_, i) => [i + 1, total, i >= 4]));
});

test("a request is cancelled while it decodes", async () => {
  const { name, seen, sha256 } = await page.evaluate(async () => {
    const { Sampler } = await import("./dit8/sampler.js");
    const sampler = await Sampler.load({ model: "/kl.dit8", threads: 1, storage: false }), stop = new AbortController(), seen = [];
    const request = { class: "1", seed: 7, count: 2 };
    const error = await sampler.generate({ ...request, steps: 1, count: 16 }, { signal: stop.signal, onStep: ({ step, steps, decoding }) => {
      seen.push([step, steps, decoding]);
      if (decoding) stop.abort();
    } }).catch((error) => error);
    const { sha256 } = await sampler.generate(request);
    sampler.dispose();
    return { name: error.name, seen, sha256 };
  });
  assert.equal(name, "AbortError");
  const [step, steps, decoding] = seen.at(-1);
  assert.ok(decoding && step < steps, `step ${step} of ${steps} was the last`);
  assert.equal(sha256, models.kl.want.sha256);
});

test("the page draws with a dropped one", async () => {
  await made(page, () => drop(page, "kl.dit8", models.kl.bytes));
  assert.match(await page.textContent("#model"), /^kl, 5 classes, 64×64 pixels, /);
  await fill(page, { class: "1", seed: 7 });
  await page.evaluate(() => {
    window.said = [];
    new MutationObserver(() => said.push(document.getElementById("status").textContent)).observe(document.getElementById("status"), { childList: true });
  });
  await generate(page);
  assert.equal(await page.textContent("#hash"), models.kl.want.images[0]);
  assert.equal(await canvasHash(page), models.kl.want.images[0]);
  const said = await page.evaluate(() => said);
  assert.ok(said.some((text) => /^Decoding, part [1-5] of 5/.test(text)), said.join("\n"));
  assert.deepEqual(site.complaints, []);
});

test("the page takes a network and its autoencoder from two files, dropped or named in the address", async () => {
  await drop(page, "net.dit8", models.net.bytes);
  await page.waitForSelector("text=This model needs an autoencoder");
  await page.waitForSelector("details >> text=its file has no autoencoder", { state: "attached" });
  await made(page, () => drop(page, "vae.dit8", models.vae.bytes));
  assert.match(await page.textContent("#model"), /^kl, 5 classes, 64×64 pixels, /);
  await fill(page, { class: "1", seed: 7 });
  await generate(page);
  assert.equal(await canvasHash(page), models.kl.want.images[0]);
  assert.match(await page.textContent("#command"), /-model net\.dit8 -vae vae\.dit8/);

  const answer = (name) => (route) => route.fulfill({ body: models[name].bytes, contentType: "application/octet-stream" });
  const other = await site.open({ address: "?run=no&model=/net.dit8&vae=/vae.dit8", init: (tab) => Promise.all(["net", "vae"].map((name) => tab.route((url) => url.pathname === `/${name}.dit8`, answer(name)))) });
  assert.match(await other.textContent("#model"), /^kl, 5 classes, 64×64 pixels, /);
  await fill(other, { class: "1", seed: 7 });
  await generate(other);
  assert.equal(await canvasHash(other), models.kl.want.images[0]);
  assert.deepEqual(site.complaints, []);
});
