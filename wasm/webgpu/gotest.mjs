// Runs a Go test binary in Node on Dawn:
//   GOOS=js GOARCH=wasm go test -exec "node …/gotest.mjs" ./wasm/webgpu
// after npm ci in web/bench. Dawn loads libvulkan.so.1 (LD_LIBRARY_PATH may say from where); VK_ICD_FILENAMES says which driver that takes.
// DIT8_UNGUARDED and DIT8_DRY are webgpu.js's unguarded and dry.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { create, globals } from "../../web/bench/node_modules/webgpu/index.js";
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
  gpu = await open({ read: (name) => fs.readFileSync(path.join(here, name), "utf8"), gpu: dawn, software: true, unguarded: !!process.env.DIT8_UNGUARDED, dry: !!process.env.DIT8_DRY });
  gpu.attach(instance);
  globalThis.dit8GPU = gpu; // for tests to look at, and to lose
  return gpu;
};
go.importObject.webgpu = new Proxy({}, { get: (_, name) => (...args) => gpu.imports[name](...args) });
({ instance } = await WebAssembly.instantiate(fs.readFileSync(process.argv[2]), go.importObject));
await go.run(instance);
