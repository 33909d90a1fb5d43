// Zstandard's own decoder as WebAssembly, 20 kB, which takes an eighth of fzstd's time: for large models.
//   globalThis.dit8Zstd = await zstd();   // as package weights asks for it
import { compile } from "./own.js";

let decoder;
export const zstd = () => (decoder ??= load().catch((error) => {
  decoder = undefined; // for who tries again
  throw error;
}));

async function load() {
  const { exports } = await WebAssembly.instantiate(await compile(new URL("./zstd.wasm", import.meta.url)), { env: { emscripten_notify_memory_growth() {} } });
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
