// Times forward passes of int8 networks natively, beside ONNX Runtime's CPU provider
// on the same networks, and what a pass costs with more tokens and images. Writes the
// part between the marks of docs/performance.md, and docs/cost.svg. Needs bin/sample
// and bin/native.test: "make bench-native".
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { bestPass, counts, networks } from "./networks.mjs";
import { keep } from "./table.mjs";
import { costPlot } from "./plot.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const rounds = Number(process.env.ROUNDS ?? 3); // the runtimes by turns

// As a process of its own: node native.mjs MODEL THREADS prints the best pass of a round.
if (process.argv[2]) {
  const ort = (await import("onnxruntime-node")).default;
  const [model, threads] = process.argv.slice(2);
  const bytes = gunzipSync(readFileSync(`${root}web/bench/models/${model}.onnx.gz`));
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: Number(threads), interOpNumThreads: 1 });
  console.log(await bestPass(ort, session, networks[model.replace(".int8", "")]));
  process.exit();
}

const run = (file, ...args) => execFileSync(file, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const ort = (model, threads) => Number(run(process.execPath, fileURLToPath(import.meta.url), model, String(threads)));
const bench = (...args) => JSON.parse(run("bin/sample", "bench", "-json", ...args.map(String)));

// The int8 product alone, and the most that the instruction reaches on registers, by device.
const peaks = {};
const alone = Array.from(run("bin/native.test", "-test.run=^$", "-test.bench=Int8").matchAll(/BenchmarkInt8\/(\S+?)\/(\S+?)-\d+\s+\d+\s+(.*)/g), ([, device, shape, figures]) => {
  const value = (unit) => Number(new RegExp(`([\\d.]+) ${unit}`).exec(figures)[1]);
  peaks[device] ??= value("peak-GMAC/s");
  return `| ${device} | ${shape.replaceAll("x", "×")} | ${value("GMAC/s").toFixed(0)} | ${value("peak-GMAC/s").toFixed(0)} | ${value("%of-peak").toFixed(0)} % |`;
});

// Bytes a second, in GB, that one thread reads from memory.
const memory = Buffer.alloc(1 << 30, 2); // filled, or all its pages would be one
const bandwidth = Math.max(...[1, 2, 3].map(() => {
  const start = performance.now();
  memory.indexOf(1);
  return memory.length / (performance.now() - start) / 1e6;
}));

const rows = [];
const best = {}, ones = {};
for (const threads of [1, 2]) for (const [shape, { config, passes, large }] of Object.entries(networks)) {
  if (!large) bench("-config", config, "-threads", threads, "-passes", 1, "-check");
  const ms = { ours: Infinity, int8: Infinity, fp32: Infinity };
  for (let round = 0; round < rounds; round++) {
    const pass = bench("-config", config, "-threads", threads, "-passes", passes);
    if (threads === 1 && pass.best_ms < ms.ours) ones[shape] = pass;
    ms.ours = Math.min(ms.ours, pass.best_ms);
    ms.int8 = Math.min(ms.int8, ort(`${shape}.int8`, threads));
    ms.fp32 = Math.min(ms.fp32, ort(shape, threads));
  }
  best[`${shape} ${threads}`] = ms.ours;
  rows.push(`| ${shape} | ${threads} | ${ms.ours.toFixed(2)} | ${ms.int8.toFixed(2)} | ${ms.fp32.toFixed(2)} | ${(ms.ours / ms.int8).toFixed(2)} | ${(ms.ours / ms.fp32).toFixed(2)} |`);
  console.log(rows.at(-1));
}

// -device all prints an object for each, one after the other.
const devices = run("bin/sample", "bench", "-json", "-config", "d256", "-threads", "1", "-passes", "12", "-device", "all")
  .split(/(?<=^\})\n(?=\{)/m).map((text) => JSON.parse(text)).map((r) => `| ${r.device} | ${r.best_ms.toFixed(1)} | ${r.gmac_per_s.toFixed(1)} |`);

// DiT-S at 32×32 pixels in patches of 4, 2 and 1.
const network = (patch) => JSON.stringify({ input_size: 32, patch_size: patch, in_channels: 3, hidden_size: 384, depth: 12, num_heads: 6, mlp_hidden_size: 1536, num_classes: 100 });
const cost = (patch, batch) => {
  const r = bench("-config", network(patch), "-threads", 1, "-batch", batch, "-passes", 5);
  const attention = r.operations.find((o) => o.name === "attention").share / 100;
  return { tokens: (32 / patch) ** 2, batch, ms: r.best_ms, perImage: r.best_ms / batch, attention, gmacs: r.gmac_per_s };
};
const byTokens = [4, 2, 1].map((patch) => cost(patch, 1));
const byBatch = [1, 2, 4, 8, 16, 32].map((batch) => cost(4, batch));
writeFileSync(`${root}docs/cost.svg`, costPlot(byTokens, byBatch));
const costRow = (c) => `| ${c.tokens} | ${c.batch} | ${c.ms.toFixed(1)} | ${c.perImage.toFixed(1)} | ${(100 * c.attention).toFixed(0)} % | ${c.gmacs.toFixed(0)} |`;

function operationTable(shape) {
  const r = ones[shape];
  const floor = ({ name, calls, ms, gmac_per_s }) => {
    const [, inputs, outputs] = /^linear (\d+)→(\d+)/.exec(name) ?? [0, 0, 0];
    const products = ms * gmac_per_s * (name === "attention" ? 1.5 : 1) / peaks[r.device];
    const bytes = r.parameters > 100e6 ? calls * inputs * outputs / bandwidth / 1e6 : 0;
    return gmac_per_s ? Math.max(products, bytes).toFixed(2) : "";
  };
  const lines = r.operations.filter((o) => o.share > 1).map((o) => `| ${o.name} | ${o.calls || ""} | ${o.ms.toFixed(2)} | ${floor(o)} | ${o.share.toFixed(0)} % | ${o.gmac_per_s ? o.gmac_per_s.toFixed(0) : ""} |`);
  return `| ${shape}, best pass ${r.best_ms.toFixed(2)} ms | calls | ms a pass, mean | floor | share | GMAC/s |\n|---|---|---|---|---|---|\n${lines.join("\n")}\n`;
}

const speedup = Object.keys(networks).map((shape) => `${shape} ${(best[`${shape} 1`] / best[`${shape} 2`]).toFixed(2)}`).join(", ");
const table = `Written by \`make bench-native\` on ${cpus().length} cores of ${cpus()[0].model.trim()}, device ${ones.s2_b1.device}: milliseconds for a
forward pass, conditioning included, the best of several (${counts(rounds)}) in one run
in which the runtimes take turns (onnxruntime-node ${JSON.parse(readFileSync(`${root}web/bench/node_modules/onnxruntime-node/package.json`)).version}, CPU).
dit8's output is compared with the generic device's bit for bit first, but for ditxl2_b2's.

| network | threads | dit8 int8 | ORT int8 | ORT fp32 | of ORT int8 | of ORT fp32 |
|---|---|---|---|---|---|---|
${rows.join("\n")}

Two threads against one: ${speedup}.

The int8 linear layer alone on one thread, quantising its activations included, beside the most that the core can do
with the same instructions on registers, in the same run:

| device | rows × in × out | GMAC/s | peak | of peak |
|---|---|---|---|---|
${alone.join("\n")}

d256_b2 on each device of this machine, one thread:

| device | ms | GMAC/s |
|---|---|---|
${devices.join("\n")}

Where the time of one thread goes, beside the floor: multiply-adds over the peak above (attention's second product counts twice, for its weights are two
digits) or, for networks that no cache holds, the weights' bytes over ${bandwidth.toFixed(1)} GB/s, which one thread reads here, whichever is more.

${Object.keys(networks).map(operationTable).join("\n")}
What DiT-S costs with more tokens and more images, one thread:

![milliseconds an image against tokens and batch](cost.svg)

| tokens | batch | ms a pass | ms an image | attention | GMAC/s |
|---|---|---|---|---|---|
${byTokens.map(costRow).join("\n")}
${byBatch.slice(1).map(costRow).join("\n")}
`;
keep("bench-native", table);
