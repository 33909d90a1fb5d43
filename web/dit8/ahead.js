// What model.js gives, from a worker of its own: there a large file is read, hashed, kept and decoded, while this thread takes what is
// done. The bytes come through shared memory, in slots, so that neither copies nor garbage are made of them.
//   const source = await open(model, {storage, report});   // as model.js's, also where that does all the work here
//   source.read()                 // may give what it gives without a promise; its bytes are there until the next call
//   source.decode(pieces, left)   // where it is there: after it bytes come decoded; see weights/ahead.go. left are what was read and not used
import { DownloadError, MemoryError, ModelError } from "./errors.js";
import { open as plain } from "./model.js";
import { spawn } from "./own.js";
import { ring } from "./ring.js";

const errors = { DownloadError, MemoryError, ModelError };
// Bundlers do not find the file by this, and so all the work is done here in what they make: Parcel puts what two workers have in common
// into a file of its own, and forgets it in the one that starts the other.
const here = import.meta.url, file = "ahead-worker.js";
const make = () => spawn(here, file, () => new Worker(new URL(file, here), { type: "module" }));

// possible tells whether memory can be shared. Node has no storage, and its files come fast enough.
const possible = typeof WorkerGlobalScope !== "undefined" && globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== "undefined";

export async function open(model, options) {
  let worker;
  try {
    if (!possible) return plain(model, options);
    worker = make();
    await new Promise((resolve, reject) => {
      worker.onmessage = resolve;
      worker.onerror = (event) => { event.preventDefault?.(); reject(new Error(event.message)); };
    });
  } catch {
    worker?.terminate();
    return plain(model, options);
  }
  return taker(worker, model, options);
}

function taker(worker, model, { storage, report }) {
  const slots = ring();
  let wake, broken, answer, planned = false, ended = false;
  worker.onmessage = ({ data: { type, ...rest } }) => {
    if (type === "more") wake?.();
    else if (type === "note") report(rest);
    else answer(rest);
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    fail(new Error(event.message || "the worker that reads the model ended"));
  };
  const fail = (error) => { broken = error; wake?.(); };
  worker.postMessage({ type: "open", model, storage, memory: slots.memory });

  // take gives what a slot holds.
  function take() {
    const { kind, bytes, ...event } = slots.get();
    if (kind === "bytes") {
      if (event.from) report(event);
      return bytes;
    }
    ended = true;
    if (kind === "end") return null;
    const { name, message, url, status } = JSON.parse(new TextDecoder().decode(bytes.slice()));
    throw source.failure = errors[name] ? (name === "DownloadError" ? new DownloadError(message, url, status) : new errors[name](message)) : Object.assign(new Error(message), { name });
  }
  async function wait() {
    while (!slots.ready()) {
      if (broken) throw source.failure = broken;
      await new Promise((resolve) => {
        wake = resolve;
        if (!slots.waits()) resolve();
      });
    }
    return take();
  }
  const source = {
    read() {
      slots.done();
      if (ended) return null;
      if (!planned) worker.postMessage({ type: "more" });
      return (planned ? slots.soon() : slots.ready()) && slots.get().kind !== "error" ? take() : wait(); // which throws in a promise
    },
    decode(pieces, left) {
      planned = true;
      worker.postMessage({ type: "decode", pieces, left });
    },
    async end(damaged) {
      slots.stop();
      worker.postMessage({ type: "end", damaged });
      const { had } = broken ? {} : await new Promise((resolve) => { answer = resolve; });
      worker.terminate();
      return had;
    },
    close() { worker.terminate(); },
  };
  return source;
}
