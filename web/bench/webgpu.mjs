// Measures networks on a GPU, by Dawn in Node, in some five minutes: whether the output has the bits that the processor's kernels
// give, the time of a pass, what it is made of, what it costs to keep the bits (guarded against unguarded: see webgpu.wgsl), and ONNX
// Runtime Web's WebGPU provider on the same networks in Chromium. Go, Node, Chromium and, for Dawn, Vulkan's loader are needed.
//   node web/bench/webgpu.mjs [NETWORK…]      after npm ci in web/bench and wasm/webgpu, and make web; d256, s2, ditxl2 and pmfb16 where none is named
//   DIT8_DRY=1 node web/bench/webgpu.mjs …    only counts: nothing is computed
//   DIT8_SOFTWARE=1 …                         a processor plays Chromium's GPU as well (Dawn takes what VK_ICD_FILENAMES says)
import { execFileSync } from "node:child_process";
import { build } from "../test/gotest.mjs";
import { root } from "../test/helpers.mjs";
import { networks } from "./networks.mjs";
import { open } from "./page.mjs";

const { DIT8_DRY: dry, DIT8_SOFTWARE: software } = process.env;
const named = process.argv.slice(2);
const shapes = (named.length ? named : ["d256", "s2", "ditxl2", "pmfb16"]).map((name) => {
  const found = Object.keys(networks).find((key) => networks[key].config === name);
  if (!found) throw new Error(`no network ${name}; there are ${Object.values(networks).map(({ config }) => config).join(", ")}`);
  return found;
});
const flags = ["--enable-unsafe-webgpu", ...(software ? ["--use-webgpu-adapter=swiftshader"] : ["--enable-features=Vulkan"])];
const binary = build("wasm/webgpu");
const run = (command, args, env = {}) => execFileSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 26, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });

// gpu is what BenchmarkForward of wasm/webgpu says of a network.
function gpu(shape, passes, env) {
  const printed = run("node", ["wasm/webgpu/gotest.mjs", binary, "-test.run=^$", `-test.bench=Forward/${shape}$`, `-test.benchtime=${passes}x`, "-test.v"], env);
  const number = (name) => Number(new RegExp(`([\\d.e+]+) ${name}`).exec(printed)?.[1]);
  if (!number("dispatches")) throw new Error(printed);
  const operations = Array.from(printed.matchAll(/operation (\S.*?) +(\d+) × +([\d.]+) ms/g), ([, name, calls, ms]) => `${name}: ${calls} × ${ms} ms`);
  return { device: /webgpu \(.*\)/.exec(printed)?.[0], output: /output (\w+)/.exec(printed)?.[1], ms: number("best-ms"), operations,
    dispatches: number("dispatches"), submits: number("submits"), written: number("written"), read: number("read") };
}

async function ort(shape, passes) {
  const { fresh, close } = await open(flags, "ort.webgpu.min.js");
  try {
    return await fresh((page) => page.evaluate(async ({ shape, network }) => {
      ort.env.logLevel = "error";
      Object.assign(ort.env.wasm, { wasmPaths: "/ort/" });
      const { bestPass } = await import("/networks.mjs");
      const session = await ort.InferenceSession.create(`/${shape}.onnx`, { executionProviders: ["webgpu"] });
      return (await bestPass(ort, session, network)).toFixed(1);
    }, { shape, network: { ...networks[shape], passes } }));
  } catch (error) {
    return `– (${error.message.split("\n")[0].slice(0, 120)})`;
  } finally {
    await close();
  }
}

const kB = (bytes) => (bytes / 1000).toFixed(1), rows = [], operations = {};
let device;
for (const shape of shapes) {
  const { config, passes: usual } = networks[shape], passes = dry ? 1 : software ? 1 : usual;
  const own = gpu(shape, passes, { DIT8_OPERATIONS: dry ? "" : "1" });
  device = own.device;
  const counts = `${own.dispatches} | ${own.submits} | ${kB(own.written)} | ${kB(own.read)}`;
  if (dry) {
    rows.push(`| ${shape} | ${counts} |`);
  } else {
    const cpu = JSON.parse(run("go", ["run", "./tools/sample", "bench", "-config", config, "-batch", `${networks[shape].batch}`, "-passes", `${passes}`, "-json"]));
    const { output, best_ms } = [cpu].flat()[0];
    const unguarded = gpu(shape, passes, { DIT8_UNGUARDED: "1" });
    operations[shape] = own.operations;
    rows.push(`| ${shape} | ${own.output === output ? "the same" : "DIFFER"} | ${own.ms} | ${unguarded.ms} | ${best_ms.toFixed(1)} | ${await ort(shape, passes)} | ${counts} |`);
  }
  console.error(rows.at(-1));
}
console.log(device);
console.log(dry ? "| | dispatches | submits | kB written | kB read |\n|---|---|---|---|---|"
  : "| | bits | ms a pass | ms unguarded | ms on this processor | ms by ONNX Runtime Web's WebGPU, float32 | dispatches | submits | kB written | kB read |\n|---|---|---|---|---|---|---|---|---|---|");
console.log(rows.join("\n"));
for (const [shape, lines] of Object.entries(operations)) console.log(`\n${shape}, each operation alone, with the wait for it:\n${lines.join("\n")}`);
