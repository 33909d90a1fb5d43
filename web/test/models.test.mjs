// The models that the page can choose: the host's list, what is kept, one of an address, and a page that ran out of memory.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { classModel, goldenClasses, root } from "./helpers.mjs";
import { host } from "./static.mjs";
import { accessible, start, status } from "./page.mjs";

let site, dir, elsewhere;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), "dit8-models-"));
  copyFileSync(root + classModel, join(dir, "classes.dit8"));
  site = await start("-models", dir);
  elsewhere = await host(dir, { headers: { "Access-Control-Allow-Origin": "*" } });
});
after(async () => {
  await site?.stop();
  elsewhere?.stop();
  rmSync(dir, { recursive: true });
});

const rows = (page) => page.$$eval("#model-list li", (items) => items.map((item) => [item.querySelector("strong").textContent, item.querySelector("small").textContent, item.querySelector("a").textContent]));
const open = (page) => page.click("#models > summary");

test("the list: choosing, speeds, links, deleting", async () => {
  const page = await site.open({ address: "?run=no" });
  await open(page);
  await page.waitForSelector("#model-list li:nth-child(2)");
  let [first, second] = await rows(page);
  assert.deepEqual([first[0], first[2], second[0], second[2]], ["classes", "Use", "default", "In use"]);
  assert.match(first[1], /^5\.5 MB$/);
  assert.match(second[1], /^6\.3 MB · kept here$/);
  assert.match(await page.textContent("#model-list li"), /128 classes, 32×32 pixels/);
  await accessible(page, { within: "#models" });
  // another one, which draws at once
  await page.click("#model-list a[aria-label='Use classes']");
  await status(page, "Done");
  assert.equal(new URL(page.url()).searchParams.get("model"), "classes");
  await page.waitForFunction(() => /ms a step here/.test(document.querySelector("#model-list small").textContent));
  [first, second] = await rows(page);
  assert.match(first[1], /^5\.5 MB · kept here · [\d.]+ ms a step here$/);
  assert.deepEqual([first[2], second[2]], ["In use", "Use"]);
  // the address leads to it again, with the same pixels as the command line's
  const { request, sha256 } = goldenClasses[0];
  await page.goto(`${site.server.url}?model=classes#${new URLSearchParams({ request: JSON.stringify(request) })}`);
  await status(page, "Done");
  assert.equal(await page.textContent("#hash"), sha256);
  await open(page);
  await page.click("#model-list button[aria-label='Delete classes from this device']");
  await status(page, "classes is deleted here.");
  await page.waitForFunction(() => !/kept/.test(document.querySelector("#model-list small").textContent));
  assert.deepEqual(await page.evaluate(async () => (await (await import("./dit8/sampler.js")).Sampler.models()).map(({ name, kept }) => [name, !!kept])), [["default", true]]);
  await page.close();
  assert.deepEqual(site.complaints, []);
});

test("a model from elsewhere, and names that nobody has", async () => {
  const page = await site.open({ address: `?run=no&model=${encodeURIComponent(`${elsewhere.url}classes.dit8`)}` });
  await open(page);
  await page.waitForFunction(() => document.querySelectorAll("#model-list li").length === 3);
  const all = await rows(page);
  assert.deepEqual(all[2].slice(0, 1).concat(all[2][2]), ["classes", "In use"]);
  assert.match(all[2][1], new RegExp(`from 127\\.0\\.0\\.1:${elsewhere.port}`));
  assert.match(all[0][1], /kept here/); // it is the same file
  await page.goto(`${site.server.url}?run=no&model=none`);
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /There is no model named none here/);
  await page.close();
});

test("a page that ended while it used a large model says so the next time", async () => {
  const page = await site.open({ address: "?run=no" });
  await page.evaluate(() => localStorage.setItem("dit8-loading", JSON.stringify({ tab: "dit8-tab-0", name: "XL", bytes: 680e6 })));
  await page.evaluate(() => { addEventListener("pagehide", () => localStorage.setItem("dit8-loading", JSON.stringify({ tab: "dit8-tab-0", name: "XL", bytes: 680e6 }))); });
  await page.reload();
  await status(page, "The last time this page ended while it used XL (680 MB), perhaps for want of memory.");
  await page.click("#generate");
  await status(page, "Ready.");
  await page.close();
});
