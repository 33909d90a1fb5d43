// Runs a Go test binary in Node on Dawn, with the CPU's kernels at hand as well:
//   GOOS=js GOARCH=wasm go test -exec "node …/gotest.mjs" ./wasm/webgpu
// The npm package webgpu 0.6.2 has to be installed beside this file. VK_ICD_FILENAMES says which Vulkan driver it takes.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { create, globals } from "webgpu";
import { open } from "./webgpu.js";

const here = path.dirname(fileURLToPath(import.meta.url));
globalThis.fs = fs;
globalThis.path = path;
globalThis.dit8Zstd = (await import(path.join(here, "../../web/node_modules/fzstd/esm/index.mjs"))).decompress;
Object.assign(globalThis, globals);
const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8", env: { ...process.env, GOOS: "", GOARCH: "" } }).trim();
await import(path.join(root, "lib/wasm/wasm_exec.js"));

const go = new Go();
go.argv = process.argv.slice(2);
go.env = Object.fromEntries(Object.entries({ TMPDIR: "/tmp", ...process.env }).filter(([name]) => !/^(npm_|LS_)/.test(name)));
go.exit = process.exit;
const dawn = (globalThis.dawn = create([])); // which must not be collected while there is a device
let instance, gpu;
globalThis.dit8WebGPU = async () => {
  gpu = await open({ read: (name) => fs.readFileSync(path.join(here, name), "utf8"), gpu: dawn, software: true, unguarded: !!process.env.DIT8_UNGUARDED });
  gpu.attach(instance);
  globalThis.dit8GPU = gpu; // for tests to look at, and to lose
  return gpu;
};
go.importObject.webgpu = new Proxy({}, { get: (_, name) => (...args) => gpu.imports[name](...args) });
({ instance } = await WebAssembly.instantiate(fs.readFileSync(process.argv[2]), go.importObject));
await go.run(instance);
