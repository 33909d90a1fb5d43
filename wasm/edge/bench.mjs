// Measures the worker on workerd and the native server under load, and writes the figures
// into docs/edge.md.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { gzipSync } from "node:zlib";
import { edge, golden, post, root, serve, start, taken, upload } from "./test/helpers.mjs";

const page = root + "docs/edge.md";
const rounds = 7;
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const mb = (bytes) => (bytes < 1e5 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const timed = async (f) => {
  const from = performance.now();
  const response = await f();
  await response.arrayBuffer();
  return { ms: performance.now() - from, status: response.status };
};
const expect = async (status, f) => {
  const result = await timed(f);
  if (result.status !== status) throw new Error(`status ${result.status}`);
  return result.ms;
};

const bundled = upload(), remote = upload("r2");
const requests = {
  "`/v1/models`": (url) => fetch(url + "v1/models"),
  "1 step, one image": (url) => fetch(`${url}v1/images?prompt=fox&steps=1&seed=${Math.floor(1e9 * Math.random())}`),
  "4 steps, one image": (url) => fetch(`${url}v1/images?prompt=fox&seed=${Math.floor(1e9 * Math.random())}`),
  "4 steps, four images of 256×256": (url) => post(url, { prompt: "fox", n: 4, size: "256x256", seed: Math.floor(1e9 * Math.random()) }),
};

const cold = { none: [], health: [], image: [] };
for (let round = 0; round < rounds; round++) {
  // Without a source the worker answers before it starts Go: what is left is workerd's own work.
  for (const [name, status, path, bindings] of [["none", 503, "healthz", { DIT8_SOURCE: "none" }], ["health", 200, "healthz"], ["image", 200, "v1/images?class=fox&seed=1"]]) {
    const worker = await start(bundled, "", { bindings });
    cold[name].push(await expect(status, () => fetch(worker.url + path)));
    await worker.stop();
  }
}

const servers = { workerd: await start(bundled), native: await serve() };
const warm = {};
for (const [what, request] of Object.entries(requests)) {
  warm[what] = {};
  for (const [where, { url }] of Object.entries(servers)) {
    await expect(200, () => request(url));
    const all = [];
    for (let round = 0; round < rounds; round++) all.push(await expect(200, () => request(url)));
    warm[what][where] = median(all);
  }
}
for (const { stop } of Object.values(servers)) await stop();

const fresh = await start(bundled);
const memory = {};
for (let i = 1; i <= 50; i++) {
  const body = { ...golden[i % golden.length].body, stream: i % 2 === 1, partial_images: i % 3, seed: i };
  await expect(200, () => (i % 5 === 4 ? fetch(`${fresh.url}v1/images?class=fox&n=4&size=512x512&steps=2&seed=${i}`) : post(fresh.url, body)));
  if (i === 1 || i === 25 || i === 50) memory[i] = await taken(fresh);
}
await fresh.stop();

execFileSync("go", ["build", "-o", "bin/load", "./tools/load"], { cwd: root });
const native = await serve();
const load = JSON.parse(execFileSync(root + "bin/load", ["-url", native.url, "-duration", process.env.DIT8_LOAD ?? "1m"], { cwd: root, encoding: "utf8" }));
await native.stop();

const size = (name) => {
  const file = readFileSync(edge + "dist/" + name);
  return `| ${name} | ${mb(file.length)} | ${mb(gzipSync(file, { level: 9 }).length)} |`;
};
const section = `<!-- bench-edge -->
Written by \`make bench-edge\` on ${cpus().length} cores of ${cpus()[0].model.trim()}, Node ${process.version}, the median of ${rounds} where nothing else is said.

| uploaded | bytes | gzip |
|---|---|---|
${["dit8.wasm", "kernels.wasm", "default.dit8"].map(size).join("\n")}
| all, as wrangler counts it | ${mb(bundled.total * 1024)} | ${mb(bundled.gzip * 1024)} |
| all, with the model elsewhere | ${mb(remote.total * 1024)} | ${mb(remote.gzip * 1024)} |

The first request of an isolate waits for ${median(cold.health).toFixed(0)} ms, of which workerd itself takes
${median(cold.none).toFixed(0)} ms; the rest is the model's hash, the start of Go and the reading of the weights. If it asks for an image of 20 steps it is answered after
${median(cold.image).toFixed(0)} ms. Later ones, with guidance, in milliseconds:

| request | workerd, one thread | native, all cores |
|---|---|---|
${Object.entries(warm).map(([what, ms]) => `| ${what} | ${ms.workerd.toFixed(0)} | ${ms.native.toFixed(1)} |`).join("\n")}

Memory of an isolate over 50 mixed requests, streams, mixes, edits and 512×512 grids of four among them:

| after request | JavaScript heap | buffers | kernels | Go | in all |
|---|---|---|---|---|---|
${Object.entries(memory).map(([i, m]) => `| ${i} | ${mb(m.heap)} | ${mb(m.buffers)} | ${mb(m.kernels)} | ${mb(m.go)} | ${mb(m.total)} |`).join("\n")}

The native server at twice its capacity, ${load.seconds.toFixed(0)} s of golden requests, streams, PNGs, 304s and 400s:
alone it answers ${load.capacity_per_s.toFixed(1)} requests a second, one after the other; it was sent ${load.rate_per_s.toFixed(1)}. Of ${load.sent} requests it answered
${load.answered}, all with the golden pixels where there are any, in ${load.answered_ms.p50.toFixed(0)} ms (median; ${load.answered_ms.p99.toFixed(0)} ms for 99 %), and refused ${load.refused} with 429
in ${load.refused_ms.p50.toFixed(1)} ms (${load.refused_ms.p99.toFixed(0)} ms for 99 %); ${load.failed} failed. Its memory was ${load.memory_mb[0].toFixed(0)} MB after a quarter of the time and ${load.memory_mb[1].toFixed(0)} MB at the
end, with ${load.goroutines[0]} and ${load.goroutines[1]} goroutines.
<!-- end -->`;
const text = readFileSync(page, "utf8");
writeFileSync(page, text.replace(/<!-- bench-edge -->[^]*<!-- end -->/, () => section));
console.log(section);
