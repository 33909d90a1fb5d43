// Runs a Go test binary in Node on Dawn, as make test-webgpu does, after npm ci in this folder:
//   GOOS=js GOARCH=wasm go test -exec "node …/gotest.mjs" ./wasm/webgpu
// Dawn loads libvulkan.so.1 (LD_LIBRARY_PATH may say from where); VK_ICD_FILENAMES says which driver that takes.
// DIT8_UNGUARDED and DIT8_DRY are webgpu.js's unguarded and dry.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { create, globals } from "webgpu";
import { find } from "./webgpu.js";

const here = path.dirname(fileURLToPath(import.meta.url));
globalThis.fs = fs;
globalThis.path = path;
const { ZSTDDecoder } = await import(path.join(here, "../../web/node_modules/zstddec/dist/zstddec.mjs")), zstd = new ZSTDDecoder();
await zstd.init();
globalThis.dit8Zstd = (frame, out) => zstd.decode(frame, out.length);
Object.assign(globalThis, globals);
// The Cache API, of which Node has none, as far as verdicts are kept in it.
const kept = new Map();
globalThis.location ??= { origin: "http://localhost" };
globalThis.caches ??= { keys: async () => [], open: async () => ({ match: async (url) => kept.get(`${url}`)?.clone(), put: async (url, response) => { kept.set(`${url}`, response); } }) };
const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8", env: { ...process.env, GOOS: "", GOARCH: "" } }).trim();
await import(path.join(root, "lib/wasm/wasm_exec.js"));

const go = new Go();
go.argv = process.argv.slice(2);
go.env = Object.fromEntries(Object.entries({ TMPDIR: "/tmp", ...process.env }).filter(([name]) => !/^(npm_|LS_)/.test(name)));
go.exit = process.exit;
const dawn = (globalThis.dawn = create([])); // which must not be collected while there is a device
let instance, gpu;
// changes are texts of webgpu.wgsl that a test has others in place of.
const read = (name) => (globalThis.dit8Changes ?? []).reduce((text, [from, to]) => text.replace(from, to), fs.readFileSync(path.join(here, name), "utf8"));
const found = () => find({ read, gpu: dawn, software: true, unguarded: !!process.env.DIT8_UNGUARDED, dry: !!process.env.DIT8_DRY });
globalThis.dit8WebGPU = async () => {
  gpu = await (await found()).open();
  gpu.attach(instance);
  globalThis.dit8GPU = gpu; // for tests to look at, and to lose
  return gpu;
};
globalThis.dit8WebGPU.recall = async (key) => (await found()).recall(key);
globalThis.dit8WebGPU.remember = async (key, text) => (await found()).remember(key, text);
go.importObject.webgpu = new Proxy({}, { get: (_, name) => (...args) => gpu.imports[name](...args) });
go.importObject.kernels = new Proxy({}, { get: () => () => 0 }); // for what needs none
({ instance } = await WebAssembly.instantiate(fs.readFileSync(process.argv[2]), go.importObject));
await go.run(instance);
