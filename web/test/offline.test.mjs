// The service worker: offline, and on hosts that send no headers.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { golden, launch, root } from "./helpers.mjs";
import { host } from "./static.mjs";

const { request, sha256 } = golden[0];
let server, browser;
before(async () => {
  server = await host(root + "web/dist");
  browser = await launch();
});
after(async () => {
  await browser?.close();
  server?.stop();
});

async function visit(init = () => {}, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(init);
  await page.goto(`${server.url}#prompt=fox&steps=1`);
  return page;
}
const threads = (page) => page.evaluate(async () => {
  const { Sampler } = await import("./dit8/sampler.js");
  const sampler = await Sampler.load({ threads: 2 });
  const { threads, note } = sampler.info;
  sampler.dispose();
  return { threads, note };
});
const makes = (page) => page.evaluate(async (request) => {
  const { Sampler } = await import("./dit8/sampler.js");
  const sampler = await Sampler.load();
  const { sha256 } = await sampler.generate(request);
  sampler.dispose();
  return sha256;
}, request);
const isolated = (page) => page.waitForFunction(() => crossOriginIsolated);
const kept = (page) => page.evaluate(async () => {
  await navigator.serviceWorker.ready;
  return (await caches.keys()).sort();
});
// stored waits for what the page has not asked for itself to be kept too.
const stored = (page) => page.waitForFunction(async () => Boolean(await caches.match(new URL("index.html", location))));
// ready waits for the page itself to have loaded its model, and kept it.
const ready = (page) => page.waitForFunction(() => document.getElementById("model")?.textContent.length > 1);

test("a host without headers: the page isolates itself, and has threads", async () => {
  const page = await visit();
  await isolated(page);
  await ready(page);
  assert.deepEqual(await threads(page), { threads: 2, note: "" });
  assert.equal(await page.evaluate(() => location.hash), "#prompt=fox&steps=1");
  await page.context().close();
});

test("offline after the first visit", async () => {
  const page = await visit();
  await isolated(page);
  await ready(page);
  assert.equal((await kept(page)).length, 1); // the page; the model is a file
  await stored(page);
  await page.context().setOffline(true);
  await page.reload();
  await ready(page);
  assert.equal(await page.evaluate(() => crossOriginIsolated), true);
  assert.equal(await makes(page), sha256);
  await page.goto(`${server.url}index.html?threads=1#prompt=fox&steps=1`);
  await ready(page);
  assert.equal(await makes(page), sha256);
  await page.context().close();
});

test("without service workers it computes on one thread, and says so", async () => {
  const page = await visit(() => { Object.defineProperty(navigator, "serviceWorker", { value: undefined }); });
  await ready(page);
  assert.deepEqual(await threads(page), { threads: 1, note: "the page is not cross-origin isolated" });
  assert.match(await page.textContent("body"), /the page is not cross-origin isolated/);
  await page.context().close();
});

test("a service worker that can't be started does not stop the page", async () => {
  server.answers["/sw.js"] = (request, response) => response.writeHead(404).end();
  const page = await visit();
  await ready(page);
  assert.match(await page.textContent("body"), /the page is not cross-origin isolated/);
  delete server.answers["/sw.js"];
  await page.context().close();
});

test("a newer version of the page replaces the kept one", async () => {
  const page = await visit();
  await isolated(page);
  await ready(page);
  const [before] = await kept(page);
  const changed = (name, change) => { server.answers[name] = (request, response, body) => response.end(change(body.toString())); };
  changed("/sw.js", (text) => text.replace(/version = "\w+"/, 'version = "newer"'));
  changed("/index.html", (text) => text.replace("<title>dit8", "<title>newer"));
  changed("/", (text) => text.replace("<title>dit8", "<title>newer"));
  await page.reload();
  assert.match(await page.title(), /^newer/);
  await page.waitForFunction(async () => (await caches.keys()).includes("dit8-page-newer"));
  await page.waitForFunction(async (before) => !(await caches.keys()).includes(before), before);
  await page.context().setOffline(true);
  await page.reload();
  assert.match(await page.title(), /^newer/);
  for (const name in server.answers) delete server.answers[name];
  await page.context().close();
});

test("it keeps what it needs, and no more", async () => {
  const page = await visit();
  await isolated(page);
  await ready(page);
  const urls = await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    const name = (await caches.keys()).find((name) => name.startsWith("dit8-page-"));
    return (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
  });
  assert.ok(urls.includes("/") && urls.includes("/dit8/dit8.wasm") && urls.includes("/dit8/worker.js"));
  assert.ok(!urls.some((url) => /\.dit8$|\.d\.ts$|sw\.js$/.test(url)), String(urls));
  assert.equal(new Set(urls).size, urls.length);
  await page.context().close();
});

test("a host without documents for folders (S3, GCS, R2): threads, and offline after the first visit", async () => {
  server.answers["/"] = (request, response) => response.writeHead(403).end("AccessDenied");
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${server.url}index.html#prompt=fox&steps=1`);
  await isolated(page);
  await ready(page);
  delete server.answers["/"];
  assert.equal((await kept(page)).length, 1);
  await context.setOffline(true);
  await page.goto(server.url);
  await ready(page);
  await context.close();
});

test("a service worker that never comes is not waited for", async () => {
  server.answers["/sw.js"] = () => {}; // no answer
  const started = Date.now();
  const page = await visit();
  await ready(page);
  assert.ok(Date.now() - started < 15_000, `${Date.now() - started} ms`);
  delete server.answers["/sw.js"];
  await page.context().close();
});

test("two versions in folders of one origin keep their files apart", async () => {
  const folders = await mkdtemp(join(tmpdir(), "dit8-"));
  for (const name of ["a", "b"]) await cp(root + "web/dist", join(folders, name), { recursive: true });
  const sw = join(folders, "b/sw.js");
  await writeFile(sw, (await readFile(sw, "utf8")).replace(/version = "\w+"/, 'version = "other"'));
  const two = await host(folders);
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  for (const name of ["a", "b", "a"]) {
    await page.goto(`${two.url}${name}/#prompt=fox&steps=1`);
    await isolated(page);
    await ready(page);
    await kept(page);
  }
  const names = (await kept(page)).filter((name) => name.startsWith("dit8-page-"));
  // all files, also those of tools that nobody has opened
  await page.waitForFunction(async (names) => (await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length))).every((n) => n > 30), names);
  assert.equal(names.length, 2, String(names));
  await context.setOffline(true);
  for (const name of ["a", "b"]) {
    await page.goto(`${two.url}${name}/#prompt=fox&steps=1`);
    await ready(page);
  }
  await context.close();
  two.stop();
  await rm(folders, { recursive: true });
});

test("from a folder of the disk the page says why it can't work", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`file://${root}web/dist/index.html`);
  assert.match(await page.textContent("#status"), /from a web server only/);
  await page.context().close();
});
