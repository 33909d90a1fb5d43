// Chromium with pages that have ONNX Runtime Web, its models and the kernels' benchmarks beside them.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";
import { build } from "../test/gotest.mjs";
import { launch, root } from "../test/helpers.mjs";

const binary = build("wasm/kernels");

function body(path, script) {
  if (path === "/") return `<!doctype html><title>bench</title><script src=/ort/${script}></script>`;
  if (path === "/kernels.test.wasm") return readFileSync(binary);
  if (path === "/networks.mjs") return readFileSync(`${root}web/bench${path}`);
  if (path.startsWith("/ort/")) return readFileSync(`${root}web/bench/node_modules/onnxruntime-web/dist/${path.slice(5)}`);
  if (path.endsWith(".onnx")) return gunzipSync(readFileSync(`${root}web/bench/models${path}.gz`));
  return readFileSync(`${root}web/dist/dit8${path}`);
}

// open gives fresh(f), which runs f on a page of its own, Chromium's version, and close(). Chromium is started with some flags, and script is
// ONNX Runtime Web's.
export async function open(flags = [], script = "ort.wasm.min.js") {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    response.setHeader("Content-Type", path === "/" ? "text/html" : /js$/.test(path) ? "text/javascript" : /wasm$/.test(path) ? "application/wasm" : "application/octet-stream");
    try {
      response.end(body(path, script));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = await launch(flags);
  const fresh = async (f) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(url);
    const result = await f(page);
    await page.close();
    return result;
  };
  return { fresh, version: browser.version(), async close() { await browser.close(); server.close(); } };
}
