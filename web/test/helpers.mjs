import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { Worker } from "../dit8/node-host.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const cases = (file) => JSON.parse(readFileSync(`${root}testdata/golden/${file}`, "utf8"));
export const golden = cases("pixels.json"); // of the default model
export const goldenOptions = cases("options.json"); // styles, mixes and edits
// A model of 128 classes, 32×32 pixels, that predicts velocities, and its golden requests.
export const classModel = "testdata/emoji-32.dit8";
export const goldenClasses = cases("classes.json"); // guidance, solvers, schedules

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

// program starts the browser's program in Node, with the kernels on a number of
// threads or, with 0, as on an engine that cannot run them. Its memory() is
// kernels.memory().
export async function program(threads = 1) {
  const dist = `${root}web/dist/dit8/`;
  await import(dist + "wasm_exec.js");
  await import(dist + "kernels.js");
  globalThis.dit8Zstd = await (await import(dist + "zstd.js")).start(await WebAssembly.compile(readFileSync(dist + "zstd.wasm")));
  const kernels = await dit8Kernels({
    read: async (name) => (threads ? readFileSync(dist + name) : new Uint8Array(8)),
    help: () => new Worker(pathToFileURL(`${dist}kernels-helper.js`)),
    threads: threads || 1,
  });
  const go = new Go();
  go.importObject.kernels = kernels.imports;
  go.importObject.webgpu = new Proxy({}, { get: () => () => 0 });
  const { instance } = await WebAssembly.instantiate(readFileSync(dist + "dit8.wasm"), go.importObject);
  kernels.attach(instance);
  go.run(instance);
  return Object.assign(globalThis.dit8, { memory: kernels.memory });
}

// pack makes the tarballs of the npm packages in a folder, and gives what npm says of each: dit8, dit8-emoji.
export function pack(folder) {
  execFileSync("node", [`${root}web/pack.mjs`, `${folder}/packages`]);
  return JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder, "./dit8", "./dit8-emoji"], { cwd: `${folder}/packages`, encoding: "utf8" }));
}

// reader hands the bytes over in pieces, as a network does.
export function reader(bytes, piece = 65521) {
  let at = 0;
  return async () => (at < bytes.length ? new Uint8Array(bytes.subarray(at, (at += piece))) : null);
}

// launch starts Debian's Chromium, or the one that CHROMIUM names.
export const launch = (flags = []) => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", ...flags] });

// workers counts the threads of workers in a browser's processes, helpers among them.
export async function workers(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const read = (get, path) => { try { return get(path, "utf8"); } catch { return ""; } }; // what ended meanwhile
  return processInfo.filter(({ type }) => type === "renderer").flatMap(({ id }) => [...read(readdirSync, `/proc/${id}/task`)].map((task) => read(readFileSync, `/proc/${id}/task/${task}/comm`)))
    .filter((name) => name.startsWith("DedicatedWorker")).length;
}
