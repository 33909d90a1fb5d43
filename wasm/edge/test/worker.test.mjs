// The worker as wrangler uploads it, on workerd.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { golden, model, edge, post, root, serve, start, taken, upload } from "./helpers.mjs";

const uploads = {};
let worker, native;
before(async () => {
  for (const env of ["", "assets", "r2"]) uploads[env] = upload(env);
  [worker, native] = await Promise.all([start(uploads[""]), serve()]);
});
after(async () => {
  await worker?.stop();
  await native?.stop();
});

const get = (path, more) => fetch(worker.url + path, more);

test("the upload fits", () => {
  assert.ok(uploads[""].total < 64 * 1024 && uploads[""].gzip < 10 * 1024, JSON.stringify(uploads[""]));
  assert.ok(uploads.r2.gzip < 3 * 1024, "without a model it fits the smallest plan");
  const sha256 = createHash("sha256").update(model).digest("hex");
  assert.equal(readFileSync(edge + "wrangler.jsonc", "utf8").match(/"DIT8_SHA256": "\w+"/g).join(), Array(3).fill(`"DIT8_SHA256": "${sha256}"`).join());
});

test("the golden pixels", async () => {
  for (const { body, sha256 } of golden) {
    const answer = await (await post(worker.url, body)).json();
    assert.equal(answer.metadata?.sha256, sha256, JSON.stringify(answer).slice(0, 300));
    assert.equal(answer.metadata.device, "simd128");
  }
});

test("it answers what the native server answers", async () => {
  for (const path of [
    "v1/images?class=fox&seed=3&steps=4", "v1/images?prompt=fox:2,panda&n=3&steps=2&size=256x256&guidance_interval=0.1,0.9", "v1/images?prompt=red+rose&style=noto&steps=3&solver=restart",
    "v1/images?class=fxo", "v1/images?steps=101&class=fox", "v1/models", "v1/models/emoji", "v1/models/none", "healthz", "openapi.json", "nope", "v1/images?class=%zz",
  ]) {
    for (const method of ["GET", "HEAD", "OPTIONS", "DELETE"]) {
      const [ours, theirs] = await Promise.all([worker, native].map(({ url }) => fetch(url + path, { method })));
      assert.equal(ours.status, theirs.status, `${method} ${path}`);
      for (const name of ["content-type", "etag", "cache-control", "allow", "access-control-allow-origin", "access-control-allow-headers", "x-content-type-options"]) {
        assert.equal(ours.headers.get(name), theirs.headers.get(name), `${method} ${path}: ${name}`);
      }
      assert.ok(Buffer.from(await ours.arrayBuffer()).equals(Buffer.from(await theirs.arrayBuffer())), `${method} ${path}`);
    }
  }
});

test("what a browser keeps", async () => {
  const path = "v1/images?class=fox&steps=2";
  const first = await get(path);
  assert.equal(first.headers.get("cache-control"), "public, max-age=31536000, immutable");
  const again = await get(path, { headers: { "If-None-Match": first.headers.get("etag") } });
  assert.deepEqual([again.status, (await again.arrayBuffer()).byteLength], [304, 0]);
});

for (const where of ["workerd", "native"]) test(`OpenAI's client, ${where}`, async () => {
  const client = new OpenAI({ baseURL: (where === "native" ? native : worker).url + "v1", apiKey: "none", maxRetries: 0 });
  const { body, sha256 } = golden[1];
  const { prompt, ...rest } = body;
  const made = await client.images.generate({ ...rest, prompt, model: "emoji", size: "256x256", response_format: "b64_json" });
  assert.equal(made.data.length, 2);
  assert.equal(made.metadata.sha256, sha256);
  assert.equal(Buffer.from(made.data[0].b64_json, "base64").subarray(1, 4).toString(), "PNG");
  const events = [];
  for await (const event of await client.images.generate({ prompt: "fox:2,panda", steps: 6, stream: true, partial_images: 2 })) events.push(event);
  assert.deepEqual(events.map(({ type, partial_image_index: i }) => `${type} ${i}`), ["image_generation.partial_image 0", "image_generation.partial_image 1", "image_generation.completed undefined"]);
  const alone = await client.images.generate({ prompt: "fox:2,panda", steps: 6 });
  assert.equal(events[2].b64_json, alone.data[0].b64_json);
  assert.deepEqual((await client.models.list()).data.map(({ id }) => id), ["emoji"]);
  assert.equal((await client.models.retrieve("emoji")).styles?.length, 5);
  await assert.rejects(client.images.generate({ prompt: "fxo" }), (error) => error instanceof OpenAI.BadRequestError && error.param === "prompt" && /did you mean "fox"/.test(error.message));
  await assert.rejects(client.images.generate({ prompt: "fox", model: "dall-e-3" }), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
});

for (const where of ["workerd", "native"]) test(`OpenAI's client with pictures, and with an address without /v1, ${where}`, async () => {
  const { url } = where === "native" ? native : worker;
  const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const { data: [{ url: link }] } = await client.images.generate({ prompt: "fox", response_format: "url", quality: "hd", style: "vivid", moderation: "low", output_compression: 100, background: "auto", user: "u" });
  const { data: [{ b64_json: same }] } = await client.images.generate({ prompt: "fox" });
  assert.ok(Buffer.from(await (await fetch(link)).arrayBuffer()).equals(Buffer.from(same, "base64")));
  const file = (name) => toFile(readFileSync(`${root}testdata/trials/${name}`), name);
  const edited = await client.images.edit({ image: await file("photo.png"), mask: await file("mask-transparent.png"), prompt: "fox", n: 2, steps: 3 });
  assert.deepEqual([edited.data.length, edited.metadata.request.edit.task], [2, "inpaint"]);
  const varied = await client.images.createVariation({ image: await toFile(Buffer.from(same, "base64"), "fox.png"), n: 2, size: "256x256" });
  assert.deepEqual([varied.data.length, varied.metadata.request.prompt], [2, "fox"]);
  await assert.rejects(client.images.edit({ image: await toFile(Buffer.from("no picture"), "a.png"), prompt: "fox" }), (error) => error instanceof OpenAI.BadRequestError && error.param === "image");
});

test("requests at once are answered in turn, those beyond the limit with 429", async () => {
  const paths = Array.from({ length: 9 }, (_, i) => `v1/images?class=fox&steps=3&seed=${100 + i}`);
  const alone = [];
  for (const path of paths) alone.push(Buffer.from(await (await get(path)).arrayBuffer()));
  const together = await Promise.all([...paths, ...paths].map(async (path, i) => {
    const response = await get(path);
    return { i, status: response.status, retry: response.headers.get("retry-after"), body: Buffer.from(await response.arrayBuffer()) };
  }));
  const refused = together.filter(({ status }) => status === 429);
  for (const { i, status, body } of together) if (status !== 429) assert.ok(status === 200 && body.equals(alone[i % 9]), `request ${i}: ${status}`);
  assert.equal(refused.length, 9);
  for (const { retry, body } of refused) assert.ok(Number(retry) >= 1 && JSON.parse(body).error.code === "rate_limit_exceeded");
});

// soon is how long a small request takes, in ms.
async function soon() {
  const from = performance.now();
  assert.equal((await get(`v1/images?class=fox&steps=1&seed=${Math.floor(1e9 * Math.random())}`)).status, 200);
  return performance.now() - from;
}

const long = { prompt: "fox", steps: 100, n: 8 }; // takes some ten seconds

for (const way of ["destroy", "resetAndDestroy"]) test(`a client that goes away stops a stream's work: ${way}`, async () => {
  const body = JSON.stringify({ ...long, stream: true });
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await once(socket, "data");
  socket[way]();
  assert.ok((await soon()) < 5000);
});

// workerd tells a worker at once when another worker's request ends, as Cloudflare's network
// does; of a TCP connection it notices only when it writes.
test("a caller that gives up stops the work", async () => {
  for (let i = 0; i < 2; i++) {
    assert.equal((await post(worker.impatient, long)).status, 504);
    assert.ok((await soon()) < 5000);
  }
  // also one that waits for its turn
  const first = get("v1/images?class=fox&steps=60&n=2");
  assert.equal((await post(worker.impatient, long)).status, 504);
  assert.equal((await first).status, 200);
  assert.ok((await soon()) < 5000);
});

test("the model is kept; fifty mixed requests take less than 100 MB", async () => {
  const fresh = await start(uploads[""]);
  try {
    for (let i = 0; i < 50; i++) {
      const { body } = golden[i % golden.length];
      const answer = i % 5 === 4 ? fetch(`${fresh.url}v1/images?class=fox&n=4&size=512x512&steps=2&seed=${i}`) : post(fresh.url, { ...body, stream: i % 2 === 1, partial_images: i % 3, seed: i });
      assert.equal((await answer).status, 200);
      await (await answer).arrayBuffer();
    }
    const memory = await taken(fresh);
    assert.ok(memory.kernels > model.length && memory.go > 1e6, JSON.stringify(memory));
    assert.ok(memory.total < 100e6, JSON.stringify(memory));
  } finally {
    await fresh.stop();
  }
});

test("a program that breaks is replaced", async () => {
  const { body, sha256 } = golden[0];
  const fresh = await start(uploads[""]);
  try {
    assert.equal((await post(fresh.url, body)).status, 200);
    await fetch(fresh.url + "probe/break");
    const broken = await post(fresh.url, body);
    assert.deepEqual([broken.status, (await broken.json()).error.code], [503, "restarting"]);
    assert.equal((await (await post(fresh.url, body)).json()).metadata.sha256, sha256);
  } finally {
    await fresh.stop();
  }
});

test("tokens and limits come from bindings", async () => {
  const limited = await start(uploads[""], "", { bindings: { DIT8_TOKENS: "secret", DIT8_MAX_STEPS: "2", DIT8_MAX_BODY: "200", DIT8_ORIGINS: "https://a.example" } });
  try {
    const headers = { Authorization: "Bearer secret", "Content-Type": "application/json" };
    const status = async (path, more) => (await fetch(limited.url + path, more)).status;
    assert.equal(await status("v1/models"), 401);
    assert.equal(await status("v1/models", { headers: { Authorization: "Bearer wrong" } }), 401);
    assert.equal(await status("v1/models", { headers }), 200);
    assert.equal(await status("healthz"), 200);
    assert.equal(await status("v1/images?class=fox&steps=3", { headers }), 400);
    for (const size of [201, 100_000, 5_000_000]) assert.equal((await post(limited.url, { prompt: "x".repeat(size) }, { headers })).status, 413);
    const { headers: answered } = await fetch(limited.url + "v1/models", { method: "OPTIONS", headers: { Origin: "https://a.example" } });
    assert.equal(answered.get("access-control-allow-origin"), "https://a.example");
  } finally {
    await limited.stop();
  }
  const wrong = await start(uploads[""], "", { bindings: { DIT8_MAX_STEPS: "many" } });
  try {
    const response = await fetch(wrong.url + "healthz");
    assert.equal(response.status, 503);
    assert.match((await response.json()).error.message, /DIT8_MAX_STEPS is "many"/);
  } finally {
    await wrong.stop();
  }
});

test("a model from static assets", async () => {
  const remote = await start(uploads.assets, "assets", { assets: { directory: edge + "dist/assets", binding: "ASSETS", routerConfig: { invoke_user_worker_ahead_of_assets: true, has_user_worker: true } } });
  try {
    const { body, sha256 } = golden[0];
    const answers = await Promise.all([1, 2, 3].map(async () => (await post(remote.url, body)).json()));
    for (const answer of answers) assert.equal(answer.metadata?.sha256, sha256, JSON.stringify(answer));
  } finally {
    await remote.stop();
  }
});

test("a model from a bucket, once it is there and is the right one", async () => {
  const remote = await start(uploads.r2, "r2", { r2Buckets: ["MODELS"] });
  try {
    const { body, sha256 } = golden[0];
    const failure = async () => {
      const response = await post(remote.url, body);
      assert.equal(response.status, 503);
      assert.ok(response.headers.get("retry-after"));
      return (await response.json()).error.message;
    };
    assert.match(await failure(), /DIT8_MODEL is default.dit8: the bucket has no such object/);
    const bucket = await remote.mf.getR2Bucket("MODELS", "dit8");
    const changed = Uint8Array.from(model);
    changed[3e6] ^= 1;
    await bucket.put("default.dit8", changed);
    assert.match(await failure(), new RegExp(`the model's SHA-256 is [0-9a-f]{64}, DIT8_SHA256 is ${createHash("sha256").update(model).digest("hex")}`));
    await bucket.put("default.dit8", new Uint8Array(49e6));
    assert.match(await failure(), /more than 48000000 bytes/);
    await bucket.put("default.dit8", new Uint8Array(model));
    assert.equal((await (await post(remote.url, body)).json()).metadata.sha256, sha256);
    await bucket.delete("default.dit8"); // it is kept in memory
    assert.equal((await (await post(remote.url, body)).json()).metadata.sha256, sha256);
  } finally {
    await remote.stop();
  }
});

test("latents become images by a TAESD; an AutoencoderKL is refused", async () => {
  const dir = mkdtempSync(join(tmpdir(), "dit8-latents-")), go = (...args) => execFileSync("go", ["run", ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    for (const [vae, refused] of [["taesd", false], ["e2e_dit/vae", true]]) {
      const file = join(dir, "model.dit8");
      go("./tools/quantize", "-f", "-num-heads", "4", "-convention", "dit", "-vae", `testdata/golden-vae/${vae}`, "-o", file, "testdata/golden-vae/e2e_dit/model.safetensors");
      const bytes = readFileSync(file), DIT8_SHA256 = createHash("sha256").update(bytes).digest("hex");
      const remote = await start(uploads.r2, "r2", { r2Buckets: ["MODELS"], bindings: { DIT8_SHA256 } });
      try {
        await (await remote.mf.getR2Bucket("MODELS", "dit8")).put("default.dit8", new Uint8Array(bytes));
        const response = await post(remote.url, { class: "1", steps: 4 }), answer = await response.json();
        if (refused) {
          assert.equal(response.status, 503);
          assert.match(answer.error.message, /AutoencoderKL, whose decoding takes more memory than the 128 MB of an edge worker/);
          assert.ok((await taken(remote)).kernels < 1 << 20, "no weights were read");
        } else {
          assert.equal(answer.metadata?.sha256, JSON.parse(go("./tools/sample", "-model", file, "-class", "1", "-steps", "4", "-json")).sha256, JSON.stringify(answer).slice(0, 300));
        }
      } finally {
        await remote.stop();
      }
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
