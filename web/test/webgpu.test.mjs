// WebGPU on a processor that plays the GPU: the bits of the generic device, and the CPU wherever it does not do.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build, gotest } from "./gotest.mjs";
import { golden, launch, root, serve } from "./helpers.mjs";

const few = [1, 4].map((n) => golden.find(({ request: { steps } }) => steps === n));
let server, browser, bare;
before(async () => {
  server = await serve();
  browser = await launch(["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]);
  bare = await launch();
});
after(async () => {
  await browser?.close();
  await bare?.close();
  await server?.stop();
});

// blank is an empty page with the package; changed says how the texts of its files differ.
async function blank(where, changed = {}) {
  const page = await where.newPage({ bypassCSP: true });
  page.setDefaultTimeout(240_000);
  page.fetched = [];
  page.on("request", (request) => page.fetched.push(request.url()));
  await page.route("**/blank", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>blank</title>",
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } }));
  for (const [file, change] of Object.entries(changed)) {
    await page.route(`**/dit8/${file}`, async (route) => {
      const response = await route.fetch(), text = await response.text(), body = change(text);
      assert.notEqual(body, text, `nothing to change in ${file}`);
      await route.fulfill({ response, body });
    });
  }
  await page.goto(`${server.url}blank`);
  await page.evaluate(async () => { Object.assign(window, await import("./dit8/sampler.js")); });
  return page;
}

// made is what a sampler with a device makes of a request.
const made = (page, device, request) => page.evaluate(async ({ device, request }) => {
  const sampler = await Sampler.load({ device, storage: false, threads: 1 });
  const { sha256, metadata } = await sampler.generate(request);
  sampler.dispose();
  return { sha256, device: metadata.device, loaded: sampler.info.device, note: sampler.info.deviceNote };
}, { device, request });

test("the golden pixels, also where the device is lost in the middle of a request", async () => {
  const page = await blank(browser, { "webgpu.js": (text) => text.replace("export async function find(", "globalThis.onmessage = ((old) => (event) => (event.data === 'lose' ? globalThis.lose() : old(event)))(globalThis.onmessage);\n$&")
    .replace("  return { imports, attach,", "  globalThis.lose = () => device.destroy();\n$&") });
  await page.evaluate(async () => {
    window.Worker = class extends Worker { constructor(...args) { super(...args); window.worker = this; } };
    window.sampler = await Sampler.load({ device: "webgpu-software", threads: 1 });
  });
  const { device, deviceNote } = await page.evaluate(() => sampler.info);
  assert.match(device, /^webgpu \(.*swiftshader/);
  assert.equal(deviceNote, "");
  for (const { request, sha256 } of few.slice(0, 1)) {
    const result = await page.evaluate(async (request) => { const { sha256, metadata } = await sampler.generate(request); return { sha256, device: metadata.device }; }, request);
    assert.deepEqual(result, { sha256, device });
  }
  const [, { request, sha256 }] = few;
  const lost = await page.evaluate(async (request) => {
    const steps = [];
    const { sha256, metadata } = await sampler.generate(request, { onStep: ({ step }) => { steps.push(step); if (step === 2) worker.postMessage("lose"); } });
    return { sha256, device: metadata.device, steps };
  }, request);
  assert.equal(lost.sha256, sha256);
  assert.deepEqual(lost.steps, [1, 2, 3, 4]);
  assert.match(lost.device, /^webgpu \(.*\), then (relaxed )?simd128$/);
  await page.close();
});

test("the CPU where a kernel is wrong, where a processor plays the GPU, and where there is no adapter", async () => {
  const [{ request, sha256 }] = few;
  const wrong = await blank(browser, { "webgpu.wgsl": (text) => text.replace("-6.656136e-6", "-6.656137e-6") });
  for (const [where, device, note] of [[wrong, "webgpu-software", /^webgpu: test of layers: value/], [wrong, "webgpu", /the processor plays the GPU/], [await blank(bare), "webgpu", /no adapter|no WebGPU/]]) {
    const result = await made(where, device, request);
    assert.equal(result.sha256, sha256);
    assert.match(result.device, /^(relaxed )?simd128$/);
    assert.equal(result.loaded, result.device);
    assert.match(result.note, note);
  }
});

test("what has not been asked for is not fetched", async () => {
  const page = await blank(browser);
  assert.match((await made(page, "auto", few[0].request)).device, /^(relaxed )?simd128$/);
  assert.deepEqual(page.fetched.filter((url) => /webgpu/.test(url)), []);
});

// A race is run once: what came of it is kept, until anything of it is another version.
test("a verdict is remembered", async () => {
  const config = { input_size: 32, patch_size: 2, in_channels: 3, hidden_size: 64, depth: 128, num_heads: 1, mlp_hidden_size: 1024, num_classes: 1 };
  const context = await browser.newContext({ bypassCSP: true });
  const page = await blank(context, {
    "worker.js": (text) => text.replace('device === "webgpu-software"', "true"), // auto does not take what a processor plays
    "webgpu.js": (text) => text.replace("async function device(", 'async function device(...args) { await fetch("/opened").catch(() => {}); return made(...args); }\nasync function made('),
  });
  for (const times of [1, 1]) {
    await page.evaluate(async (config) => { // until the first pass
      const stop = new AbortController();
      await Sampler.bench({ config, batch: 1, passes: 1 }, { device: "auto", threads: 1, signal: stop.signal, onProgress: () => stop.abort() }).catch((error) => { if (error.name !== "AbortError") throw error; });
    }, config);
    assert.equal(page.fetched.filter((url) => url.endsWith("/opened")).length, times);
  }
  const kept = await page.evaluate(async () => {
    const all = [], { find } = await import("./dit8/webgpu.js");
    for (const name of await caches.keys()) if (name.startsWith("dit8-webgpu")) for (const key of await (await caches.open(name)).keys()) all.push([decodeURIComponent(new URL(key.url).pathname), await (await caches.match(key)).text()]);
    const code = await (await fetch("dit8/webgpu.wgsl")).text();
    for (const version of [code, `${code}//`, code]) all.push(["again dot4", await (await find({ read: () => version, software: true })).recall("dot4")]);
    return all;
  });
  assert.equal(kept.length, 2 + 3, JSON.stringify(kept));
  // A processor that plays the GPU is slower than itself.
  for (const [key, text] of kept.slice(0, 3)) assert.match(text, /dot4$/.test(key) ? /^(packed|by hand)$/ : /^slower$/, key);
  assert.deepEqual(kept.slice(3).map(([, text]) => text ?? null), [null, null]); // the newest version alone has anything
  await context.close();
});

// deep is the file of a DiT of any weights with TAESD: large by its depth, so that "auto" tries it, while a race of one block takes little.
function deep() {
  const h = 64, mlp = 1024, shapes = { pos_embed: [1, 256, h], "x_embedder.proj.weight": [h, 4, 2, 2], "t_embedder.mlp.0.weight": [h, 256], "t_embedder.mlp.2.weight": [h, h],
    "y_embedder.embedding_table.weight": [3, h], "final_layer.linear.weight": [32, h], "final_layer.adaLN_modulation.1.weight": [2 * h, h] };
  for (let i = 0; i < 128; i++) for (const [name, rows, columns] of [["attn.qkv", 3 * h, h], ["attn.proj", h, h], ["mlp.fc1", mlp, h], ["mlp.fc2", h, mlp], ["adaLN_modulation.1", 6 * h, h]]) {
    shapes[`blocks.${i}.${name}.weight`] = [rows, columns];
  }
  for (const [name, [rows]] of Object.entries(shapes)) if (/\.weight$/.test(name) && !/table/.test(name)) shapes[name.replace(/weight$/, "bias")] = [rows];
  const header = {};
  let end = 0;
  for (const [name, shape] of Object.entries(shapes)) header[name] = { dtype: "F16", shape, data_offsets: [end, (end += 2 * shape.reduce((a, b) => a * b))] };
  const text = Buffer.from(JSON.stringify(header)), size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  const values = Uint16Array.from({ length: end / 2 }, (_, i) => 0x2400 + (i * 7919 & 0x83ff)); // of ±1/64 to ±1/32
  const dir = mkdtempSync(join(tmpdir(), "dit8-webgpu-"));
  try {
    writeFileSync(join(dir, "deep.safetensors"), Buffer.concat([size, text, new Uint8Array(values.buffer)]));
    execFileSync("go", ["run", "./tools/quantize", "-num-heads", "1", "-convention", "dit", "-vae", "testdata/golden-vae/taesd", "-o", join(dir, "deep.dit8"), join(dir, "deep.safetensors")], { cwd: root, stdio: "pipe" });
    return readFileSync(join(dir, "deep.dit8"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// By the worker's clock the processor takes long for attention, which the autoencoder has none of.
test("the GPU computes a network that it is faster at, the processor the autoencoder, and both are remembered", async () => {
  const body = deep(), context = await browser.newContext({ bypassCSP: true });
  const page = await blank(context, {
    "worker.js": (text) => text.replace('device === "webgpu-software"', "true").replace("go.importObject.kernels = kernels.imports;", `
      const { now } = performance;
      let late = 0;
      performance.now = () => now.call(performance) + late;
      go.importObject.kernels = { ...kernels.imports, attention_int8: (...args) => { late += 20_000; return kernels.imports.attention_int8(...args); } };`),
    "webgpu.js": (text) => text.replace("remember: async (key, text) => ", '$&(await fetch(`/remembered?${text}`).catch(() => {}), 1) && '),
  });
  await page.route("**/deep.dit8", (route) => route.fulfill({ body, contentType: "application/octet-stream" }));
  for (const visit of [1, 2]) {
    const { device, deviceNote } = await page.evaluate(async () => {
      const sampler = await Sampler.load({ model: "/deep.dit8", device: "auto", threads: 1, storage: false });
      sampler.dispose();
      return sampler.info;
    });
    assert.match(device, /^webgpu \(.*swiftshader.*\), decoded by (relaxed )?simd128$/);
    assert.match(deviceNote, /^the autoencoder runs on (relaxed )?simd128: webgpu: the processor is faster$/);
    const verdicts = page.fetched.map((url) => new URL(url)).filter(({ pathname }) => pathname === "/remembered").map(({ search }) => search.slice(1));
    assert.deepEqual(verdicts.filter((text) => !/packed|hand/.test(text)), ["faster", "slower"], `on visit ${visit}`);
  }
  await context.close();
});

test("the page's panel says what computes, and another can be asked for", async () => {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  page.setDefaultTimeout(240_000);
  await page.goto(server.url);
  const shows = async (device, button) => {
    await page.waitForFunction(({ device, button }) => new RegExp(device).test(document.getElementById("device").textContent) && document.getElementById("other-device").textContent === button, { device, button }, { timeout: 240_000 });
    assert.ok(await page.isVisible("#other-device"));
  };
  await shows("^(relaxed )?simd128( ×\\d+)?$", "Use the GPU");
  await page.click("#other-device");
  await shows("simd128.* \\(.*the processor plays the GPU here\\)$", "Use the processor");
  await page.reload();
  await shows("simd128.* \\(.*the processor plays the GPU here\\)$", "Use the processor");
  if (process.env.DIT8_SHOTS) await page.locator("#panel").screenshot({ path: `${process.env.DIT8_SHOTS}/panel-webgpu.png` });
  // What the page measures is what was asked for here, or what its address says.
  const measured = async (query) => {
    const config = { input_size: 8, patch_size: 2, in_channels: 3, hidden_size: 24, depth: 2, num_heads: 3, mlp_hidden_size: 40, num_classes: 3 };
    await page.goto(`${server.url}?${new URLSearchParams({ bench: JSON.stringify(config), passes: 1, ...query })}`);
    await page.waitForSelector("#whole");
    return { device: await page.textContent("#whole tr:has(th:text-is('Device')) td"), hash: await page.textContent("#whole tr:has(th:text-is('Output')) td"), main: await page.textContent("main"), operations: await page.$$eval("#operations tr", (rows) => rows.length) };
  };
  const [processor, gpu] = [await measured({}), await measured({ device: "webgpu-software" })];
  assert.match(processor.device, /simd128.* \(.*the processor plays the GPU here\)$/);
  assert.ok(processor.operations > 5);
  assert.match(gpu.device, /^webgpu \(.*swiftshader[^()]*\)$/);
  assert.match(gpu.main, /none has a time of its own/);
  assert.deepEqual([gpu.hash, gpu.operations], [processor.hash, 0]);
  if (process.env.DIT8_SHOTS) await page.screenshot({ path: `${process.env.DIT8_SHOTS}/measure-webgpu.png` });
  await page.goto(server.url);
  await page.click("#other-device");
  await shows("^(relaxed )?simd128( ×\\d+)?$", "Use the GPU");
  await context.close();
});

test("conformance, and autoencoders", async () => {
  const body = readFileSync(build("wasm/webgpu"));
  const page = await browser.newPage({ bypassCSP: true });
  await page.route("**/webgpu.test.wasm", (route) => route.fulfill({ body, contentType: "application/wasm" }));
  await page.goto(`${server.url}dit8/sampler.d.ts`);
  const run = "Conformance/^(memory|linear|norm|norm_and_rotate|patches)$|Conformance/attention/(.*Tokens:[0-9]{1,2}_.*Int8:true|extremes_._of_(1|16|33)_)"
    + "|Conformance/convolution/(5×4|9×6|33×2|no)|Conformance/group|Lost";
  const { code, printed } = await gotest(page, "webgpu.test.wasm", 1, [`-test.run=${run}`, "-test.v"], undefined, true);
  assert.equal(code, 0, printed);
  for (const name of ["memory", "linear", "norm", "norm_and_rotate", "patches", "attention", "convolution", "group_norm"]) assert.match(printed, new RegExp(`--- PASS: TestConformance/${name}`));
  assert.match(printed, /--- PASS: TestZLost/);
  assert.doesNotMatch(printed, /--- SKIP/);
});
