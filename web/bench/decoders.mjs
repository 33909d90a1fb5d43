// Times the decoders of Stable Diffusion and TAESD to 256×256 pixels in Chromium, beside ONNX
// Runtime Web's wasm provider by turns, and writes the table between the marks of
// docs/performance.md: node decoders.mjs [threads [decoder …]] prints rows only.
// dit8's side is BenchmarkDecode of wasm/kernels, with random int8 weights.
import { cpus } from "node:os";
import { gotest } from "../test/gotest.mjs";
import { open } from "./page.mjs";
import { keep } from "./table.mjs";

const decoders = { sd: { model: "sdvae_dec256", passes: 1 }, taesd: { model: "taesd_dec256", passes: 4 } };
const rounds = Number(process.env.ROUNDS ?? 2);
const [threads, ...names] = process.argv.slice(2);
const { fresh, version, close } = await open();

const ort = ({ model, passes }, threads) => fresh((page) => page.evaluate(async ({ model, passes, threads }) => {
  Object.assign(ort.env.wasm, { numThreads: threads, wasmPaths: "/ort/" });
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(`/${model}.onnx`, { executionProviders: ["wasm"] });
  const z = new ort.Tensor("float32", Float32Array.from({ length: 4096 }, (_, i) => 1.3 * Math.sin(i * 12.9898)), [1, 4, 32, 32]);
  let ms = Infinity;
  for (let i = -1; i < passes; i++) { // one to warm up
    const start = performance.now();
    await session.run({ z });
    if (i >= 0) ms = Math.min(ms, performance.now() - start);
  }
  return ms;
}, { model, passes, threads }));

async function ours(name, { passes }, threads) {
  const { code, printed, note } = await fresh((page) => gotest(page, "kernels.test.wasm", threads,
    ["-test.run=^$", `-test.bench=Decode/^${name}$/int8`, `-test.benchtime=${passes}x`, "-test.short"]));
  const figure = (unit) => Number(new RegExp(`([\\d.]+) ${unit}`).exec(printed)?.[1]);
  if (code !== 0 || note || !figure("best-ms")) throw new Error(`${name}: ${printed} ${note}`);
  return { ms: figure("best-ms"), memory: figure("MB-beside") };
}

const rows = [];
for (const n of threads ? [Number(threads)] : [1, 2]) for (const name of names.length ? names : Object.keys(decoders)) {
  const best = { ours: Infinity, ort: Infinity, memory: 0 };
  for (let round = 0; round < rounds; round++) {
    const pass = await ours(name, decoders[name], n);
    best.ours = Math.min(best.ours, pass.ms);
    best.memory = pass.memory;
    best.ort = Math.min(best.ort, await ort(decoders[name], n));
  }
  const row = `| ${name} | ${n} | ${best.ours.toFixed(0)} | ${best.ort.toFixed(0)} | ${(best.ours / best.ort).toFixed(2)} | ${best.memory.toFixed(0)} |`;
  console.log(row);
  rows.push(row);
}
await close();
if (!threads) keep("bench-web-decoders", `Written by \`make bench-web\` on ${cpus().length} cores of ${cpus()[0].model.trim()}, Chromium ${version}: milliseconds to decode 256×256 pixels,
the best of ${rounds} rounds in which the runtimes take turns, and the memory beside the weights.

| decoder | threads | dit8 int8 | ORT Web fp32 | of ORT | MB |
|---|---|---|---|---|---|
${rows.join("\n")}`);
