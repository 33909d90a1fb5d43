// Runs a Go test binary in Node with the kernels at hand:
//   DIT8_THREADS=2 GOOS=js GOARCH=wasm go test -exec "node …/gotest.mjs" ./wasm/kernels
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "../../web/dit8/node-host.js";

const here = path.dirname(fileURLToPath(import.meta.url));
globalThis.fs = fs;
globalThis.path = path;
const root = execFileSync("go", ["env", "GOROOT"], { encoding: "utf8", env: { ...process.env, GOOS: "", GOARCH: "" } }).trim();
await import(path.join(root, "lib/wasm/wasm_exec.js"));
await import(path.join(here, "kernels.js"));
const { ZSTDDecoder } = await import(path.join(here, "../../web/node_modules/zstddec/dist/zstddec.mjs")), zstd = new ZSTDDecoder();
await zstd.init();
globalThis.dit8Zstd = (frame, out) => zstd.decode(frame, out.length);

const go = new Go();
go.argv = process.argv.slice(2);
go.env = Object.fromEntries(Object.entries({ TMPDIR: "/tmp", ...process.env }).filter(([name]) => !/^(npm_|LS_)/.test(name)));
go.exit = process.exit;
const kernels = await dit8Kernels({
  read: async (name) => fs.readFileSync(path.join(here, name)),
  help: () => new Worker(new URL("kernels-helper.js", import.meta.url)),
  threads: Number(process.env.DIT8_THREADS ?? 1),
  relaxed: process.env.DIT8_RELAXED ? Number(process.env.DIT8_RELAXED) : undefined,
});
go.importObject.kernels = kernels.imports;
const { instance } = await WebAssembly.instantiate(fs.readFileSync(process.argv[2]), go.importObject);
kernels.attach(instance);
await go.run(instance);
