import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const golden = JSON.parse(readFileSync(root + "testdata/golden/pixels.json", "utf8"));

// serve starts the real server on a free port and returns its address.
export async function serve(...args) {
  const server = spawn("go", ["run", "./tools/serve", "-addr", "127.0.0.1:0", ...args], { cwd: root, stdio: ["ignore", "pipe", "inherit"], detached: true });
  const closed = once(server, "close");
  let printed = "";
  for await (const chunk of server.stdout) {
    printed += chunk;
    const url = /http:\/\/[\d.:]+\//.exec(printed)?.[0];
    if (url) return { url, stop: () => { process.kill(-server.pid); return closed; } };
  }
  throw new Error(`the server printed ${printed}`);
}

// program starts the browser's program in Node, with the SIMD kernels or as on an
// engine that cannot run them.
export async function program(simd = true) {
  await import(root + "web/dist/wasm_exec.js");
  await import(root + "web/dist/kernels.js");
  const kernels = await dit8Kernels(simd ? readFileSync(root + "web/dist/kernels.wasm") : new Uint8Array(8));
  const go = new Go();
  go.importObject.kernels = kernels.imports;
  const { instance } = await WebAssembly.instantiate(readFileSync(root + "web/dist/dit8.wasm"), go.importObject);
  kernels.attach(instance);
  go.run(instance);
  return globalThis.dit8;
}
