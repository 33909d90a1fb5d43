// The page's worker: runs the Go program dit8.wasm with the kernels beside it, and
// passes messages on. worker.js?threads=N computes on N threads.
//   in:  {type: "load", url} | {type: "generate", request} | {type: "bench", options} | {type: "cancel"}
//   out: {type: "loading", got, total} | {type: "loaded", info} | {type: "step", …} | {type: "done", …}
//        {type: "pass", done, total} | {type: "benched", result}
//        {type: "error", message, field?, aborted}
importScripts("wasm_exec.js", "kernels.js");

let threads = 1, note = ""; // how many compute, and why they are not more
const program = start();
program.catch(() => {}); // reported when it is needed

async function start() {
  const go = new Go();
  const program = get("dit8.wasm");
  const kernels = await dit8Kernels({
    read: async (name) => (await get(name)).arrayBuffer(),
    help: () => new Worker("kernels-helper.js"),
    threads: Number(new URLSearchParams(location.search).get("threads")) || undefined,
  });
  ({ threads, note } = kernels);
  go.importObject.kernels = kernels.imports;
  const { instance } = await WebAssembly.instantiateStreaming(program, go.importObject);
  kernels.attach(instance);
  go.run(instance);
  return self.dit8;
}

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  return response;
}

async function load(url) {
  const dit8 = await program;
  const response = await get(url);
  const total = Number(response.headers.get("Content-Length"));
  const reader = response.body.getReader();
  let got = 0;
  const info = await dit8.load(async () => {
    const { done, value } = await reader.read();
    if (done) return null;
    got += value.length;
    postMessage({ type: "loading", got, total });
    return value;
  });
  postMessage({ type: "loaded", info: { ...info, note } });
}

async function generate(request) {
  const dit8 = await program;
  const result = await dit8.generate(JSON.stringify(request), (event) => {
    postMessage({ type: "step", ...event }, event.images.map((image) => image.buffer));
  });
  postMessage({ type: "done", ...result }, result.images.map((image) => image.buffer));
}

async function bench(options) {
  const dit8 = await program;
  const result = await dit8.bench(JSON.stringify(options), (event) => postMessage({ type: "pass", ...event }));
  postMessage({ type: "benched", result: { ...result, threads, note } });
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
