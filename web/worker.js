// The page's worker: runs the Go program dit8.wasm with the kernels beside it, and
// passes messages on. worker.js?threads=N computes on N threads.
//   in:  {type: "load", url} | {type: "generate", request} | {type: "bench", options} | {type: "cancel"}
//   out: {type: "loading", got, total} | {type: "loaded", info, memory} | {type: "step", …} | {type: "done", …, memory}
//        {type: "pass", done, total} | {type: "benched", result}
//        {type: "error", message, field?, aborted}
importScripts("wasm_exec.js", "kernels.js");

let kernels;
let piece = 0; // bytes of the largest piece of a model file that was held beside the modules' memories
const program = start();
program.catch(() => {}); // reported when it is needed

async function start() {
  const go = new Go();
  // It compiles while the kernels and their threads start.
  const module = WebAssembly.compileStreaming(get("dit8.wasm"));
  module.catch(() => {}); // reported below
  kernels = await dit8Kernels({
    read: async (name) => (await get(name)).arrayBuffer(),
    help: () => new Worker("kernels-helper.js"),
    threads: Number(new URLSearchParams(location.search).get("threads")) || undefined,
  });
  go.importObject.kernels = kernels.imports;
  const instance = await WebAssembly.instantiate(await module, go.importObject);
  kernels.attach(instance);
  go.run(instance);
  return self.dit8;
}

// memory is the peak of the bytes that the generator has taken: its modules' memories
// never shrink.
const memory = () => {
  const { kernels: ours, go } = kernels.memory();
  return ours + go + piece;
};

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  return response;
}

async function load(url) {
  // The file comes while the program compiles, as much of it as the browser's buffer takes.
  const [response, dit8] = await Promise.all([get(url), program]);
  const total = Number(response.headers.get("Content-Length"));
  const reader = response.body.getReader();
  let got = 0;
  const info = await dit8.load(async () => {
    const { done, value } = await reader.read();
    if (done) return null;
    got += value.length;
    piece = Math.max(piece, value.buffer.byteLength);
    postMessage({ type: "loading", got, total });
    return value;
  });
  postMessage({ type: "loaded", info: { ...info, note: kernels.note }, memory: memory() });
}

async function generate(request) {
  const dit8 = await program;
  const result = await dit8.generate(JSON.stringify(request), (event) => {
    postMessage({ type: "step", ...event }, event.images.map((image) => image.buffer));
  });
  postMessage({ type: "done", ...result, memory: memory() }, result.images.map((image) => image.buffer));
}

async function bench(options) {
  const dit8 = await program;
  const result = await dit8.bench(JSON.stringify(options), (event) => postMessage({ type: "pass", ...event }));
  postMessage({ type: "benched", result: { ...result, threads: kernels.threads, note: kernels.note } });
}

self.onmessage = async ({ data }) => {
  try {
    if (data.type === "load") await load(data.url);
    if (data.type === "generate") await generate(data.request);
    if (data.type === "bench") await bench(data.options);
    if (data.type === "cancel") (await program).cancel();
  } catch (error) {
    postMessage({ type: "error", of: data.type, message: error.message, field: error.field, aborted: error.name === "AbortError" });
  }
};
