// Zstandard's own decoder as WebAssembly, 20 kB, which takes an eighth of fzstd's time: for large models.
//   globalThis.dit8Zstd = await zstd();   // as package weights asks for it
let decoder;
export const zstd = () => (decoder ??= load().catch((error) => {
  decoder = undefined; // for who tries again
  throw error;
}));

async function load() {
  const url = new URL("./zstd.wasm", import.meta.url);
  const response = await fetch(`${url}`.startsWith("/") ? new URL(url, self.origin) : url);
  if (!response.ok) throw new Error(`${url}: the server answered ${response.status}`);
  const { instance: { exports } } = await WebAssembly.instantiate(await response.arrayBuffer(), { env: { emscripten_notify_memory_growth() {} } });
  let at = 0, room = 0;
  return (frame, out) => {
    const needed = frame.length + out.length;
    if (needed > room) {
      exports.free(at);
      room = 0;
      at = exports.malloc(needed);
      if (!at) throw new Error("there is no memory for it");
      room = needed;
    }
    new Uint8Array(exports.memory.buffer).set(frame, at + out.length);
    const n = exports.ZSTD_decompress(at, out.length, at + out.length, frame.length);
    if (exports.ZSTD_isError(n)) throw new Error("the frame is damaged, or longer than it should be");
    return new Uint8Array(exports.memory.buffer, at, n); // until the next call
  };
}
