// Zstandard's own decoder as WebAssembly, 20 kB, which takes an eighth of the time that one of JavaScript takes.
//   globalThis.dit8Zstd = await zstd();   // as package weights asks for it
import { compile } from "./own.js";

// By the numbers of zstd_errors.h.
const wrong = { 10: "it is no frame", 22: "its checksum is wrong", 70: "it becomes more bytes than it should", 72: "it ends too early or too late" };

let decoder;
export const zstd = () => (decoder ??= compile(new URL("./zstd.wasm", import.meta.url)).then(start).catch((error) => {
  decoder = undefined; // for who tries again
  throw error;
}));

// start starts a decoder of the module, compiled.
export async function start(module) {
  const { exports } = await WebAssembly.instantiate(module, { env: { emscripten_notify_memory_growth() {} } });
  let at = 0, room = 0;
  // input is where a frame of so many bytes is to be written that becomes plain bytes.
  const input = (stored, plain) => {
    const needed = stored + plain;
    if (needed > room) {
      exports.free(at);
      room = 0;
      at = exports.malloc(needed);
      if (!at) throw new Error("there is no memory for it");
      room = needed;
    }
    return new Uint8Array(exports.memory.buffer, at + plain, stored);
  };
  // output is what it becomes, until the next call.
  const output = (stored, plain) => {
    const n = exports.ZSTD_decompress(at, plain, at + plain, stored);
    if (exports.ZSTD_isError(n)) throw new Error(`${wrong[-n] ?? "the frame is damaged"} (Zstandard's error ${-n})`);
    return new Uint8Array(exports.memory.buffer, at, n);
  };
  const decode = (frame, out) => {
    input(frame.length, out.length).set(frame);
    return output(frame.length, out.length);
  };
  return Object.assign(decode, { input, output });
}
