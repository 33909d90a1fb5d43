// The package in a page of its own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { golden, goldenOptions, launch, serve } from "./helpers.mjs";

let server, browser, page;
before(async () => {
  server = await serve();
  browser = await launch();
  page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  await page.route("**/blank", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>blank</title>",
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" } }));
  await page.goto(`${server.url}blank`);
  await page.evaluate(async () => {
    Object.assign(window, await import("./dit8/sampler.js"));
    window.progress = [];
    window.sampler = await Sampler.load({ onProgress: (event) => progress.push(event) });
  });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("it loads with progress in bytes", async () => {
  const { progress, info, bytes } = await page.evaluate(() => ({ progress, info: sampler.info, bytes: models[0].bytes }));
  assert.ok(progress.length > 3 && progress.every(({ total }) => total === bytes));
  assert.equal(progress.at(-1).loaded, bytes);
  assert.equal(info.classes.length, 116);
  assert.equal(info.threads, Math.min(8, await page.evaluate(() => navigator.hardwareConcurrency)));
});

test("the golden pixels", async () => {
  for (const { request, sha256 } of [...golden, ...goldenOptions]) {
    const result = await page.evaluate(async (request) => {
      const { images, sha256, metadata } = await sampler.generate(request);
      const all = new Uint8Array(images.flatMap((image) => [...image.data]));
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
      return { sha256, hash: Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join(""), metadata };
    }, request);
    assert.equal(result.hash, sha256);
    assert.equal(result.sha256, sha256);
    assert.equal(result.metadata.sha256, sha256);
  }
});
