// The kernels' tests in Chromium: bit for bit the generic device on 1, 2 and 4 threads,
// with relaxed SIMD and without, and relaxed SIMD's products where every engine means the same.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { build, gotest } from "./gotest.mjs";
import { launch, serve } from "./helpers.mjs";

let server, browser, page;
before(async () => {
  const body = readFileSync(build("wasm/kernels"));
  server = await serve();
  browser = await launch();
  page = await browser.newPage({ bypassCSP: true }); // gotest's worker is a blob
  await page.route("**/kernels.test.wasm", (route) => route.fulfill({ body, contentType: "application/wasm" }));
  await page.goto(`${server.url}dit8/sampler.d.ts`);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [threads, relaxed, what, pattern] of [
  [1, undefined, "conformance on 1 thread", "Conformance|ManySteps|ManyCancelled"],
  [2, undefined, "conformance on 2 threads", "Conformance"],
  [4, undefined, "conformance on 4 threads", "Conformance"],
  [1, 0, "conformance without relaxed SIMD", "Conformance"],
  [1, 1, "relaxed SIMD, signed weights", "Relaxed"],
  [2, 2, "relaxed SIMD, unsigned weights", "Relaxed"],
]) test(what, async () => {
  const { code, printed, note } = await gotest(page, "kernels.test.wasm", threads, [`-test.run=${pattern}`, "-test.v"], relaxed);
  assert.equal(code, 0, printed);
  assert.equal(note, "");
  assert.match(printed, /--- PASS/);
  assert.doesNotMatch(printed, /no tests to run|--- SKIP/);
});
