// The package in a page of its own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { golden, goldenOptions, launch, root, serve, workers } from "./helpers.mjs";

const [{ request, sha256 }] = golden;
let server, browser, page, own; // own is the number of the sampler's workers
before(async () => {
  server = await serve();
  browser = await launch();
  page = await blank();
  await page.evaluate(async () => {
    window.progress = [];
    window.sampler = await Sampler.load({ onProgress: (event) => progress.push(event) });
  });
  own = await page.evaluate(() => sampler.info.threads);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// blank is an empty page with the package; files names some that are
// answered by functions, as page.route has them.
async function blank(files = {}) {
  const other = await browser.newPage();
  other.setDefaultTimeout(120_000);
  await other.route("**/blank", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>blank</title>",
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } }));
  for (const [file, replace] of Object.entries(files)) await other.route(`**/dit8/${file}`, replace);
  await other.goto(`${server.url}blank`);
  await other.evaluate(async () => {
    Object.assign(window, await import("./dit8/sampler.js"));
    // failure is what an error is, for a test to look at.
    window.failure = async (promise) => {
      try {
        await promise;
      } catch (error) {
        const kind = [RequestError, ModelError, DownloadError, DOMException, Error].find((type) => error instanceof type)?.name;
        return { kind, name: error.name, message: error.message ?? String(error), field: error.field, status: error.status, url: error.url };
      }
      return undefined;
    };
    window.hex = (buffer) => Array.from(new Uint8Array(buffer), (b) => b.toString(16).padStart(2, "0")).join("");
    window.hash = async (images) => hex(await crypto.subtle.digest("SHA-256", new Uint8Array(images.flatMap(({ data }) => [...data]))));
    window.steps = (n) => ({ steps: n, guidance: 1 });
  });
  return other;
}

// changed is a file of the server's with its text changed.
const changed = (change) => async (route) => {
  const response = await route.fetch();
  return route.fulfill({ response, body: change(await response.text()) });
};

// settled waits for a number of workers, and for none of other's: threads take a while to end.
async function settled(count, other) {
  for (const end = Date.now() + 10_000; await workers(browser) !== count || other?.workers().length;) {
    assert.ok(Date.now() < end, `${await workers(browser)} workers, expected ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("it loads with progress in bytes", async () => {
  const { progress, info, bytes } = await page.evaluate(() => ({ progress, info: sampler.info, bytes: models[0].bytes }));
  assert.ok(progress.length > 2 && progress.every(({ total }) => total === bytes)); // a browser hands over up to 2 MiB at once
  assert.equal(progress.at(-1).loaded, bytes);
  assert.equal(info.classes.length, info.words.length + info.styles.length);
  assert.equal(info.threads, Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency)));
  assert.deepEqual(await page.evaluate(() => sampler.classes), info.classes);
});

test("the golden pixels", async () => {
  for (const { request, sha256 } of [...golden, ...goldenOptions]) {
    const result = await page.evaluate(async (request) => {
      const { images, sha256, metadata } = await sampler.generate(request);
      return { sha256, hash: await hash(images), metadata };
    }, request);
    assert.equal(result.hash, sha256);
    assert.equal(result.sha256, sha256);
    assert.equal(result.metadata.sha256, sha256);
    assert.equal(result.metadata.request.seed, request.seed);
  }
});

test("sample shows each step, and the result at last", async () => {
  const events = await page.evaluate(async (request) => {
    const events = [];
    for await (const { type, step, steps, first, images } of sampler.sample(request)) events.push({ type, step, steps, first, hash: await hash(images), count: images.length });
    return events;
  }, request);
  const shown = events.slice(0, -1);
  assert.deepEqual(shown.map(({ type, step, steps, first, count }) => ({ type, step, steps, first, count })),
    Array.from({ length: request.steps }, (_, i) => ({ type: "step", step: i + 1, steps: request.steps, first: 0, count: 1 })));
  assert.equal(new Set(shown.map(({ hash }) => hash)).size, request.steps);
  assert.equal(events.at(-1).type, "result");
  assert.equal(events.at(-1).hash, sha256);
});

test("generate shows each step as well, and the noisy states where they are asked for", async () => {
  for (const states of [undefined, true]) assert.deepEqual(await page.evaluate(async (states) => {
    const seen = [];
    await sampler.generate(steps(3), { states, onStep: ({ step, images, states }) => seen.push([step, images[0] instanceof ImageData, images[0].width, states.length]) });
    return seen;
  }, states), [1, 2, 3].map((step) => [step, true, 128, states ? 1 : 0]));
});

test("a PNG has the pixels and the request, and the command line makes the same of it", async () => {
  const two = golden[1];
  const { hashes, pixels, metadata, read, png } = await page.evaluate(async (request) => {
    const result = await sampler.generate(request);
    const blob = await result.toBlob();
    const bitmap = await createImageBitmap(blob);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const size = result.images[0].width;
    const pixels = [];
    for (let i = 0; i < result.images.length; i++) pixels.push(await hash([context.getImageData(i * size, 0, size, size)]));
    return { hashes: result.metadata.images, pixels, metadata: result.metadata, read: await readMetadata(blob), png: btoa(String.fromCharCode(...new Uint8Array(await blob.arrayBuffer()))) };
  }, two.request);
  assert.deepEqual(pixels, hashes);
  const { seconds, ms_per_step, ...rest } = metadata;
  assert.deepEqual(read, rest);
  const dir = mkdtempSync(join(tmpdir(), "dit8-"));
  writeFileSync(join(dir, "ours.png"), Buffer.from(png, "base64"));
  const printed = execFileSync("go", ["run", "./tools/sample", "-request", join(dir, "ours.png"), "-json", "-o", join(dir, "out.png")], { cwd: root, encoding: "utf8" });
  assert.equal(JSON.parse(printed).sha256, two.sha256);
  const theirs = await page.evaluate((bytes) => readMetadata(new Blob([new Uint8Array(bytes)])), [...readFileSync(join(dir, "out.png"))]);
  assert.equal(theirs.sha256, two.sha256);
  rmSync(dir, { recursive: true });
});

test("a PNG at a scale", async () => {
  assert.deepEqual(await page.evaluate(async () => {
    const result = await sampler.generate({ ...steps(1), count: 3 });
    const bitmap = await createImageBitmap(await result.toBlob({ scale: 3 }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const pixel = (x, y) => [...context.getImageData(x, y, 1, 1).data];
    const { data } = result.images[1];
    const at = (x, y) => [...data.subarray(4 * (128 * y + x), 4 * (128 * y + x) + 4)];
    return { size: [bitmap.width, bitmap.height], same: [[0, 0], [10, 17], [127, 127]].every(([x, y]) => [0, 1, 2].every((i) => `${pixel(3 * (128 + x) + i, 3 * y + i)}` === `${at(x, y)}`)), empty: pixel(760, 760) };
  }), { size: [768, 768], same: true, empty: [255, 255, 255, 255] });
  for (const scale of [0, 1.5, 65, "2", null]) {
    const error = await page.evaluate(async (scale) => failure((await sampler.generate(steps(1))).toBlob({ scale })), scale);
    assert.deepEqual([error.kind, error.field], ["RequestError", "scale"]);
  }
});

test("a PNG that does not say how it was made", async () => {
  const [none, garbage, damaged, empty, long] = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(1, 1);
    canvas.getContext("2d");
    const plain = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
    const chunk = (text, length = text.length) => [length >>> 24, length >>> 16 & 255, length >>> 8 & 255, length & 255, ...new TextEncoder().encode(`tEXt${text}`), 0, 0, 0, 0];
    const withChunk = (...args) => new Blob([plain.subarray(0, 33), new Uint8Array(chunk(...args)), plain.subarray(33)]);
    const files = [new Blob([plain]), new Blob(["<html>"]), withChunk("dit8\0{"), withChunk("dit8\0null"), withChunk("x".repeat(500_000), 0xffffffff)];
    return Promise.all(files.map((file) => failure(readMetadata(file))));
  });
  assert.match(none.message, /does not say how it was made/);
  assert.match(garbage.message, /not a PNG/);
  assert.match(damaged.message, /damaged/);
  assert.match(empty.message, /holds no request/);
  assert.match(long.message, /does not say how it was made/);
});

test("a PNG whose text another program has compressed", async () => {
  const files = ["m1.png", "compressed-itxt.png"].map((name) => readFileSync(`${root}testdata/trials/${name}`).toString("base64"));
  const [first, again] = await page.evaluate(async (files) => Promise.all(files.map(async (file) => readMetadata(await (await fetch(`data:image/png;base64,${file}`)).blob()))), files);
  assert.deepEqual(again, first);
});

test("a random seed is another each time, and in the metadata", async () => {
  const seeds = await page.evaluate(async () => {
    const seeds = [];
    for (const seed of [-1, "random", -1]) seeds.push((await sampler.generate({ ...steps(1), seed })).metadata.request.seed);
    return seeds;
  });
  assert.equal(new Set(seeds).size, 3, String(seeds));
  assert.ok(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0));
});

test("what is no model gets a short message", async () => {
  const error = await page.evaluate(() => failure(Sampler.load({ model: { text: "x".repeat(1e6) } })));
  assert.equal(error.kind, "RequestError");
  assert.ok(error.message.length < 400);
});

test("calls are answered in order", async () => {
  assert.deepEqual(await page.evaluate(async () => {
    const order = [];
    const streamed = async () => { for await (const { type } of sampler.sample(steps(2))) order.push(`sample ${type}`); };
    await Promise.all([
      sampler.generate(steps(9)).then(() => order.push("generate")),
      streamed(),
      sampler.inspect(steps(2)).then(({ times }) => order.push(`inspect ${times.length}`)),
      sampler.generate({ steps: 0 }).catch(({ field }) => order.push(field)),
      sampler.generate(steps(1)).then(() => order.push("last")),
    ]);
    return order;
  }), ["generate", "sample step", "sample step", "sample result", "inspect 2", "steps", "last"]);
});

test("abort before the start, while waiting and while running", async () => {
  assert.deepEqual(await page.evaluate(async () => {
    const stopped = (reason) => { const stop = new AbortController(); stop.abort(reason); return stop.signal; };
    const early = [await failure(sampler.generate({}, { signal: stopped() })), await failure(sampler.inspect({}, { signal: stopped("mine") })),
      await failure(sampler.sample({}, { signal: stopped() }).next())];

    const waits = new AbortController(), runs = new AbortController();
    let seen = 0, more = 0;
    const running = failure(sampler.generate(steps(1000), { signal: runs.signal, onStep: () => { seen++; if (runs.signal.aborted) more++; } }));
    const waiting = failure(sampler.generate(steps(1000), { signal: waits.signal }));
    const later = sampler.generate(steps(1));
    while (!seen) await new Promise((resolve) => setTimeout(resolve));
    waits.abort(new TypeError("no need"));
    const waited = await waiting, ran = seen;
    while (seen === ran) await new Promise((resolve) => setTimeout(resolve)); // the other runs on
    runs.abort();
    return { early: early.map(({ name, message }) => name ?? message), waited: waited.message, stopped: (await running).name, more, later: (await later).images.length };
  }), { early: ["AbortError", "mine", "AbortError"], waited: "no need", stopped: "AbortError", more: 0, later: 1 });
});

test("leaving the loop cancels, and so does a signal", async () => {
  const { left, taken, thrown } = await page.evaluate(async () => {
    const started = performance.now();
    let left = 0, taken = 0;
    for await (const _ of sampler.sample(steps(1000))) if (++left === 2) break;
    const stop = new AbortController();
    const loop = (async () => {
      for await (const _ of sampler.sample(steps(1000), { signal: stop.signal })) {
        if (++taken < 2) continue;
        await new Promise((resolve) => setTimeout(resolve, 50)); // steps queue up
        stop.abort();
      }
    })();
    const thrown = await failure(loop);
    await sampler.generate(steps(1));
    return { left, taken, thrown, ms: performance.now() - started };
  });
  assert.equal(left, 2);
  assert.equal(taken, 2);
  assert.equal(thrown.name, "AbortError");
});

test("AbortSignal.timeout", async () => {
  assert.equal((await page.evaluate(() => failure(sampler.generate(steps(1000), { signal: AbortSignal.timeout(50) })))).name, "TimeoutError");
});

test("a wrong request names the field", async () => {
  for (const [request, field] of [
    [{ class: "fxo" }, "class"], [{ class: 3 }, "class"], [{ classes: [{ class: "fox", weight: 1 }, { class: "fox", weight: 1001 }] }, "classes[1].weight"],
    [{ classes: [{ class: "fxo", weight: 1 }] }, "classes[0].class"], [{ seed: -2 }, "seed"], [{ seed: 2 ** 53 }, "seed"], [{ seed: 0.5 }, "seed"], [{ steps: 0 }, "steps"],
    [{ steps: 1001 }, "steps"], [{ count: 65 }, "count"], [{ guidance: 101 }, "guidance"], [{ guidance: NaN }, "guidance"], [{ guidance_interval: [1, 0] }, "guidance_interval"],
    [{ guidance_rescale: 2 }, "guidance_rescale"], [{ negative: "fxo" }, "negative"], [{ solver: "rk4" }, "solver"], [{ schedule: "x" }, "schedule"], [{ shift: -1 }, "shift"],
    [{ solver: "sde" }, "solver"], [{ seed_mix: 2 }, "seed_mix"], [{ stepz: 1 }, "stepz"],
    [{ edit: { task: "x", image: "", width: 1 } }, "edit.task"], [{ edit: { task: "image", image: "AAAA", width: 128 } }, "edit.image"],
  ]) {
    const error = await page.evaluate((request) => failure(sampler.generate(request)), request);
    assert.deepEqual([error?.kind, error?.name, error?.field], ["RequestError", "RequestError", field], `${JSON.stringify(request)}: ${JSON.stringify(error)}`);
    assert.ok(error.message.includes(field), error.message);
  }
});

test("a wrong option names the field", async () => {
  for (const [options, field] of [[{ threads: 0 }, "threads"], [{ threads: 65 }, "threads"], [{ threads: "2" }, "threads"], [{ device: "gpu" }, "device"],
    [{ model: "http://[" }, "model"], [{ model: {} }, "model"], [{ model: null }, "model"], [{ model: { url: "a", sha256: "abc" } }, "model.sha256"]]) {
    const error = await page.evaluate((options) => failure(Sampler.load(options)), options);
    assert.deepEqual([error?.kind, error?.field], ["RequestError", field], JSON.stringify(options));
    assert.ok(error.message.includes(field), error.message);
  }
  await settled(own);
});

test("a model that is none, and one that is not there", async () => {
  const load = (model) => page.evaluate((model) => failure(Sampler.load({ model })), model);
  const garbage = await page.evaluate(() => failure(Sampler.load({ model: new Blob(["<html>".repeat(99)]) })));
  assert.deepEqual([garbage.kind, garbage.name], ["ModelError", "ModelError"]);
  assert.match(garbage.message, /not a \.dit8 file/);
  const other = await load({ url: "dit8/default.dit8", sha256: "0".repeat(64) });
  assert.equal(other.kind, "ModelError");
  assert.match(other.message, /SHA-256/);
  const missing = await load("dit8/missing.dit8");
  assert.deepEqual([missing.kind, missing.name, missing.status, missing.url], ["DownloadError", "DownloadError", 404, `${server.url}dit8/missing.dit8`]);
});

test("a model by its name, by an address, as an object and as a file", async () => {
  const results = await page.evaluate(async (request) => {
    const url = new URL("dit8/default.dit8", location.href);
    const file = await (await fetch(url)).blob();
    const results = [];
    const bytes = await file.arrayBuffer();
    for (const model of ["default", "dit8/default.dit8", url, { url: url.href, sha256: models[0].sha256.toUpperCase() }, file, bytes, new Uint8Array(bytes), new Response(file), await fetch(url)]) {
      const from = new Set();
      const sampler = await Sampler.load({ model, threads: 1, storage: false, onProgress: (event) => event.loaded && from.add(event.from) });
      results.push([...from, sampler.info.name, (await sampler.generate(request)).sha256]);
      sampler.dispose();
    }
    return results;
  }, request);
  assert.deepEqual(results, ["network", "network", "network", "network", "file", "file", "file", "file", "file"].map((from) => [from, "emoji", sha256]));
});

for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 4 }, { device: "simd128" }, { device: "generic" }]) test(`the same pixels with ${JSON.stringify(options)}`, async () => {
  const { hash, info } = await page.evaluate(async ({ options, request }) => {
    const sampler = await Sampler.load(options);
    const { sha256: hash } = await sampler.generate(request);
    sampler.dispose();
    return { hash, info: sampler.info };
  }, { options, request });
  assert.equal(hash, sha256);
  if (options.threads) assert.equal(info.threads, options.threads);
  if (options.device) assert.equal(info.device.replace(/ ×.*/, ""), options.device);
});

test("two samplers at once", async () => {
  const hashes = await page.evaluate(async (requests) => {
    const samplers = await Promise.all(requests.map(() => Sampler.load({ threads: 2 })));
    const results = await Promise.all(requests.map((request, i) => samplers[i].generate(request)));
    for (const sampler of samplers) sampler.dispose();
    return results.map(({ sha256 }) => sha256);
  }, golden.map(({ request }) => request));
  assert.deepEqual(hashes, golden.map(({ sha256 }) => sha256));
});

test("bench measures without a model, and can be cancelled", async () => {
  const { result, passes, stopped } = await page.evaluate(async () => {
    const passes = [];
    const result = await Sampler.bench({ config: "d256", passes: 2 }, { threads: 1, onProgress: ({ done, total }) => passes.push([done, total]) });
    const stop = new AbortController();
    const stopped = await failure(Sampler.bench({ config: "d256", passes: 1000 }, { threads: 1, signal: stop.signal, onProgress: () => stop.abort() }));
    return { result, passes, stopped };
  });
  assert.equal(passes.at(-1)[0], passes.at(-1)[1]);
  assert.equal(result.threads, 1);
  assert.equal(stopped.name, "AbortError");
});

test("dispose rejects what waits and what comes later, and ends the workers", async () => {
  const other = await blank();
  const names = await other.evaluate(async () => {
    const sampler = await Sampler.load({ threads: 3 });
    window.other = sampler;
    let seen;
    const started = new Promise((resolve) => { seen = resolve; });
    const calls = [failure(sampler.generate(steps(1000), { onStep: seen })), failure(sampler.generate(steps(1))), failure(sampler.inspect({}))];
    await started;
    sampler.dispose();
    sampler.dispose();
    calls.push(failure(sampler.generate({})), failure(sampler.sample({}).next()));
    return (await Promise.all(calls)).map(({ kind, name }) => [kind, name]);
  });
  assert.deepEqual(names, Array(5).fill(["DOMException", "AbortError"]));
  await settled(own, other);
  await other.close();
});

test("abort while loading ends the workers", async () => {
  const other = await blank({ "default.dit8": () => {} }); // no answer
  const [aborted, late] = await other.evaluate(async () => {
    const stop = new AbortController();
    const loading = failure(Sampler.load({ threads: 2, storage: false, signal: stop.signal }));
    setTimeout(() => stop.abort("enough"), 500);
    return [await loading, await failure(Sampler.load({ storage: false, signal: AbortSignal.timeout(300) }))];
  });
  assert.equal(aborted.message, "enough");
  assert.equal(late.name, "TimeoutError");
  await settled(own);
  await other.close();
});

for (const [file, message] of [["worker.js", /dit8\/worker\.js: the worker could not be started/], ["kernels.js", /dit8\/worker\.js: the worker could not be started/], ["dit8.wasm", /dit8\.wasm: the server answered 404/], ["kernels-probe.wasm", /kernels-probe\.wasm: the server answered 404/]])
  test(`without ${file} there is a message`, async () => {
    const other = await blank({ [file]: (route) => route.fulfill({ status: 404, body: "" }) });
      const error = await other.evaluate(() => failure(Sampler.load()));
    assert.equal(error.kind, "Error");
    assert.match(error.message, message);
    await settled(own);
    await other.close();
  });

test("a host that does not know WebAssembly's type", async () => {
  const other = await blank({ "*.wasm": async (route) => { const response = await route.fetch(); await route.fulfill({ response, headers: { ...response.headers(), "content-type": "application/octet-stream" } }); } });
  assert.equal(await other.evaluate(async (request) => (await (await Sampler.load()).generate(request)).sha256, request), sha256);
  await other.close();
});

test("a program that ends rejects what waits for it", async () => {
  const other = await blank({ "worker.js": changed((text) => text.replace("return self.dit8;", "return { ...self.dit8, generate: () => new Promise(() => go._resolveExitPromise()) };")) });
  const [first, second] = await other.evaluate(async () => {
    const sampler = await Sampler.load();
    return [await failure(sampler.generate({})), await failure(sampler.generate({}))];
  });
  assert.match(first.message, /the program ended/);
  assert.deepEqual(second, first);
  await other.close();
});

// A process's memory as the system sees it, after a collection.
test("dispose frees all memory", async () => {
  const other = await blank();
  await other.evaluate(() => Sampler.load().then((sampler) => sampler.dispose())); // the code that all rounds need
  const session = await other.context().newCDPSession(other), system = await browser.newBrowserCDPSession();
  const pids = async () => (await system.send("SystemInfo.getProcessInfo")).processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  const resident = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await pids()).reduce((sum, id) => sum + 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]), 0);
  };
  let taken, loaded;
  const rounds = [];
  for (let round = 0; round < 8; round++) {
    taken = await other.evaluate(async () => {
      window.other = await Sampler.load({ threads: 2 });
      await other.generate(steps(1));
      return other.memory;
    });
    if (round === 7) loaded = await resident();
    await other.evaluate(() => { window.other.dispose(); window.other = undefined; });
    await settled(own, other);
    if (round % 2 === 1) rounds.push(await resident());
  }
  const figures = `${rounds.map((bytes) => Math.round(bytes / 1e6)).join(", ")} MB, ${Math.round(loaded / 1e6)} with a sampler`;
  assert.ok(loaded - rounds.at(-1) > taken / 2, `this does not measure a sampler's memory: ${figures}`);
  assert.ok(rounds.at(-1) < rounds[0] + taken / 2, `it grows: ${figures}`);
  await other.close();
});
