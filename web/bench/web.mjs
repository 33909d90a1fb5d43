// Times forward passes of int8 networks in one run of Chromium, beside ONNX Runtime
// Web's wasm provider on the same networks, and writes the table between the marks
// of docs/performance.md. The kernels' side is BenchmarkForward of wasm/kernels,
// which in the first round compares its output with the generic device's. Given names of
// networks, it measures these and only prints: node web/bench/web.mjs [simd128] [NETWORK...],
// with simd128 as in engines without relaxed SIMD.
import { cpus } from "node:os";
import { gotest } from "../test/gotest.mjs";
import { counts, networks } from "./networks.mjs";
import { open } from "./page.mjs";
import { keep } from "./table.mjs";

const given = process.argv.slice(2), strict = given[0] === "simd128";
const named = given.slice(strict ? 1 : 0);
const unknown = named.find((name) => !(name in networks));
if (unknown) throw new Error(`no network ${unknown}; there are ${Object.keys(networks).join(", ")}`);
const shapes = named.length ? named : Object.keys(networks);
const rounds = Number(process.env.ROUNDS ?? 3); // the runtimes by turns
const { fresh, version, close } = await open();

const ort = (model, threads) => fresh((page) => page.evaluate(async ({ model, threads, network }) => {
  if (!crossOriginIsolated) throw new Error("not cross-origin isolated");
  Object.assign(ort.env.wasm, { numThreads: threads, wasmPaths: "/ort/" });
  ort.env.logLevel = "error";
  const { bestPass } = await import("/networks.mjs");
  const session = await ort.InferenceSession.create(`/${model}.onnx`, { executionProviders: ["wasm"] });
  return bestPass(ort, session, network);
}, { model, threads, network: networks[model.replace(".int8", "")] }));

async function ours(shape, threads, check) {
  const { code, printed, note, relaxed } = await fresh((page) => gotest(page, "kernels.test.wasm", threads,
    ["-test.run=^$", `-test.bench=Forward/${shape}`, `-test.benchtime=${networks[shape].passes}x`, "-test.v", `-test.short=${!check}`], strict ? 0 : undefined));
  const ms = Number(/([\d.]+) best-ms/.exec(printed)?.[1]);
  if (code !== 0 || !ms || note) throw new Error(`${shape}: ${printed} ${note}`);
  const line = /: (\S.*?) +(\d+) +([\d.]+) ms +[\d.]+ best call +([\d.]+) GMAC/g;
  const operations = Array.from(printed.matchAll(line), ([, name, calls, ms, fastest]) => ({ name, calls, ms: Number(ms), fastest }));
  if (operations.length === 0) throw new Error(`${shape}: no operations in ${printed}`);
  return { ms, operations, relaxed };
}

// alone is the speed in GMAC/s of the int8 kernel on 64 rows, 768 inputs and sixteen
// outputs, all in the second cache, without quantising and activation.
const alone = (file) => fresh((page) => page.evaluate(async (file) => {
  const memory = new WebAssembly.Memory({ initial: 200, maximum: 65536 });
  const { instance: { exports: kernels } } = await WebAssembly.instantiateStreaming(fetch(file), { env: { memory } });
  const [q, w, vector, dst, scratch] = [1, 2, 3, 4, 5].map((i) => i << 20);
  let ms = Infinity;
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    for (let j = 0; j < 20; j++) kernels.linear_i8(dst, q, vector, 64, w, vector, vector, 768, 16, 0, 0, 0, 1, scratch);
    ms = Math.min(ms, (performance.now() - start) / 20);
  }
  return 64 * 768 * 16 / ms / 1e6;
}, file));

const figure = (x, digits) => (x > 0 && x < Infinity ? x.toFixed(digits) : "");
const rows = [];
const best = {};
const shares = {};
for (const threads of [1, 2]) for (const shape of shapes) {
  const ms = { ours: Infinity, int8: Infinity, fp32: Infinity };
  for (let round = 0; round < rounds; round++) {
    const pass = await ours(shape, threads, round === 0 && !networks[shape].large);
    if (threads === 1 && pass.ms < ms.ours) shares[shape] = pass;
    ms.ours = Math.min(ms.ours, pass.ms);
    ms.int8 = Math.min(ms.int8, await ort(`${shape}.int8`, threads));
    if (!networks[shape].large) ms.fp32 = Math.min(ms.fp32, await ort(shape, threads));
  }
  best[`${shape} ${threads}`] = ms.ours;
  const row = `| ${shape} | ${threads} | ${ms.ours.toFixed(1)} | ${ms.int8.toFixed(1)} | ${figure(ms.fp32, 1)} | ${(ms.ours / ms.int8).toFixed(2)} | ${figure(ms.ours / ms.fp32, 2)} |`;
  console.log(row);
  rows.push(row);
}
const relaxed = shares[shapes[0]].relaxed !== 0;
const limit = await alone(relaxed ? "/kernels-relaxed.wasm" : "/kernels.wasm");
await close();
if (given.length) process.exit();

function operationTable(shape) {
  const { ms, operations } = shares[shape];
  const total = operations.reduce((sum, o) => sum + o.ms, 0);
  const lines = operations.filter((o) => o.ms / total > 0.01).map((o) => `| ${o.name} | ${o.calls} | ${o.ms.toFixed(1)} | ${(100 * o.ms / total).toFixed(0)} % | ${Number(o.fastest) ? o.fastest : ""} |`);
  return `| ${shape}, best pass ${ms.toFixed(1)} ms | calls | ms a pass, mean | share | GMAC/s |\n|---|---|---|---|---|\n${lines.join("\n")}\n`;
}

const speedup = shapes.map((shape) => `${shape} ${(best[`${shape} 1`] / best[`${shape} 2`]).toFixed(2)}`).join(", ");
const table = `Written by \`make bench-web\` on ${cpus().length} cores of ${cpus()[0].model.trim()}, Chromium ${version}: milliseconds for a forward
pass, conditioning included, the best of several (${counts(rounds)}) in one run
in which the runtimes take turns. dit8 is checked against the generic device first.

| network | threads | dit8 int8 | ORT Web int8 | ORT Web fp32 | of ORT int8 | of ORT fp32 |
|---|---|---|---|---|---|---|
${rows.join("\n")}

Two threads against one: ${speedup}.

Where the time of one thread goes, by the clock around each operation, and the speed of its fastest call. The int8
kernel, here ${relaxed ? "with relaxed SIMD" : "of SIMD128"}, alone, on data in the cache and without quantising and activation, reaches ${limit.toFixed(0)} GMAC/s in the same run.

${shapes.map(operationTable).join("\n")}`;
keep("bench-web", table);
