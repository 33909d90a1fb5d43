// The page: what it makes, and what it says while it does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { explain } from "../page/errors.js";
import { golden, root } from "./helpers.mjs";
import { canvasHash, fill, fits, generate, made, phone, start, status } from "./page.mjs";

const request = golden[0].request;
let site, page;
before(async () => {
  site = await start();
  page = await open();
});
// open shows the page, where nothing is drawn before it is asked for.
const open = async (options) => {
  const page = await site.open(options);
  await page.uncheck("#live");
  return page;
};
after(() => site?.stop());

test("it is isolated from other sites", async () => {
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
});

test("its own policy is the server's", async () => {
  const header = (await page.request.get(site.server.url)).headers()["content-security-policy"];
  const own = await page.getAttribute("meta[http-equiv]", "content");
  assert.equal(`${own}; frame-ancestors 'none'`, header); // which is for headers only
});

test("it computes on all cores", async () => {
  const cores = Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency));
  assert.equal((await page.textContent("#device")).replace("relaxed ", ""), `simd128${cores > 1 ? ` ×${cores}` : ""}`);
  assert.equal(await page.textContent("#threads"), String(cores));
});

test("it says how much memory it takes", async () => {
  assert.match(await page.textContent("#memory"), /^[1-9]\d* MB$/);
});

test("it names the model", async () => {
  assert.match(await page.textContent("#model"), /^emoji, \d{3} words, 5 styles, 128×128 pixels, file [0-9a-f]{16}$/);
});

for (const threads of [1, 2, 4]) test(`the golden image on ${threads} threads`, async () => {
  const other = await open({ address: `?run=no&threads=${threads}` });
  assert.match(await other.textContent("#device"), threads === 1 ? /simd128$/ : new RegExp(`simd128 ×${threads}$`));
  await fill(other, request);
  await generate(other);
  assert.equal(await other.textContent("#hash"), golden[0].sha256);
  await other.close();
});

// A page that is not isolated, an engine that cannot share memory (as on iOS) and a
// helper that does not start: one thread, and the page says why.
for (const [why, init, note] of [
  ["not isolated", async (other) => {
    await other.addInitScript(() => Object.defineProperty(navigator, "serviceWorker", { value: undefined })); // which would isolate it
    await other.route("**/*", async (route) => {
      const response = await route.fetch();
      const headers = response.headers();
      delete headers["cross-origin-opener-policy"];
      delete headers["cross-origin-embedder-policy"];
      await route.fulfill({ response, headers });
    });
  }, "the page is not cross-origin isolated"],
  ["no shared memory", (other) => other.route("**/kernels.js", async (route) => {
    const broken = `{ const Memory = WebAssembly.Memory; WebAssembly.Memory = function (d) { if (d.shared) throw new RangeError("could not allocate memory"); return new Memory(d); }; }\n`;
    const response = await route.fetch();
    await route.fulfill({ response, body: broken + await response.text() });
  }), "could not allocate memory"],
  ["no helper", (other) => other.route("**/worker.js*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace("kernels-helper.js", "missing.js") });
  }), "a worker could not be started"],
]) test(`one thread: ${why}`, async () => {
  const before = site.complaints.length;
  const other = await open({ address: "?run=no&threads=2", init });
  assert.equal((await other.textContent("#device")).replace("relaxed ", ""), "simd128");
  assert.equal(await other.textContent("#threads"), `1 (${note})`);
  await fill(other, { steps: 1 });
  await generate(other);
  await other.close();
  site.complaints.length = before; // of the missing file
});

test("a first visit makes the first pick", async () => {
  const other = await site.open({ address: "", until: "Done" });
  assert.equal(await other.textContent("#title"), "smiling face with sunglasses, fluent-3d, seed 4");
  assert.equal(await other.$$eval(".tile", (tiles) => tiles.length), 1);
  await made(other, () => other.evaluate(() => { location.hash = "#prompt=fox&seed=1"; }));
  assert.equal(await other.textContent("#title"), "fox, seed 1", "a link that names no style means none");
  await other.close();
});

test("its worker starts before its modules, and is the sampler's", async () => {
  const other = await site.open({ init: (other) => other.addInitScript(() => {
    const { Worker } = window;
    window.started = [];
    window.Worker = class extends Worker {
      constructor(...args) { super(...args); started.push([document.readyState, `${args[0]}`]); }
    };
  }) });
  assert.deepEqual(await other.evaluate(() => started), [["loading", "dit8/worker.js"]]);
  const named = await other.$$eval("link[rel=modulepreload]", (links) => links.map(({ href }) => href)), { url } = site.server;
  const asked = await other.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.ok(named.includes(`${url}app.js`) && named.every((name) => asked.includes(name)));
  await other.close();
});

test("loading is shown in bytes", async () => {
  const other = await site.open({ until: "", init: (other) => other.addInitScript(() => {
    window.seen = [];
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => seen.push(document.getElementById("status").textContent))
      .observe(document.getElementById("status"), { childList: true }));
  }) });
  await status(other, "Ready.");
  const seen = await other.evaluate(() => seen);
  assert.ok(seen.some((text) => /^Loading the model: \d\.\d of \d\.\d MB$/.test(text)), JSON.stringify(seen));
  assert.equal(seen.at(-1), "Ready.");
  await other.close();
});

test("it generates the golden image, step by step", async () => {
  await page.evaluate(() => {
    window.seen = [];
    const canvas = document.getElementById("canvas");
    new MutationObserver(() => window.seen.push([document.getElementById("status").textContent, document.getElementById("progress").value, canvas.toDataURL()]))
      .observe(document.getElementById("status"), { childList: true });
  });
  await fill(page, request);
  await generate(page);
  const seen = await page.evaluate(() => window.seen);
  for (let step = 1; step <= request.steps; step++) {
    const at = seen.find(([text]) => text.startsWith(`Step ${step} of ${request.steps}`));
    assert.ok(at, `step ${step} was not shown: ${JSON.stringify(seen.map(([text]) => text))}`);
    assert.ok(step === request.steps || / left$/.test(at[0]), at[0]);
  }
  assert.equal(await canvasHash(page), golden[0].sha256);
  assert.notEqual(seen.find(([text]) => text.startsWith("Step 2 "))[2], await page.$eval("#canvas", (canvas) => canvas.toDataURL()));
  assert.equal(await page.textContent("#hash"), golden[0].sha256);
  assert.match(await page.textContent("#status"), /^Done in \d+\.\d s, \d+ ms a step\.$/);
  assert.match(await page.textContent("#speed"), /^[\d.]+ ms a step, [\d.]+ images a second$/);
});

test("the command line that it shows gives the same pixels", async () => {
  const command = (await page.textContent("#command")).split(" ");
  const file = join(mkdtempSync(join(tmpdir(), "dit8-")), "out.png");
  command[command.indexOf("-o") + 1] = file;
  const printed = execFileSync(command[0], [...command.slice(1), "-json"], { cwd: root, encoding: "utf8" });
  assert.equal(JSON.parse(printed).sha256, golden[0].sha256);
});

test("several images make a grid", async () => {
  await fill(page, golden[1].request);
  await generate(page);
  assert.equal(await page.textContent("#hash"), golden[1].sha256);
  assert.deepEqual(await page.evaluate(() => [canvas.width, canvas.height]), [256, 128]);
});

test("cancel", async () => {
  await fill(page, { ...request, style: "", steps: 500 });
  const shown = await canvasHash(page);
  await page.evaluate(() => {
    window.awake = [];
    const sentinel = () => {
      const held = new EventTarget();
      awake.push("on");
      held.release = async () => { awake.push("off"); held.onrelease?.(); };
      return held;
    };
    Object.defineProperty(navigator, "wakeLock", { configurable: true, value: { request: async () => (window.held = sentinel()) } });
    window.show = (visible) => {
      Object.defineProperty(document, "hidden", { configurable: true, value: !visible });
      document.dispatchEvent(new Event("visibilitychange"));
    };
  });
  await page.click("#generate");
  await page.waitForFunction(() => /^[1-9]\d? % · dit8$/.test(document.title) && awake.join() === "on");
  await page.evaluate(() => {
    window.show(false);
    held.onrelease(); // a browser lets go of the screen where the tab is hidden
  });
  await page.waitForFunction((title) => document.title !== title, await page.title());
  assert.equal(await page.evaluate(() => awake.join()), "on", "a tab that is hidden keeps no screen awake");
  await page.evaluate(() => show(true));
  await page.waitForFunction(() => awake.join() === "on,on");
  assert.match(await page.textContent("#status"), /^Step \d+ of 500, (about \d+|under 1) s left$/);
  await page.click("#cancel");
  await status(page, "Cancelled.");
  assert.equal(await page.title(), "dit8");
  await page.waitForFunction(() => awake.join() === "on,on,off");
  assert.equal(await page.isEnabled("#generate"), true);
  assert.equal(await page.isVisible("#cancel"), false);
  assert.equal(await canvasHash(page), shown, "the last result is back");
});

test("a new request overtakes one that is under way", async () => {
  await page.click("#generate"); // 500 steps
  await page.waitForFunction(() => document.title !== "dit8");
  await fill(page, request);
  await page.evaluate(() => show(false));
  await generate(page);
  assert.equal(await page.title(), "Done · dit8", "what is done is said until somebody looks");
  await page.evaluate(() => show(true));
  assert.equal(await page.title(), "dit8");
  assert.equal(await page.textContent("#hash"), golden[0].sha256);
});

test("what goes wrong is said in a sentence", () => {
  for (const [error, sentence] of [
    [{ field: "prompt", message: 'prompt is "a fxo", allowed: words that the model knows, which it does not of "fxo" (did you mean "fox"?)' }, "The model does not know “fxo”. Did you mean “fox”?"],
    [{ field: "class", message: 'class is "qq", allowed: a class name or an index from 0 to 127' }, "The model has no “qq”."],
    [{ field: "steps", message: "steps is 0, allowed: 1 to 1000" }, "The steps can be 1 to 1000, not 0."],
    [{ field: "colour", message: "colour is unknown, allowed: class, prompt" }, "There is nothing named “colour” to set."],
    [{ field: "classes[1].weight", message: 'classes[1].weight is "x", allowed: a number' }, 'A share of the mix can be a number, not "x".'],
    [{ field: "edit.image", message: `edit.image is "${"A".repeat(99)}", allowed: 49152 bytes` }, "The edit image can’t be used like that."],
    [{ name: "DownloadError", message: "m.dit8: the server answered 404" }, "There is no such model at that address."],
    [{ name: "DownloadError", message: "m.dit8: Failed to fetch" }, "The model could not be downloaded. Is there a connection? Try again."],
    [{ name: "ModelError", message: "weights: tensor 3: checksum" }, "The model’s file is damaged."],
    [{ name: "Error", message: "core: model kl makes 4-channel latents, and its file has no autoencoder" }, "This model needs an autoencoder, which turns what it makes into pictures: drop the autoencoder’s file here, too."],
    [{ name: "Error", message: "There is no model named none here." }, undefined],
  ]) assert.equal(explain(error), sentence);
});

test("a wrong field is named and marked, and can be put right", async () => {
  for (const [field, value, message] of [
    ["prompt", "fxo", 'did you mean "fox"?'], ["steps", "0", "steps is 0, allowed: 1 to 1000"], ["seed", "abc", 'seed is "abc"'],
    ["count", "65", "count is 65"], ["seed", "9007199254740992", "seed is"],
    ["seed_to", "-2", "seed_to is"],
  ]) {
    await fill(page, { ...request, [field]: value });
    await page.click("#generate");
    await page.waitForSelector(`#${field}[aria-invalid=true]`);
    assert.ok((await page.textContent("#error")).includes(message), await page.textContent("#error"));
    assert.equal(await page.getAttribute(`#${field}`, "aria-describedby"), "error");
    assert.equal(await page.evaluate(() => document.activeElement.id), field);
    await page.waitForSelector("main[data-state=ready]");
  }
  await fill(page, { ...request, steps: 1, seed_to: "" });
  await generate(page);
  assert.equal(await page.isVisible("#error"), false);
});

test("dice and picks", async () => {
  await page.click("#dice");
  assert.notEqual(await page.inputValue("#seed"), String(request.seed));
  await made(page, () => page.click("#thumbs [data-prompt=panda]"));
  assert.match(await page.textContent("#command"), /-prompt panda/);
  assert.equal(await page.getAttribute("#thumbs [data-prompt=panda]", "aria-pressed"), "true");
});

test("it fits a phone, and shows the picture that is made", async () => {
  const other = await open(phone);
  assert.equal(await fits(other), true);
  await fill(other, { steps: 2 });
  await generate(other);
  assert.equal(await fits(other), true);
  await other.waitForFunction(() => document.getElementById("frame").getBoundingClientRect().top >= 0);
  await other.close();
});

test("a missing model gets a message, and another try", async () => {
  const other = await site.browser.newPage();
  await other.route("**/default.dit8", (route) => route.fulfill({ status: 404, body: "" }), { times: 1 });
  await other.goto(site.server.url);
  await other.waitForSelector("#error:visible");
  assert.match(await other.textContent("#error"), /default\.dit8: the server answered 404/);
  await other.click("#generate:has-text('Try again')");
  await status(other, "Done");
  await other.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
