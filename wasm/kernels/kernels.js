// Connects Go's module with the kernels. A classic script, for workers:
//   const kernels = await dit8Kernels({read, help, threads});
//   go.importObject.kernels = kernels.imports;
//   … kernels.attach(instance);                 // Go's, before go.run
// read(name) gives a promise of the bytes of one of the .wasm files beside this one, or
// of the module that they were compiled to,
// help() starts a worker that runs kernels-helper.js. threads is how many threads to
// compute with, by default one for each core, up to maxThreads. kernels.threads is
// how many there are, and kernels.note says why that is fewer. kernels.memory() is the
// bytes of both modules' memories, which never shrink: {kernels, go}.
// relaxed overrules the probe for relaxed SIMD: 0 none, 1 signed, 2 unsigned weights.
globalThis.dit8Kernels = async function ({ read, help, threads, relaxed }) {
  const maxThreads = 8, maxAsked = 64, page = 65536, stack = 65536, patience = 5000, settled = 40; // ms
  const wanted = Math.max(1, Math.min(threads || maxThreads, threads ? maxAsked : globalThis.navigator?.hardwareConcurrency ?? maxThreads));
  let goMemory, goBytes, memory, bytes, exports, helpers = [], note = "";
  const attach = (instance) => { goMemory = instance.exports.mem; };
  const held = () => ({ kernels: exports ? memory.buffer.byteLength : 0, go: goMemory?.buffer.byteLength ?? 0 });

  // probe tells what relaxed SIMD's dot product means here, where it is exact and faster.
  async function probe() {
    let probed;
    try {
      ({ instance: { exports: probed } } = await WebAssembly.instantiate(await read("kernels-probe.wasm")));
    } catch (error) {
      if (error instanceof WebAssembly.CompileError) return 0;
      throw error;
    }
    const meaning = probed.meaning();
    // By turns and for a while: engines compile a function well only after some calls.
    const best = { relaxed: Infinity, strict: Infinity };
    for (const start = performance.now(); meaning && performance.now() - start < settled;)
      for (const name in best) {
        const from = performance.now();
        probed[name](8000);
        best[name] = Math.min(best[name], performance.now() - from);
      }
    return best.relaxed < best.strict ? meaning : 0;
  }

  // shared makes a memory for several threads; iOS fails to reserve large ones.
  function shared() {
    if (typeof SharedArrayBuffer === "undefined" || globalThis.crossOriginIsolated === false) throw new Error("the page is not cross-origin isolated");
    for (let maximum = 65536; ; maximum /= 4) {
      try {
        return new WebAssembly.Memory({ initial: 2, maximum, shared: true });
      } catch (error) {
        if (maximum <= 4096) throw error;
      }
    }
  }

  // start makes worker number thread a helper.
  function start(module, thread) {
    return new Promise((resolve, reject) => {
      const worker = help();
      helpers.push(worker);
      const late = setTimeout(() => reject(new Error("a worker did not start in time")), patience);
      worker.onmessage = () => { clearTimeout(late); resolve(); };
      worker.onerror = (event) => { clearTimeout(late); reject(new Error(event.message || "a worker could not be started")); };
      worker.postMessage({ module, memory, thread, stack: exports.__heap_base.value + thread * stack });
    });
  }

  async function threaded() {
    memory = shared();
    const module = await WebAssembly.compile(await read(`${file}-threads.wasm`));
    ({ exports } = await WebAssembly.instantiate(module, { env: { memory } }));
    const end = exports.__heap_base.value + wanted * stack;
    memory.grow(Math.ceil(end / page) - memory.buffer.byteLength / page);
    await Promise.all(Array.from({ length: wanted - 1 }, (_, i) => start(module, i + 1)));
  }

  async function single() {
    memory = new WebAssembly.Memory({ initial: 2, maximum: 65536 });
    const source = await read(`${file}.wasm`);
    const module = source instanceof WebAssembly.Module ? source : await WebAssembly.compile(source);
    ({ exports } = await WebAssembly.instantiate(module, { env: { memory } }));
  }

  relaxed ??= await probe();
  const file = relaxed ? "kernels-relaxed" : "kernels";
  try {
    if (wanted > 1) await threaded();
  } catch (error) {
    for (const helper of helpers) helper.terminate();
    helpers = [];
    exports = undefined;
    note = error.message;
  }
  if (!exports) {
    try {
      await single();
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError)) throw error;
      // No SIMD: heap() answers 0, and Go computes by itself.
      return { imports: new Proxy({}, { get: () => () => 0 }), attach, memory: held, threads: 1, note: "no SIMD", stop() {} };
    }
  }

  if (relaxed) exports.weights_offset(relaxed === 2 ? 128 : 0);

  // Views are made anew when a memory has grown.
  const kernelBytes = () => (bytes?.buffer === memory.buffer ? bytes : (bytes = new Uint8Array(memory.buffer)));
  const hostBytes = () => (goBytes?.buffer === goMemory.buffer ? goBytes : (goBytes = new Uint8Array(goMemory.buffer)));
  const copy = (to, dst, from, src, n) => to.set(from.subarray(src >>> 0, (src >>> 0) + n), dst >>> 0);
  const imports = {
    ...exports,
    threads: () => helpers.length + 1,
    relaxed: () => relaxed,
    heap: () => exports.__heap_base.value + (helpers.length + 1) * stack,
    grow(n) {
      const pages = Math.ceil((n - memory.buffer.byteLength) / page);
      try {
        if (pages > 0) memory.grow(pages);
        return 1;
      } catch {
        return 0;
      }
    },
    write: (dst, src, n) => copy(kernelBytes(), dst, hostBytes(), src, n >>> 0),
    read: (dst, src, n) => copy(hostBytes(), dst, kernelBytes(), src, n >>> 0),
  };
  return { imports, attach, memory: held, threads: helpers.length + 1, note, stop: () => helpers.forEach((helper) => helper.terminate()) };
};
