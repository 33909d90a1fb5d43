// Connects Go's module with kernels.wasm. A classic script, for workers:
//   const kernels = await dit8Kernels(bytes);   // an ArrayBuffer of kernels.wasm, or null
//   go.importObject.kernels = kernels.imports;
//   … kernels.attach(instance);                 // Go's, before go.run
globalThis.dit8Kernels = async function (bytes) {
  let goMemory;
  const attach = (instance) => { goMemory = instance.exports.mem; };
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536 });
  let exports;
  try {
    ({ instance: { exports } } = await WebAssembly.instantiate(bytes, { env: { memory } }));
  } catch {
    // No SIMD: heap() answers 0, and Go computes by itself.
    return { imports: new Proxy({}, { get: () => () => 0 }), attach };
  }
  const imports = {
    ...exports,
    heap: () => exports.__heap_base.value,
    grow(n) {
      const pages = Math.ceil((n - memory.buffer.byteLength) / 65536);
      try {
        if (pages > 0) memory.grow(pages);
        return 1;
      } catch {
        return 0;
      }
    },
    write: (dst, src, n) => new Uint8Array(memory.buffer).set(new Uint8Array(goMemory.buffer, src >>> 0, n >>> 0), dst >>> 0),
    read: (dst, src, n) => new Uint8Array(goMemory.buffer).set(new Uint8Array(memory.buffer, src >>> 0, n >>> 0), dst >>> 0),
  };
  return { imports, attach };
};
