// A .dit8 model of a checkpoint, made by a worker of this page. convert.d.ts says what everything is.
import { isCheckpoint } from "./names.js";
import { spawn } from "./own.js";
import { discard } from "./storage.js";

export class ConvertError extends Error {
  name = "ConvertError";
  constructor(message, notes) { super(message); this.notes = notes; }
}

export async function convert(files, { onProgress, signal, flags = [], ...options } = {}) {
  signal?.throwIfAborted();
  const list = named(files);
  const { checkpoint, ...said } = { ...chosen(list.map(({ path }) => path)), ...options };
  if (!checkpoint) throw new ConvertError(`which of these is the checkpoint: ${tops(list).join(", ") || "none"}?`, []);
  const worker = start(), notes = [], left = []; // ids of files
  let stop, whole;
  try {
    const result = await new Promise((resolve, reject) => {
      stop = () => reject(signal.reason);
      signal?.addEventListener("abort", stop);
      worker.onmessage = ({ data: { type, text, part, what, result, error, id } }) => {
        if (type === "done") resolve({ ...result, notes });
        else if (type === "error") reject(error.name === "ConvertError" ? new ConvertError(error.message, notes) : new Error(error.message));
        else if (type === "progress") onProgress?.({ part, what });
        else if (type === "file") left.push(id);
        else {
          notes.push(text);
          onProgress?.({ note: text });
        }
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message || "the converter's worker could not be started"));
      };
      worker.postMessage({ list, args: [...args(said), ...flags, "--", checkpoint] });
    });
    whole = true;
    return result;
  } finally {
    worker.terminate();
    if (!whole) for (const id of left) discard(id).catch(() => {}); // the next page tidies up
    signal?.removeEventListener("abort", stop);
  }
}

const start = () => spawn(import.meta.url, "convert-worker.js", () => new Worker(new URL("./convert-worker.js", import.meta.url), { type: "module" }));

// named gives files their paths: those of folders that were picked are the browser's.
function named(files) {
  if (files instanceof Blob) files = [files];
  const list = Array.from(files, (entry) => (entry instanceof Blob ? { path: entry.webkitRelativePath || entry.name || "checkpoint", file: entry } : entry));
  return list.map(({ path, file }) => ({ path: path.replace(/^\/+/, ""), file }));
}

const tops = (list) => [...new Set(list.map(({ path }) => path.split("/")[0]))];

// chosen guesses which is the checkpoint, and which the autoencoder of its latents.
function chosen(paths) {
  const all = tops(paths.map((path) => ({ path })));
  const isFolder = (top) => paths.some((path) => path.startsWith(`${top}/`));
  const pipeline = (top) => ["transformer", "vae"].every((part) => paths.some((path) => path.startsWith(`${top}/${part}/`)));
  const weights = all.filter((top) => isFolder(top) || isCheckpoint(top));
  const index = weights.find((top) => /\.index(\.\w+)?\.json$/i.test(top)); // of shards
  if (index) return { checkpoint: index };
  const isAutoencoder = (top) => /vae|taesd|autoencoder|kl-f\d/i.test(top);
  const networks = weights.filter((top) => !isAutoencoder(top)), rest = weights.filter(isAutoencoder);
  if (networks.length === 1) return { checkpoint: networks[0], vae: rest[0] ?? (pipeline(networks[0]) ? networks[0] : undefined) };
  if (!networks.length && rest.length) return { checkpoint: rest[0] };
  return { checkpoint: all.length === 1 ? all[0] : undefined };
}

// args are the flags of quantize: numHeads: 6 is -num-heads=6, and a list is one after the other.
function args(options) {
  return Object.entries(options).flatMap(([name, value]) => [value].flat().filter((one) => one !== undefined && one !== "")
    .map((one) => `-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${one}`));
}
