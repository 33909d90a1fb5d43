// The worker of convert: runs the Go program convert.wasm.
//   in:  {list: [{path, file}], args} once
//   out: {type: "file", id} of what it leaves where it is ended, {type: "note", text} | {type: "progress", part, what} as often as there is news, then
//        {type: "done", result: {name, summary, sha256, bytes, id?, file, memory}} or {type: "error", error: {name, message}}
import { failure, keep, lastWords, show } from "./convert-files.js";
import "./wasm_exec.js";
import "./kernels.js";
import { compile, get } from "./own.js";
import { sha256 } from "./sha256.js";
import { blob, create, list, remove, scratch } from "./storage.js";

// Bundlers find the files by these expressions. The kernels are those that run an autoencoder, in floats.
const files = {
  "convert.wasm": new URL("./convert.wasm", import.meta.url),
  "kernels.wasm": new URL("./kernels.wasm", import.meta.url),
  "kernels-threads.wasm": new URL("./kernels-threads.wasm", import.meta.url),
};
const helper = () => new Worker(new URL("./kernels-helper.js", import.meta.url));

// memory is a file where none can be kept.
async function memory() {
  const piece = 1 << 22, pieces = [], hash = await sha256();
  const each = (bytes, at, move) => {
    for (let n = 0; n < bytes.length;) {
      const from = (at + n) % piece, some = bytes.subarray(n, n + piece - from);
      move(pieces[Math.floor((at + n) / piece)] ??= new Uint8Array(piece), from, some);
      n += some.length;
    }
    return bytes.length;
  };
  let length = 0;
  return {
    write: (bytes, at) => each(bytes, at, (to, from, some) => to.set(some, from)),
    read: (into, at) => each(into, at, (of, from, some) => some.set(of.subarray(from, from + some.length))),
    append(bytes) {
      hash.update(bytes);
      length += this.write(bytes, length);
    },
    finish: () => ({ bytes: length, sha256: hash.hex() }),
    blob: () => new Blob(pieces).slice(0, length),
    remove() {},
  };
}

class ConvertError extends Error {
  name = "ConvertError";
}

async function convert({ list: dropped, args }) {
  const go = new Go(), module = compile(files["convert.wasm"]);
  module.catch(() => {}); // reported below
  let out;
  show(dropped);
  const told = (file) => {
    if (file) postMessage({ type: "file", id: file.id });
    return file;
  };
  keep("out/spool", async () => told(await scratch()) ?? memory());
  keep("out/model", async () => {
    out = told(await create()) ?? await memory();
    return { write: (bytes) => out.append(bytes) };
  });
  try {
    const kernels = await dit8Kernels({ read: async (name) => (await get(files[name])).arrayBuffer(), help: helper, relaxed: 0 });
    go.importObject.kernels = kernels.imports;
    go.argv = ["convert", ...args];
    const instance = await WebAssembly.instantiate(await module, go.importObject);
    kernels.attach(instance);
    const about = await new Promise((resolve, reject) => {
      self.dit8Convert = {
        note: (text) => postMessage({ type: "note", text }),
        progress: (what, of, total) => postMessage({ type: "progress", part: of / total, what }),
        done: (name, summary) => resolve({ name, summary }),
        fail(message) {
          const why = failure(); // of a browser's own, which Go has no words for
          reject(new ConvertError(why && !why.code ? `${message} (${why.message})` : message));
        },
      };
      go.run(instance).then(() => reject(new Error(`the program ended, perhaps for want of memory: ${lastWords()}`)), reject);
    });
    const { id, sha256, bytes } = await out.finish(about);
    const file = id ? await blob(id) : out.blob();
    for (const other of await list()) if (id && other.sha256 === sha256 && other.id !== id && !other.url) await remove(other.id).catch(() => {}); // the same
    return { ...about, id, sha256, bytes, file, memory: Object.values(kernels.memory()).reduce((sum, bytes) => sum + bytes) };
  } catch (error) {
    await out?.remove();
    throw error;
  }
}

self.onmessage = async ({ data }) => {
  try {
    postMessage({ type: "done", result: await convert(data) });
  } catch ({ name, message }) {
    postMessage({ type: "error", error: { name, message } });
  }
};
