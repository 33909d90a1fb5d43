// The worker of a Sampler: runs the Go program dit8.wasm with the kernels beside it.
//   in:  {type: "start", threads, device} once, then with an id that the answers have
//        {type: "load", model, vae?, storage} | {type: "generate", request, steps, states} with steps where events are wanted, and states in them | {type: "read" | "inspect" | "bench", request} | {type: "cancel"}
//   out: {id, type: "event", event} as often as there is news, then
//        {id, type: "done", result, memory} or {id, type: "error", error: {name, message, field?, …}}
import "./wasm_exec.js";
import "./kernels.js";
import * as ahead from "./ahead.js";
import { DownloadError, MemoryError, ModelError } from "./errors.js";
import { open } from "./model.js";
import { address, compile, get } from "./own.js";
import { prepare } from "./storage.js";
import { zstd } from "./zstd.js";

const large = 20e6; // bytes of a file from which on a thread that reads it is worth its start

// Bundlers find the files by these expressions.
const files = {
  "dit8.wasm": new URL("./dit8.wasm", import.meta.url),
  "kernels.wasm": new URL("./kernels.wasm", import.meta.url),
  "kernels-threads.wasm": new URL("./kernels-threads.wasm", import.meta.url),
  "kernels-relaxed.wasm": new URL("./kernels-relaxed.wasm", import.meta.url),
  "kernels-relaxed-threads.wasm": new URL("./kernels-relaxed-threads.wasm", import.meta.url),
  "kernels-probe.wasm": new URL("./kernels-probe.wasm", import.meta.url),
  "webgpu.js": new URL("./webgpu.js", import.meta.url),
  "webgpu.wgsl": new URL("./webgpu.wgsl", import.meta.url),
};
const helper = () => new Worker(new URL("./kernels-helper.js", import.meta.url));
const noKernels = new Uint8Array([0]); // an engine without SIMD fails to compile it as well

let kernels, program, gpu;

// What is needed in any case comes while the worker waits to be told more.
const code = compile(files["dit8.wasm"]), decoder = zstd();
for (const coming of [code, decoder]) coming.catch(() => {}); // reported below
prepare();

// dit8Turn comes after the messages that wait, for the program, which listens for them.
const { port1, port2 } = new MessageChannel();
self.dit8Turn = () => new Promise((resolve) => {
  port1.onmessage = resolve;
  port2.postMessage(0);
});

// offer has the program open WebGPU when it wants to, with the files that it needs; where it is asked for, at once, so that
// pipelines are compiled while the model is downloaded.
function offer(go, attach, device) {
  go.importObject.webgpu = new Proxy({}, { get: (_, name) => (...args) => gpu.imports[name](...args) });
  if (!navigator.gpu) return;
  let found, early;
  const webgpu = () => (found ??= import(/* webpackIgnore: true */ /* turbopackIgnore: true */ /* @vite-ignore */ address(files["webgpu.js"]))
    .then(({ find }) => find({ read: async (name) => (await get(files[name])).text(), software: device === "webgpu-software" })));
  self.dit8WebGPU = async () => {
    const opening = early ?? (await webgpu()).open();
    early = undefined;
    gpu = await opening;
    attach(gpu);
    return gpu;
  };
  self.dit8WebGPU.recall = async (key) => (await webgpu()).recall(key);
  self.dit8WebGPU.remember = async (key, text) => (await webgpu()).remember(key, text);
  if (device.startsWith("webgpu")) (early = webgpu().then(({ open }) => open())).catch(() => {}); // reported to the program
}

async function start({ threads, device }) {
  const go = new Go();
  go.argv = ["dit8", device];
  kernels = await dit8Kernels({
    read: async (name) => (device === "generic" ? noKernels : (await get(files[name])).arrayBuffer()),
    help: helper,
    threads: device === "generic" ? 1 : threads,
    relaxed: device === "simd128" ? 0 : undefined,
  });
  go.importObject.kernels = kernels.imports;
  offer(go, (gpu) => gpu.attach(instance), device);
  const instance = await WebAssembly.instantiate(await code, go.importObject);
  kernels.attach(instance);
  go.run(instance).then(() => self.reportError(new Error("the program ended, perhaps for want of memory")));
  return self.dit8;
}

// memory is the peak of the bytes that have been taken: the modules' memories never shrink.
function memory() {
  const { kernels: ours, go } = kernels.memory();
  return ours + go;
}

// buffers are those that a message's arrays lie in, which it takes along: that spares a copy.
function buffers({ images = [], states = [], branches = [] }) {
  const values = branches.flatMap(({ gamma, beta, alpha }) => [gamma, beta, alpha].flatMap((series) => series?.values ?? []));
  return [...images, ...states, ...values].map(({ buffer }) => buffer);
}

// before reads a source while the program starts, at least so many bytes, and gives the function that the program reads it by.
function before(source, bytes) {
  const pieces = [];
  let begun = false;
  const ahead = async () => {
    for (let n = 0, piece; !begun && n < bytes; n += piece.length) {
      pieces.push(Promise.resolve(source.read()).then((bytes) => bytes?.slice() ?? null)); // its bytes are there until the next
      if (!(piece = await pieces.at(-1))) return;
    }
  };
  ahead().catch(() => {}); // who reads the piece hears of it
  return () => {
    begun = true;
    return pieces.shift() ?? source.read();
  };
}

const calls = {
  async load({ model, vae, storage }, report) {
    const files = vae ? [model, vae] : [model], small = files.every(({ bytes, file }) => (bytes ?? file?.size) < large);
    self.dit8Again = () => files.map((file) => { // for the program, where it has to load them once more
      const source = open(file, { storage, report() {} });
      return () => source.read();
    });
    for (let again = false; ; again = true) {
      const news = files.map(() => ({ loaded: 0, total: 0 })); // what came of each
      const sum = (key) => news.reduce((n, file) => n + file[key], 0);
      const sources = await Promise.all(files.map(async (file, i) => {
        const source = await (small ? open : ahead.open)(file, { storage, report: (event) => {
          if (event.note) return report(event);
          Object.assign(news[i], event);
          report({ loaded: sum("loaded"), total: news.every(({ total }) => total) ? sum("total") : 0, from: event.from });
        } });
        return Object.assign(source, { next: Object.assign(before(source, small ? large : 1), { decode: source.decode }) });
      }));
      let dit8;
      try {
        globalThis.dit8Zstd = await decoder.catch(zstd);
        dit8 = await program;
        const info = await dit8.load(...sources.map(({ next }) => next));
        for (const source of sources) {
          while (await source.next()); // what the model did not need of a file, for what is kept
          source.close?.();
        }
        return { info: { ...info, threads: kernels.threads, note: kernels.note } };
      } catch (error) {
        // What the program found wrong says more than a hash that a source found wrong further on.
        const failure = error.name === "FormatError" ? undefined : sources.find(({ failure }) => failure)?.failure;
        const damaged = failure ? !(failure instanceof DownloadError || failure instanceof MemoryError) : error.name === "FormatError";
        const had = await Promise.all(sources.map((source) => source.end(damaged)));
        if (!dit8) throw error; // it is not the model's
        if (again || !had.includes(true)) throw failure ?? new ModelError(error.message);
        report({ note: "the copy of the model that was kept here is damaged; it is downloaded again" });
      }
    }
  },
  async generate({ request, steps, states }, report) {
    const dit8 = await program;
    return dit8.generate(JSON.stringify(request), steps ? report : undefined, states);
  },
  async read({ request }) {
    return (await program).read(request);
  },
  async inspect({ request }) {
    return (await program).inspect(JSON.stringify(request));
  },
  async bench({ request }, report) {
    const result = await (await program).bench(JSON.stringify(request), report);
    return { ...result, threads: kernels.threads, note: kernels.note };
  },
};

self.onmessage = async ({ data: { id, type, ...rest } }) => {
  if (type === "start") {
    program = start(rest);
    program.catch(() => {}); // reported when it is needed
    return;
  }
  if (type === "cancel") return (await program).cancel();
  const report = (event) => postMessage({ id, type: "event", event }, buffers(event));
  try {
    const result = await calls[type](rest, report);
    postMessage({ id, type: "done", result, memory: memory() }, buffers(result));
  } catch (error) {
    postMessage({ id, type: "error", error: { ...error, name: error.name, message: error.message } });
  }
};
