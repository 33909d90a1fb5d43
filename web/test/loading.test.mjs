// How a model is loaded: broken connections, damaged files, what is kept.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { after, before, beforeEach, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { classModel, golden, launch, root } from "./helpers.mjs";
import { host } from "./static.mjs";

const path = "/dit8/default.dit8";
const model = readFileSync(root + "weights/default.dit8");
const hash = createHash("sha256").update(model).digest("hex");
const { request, sha256 } = golden[0];
let server, browser, context, page;

before(async () => {
  server = await host(root + "web/dist");
  server.answers["/blank"] = (request, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>blank</title>");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.stop();
});
beforeEach(async () => {
  await context?.close();
  delete server.answers[path];
  ({ context, page } = await open(browser, `${server.url}blank`));
});

async function open(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(url);
  return { context, page };
}

// load loads the model in the page and makes an image with it. It tells what was asked
// of the server for it and what the page heard.
async function load(options = {}, at = page, heard = []) {
  server.requests.length = 0;
  const result = await at.evaluate(async ({ request, options, heard }) => {
    const { Sampler, models } = await import("./dit8/sampler.js");
    const progress = [];
    try {
      const sampler = await Sampler.load({ threads: 1, ...options, model: { ...models[0], ...options.model }, onProgress: (event) => { progress.push(event); if (heard.includes(event.loaded)) fetch("/heard"); } });
      const { sha256 } = await sampler.generate(request);
      sampler.dispose();
      return { sha256, progress };
    } catch ({ name, message, status }) {
      return { error: { name, message, status }, progress };
    }
  }, { request, options, heard });
  return {
    ...result, asked: server.requests.filter((request) => request.path === path),
    notes: result.progress.flatMap(({ note }) => note ?? []), from: result.progress.findLast(({ from }) => from)?.from, loaded: result.progress.findLast(({ loaded }) => loaded)?.loaded,
  };
}

// cut sends bytes and then breaks the connection, when the page has had time to read them: a broken connection loses others.
const cut = (response, bytes) => response.write(bytes, () => setTimeout(() => response.destroy(), 500));
const partly = (response, body, n, total) => cut(response.writeHead(200, { "Content-Length": total, ETag: '"1"' }), body.subarray(0, n));

test("a model may be two files", async () => {
  const dir = mkdtempSync(join(tmpdir(), "dit8-pair-")), vae = "testdata/golden-vae/e2e_dit/";
  const go = (...args) => execFileSync("go", ["run", ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  try {
    go("./tools/quantize", "-num-heads", "4", "-convention", "dit", "-steps", "4", "-o", join(dir, "net.dit8"), `${vae}model.safetensors`);
    go("./tools/quantize", "-type", "f16", "-o", join(dir, "vae.dit8"), `${vae}vae`);
    const want = JSON.parse(go("./tools/sample", "-model", join(dir, "net.dit8"), "-vae", join(dir, "vae.dit8"), "-class", "1", "-json"));
    const files = Object.fromEntries(["net", "vae"].map((name) => [name, readFileSync(join(dir, `${name}.dit8`))]));
    for (const [name, bytes] of Object.entries(files)) server.answers[`/${name}.dit8`] = (request, response) => response.end(bytes);
    server.answers["/default.dit8"] = (request, response) => response.end(model);
    const got = await page.evaluate(async ({ sizes, sum }) => {
      const { Sampler } = await import("./dit8/sampler.js");
      const made = async (options) => {
        let last;
        const sampler = await Sampler.load({ threads: 1, ...options, onProgress: (event) => { last = event; } }).catch(({ name, field, message }) => ({ name, field, message }));
        if (!sampler.info) return sampler;
        const { latents, edits, size } = sampler.info, { metadata } = await sampler.generate({ class: "1" });
        sampler.dispose();
        return { sha256: metadata.sha256, vae: metadata.autoencoder_id, latents, edits, size, loaded: last.loaded, total: last.total };
      };
      const vae = { url: "/vae.dit8", bytes: sizes.vae, sha256: sum };
      return {
        two: await made({ model: { url: "/net.dit8", bytes: sizes.net }, vae }),
        inside: await made({ model: { url: "/net.dit8", vae } }),
        picked: await made({ model: "/net.dit8", vae: await (await fetch("/vae.dit8")).blob() }),
        other: await made({ model: "/default.dit8", vae: "/vae.dit8" }),
        alone: await made({ model: "/vae.dit8" }),
        none: await made({ vae: 7 }),
        gone: await made({ model: "/net.dit8", vae: "/gone.dit8" }),
      };
    }, { sizes: { net: files.net.length, vae: files.vae.length }, sum: createHash("sha256").update(files.vae).digest("hex") });
    const { sha256, autoencoder_id } = want, whole = files.net.length + files.vae.length;
    for (const name of ["two", "inside", "picked"]) {
      const { loaded, total, ...rest } = got[name];
      assert.deepEqual(rest, { sha256, vae: autoencoder_id, latents: true, edits: ["image", "inpaint"], size: 64 }, name);
      assert.equal(loaded, whole, name);
    }
    assert.equal(got.two.total, whole);
    assert.match(got.other.message, /makes 3 channels, the autoencoder takes 4/);
    assert.deepEqual([got.other.name, got.alone.name, got.none.field, got.gone.name], ["ModelError", "ModelError", "vae", "DownloadError"]);
    assert.match(got.alone.message, /holds an autoencoder alone/);
  } finally {
    for (const name of ["/net.dit8", "/vae.dit8", "/default.dit8"]) delete server.answers[name];
    rmSync(dir, { recursive: true });
  }
});

test("a plain host is enough", async () => {
  const got = await load();
  assert.equal(got.sha256, sha256);
  assert.equal(got.loaded, model.length);
  assert.equal(got.asked.length, 1);
});

test("a broken download goes on where it ended", async () => {
  let asked = 0;
  server.answers[path] = (request, response, body) => {
    server.answers["/heard"] = (_, answer) => { answer.end(); response.destroy(); }; // the page has read all of it
    if (!request.headers.range) return response.writeHead(200, { "Content-Length": body.length, ETag: '"1"' }).write(body.subarray(0, 2e6));
    assert.equal(request.headers["if-range"], '"1"');
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range)[1]);
    response.writeHead(206, { "Content-Range": `bytes ${from}-${body.length - 1}/${body.length}`, "Content-Length": body.length - from });
    if (++asked === 2) response.end(body.subarray(from));
    else response.write(body.subarray(from, 4e6));
  };
  const got = await load({}, page, [2e6, 4e6]);
  assert.equal(got.sha256, sha256, JSON.stringify(got.error));
  const starts = got.asked.flatMap(({ range }) => range ?? []);
  // Each one begins where the page had come to.
  assert.deepEqual(starts, got.progress.flatMap(({ note }, i) => (note && got.progress[i - 1]?.loaded ? `bytes=${got.progress[i - 1].loaded}-` : [])));
  assert.equal(starts.length, 2);
  assert.equal(got.loaded, model.length);
});

test("a broken download starts anew where the host knows no ranges", async () => {
  let asked = 0;
  server.answers[path] = (request, response, body) => (asked++ ? response.writeHead(200, { ETag: '"1"' }).end(body) : partly(response, body, 2e6, body.length));
  const got = await load();
  assert.equal(got.sha256, sha256, JSON.stringify(got.error));
  assert.equal(got.asked.length, 2);
  assert.equal(got.loaded, model.length);
});

test("a host that is busy is asked again", async () => {
  let asked = 0;
  server.answers[path] = (request, response, body) => (asked++ ? response.end(body) : response.writeHead(503).end());
  const got = await load();
  assert.equal(got.sha256, sha256, JSON.stringify(got.error));
  assert.match(got.notes[0], /the server answered 503; trying again/);
});

test("a truncated file is given up in the end", async () => {
  server.answers[path] = (request, response, body) => response.end(body.subarray(0, 3e6));
  const got = await load();
  assert.equal(got.error.name, "DownloadError");
  assert.match(got.error.message, new RegExp(`default\\.dit8: the file ends after 3000000 of ${model.length} bytes`));
  assert.equal(got.asked.length, 5);
});

test("a missing file is not asked for again", async () => {
  server.answers[path] = (request, response) => response.writeHead(404).end();
  const got = await load();
  assert.equal(got.error.name, "DownloadError");
  assert.equal(got.error.status, 404);
  assert.match(got.error.message, /the server answered 404/);
  assert.equal(got.asked.length, 1);
});

test("a damaged file is refused, and not kept", async () => {
  server.answers[path] = (request, response, body) => { body[3e6] ^= 1; response.end(body); };
  const got = await load();
  assert.equal(got.error.name, "ModelError");
  assert.match(got.error.message, /checksum/);
  delete server.answers[path];
  assert.equal((await load()).from, "network");
});

test("a page in place of a model is refused", async () => {
  server.answers[path] = (request, response, body) => response.setHeader("Content-Type", "text/html").end("<!doctype html>".padEnd(body.length));
  const got = await load();
  assert.equal(got.error.name, "ModelError");
  assert.match(got.error.message, /not a \.dit8 file/);
});

test("a good file of another hash is refused, and not kept", async () => {
  const got = await load({ model: { sha256: "0".repeat(64) } });
  assert.equal(got.error.name, "ModelError");
  assert.match(got.error.message, new RegExp(`the file's SHA-256 is ${hash}, expected 0{64}`));
  assert.equal((await load({ model: { sha256: "0".repeat(64) } })).asked.length, 1);
});

// kept lists what is kept, with what was begun.
const kept = (at = page) => at.evaluate(async () => (await import("./dit8/storage.js")).list({ begun: true }));

test("the second time it comes from storage", async () => {
  assert.equal((await load()).from, "network");
  const again = await load();
  assert.equal(again.from, "storage");
  assert.deepEqual(again.asked, []);
  assert.equal(again.sha256, sha256);
  await page.reload();
  assert.equal((await load()).from, "storage");
  const [record, ...others] = await kept();
  assert.deepEqual(others, []);
  assert.deepEqual([record.bytes, record.sha256, record.name], [model.length, hash, "default"]);
  assert.ok(record.kept <= Date.now());
});

test("storage: false keeps nothing", async () => {
  await load({ storage: false });
  assert.deepEqual(await kept(), []);
  assert.equal((await load()).from, "network");
});

test("without a hash it is kept as long as the host has no other version", async () => {
  const plain = { model: { sha256: undefined, bytes: undefined } };
  let tag = '"1"';
  server.answers[path] = (request, response, body) => response.writeHead(200, { ETag: tag, "Content-Length": body.length }).end(body);
  assert.equal((await load(plain)).from, "network");
  const again = await load(plain);
  assert.deepEqual([again.from, again.sha256], ["storage", sha256]);
  const { [path]: answer } = server.answers;
  server.answers[path] = (request, response) => response.destroy(); // offline
  assert.equal((await load(plain)).from, "storage");
  server.answers[path] = answer;
  tag = '"2"';
  const newer = await load(plain);
  assert.deepEqual([newer.from, newer.asked.length], ["network", 1]);
  assert.deepEqual((await kept()).map(({ tag }) => tag), [tag]);
});

const changeKept = (change) => page.evaluate(async (change) => {
  const [{ id }] = await (await import("./dit8/storage.js")).list();
  const file = await (await (await navigator.storage.getDirectory()).getDirectoryHandle("dit8-models")).getFileHandle(`${id}.dit8`);
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  const writable = await file.createWritable();
  await writable.write(new Function(`return ${change}`)()(bytes));
  await writable.close();
}, change.toString());

for (const [what, change] of [
  ["changed", (bytes) => { bytes[4e6] ^= 1; return bytes; }],
  ["shortened", (bytes) => bytes.subarray(0, 1e6)],
  ["emptied", () => new Uint8Array()],
]) test(`a kept copy that was ${what} is replaced`, async () => {
  await load();
  await changeKept(change);
  const got = await load();
  assert.equal(got.sha256, sha256);
  assert.equal(got.from, "network");
  assert.match(got.notes[0], /damaged; it is downloaded again/);
  assert.equal((await load()).from, "storage");
});

test("a download that was cut goes on after the page was loaded again, and in another tab", async () => {
  let left; // the tab that was cut has ended
  server.answers[path] = (request, response, body) => {
    if (!request.headers.range) return response.writeHead(200, { "Content-Length": body.length, ETag: '"1"' }).write(body.subarray(0, 3e6));
    left = request.headers["if-range"];
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range)[1]);
    response.writeHead(206, { "Content-Range": `bytes ${from}-${body.length - 1}/${body.length}`, "Content-Length": body.length - from }).end(body.subarray(from));
  };
  const cut = page.evaluate(async () => {
    const { Sampler } = await import("./dit8/sampler.js");
    await new Promise((resolve) => { Sampler.load({ threads: 1, onProgress: ({ loaded }) => { if (loaded === 3e6) resolve(); } }).catch(() => {}); });
  });
  await cut;
  const other = await context.newPage();
  await other.goto(`${server.url}blank`);
  const waited = other.evaluate(async (request) => {
    const { Sampler } = await import("./dit8/sampler.js");
    const events = [];
    const sampler = await Sampler.load({ threads: 1, onProgress: (event) => { events.push(event); globalThis.note = event.note; } });
    return { notes: events.flatMap(({ note }) => note ?? []), first: events.find(({ loaded }) => loaded), last: events.at(-1), sha256: (await sampler.generate(request)).sha256 };
  }, request);
  await other.waitForFunction(() => /another tab is downloading it/.test(globalThis.note));
  await page.reload(); // which ends the download
  const got = await waited;
  assert.deepEqual([got.notes.length, got.first.from, got.last.from, got.last.loaded, got.sha256], [1, "storage", "network", model.length, sha256]);
  assert.equal(left, '"1"');
  const ranges = server.requests.flatMap(({ path: asked, range }) => (asked === path ? [range] : []));
  assert.deepEqual(ranges.slice(-2), [undefined, "bytes=3000000-"]);
  assert.equal((await load()).from, "storage");
});

test("what was begun of another file is replaced", async () => {
  await page.evaluate(async ({ hash, code }) => {
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    await new Promise((resolve) => { worker.onmessage = resolve; worker.postMessage(hash); });
    worker.terminate();
  }, { hash, code: `onmessage = async ({ data: id }) => {
    const { create } = await import("${server.url}dit8/storage.js");
    const file = await create({ id, sha256: id });
    await file.append(new Uint8Array(1000));
    await file.close();
    postMessage("");
  };` });
  const got = await load();
  assert.equal(got.sha256, sha256, JSON.stringify(got.error));
  assert.match(got.notes[0], /damaged; it is downloaded again/);
});

test("where there is no room it stays in memory, as is said before the download", async () => {
  const cdp = await context.newCDPSession(page);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 1e6 });
  const got = await load();
  assert.equal(got.sha256, sha256);
  assert.match(got.progress[0].note, /can't be kept here \(there is no room for the file\); it will be downloaded again/);
  assert.equal((await load()).from, "network");
  assert.deepEqual(await kept(), []);
});

test("a newer model takes the room of an older one", async () => {
  const cdp = await context.newCDPSession(page);
  server.answers["/old.dit8"] = (request, response) => response.writeHead(200, { ETag: '"old"' }).end(readFileSync(root + classModel));
  await page.evaluate(async () => (await (await import("./dit8/sampler.js")).Sampler.load({ threads: 1, model: "/old.dit8" })).dispose());
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 9e6 });
  assert.deepEqual((await load()).notes, []);
  assert.equal((await load()).from, "storage");
  assert.deepEqual((await kept()).map(({ name }) => name), ["default"]);
});

test("a device without the memory says so before the download", async () => {
  server.answers["/dit8/worker.js"] = (request, response, body) => response.end(`Object.defineProperty(navigator, "deviceMemory", { value: 1 });${body}`);
  const got = await load({ model: { bytes: 680e6 } });
  delete server.answers["/dit8/worker.js"];
  assert.equal(got.error.name, "MemoryError");
  assert.match(got.error.message, /takes 932 MB of memory, this device lets a page have about 537 MB/);
  assert.deepEqual(got.progress, []);
});

test("where files are refused, as in a private window, it is kept in the cache", async () => {
  server.answers["/dit8/worker.js"] = (request, response, body) => response.end(`delete FileSystemFileHandle.prototype.createSyncAccessHandle;${body}`);
  assert.equal((await load()).from, "network");
  assert.equal((await load()).from, "storage");
  server.answers["/dit8/worker.js"] = (request, response, body) => response.end(`delete FileSystemFileHandle.prototype.createSyncAccessHandle;Object.defineProperty(globalThis, "caches", {});${body}`);
  const got = await load();
  delete server.answers["/dit8/worker.js"];
  assert.deepEqual([got.from, got.sha256, got.notes.length], ["network", sha256, 0]);
});

test("a host that compresses", async () => {
  server.answers[path] = (request, response, body) => response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(body, { level: 1 }));
  const got = await load();
  assert.equal(got.sha256, sha256);
  assert.equal(got.loaded, model.length);
  assert.ok(got.progress.every(({ total }) => total === model.length));
});

// Pages that came over http from elsewhere have no cache, no hash and no threads.
test("without https it works, and checks the hash by itself", async () => {
  const other = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--host-resolver-rules=MAP dit8.test 127.0.0.1"] });
  try {
    const { page } = await open(other, `http://dit8.test:${server.port}/blank`);
    assert.equal(await page.evaluate(() => isSecureContext), false);
    assert.equal((await load({}, page)).sha256, sha256);
    const got = await load({ model: { sha256: "0".repeat(64) } }, page);
    assert.equal(got.error.name, "ModelError");
    assert.match(got.error.message, new RegExp(`the file's SHA-256 is ${hash}, expected 0{64}`));
  } finally {
    await other.close();
  }
});

test("a download can be given up", async () => {
  server.answers[path] = (request, response, body) => { response.writeHead(200).write(body.subarray(0, 1e6)); };
  const { name, late } = await page.evaluate(async () => {
    const { Sampler } = await import("./dit8/sampler.js");
    const stop = new AbortController();
    let late = 0;
    try {
      await Sampler.load({ signal: stop.signal, onProgress: () => { if (stop.signal.aborted) late++; else stop.abort(); } });
    } catch ({ name }) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { name, late };
    }
  });
  assert.equal(name, "AbortError");
  assert.equal(late, 0);
  for (let i = 0; page.workers().length && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(page.workers().length, 0);
});

// In a page that is isolated from other sites a worker of its own reads and decodes it.
describe("a large file", () => {
  const plain = {};
  before(async () => {
    plain.server = server;
    server = await host(root + "web/dist", { headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } });
    server.answers["/blank"] = plain.server.answers["/blank"];
    server.answers["/dit8/worker.js"] = (request, response, body) => response.end(`${body}`.replace("large = 20e6", "large = 1e6"));
  });
  after(() => {
    server.stop();
    server = plain.server;
  });
  const read = () => server.requests.some(({ path }) => path === "/dit8/ahead-worker.js"); // whether such a worker was there

  test("comes from the network and from storage", async () => {
    const got = await load();
    assert.deepEqual([got.sha256, got.from, got.loaded, read()], [sha256, "network", model.length, true], JSON.stringify(got.error));
    const loaded = got.progress.flatMap(({ loaded }) => loaded ?? []);
    assert.deepEqual(loaded, loaded.toSorted((a, b) => a - b));
    assert.ok(got.progress.every(({ total, note }) => note || total === model.length));
    const again = await load();
    assert.deepEqual([again.sha256, again.from, again.loaded, again.asked], [sha256, "storage", model.length, []]);
    assert.equal((await load({ storage: false })).from, "network");
  });

  test("goes on where the download ended", async () => {
    server.answers[path] = (request, response, body) => {
      if (!request.headers.range) return partly(response, body, 2e6, body.length);
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range)[1]);
      response.writeHead(206, { "Content-Range": `bytes ${from}-${body.length - 1}/${body.length}`, "Content-Length": body.length - from }).end(body.subarray(from));
    };
    const got = await load();
    assert.deepEqual([got.sha256, got.asked.length, got.notes.length], [sha256, 2, 1], JSON.stringify(got.error));
    assert.match(got.asked[1].range, /^bytes=[1-9]\d*-$/); // a broken connection may lose the last bytes
  });

  test("is refused where it is damaged, another one or not there, and not kept", async () => {
    for (const at of [3e6, 1000]) { // a payload, the header
      server.answers[path] = (request, response, body) => { body[at] ^= 1; response.end(body); };
      const { error } = await load();
      assert.deepEqual([error.name, /checksum/.test(error.message), await kept()], ["ModelError", true, []], `${at}: ${error.message}`);
    }
    server.answers[path] = (request, response) => response.writeHead(404).end();
    const { error } = await load();
    assert.deepEqual([error.name, error.status, /the server answered 404/.test(error.message)], ["DownloadError", 404, true]);
    delete server.answers[path];
    const other = await load({ model: { sha256: "0".repeat(64) } }), ids = (await kept()).map(({ id }) => id);
    assert.deepEqual([other.error.name, /expected 0{64}/.test(other.error.message), ids.includes("0".repeat(64))], ["ModelError", true, false]);
  });

  test("is downloaded again where the copy that is kept is damaged", async () => {
    await load();
    await changeKept((bytes) => { bytes[4e6] ^= 1; return bytes; });
    const got = await load();
    assert.deepEqual([got.sha256, got.from], [sha256, "network"], JSON.stringify(got.error));
    assert.match(got.notes[0], /damaged; it is downloaded again/);
    assert.equal((await load()).from, "storage");
  });

  test("is read here where no such worker starts", async () => {
    server.answers["/dit8/ahead-worker.js"] = (request, response) => response.writeHead(404).end();
    const got = await load();
    delete server.answers["/dit8/ahead-worker.js"];
    assert.deepEqual([got.sha256, got.from], [sha256, "network"], JSON.stringify(got.error));
  });
});
