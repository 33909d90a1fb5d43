// The page and the package in Chromium, Firefox and WebKit.
// DIT8_SHOTS=folder keeps a picture of the page in each.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { engines, open } from "./engines.mjs";
import { golden, root } from "./helpers.mjs";
import { host } from "./static.mjs";

const [{ request, sha256 }] = golden;
const link = `?threads=2#${new URLSearchParams(request)}`; // WebKit says 4 cores where there are two
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

// What a page complains of is noted in it before anything else runs.
const note = `const complaints = [];
for (const type of ["error", "unhandledrejection", "securitypolicyviolation"]) addEventListener(type, (event) => complaints.push(event.message ?? String(event.reason ?? event.violatedDirective ?? event.target?.outerHTML)), true);
const { error } = console;
console.error = (...words) => { complaints.push(words.join(" ")); error(...words); };`;
const text = (type, body) => (request, response) => response.setHeader("Content-Type", type).end(body);

async function site(headers) {
  const server = await host(`${root}web/dist`, { headers, etags: true });
  server.answers["/"] = (request, response, body) => response.end(String(body).replace("<head>", '<head><script src="note.js"></script>'));
  server.answers["/note.js"] = text("text/javascript", note);
  server.answers["/blank"] = text("text/html", "<!doctype html><head><script src=note.js></script><title>blank</title>");
  return server;
}

// converted is the SHA-256 of what the command line makes of a checkpoint.
let sum;
function converted() {
  if (sum) return sum;
  const dir = mkdtempSync(join(tmpdir(), "dit8-")), file = join(dir, "model.dit8");
  execFileSync("go", ["run", "./tools/quantize", "-o", file, "testdata/golden-modern/pmf_tiny/model.pt"], { cwd: root, stdio: "ignore" });
  sum = createHash("sha256").update(readFileSync(file)).digest("hex");
  rmSync(dir, { recursive: true });
  return sum;
}

for (const engine of engines) describe(engine, () => {
  let tab, plain, isolated;
  before(async () => {
    plain = await site({});
    isolated = await site(isolation);
    tab = await open(engine);
  });
  after(async () => {
    await tab?.close();
    for (const server of [plain, isolated]) server?.stop();
  });
  const quiet = async () => assert.deepEqual(await tab.evaluate(() => complaints), []);
  const status = (text) => tab.until((text) => document.getElementById("status")?.textContent.startsWith(text), text);
  const shown = (id) => tab.evaluate((id) => document.getElementById(id).textContent, id);
  const asked = (server) => server.requests.filter(({ path }) => path.endsWith(".dit8")).length;

  // A service worker that claimed the page kept Firefox from loading it again while its threads slept.
  test("the page makes the golden image, with threads, and again from what it has kept", async () => {
    for (const visit of [1, 2]) {
      await tab.go("about:blank");
      await tab.go(isolated.url + link);
      await status("Done");
      assert.equal(await shown("hash"), sha256);
      assert.match(await shown("device"), /^(relaxed )?simd128 ×2$/);
      assert.equal(await shown("threads"), "2");
      if (process.env.DIT8_SHOTS) writeFileSync(join(process.env.DIT8_SHOTS, `${engine}-${visit}.png`), await tab.screenshot());
      await quiet();
    }
    assert.equal(asked(isolated), 1);
  });

  test("the page cancels, and goes on", async () => {
    await tab.evaluate(() => {
      for (const details of document.querySelectorAll("details")) details.open = true;
      document.getElementById("live").checked = false;
      document.getElementById("steps").value = 1000;
      document.getElementById("generate").click();
    });
    await status("Step ");
    await tab.evaluate(() => document.getElementById("cancel").click());
    await status("Cancelled.");
    await tab.evaluate((steps) => {
      document.getElementById("steps").value = steps;
      document.getElementById("generate").click();
    }, request.steps);
    await status("Done");
    assert.equal(await shown("hash"), sha256);
    await quiet();
  });

  test("the package loads and makes the same pixels twice, on one thread and on two, and cancels", async () => {
    await tab.go(`${isolated.url}blank`);
    const got = await tab.evaluate(async (request) => {
      const { Sampler, readMetadata } = await import("./dit8/sampler.js");
      const got = [];
      for (const threads of [1, 2]) {
        const sampler = await Sampler.load({ threads });
        const { sha256, toBlob } = await sampler.generate(request);
        const stop = new AbortController();
        let steps = 0;
        const stopped = await sampler.generate({ ...request, steps: 1000 }, { signal: stop.signal, onStep: () => { if (++steps === 2) stop.abort(); } }).catch(({ name }) => name);
        got.push([sampler.info.threads, sampler.info.note, sha256, (await readMetadata(await toBlob({ scale: 2 }))).sha256, stopped]);
        sampler.dispose();
      }
      return got;
    }, request);
    assert.deepEqual(got, [1, 2].map((threads) => [threads, "", sha256, sha256, "AbortError"]));
    await quiet();
  });

  test("a checkpoint becomes the command line's file, which is kept and draws", async () => {
    isolated.answers["/model.pt"] = (request, response) => response.end(readFileSync(`${root}testdata/golden-modern/pmf_tiny/model.pt`));
    await tab.go(`${isolated.url}blank`);
    const { sum, notes, kept, images } = await tab.evaluate(async () => {
      const { convert } = await import("/dit8/convert.js");
      const { Sampler } = await import("/dit8/sampler.js");
      const { sha256, id, notes } = await convert(new File([await (await fetch("/model.pt")).blob()], "model.pt"));
      const sampler = await Sampler.load({ model: (await Sampler.models()).find(({ kept }) => kept === id), threads: 1 });
      const { images } = await sampler.generate({ steps: 1 });
      sampler.dispose();
      await Sampler.remove({ kept: id });
      return { sum: sha256, notes: notes.length, kept: !!id, images: images.length };
    });
    assert.deepEqual({ sum, kept, images }, { sum: converted(), kept: true, images: 1 });
    assert.ok(notes > 0);
    await quiet();
  });

  // WebKit gives the service worker the 304 of a file that it has: every second Sampler.load failed.
  test("a host without headers: the page isolates itself, and the package loads again and again", async () => {
    await tab.go(plain.url + link);
    await tab.until(() => crossOriginIsolated);
    await status("Done");
    assert.equal(await shown("hash"), sha256);
    const hashes = await tab.evaluate(async (request) => {
      const { Sampler } = await import("./dit8/sampler.js");
      const hashes = [];
      for (let i = 0; i < 2; i++) {
        const sampler = await Sampler.load({ threads: 2 });
        hashes.push((await sampler.generate(request)).sha256);
        sampler.dispose();
      }
      return hashes;
    }, request);
    assert.deepEqual(hashes, Array(2).fill(sha256));
    await quiet();
  });
});
