// The page in a real Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { golden, launch, root, serve } from "./helpers.mjs";

const request = golden[0].request;
let server, browser, page;
const complaints = [];

before(async () => {
  server = await serve();
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
  page.setDefaultTimeout(120_000);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(server.url);
  await ready();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const ready = (p = page) => p.waitForFunction(() => document.getElementById("status").textContent === "Ready.");
const status = () => page.textContent("#status");

async function fill(fields) {
  for (const [id, value] of Object.entries(fields)) await page.fill(`#${id}`, String(value));
}

// canvasHash is the SHA-256 of what the canvas shows.
const canvasHash = () => page.evaluate(async () => {
  const canvas = document.getElementById("canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
});

test("it is isolated from other sites", async () => {
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
});

test("it computes on all cores", async () => {
  const cores = Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency));
  assert.ok((await page.textContent("#model")).replace("relaxed ", "").endsWith(`Computes with simd128${cores > 1 ? ` ×${cores}` : ""}.`), await page.textContent("#model"));
});

test("it says how much memory it takes", async () => {
  assert.match(await page.textContent("#model"), /, [1-9]\d* MB of memory\. /);
});

for (const threads of [1, 2, 4]) test(`the golden image on ${threads} threads`, async () => {
  const other = await browser.newPage();
  await other.goto(`${server.url}?threads=${threads}`);
  await ready(other);
  assert.match(await other.textContent("#model"), threads === 1 ? /simd128\.$/ : new RegExp(`simd128 ×${threads}\\.$`));
  for (const [id, value] of Object.entries(request)) await other.fill(`#${id}`, String(value));
  await other.click("#generate");
  await other.waitForSelector("#result:visible");
  assert.equal(await other.textContent("#hash"), golden[0].sha256);
  await other.close();
});

// A page that is not isolated, an engine that cannot share memory (as on iOS) and a
// helper that does not start: one thread, and the page says why.
for (const [why, init, note] of [
  ["not isolated", (other) => other.route("**/*", async (route) => {
    const response = await route.fetch();
    const headers = response.headers();
    delete headers["cross-origin-opener-policy"];
    delete headers["cross-origin-embedder-policy"];
    await route.fulfill({ response, headers });
  }), "simd128 (the page is not cross-origin isolated)."],
  ["no shared memory", (other) => other.route("**/kernels.js", async (route) => {
    const broken = `{ const Memory = WebAssembly.Memory; WebAssembly.Memory = function (d) { if (d.shared) throw new RangeError("could not allocate memory"); return new Memory(d); }; }\n`;
    const response = await route.fetch();
    await route.fulfill({ response, body: broken + await response.text() });
  }), "simd128 (could not allocate memory)."],
  ["no helper", (other) => other.route("**/worker.js*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("kernels-helper.js", "missing.js") });
  }), "simd128 (a worker could not be started)."],
]) test(`one thread: ${why}`, async () => {
  const other = await browser.newPage();
  await init(other);
  await other.goto(`${server.url}?threads=2`);
  await ready(other);
  assert.ok((await other.textContent("#model")).replace("relaxed ", "").endsWith(`Computes with ${note}`), await other.textContent("#model"));
  await other.fill("#steps", "1");
  await other.click("#generate");
  await other.waitForSelector("#result:visible");
  await other.close();
});

test("it generates the golden image, step by step", async () => {
  await page.evaluate(() => {
    window.seen = [];
    new MutationObserver(() => window.seen.push([document.getElementById("status").textContent, document.getElementById("progress").value]))
      .observe(document.getElementById("status"), { childList: true });
  });
  await fill(request);
  await page.click("#generate");
  await page.waitForFunction(() => /^Step 1 /.test(document.getElementById("status").textContent));
  const first = await canvasHash();
  await page.waitForSelector("#result:visible");
  const seen = await page.evaluate(() => window.seen);
  for (let step = 1; step <= request.steps; step++) {
    const at = seen.find(([text]) => text.startsWith(`Step ${step} of ${request.steps}`));
    assert.ok(at, `step ${step} was not shown: ${JSON.stringify(seen)}`);
  }
  assert.equal(await canvasHash(), golden[0].sha256);
  assert.notEqual(first, golden[0].sha256);
  assert.equal(await page.textContent("#hash"), golden[0].sha256);
});

test("the command line that it shows gives the same pixels", async () => {
  const command = (await page.textContent("#command")).split(" ");
  const file = join(mkdtempSync(join(tmpdir(), "dit8-")), "out.png");
  command[command.indexOf("-o") + 1] = file;
  const printed = execFileSync(command[0], [...command.slice(1), "-json"], { cwd: root, encoding: "utf8" });
  assert.equal(JSON.parse(printed).sha256, golden[0].sha256);
});

test("it saves a PNG", async () => {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  assert.equal(download.suggestedFilename(), "fox-1.png");
  assert.equal(readFileSync(await download.path()).subarray(1, 4).toString(), "PNG");
});

test("several images make a grid", async () => {
  await fill(golden[1].request);
  await page.click("#generate");
  await page.waitForSelector("#result:visible");
  assert.equal(await page.textContent("#hash"), golden[1].sha256);
  assert.deepEqual(await page.evaluate(() => [canvas.width, canvas.height]), [64, 32]);
});

test("cancel", async () => {
  await fill({ ...request, steps: 500 });
  await page.click("#generate");
  await page.waitForFunction(() => /^Step /.test(document.getElementById("status").textContent));
  await page.click("#cancel");
  await page.waitForFunction(() => document.getElementById("status").textContent === "Cancelled.");
  assert.equal(await page.isEnabled("#generate"), true);
  assert.equal(await page.isVisible("#cancel"), false);
});

test("a wrong field is named and marked, and can be put right", async () => {
  for (const [field, value, message] of [
    ["class", "fxo", 'did you mean "fox"?'], ["steps", "0", "steps is 0, allowed: 1 to 1000"], ["seed", "abc", 'seed is "abc"'],
    ["guidance", "", 'guidance is ""'], ["count", "65", "count is 65"], ["seed", "9007199254740992", "seed is"],
  ]) {
    await fill({ ...request, [field]: value });
    await page.click("#generate");
    await page.waitForSelector("#error:visible");
    assert.ok((await page.textContent("#error")).includes(message), await page.textContent("#error"));
    assert.equal(await page.getAttribute(`#${field}`, "aria-invalid"), "true");
    await page.waitForFunction(() => !document.getElementById("generate").disabled);
  }
  await fill({ ...request, steps: 1 });
  await page.click("#generate");
  await page.waitForSelector("#result:visible");
  assert.equal(await page.isVisible("#error"), false);
});

test("dice and picks", async () => {
  await page.click("#dice");
  assert.notEqual(await page.inputValue("#seed"), String(request.seed));
  await page.click("#picks button:text-is('panda')");
  await page.waitForFunction(() => /^Done/.test(document.getElementById("status").textContent));
  assert.match(await page.textContent("#command"), /-class panda/);
  assert.equal(await page.getAttribute("#picks button:text-is('panda')", "aria-pressed"), "true");
});

test("it fits a phone", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
});

// The bench mode, which has no model to load.
const tiny = { input_size: 8, patch_size: 2, in_channels: 3, hidden_size: 24, depth: 2, num_heads: 3, mlp_hidden_size: 40, num_classes: 3 };
const benchPage = async (query) => {
  const other = await browser.newPage();
  other.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  other.on("pageerror", (error) => complaints.push(String(error)));
  await other.goto(`${server.url}?${new URLSearchParams(query)}`);
  return other;
};
const cells = (other, id) => other.$$eval(`#${id} tr`, (rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));

for (const [query, network, batch] of [
  [{ bench: "d256", threads: 2, passes: 2 }, "d256, 9.8 M parameters, int8", "2"],
  [{ bench: JSON.stringify(tiny), threads: 1, passes: 3, batch: 4 }, "custom, 0.0 M parameters, int8", "4"],
]) test(`bench shows figures of ${query.bench}`, async () => {
  const other = await benchPage(query);
  await other.waitForSelector("#operations");
  const whole = Object.fromEntries(await cells(other, "whole"));
  assert.equal(whole.Network, network);
  assert.equal(whole.Batch, batch);
  assert.equal(whole.Threads, String(query.threads));
  assert.equal(whole.Device.replace("relaxed ", ""), query.threads === 1 ? "simd128" : `simd128 ×${query.threads}`);
  assert.ok(Number(whole[`ms per step, best of ${query.passes}`]) <= Number(whole["ms per step, median"]));
  const [head, ...operations] = await cells(other, "operations");
  assert.deepEqual(head, ["Operation", "Calls", "ms", "Share", "GMAC/s"]);
  assert.ok(operations.some(([name]) => name === "attention"));
  const shares = operations.reduce((sum, row) => sum + parseFloat(row[3]), 0);
  assert.ok(Math.abs(shares - 100) < 1, `the shares add up to ${shares}`);
  assert.equal(await other.isVisible("#form"), false);
  await other.setViewportSize({ width: 360, height: 740 });
  assert.equal(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  await other.close();
});

test("bench says what is wrong", async () => {
  for (const [query, message] of [
    [{ bench: "d257" }, 'config is "d257", allowed: d256, s4, s2 or an object'], [{ bench: "d256", passes: "x" }, 'passes is "x"'],
    [{ bench: "d256", batch: 65 }, "batch is 65, allowed: 1 to 64"], [{ bench: '{"hidden": 3}' }, 'unknown field "hidden"'], [{ bench: "{" }, "JSON"],
  ]) {
    const other = await benchPage(query);
    await other.waitForSelector("#error:visible");
    assert.ok((await other.textContent("#error")).includes(message), await other.textContent("#error"));
    assert.equal(await other.isVisible("table"), false);
    await other.close();
  }
});

test("a missing model gets a message", async () => {
  const other = await browser.newPage();
  await other.route("**/default.dit8", (route) => route.fulfill({ status: 404, body: "" }));
  await other.goto(server.url);
  await other.waitForSelector("#error:visible");
  assert.match(await other.textContent("#error"), /default\.dit8: the server answered 404/);
  await other.close();
});

test("no errors on the console", () => assert.deepEqual(complaints, []));
