// The browser's program in Node, without a page around it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { classModel, golden, goldenClasses, goldenOptions, program, reader, root } from "./helpers.mjs";

let dit8;
const model = readFileSync(root + "weights/default.dit8"), ofClasses = readFileSync(root + classModel);

before(async () => {
  dit8 = await program();
  dit8 = globalThis.dit8;
});
after(() => setTimeout(() => process.exit(), 100)); // the Go program never ends, and the last test is still to be reported

test("without a model there is a message", async () => {
  await assert.rejects(dit8.generate("{}", () => {}), /no model is loaded/);
});

test("the names of emoji are what their generator writes", () => {
  assert.equal(execFileSync("node", [`${root}web/emoji.mjs`], { encoding: "utf8" }), readFileSync(`${root}core/prompt/emojinames.go`, "utf8"));
});

test("a broken model is refused", async () => {
  await assert.rejects(dit8.load(reader(new TextEncoder().encode("<html>".repeat(99)))), /not a \.dit8 file/);
  await assert.rejects(dit8.load(reader(model.subarray(0, 1e6))), /the file ends|unexpected EOF|truncated/i);
  const changed = new Uint8Array(model);
  changed[3e6] ^= 1;
  await assert.rejects(dit8.load(reader(changed)), /checksum|CRC/i);
  await assert.rejects(dit8.load(async () => { throw new Error("connection lost"); }), /connection lost/);
});

for (const [threads, device] of [[0, "generic"], [1, "simd128"], [2, "simd128 ×2"], [4, "simd128 ×4"]]) test(`the golden pixels, ${device}`, async () => {
  const tested = threads === 1 ? dit8 : await program(threads);
  const said = device === "generic" ? golden : [...golden, ...goldenOptions]; // the generic device is slow here; Go's own tests run it through them all
  for (const [file, cases] of [[ofClasses, goldenClasses], [model, said]]) await same(tested, file, cases, device);
});

// same checks a model's golden pixels.
async function same(tested, model, cases, device) {
  await tested.load(reader(model));
  for (const { request, sha256 } of cases) {
    const steps = [];
    const result = await tested.generate(JSON.stringify(request), (event) => steps.push(event.step));
    assert.deepEqual(steps, Array.from({ length: request.steps }, (_, i) => i + 1));
    assert.equal(result.metadata.sha256, sha256);
    assert.equal(result.metadata.device.replace("relaxed ", ""), device);
    const hash = createHash("sha256");
    for (const image of result.images) hash.update(image);
    assert.equal(hash.digest("hex"), sha256);
  }
}

// In a page the largest piece of the file that the network hands over comes on top.
for (const threads of [1, 2]) test(`memory on ${threads} threads`, async () => {
  const fresh = await program(threads);
  const piece = 1 << 20, allowed = 2.5 * model.length + 40e6;
  const taken = {};
  const measured = (when) => {
    taken[when] = fresh.memory().kernels + fresh.memory().go + piece;
    assert.ok(taken[when] < allowed, `${taken[when]} bytes ${when}, allowed ${allowed}`);
  };
  await fresh.load(reader(model, piece));
  measured("after loading");
  for (let i = 0; i < 36; i++) {
    await fresh.generate('{"steps": 2, "guidance": 3, "count": 4}', () => {});
    measured(`after request ${i}`);
  }
  // Go's heap settles within some twenty requests.
  assert.equal(taken["after request 35"], taken["after request 23"], "it grows with each request");
});

test("a failed load keeps the model", async () => {
  await assert.rejects(dit8.load(reader(model.subarray(0, 100))));
  const result = await dit8.generate('{"steps": 1, "guidance": 1}', () => {});
  assert.equal(result.images.length, 1);
});

test("bad requests name the field", async () => {
  for (const [request, field] of [
    [{ class: "fxo" }, "class"], [{ steps: 0 }, "steps"], [{ guidance: NaN }, "guidance"], [{ guidance: 1e99 }, "guidance"],
    [{ count: 1e9 }, "count"], [{ seed: -1 }, "seed"], [{ seed: "" }, "seed"], [{ stepz: 1 }, "stepz"],
  ]) {
    await assert.rejects(dit8.generate(JSON.stringify(request), () => {}), (error) => error.field === field && error.message.includes(field));
  }
});

test("cancel takes effect within a step, and one request runs at a time", async () => {
  let steps = 0;
  const running = dit8.generate('{"steps": 1000}', () => { steps++; });
  await assert.rejects(dit8.generate("{}", () => {}), /a request is running/);
  await assert.rejects(dit8.load(reader(model)), /a request is running/);
  const at = steps;
  dit8.cancel();
  await assert.rejects(running, { name: "AbortError" });
  assert.ok(steps <= at + 1, `${steps} steps, cancelled after ${at}`);
});

const network = { input_size: 8, patch_size: 2, in_channels: 3, hidden_size: 24, depth: 2, num_heads: 3, mlp_hidden_size: 40, num_classes: 3 };

test("bench measures a network, and can be cancelled", async () => {
  const done = [];
  const result = await dit8.bench(JSON.stringify({ config: network, batch: 2, passes: 3 }), (event) => done.push(event.done));
  assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
  assert.equal(result.device.replace("relaxed ", ""), "simd128");
  assert.deepEqual(result.config, { ...network, learn_sigma: false });
  assert.ok(result.best_ms > 0 && result.best_ms <= result.median_ms && result.gmac_per_s > 0);
  const shares = result.operations.reduce((sum, { share }) => sum + share, 0);
  assert.ok(Math.abs(shares - 100) < 1e-6, `the shares add up to ${shares}`);
  await assert.rejects(dit8.bench('{"config": "d257"}'), /config is "d257"/);
  const running = dit8.bench(JSON.stringify({ config: network, passes: 1000 }), ({ done }) => done === 5 && dit8.cancel());
  await assert.rejects(dit8.generate("{}", () => {}), /a request is running/);
  await assert.rejects(running, { name: "AbortError" });
  assert.equal((await dit8.bench(JSON.stringify({ config: network, passes: 1 }))).passes, 1);
});

// What the page keeps doing for hours: pictures, cancelled ones, other models, bench.
test("the program's memory does not grow", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "dit8-")), "small.dit8");
  execFileSync("go", ["run", "./tools/quantize", "-num-heads", "6", "-convention", "sit", "-name", "small", "-o", file, "testdata/golden/sit_rgb/model.safetensors"], { cwd: root, stdio: "pipe" });
  const small = readFileSync(file);
  const { request, sha256 } = golden[0];
  const round = async () => {
    await dit8.load(reader(small));
    await dit8.generate('{"steps": 30, "guidance": 1}', () => {});
    for (const at of [1, 2, 7]) {
      let steps = 0;
      await assert.rejects(dit8.generate('{"steps": 20, "count": 2}', () => { if (++steps === at) dit8.cancel(); }), { name: "AbortError" });
    }
    await assert.rejects(dit8.load(reader(small.subarray(0, 5e4))));
    await dit8.bench(JSON.stringify({ config: network, batch: 2, passes: 2 }));
    await dit8.load(reader(model));
    const { metadata } = await dit8.generate(JSON.stringify(request), () => {});
    assert.equal(metadata.sha256, sha256);
  };
  for (let i = 0; i < 2; i++) await round();
  const before = dit8.memory();
  for (let i = 0; i < 5; i++) await round();
  const now = dit8.memory();
  assert.equal(now.kernels, before.kernels);
  assert.ok(now.go <= before.go + 2 ** 20, `Go's memory has ${now.go} bytes, before ${before.go}`); // collections come when they like
});
