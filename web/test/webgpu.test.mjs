// wasm/webgpu in Chromium, on a processor that plays the GPU: bit for bit the generic device.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { build, gotest } from "./gotest.mjs";
import { root, serve } from "./helpers.mjs";

let server, browser;
before(async () => {
  server = await serve();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"] });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("conformance", async () => {
  const files = { "webgpu.test.wasm": [build("wasm/webgpu"), "application/wasm"], "webgpu.js": [`${root}wasm/webgpu/webgpu.js`, "text/javascript"], "webgpu.wgsl": [`${root}wasm/webgpu/webgpu.wgsl`, "text/plain"] };
  const page = await browser.newPage({ bypassCSP: true });
  for (const [name, [file, contentType]] of Object.entries(files)) await page.route(`**/${name}`, (route) => route.fulfill({ body: readFileSync(file), contentType }));
  await page.goto(`${server.url}dit8/sampler.d.ts`);
  const run = "Self|Conformance/^(memory|linear|linear_gate|norm|swiglu|norm_and_rotate|patches)$|Conformance/attention/(.*Tokens:[0-9]{1,2}_.*Int8:true|extremes_._of_(1|16|33)_)";
  const { code, printed } = await gotest(page, "webgpu.test.wasm", 1, [`-test.run=${run}`, "-test.v"], undefined, true);
  assert.equal(code, 0, printed);
  assert.match(printed, /--- PASS: TestSelf/);
  for (const name of ["memory", "linear", "linear_gate", "norm", "swiglu", "norm_and_rotate", "patches", "attention"]) assert.match(printed, new RegExp(`--- PASS: TestConformance/${name} `));
  assert.doesNotMatch(printed, /--- SKIP/);
});
