// SHA-256 (FIPS 180-4) of what comes in pieces, which Web Crypto has not.
//   const hash = await sha256();
//   hash.update(bytes); …
//   hash.hex()   // ends it
import { compile } from "./own.js";

const block = 64, most = 1 << 18; // bytes that are handed over at a time
const start = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

let module;
const compiled = () => (module ??= compile(new URL("./sha256.wasm", import.meta.url)).catch((error) => {
  module = undefined; // for who tries again
  throw error;
}));

export async function sha256() {
  const { exports: { memory, blocks, __heap_base } } = await WebAssembly.instantiate(await compiled());
  const at = __heap_base.value + 63 & ~63;
  const short = at + 32 + most + block - memory.buffer.byteLength;
  if (short > 0) memory.grow(Math.ceil(short / 65536));
  const state = new Uint32Array(memory.buffer, at, 8), input = new Uint8Array(memory.buffer, at + 32, most + block);
  state.set(start);
  let held = 0, length = 0; // bytes of input that are no whole block yet; all bytes

  function update(bytes) {
    length += bytes.length;
    for (let from = 0; from < bytes.length;) {
      const piece = bytes.subarray(from, from + most);
      input.set(piece, held);
      from += piece.length;
      held += piece.length;
      const whole = held & -block;
      blocks(state.byteOffset, input.byteOffset, whole / block);
      input.copyWithin(0, whole, held);
      held -= whole;
    }
  }

  return {
    update,
    hex() {
      const end = new Uint8Array((held < block - 8 ? block : 2 * block) - held), bits = length * 8;
      end[0] = 0x80;
      const view = new DataView(end.buffer, end.length - 8);
      view.setUint32(0, bits / 2 ** 32);
      view.setUint32(4, bits);
      update(end);
      return Array.from(state, (word) => word.toString(16).padStart(8, "0")).join("");
    },
  };
}
