import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Log, LogLevel, Miniflare } from "miniflare";
import { unstable_readConfig as readConfig } from "wrangler";
import WebSocket from "ws";

export const edge = fileURLToPath(new URL("../", import.meta.url));
export const root = fileURLToPath(new URL("../../../", import.meta.url));
export const model = readFileSync(root + "weights/default.dit8");
const cases = (file) => JSON.parse(readFileSync(`${root}testdata/golden/${file}`, "utf8"));

// golden are the golden requests as this API takes them, and their pixels' hashes.
export const golden = [...cases("pixels.json"), ...cases("options.json")].map(({ request: { count, ...rest }, sha256 }) => ({ body: { ...rest, n: count }, sha256 }));

// upload is what wrangler would upload: the folder of its modules, and their sizes in KiB.
export function upload(env = "") {
  const dir = mkdtempSync(join(tmpdir(), "dit8-edge-"));
  process.on("exit", () => rmSync(dir, { recursive: true }));
  const printed = execFileSync("npx", ["wrangler", "deploy", "--dry-run", `--env=${env}`, "--outdir", dir], { cwd: edge, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const [, total, gzip] = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(printed);
  return { dir, total: Number(total), gzip: Number(gzip) };
}

// probe is a worker around the uploaded one, which tells the memory that its modules take
// and breaks the Go program when asked to.
const probe = (main) => `
  import worker from "./${main}";
  const { Memory, Instance } = WebAssembly;
  let memory, instance;
  WebAssembly.Memory = class extends Memory { constructor(...args) { super(...args); memory = this; } };
  WebAssembly.Instance = class extends Instance { constructor(...args) { super(...args); instance = this; } };
  export default { fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/probe/memory") return Response.json({ kernels: memory?.buffer.byteLength ?? 0, go: instance?.exports.mem.buffer.byteLength ?? 0 });
    if (pathname === "/probe/break") return new Response(String(new Uint8Array(instance.exports.mem.buffer).fill(0).length));
    return worker.fetch(request, env, ctx);
  } };`;

// start runs an upload on workerd with the configuration of wrangler.jsonc. url is its
// address, and bind(name) another worker's that calls it and gives up after 300 ms.
export async function start({ dir }, env = "", { bindings, ...more } = {}) {
  const config = readConfig({ config: edge + "wrangler.jsonc", env });
  const main = readdirSync(dir).find((name) => name.endsWith(".js"));
  const kinds = { wasm: "CompiledWasm", dit8: "Data", js: "ESModule" };
  const modules = readdirSync(dir).filter((name) => name.split(".").pop() in kinds).map((name) => ({ type: kinds[name.split(".").pop()], path: join(dir, name) }));
  const flags = { compatibilityDate: config.compatibility_date, compatibilityFlags: config.compatibility_flags };
  const mf = new Miniflare({
    log: new Log(LogLevel.ERROR), cf: false, inspectorPort: 0,
    workers: [
      { name: "dit8", ...flags, modulesRoot: dir, modules: [{ type: "ESModule", path: join(dir, "probe.js"), contents: probe(main) }, ...modules], bindings: { ...config.vars, ...bindings }, ...more },
      { name: "impatient", ...flags, modules: true, serviceBindings: { API: "dit8" }, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }], script: `
        export default { fetch(request, env) {
          return env.API.fetch(request, { signal: AbortSignal.timeout(300) }).catch((error) => new Response(error.name, { status: 504 }));
        } };` },
    ],
  });
  const url = (await mf.ready).href;
  return { mf, url, impatient: (await mf.unsafeGetDirectURL("impatient")).href, stop: () => mf.dispose() };
}

// taken is the memory of the worker's isolate in bytes: its JavaScript heap, buffers and
// both modules' memories, which an inspector does not count.
export async function taken({ mf, url }) {
  const inspector = await mf.getInspectorURL();
  const ws = new WebSocket(new URL("/core:user:dit8", inspector));
  await once(ws, "open");
  ws.send('{"id": 1, "method": "Runtime.getHeapUsage"}');
  const [message] = await once(ws, "message");
  ws.close();
  const { totalSize, backingStorageSize } = JSON.parse(message).result;
  const { kernels, go } = await (await fetch(url + "probe/memory")).json();
  return { heap: totalSize, buffers: backingStorageSize, kernels, go, total: totalSize + backingStorageSize + kernels + go };
}

// serve starts the native server with the worker's limits.
export async function serve() {
  const limits = { DIT8_MAX_STEPS: "100", DIT8_MAX_COUNT: "8", DIT8_MAX_PIXELS: String(1 << 20), DIT8_MAX_BODY: String(256 << 10), DIT8_MAX_WAITING: "8" };
  const server = spawn("go", ["run", "./tools/serve", "-addr", "127.0.0.1:0", "-dir", "", "-log", "off"], { cwd: root, stdio: ["ignore", "pipe", "inherit"], detached: true, env: { ...process.env, ...limits } });
  const closed = once(server, "close");
  let printed = "";
  for await (const chunk of server.stdout) {
    printed += chunk;
    const url = /http:\/\/[\d.:]+\//.exec(printed)?.[0];
    if (url) return { url, stop: () => { process.kill(-server.pid); return closed; } };
  }
  throw new Error(`the server printed ${printed}`);
}

export const post = (url, body, more) => fetch(url + "v1/images/generations", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...more });
