// Runs a Go test binary in a worker of a page, with the kernels at hand.
//   files({...}) are paths that the server must answer; gotest(page, …) runs.
import { execFileSync } from "node:child_process";
import { root } from "./helpers.mjs";

// build compiles the tests of a package and returns the file.
export function build(pkg) {
  const file = `${root}bin/${pkg.replaceAll("/", "-")}.test.wasm`;
  execFileSync("go", ["test", "-c", "-o", file, `./${pkg}`], { cwd: root, env: { ...process.env, GOOS: "js", GOARCH: "wasm" }, stdio: "inherit" });
  return file;
}

// gotest runs the binary at url of a page that stands beside dist's files and
// returns its exit code and what it printed. relaxed is dit8Kernels's; with gpu there is WebGPU too.
export function gotest(page, url, threads, args, relaxed, gpu = false) {
  return page.evaluate(async ({ url, threads, args, relaxed, gpu }) => {
    const worker = new Worker(URL.createObjectURL(new Blob([`
      const base = ${JSON.stringify(location.href)};
      importScripts(new URL("wasm_exec.js", base), new URL("kernels.js", base));
      let printed = "";
      fs.writeSync = (_, bytes) => { printed += new TextDecoder().decode(bytes); return bytes.length; };
      (async () => {
        globalThis.dit8Zstd = await (await import(new URL("zstd.js", base))).zstd();
        const get = async (name) => (await fetch(new URL(name, base))).arrayBuffer();
        const help = () => new Worker(new URL("kernels-helper.js", base));
        const kernels = await dit8Kernels({ read: get, help, threads: ${threads}, relaxed: ${relaxed} });
        const go = new Go();
        go.argv = ["test", ...${JSON.stringify(args)}];
        go.env = { DIT8_THREADS: "${threads}", DIT8_RELAXED: "${relaxed ?? ""}" };
        let code = 0;
        go.exit = (c) => { code = c; };
        go.importObject.kernels = kernels.imports;
        let device;
        go.importObject.webgpu = new Proxy({}, { get: (_, name) => (...args) => device.imports[name](...args) });
        if (${gpu}) globalThis.dit8WebGPU = async () => {
          const { open } = await import(new URL("webgpu.js", base));
          device = await open({ read: async (name) => new TextDecoder().decode(await get(name)), software: true });
          device.attach(instance);
          globalThis.dit8GPU = device; // for tests to lose
          return device;
        };
        const { instance } = await WebAssembly.instantiate(await get(${JSON.stringify(url)}), go.importObject);
        kernels.attach(instance);
        await go.run(instance);
        postMessage({ code, printed, note: kernels.note, relaxed: kernels.imports.relaxed() });
      })().catch((error) => postMessage({ code: -1, printed: printed + error }));
    `], { type: "text/javascript" })));
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
      worker.onerror = (event) => resolve({ code: -1, printed: event.message });
    });
  }, { url, threads, args, relaxed, gpu });
}
