// WebGPU in Firefox, which has it behind preferences on Linux, on SwiftShader, which Chromium has beside it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { open } from "./engines.mjs";
import { golden, root } from "./helpers.mjs";
import { host } from "./static.mjs";

const folder = process.env.SWIFTSHADER ?? "/usr/lib/chromium";
const preferences = { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true };
const env = { LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: `${folder}/vk_swiftshader_icd.json` };

// A sampler whose self-test failed would say so, and compute on the processor.
test("the self-test, and the golden pixels of 1 step", async () => {
  const { request, sha256 } = golden.find(({ request: { steps } }) => steps === 1);
  const server = await host(`${root}web/dist`);
  server.answers["/blank"] = (asked, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>blank</title>");
  const tab = await open("Firefox", { preferences, env });
  try {
    await tab.go(`${server.url}blank`);
    const result = await tab.evaluate(async (request) => {
      const { Sampler } = await import("./dit8/sampler.js");
      const start = performance.now();
      const sampler = await Sampler.load({ device: "webgpu-software", threads: 1, storage: false });
      const loaded = performance.now() - start;
      const { sha256, metadata } = await sampler.generate(request);
      sampler.dispose();
      return { sha256, device: metadata.device, note: sampler.info.deviceNote, ms: [loaded, performance.now() - start - loaded] };
    }, request);
    if (process.env.DIT8_TIMES) console.log(result);
    delete result.ms;
    assert.deepEqual(result, { sha256, device: "webgpu (unnamed)", note: "" });
  } finally {
    await tab.close();
    server.stop();
  }
});
