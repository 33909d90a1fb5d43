// What Node has in another form than a page.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import * as threads from "node:worker_threads";

// Worker is a thread with the face of a page's worker. It keeps the program running only while a message with an id is not
// answered by one that is no event.
export class Worker {
  #thread;
  constructor(url) {
    this.#thread = new threads.Worker(url);
    this.#thread.unref();
    this.#thread.on("message", (data) => {
      if (data.type !== "event") this.#thread.unref();
      this.onmessage?.({ data });
    });
    this.#thread.on("error", (error) => this.onerror?.({ message: error.message, preventDefault() {} }));
  }
  postMessage(data, transfer) {
    if (data.id !== undefined) this.#thread.ref();
    this.#thread.postMessage(data, transfer);
  }
  terminate() { this.#thread.terminate(); }
}

const network = globalThis.fetch;

// fetch is Node's, which knows no file: addresses. An error has the status of a server that lacks the file.
export async function fetch(url, options) {
  if (!`${url}`.startsWith("file:")) return network(url, options);
  const path = new URL(url);
  try {
    const about = await stat(path);
    if (!about.isFile()) throw new Error("it is no file");
    return new Response(Readable.toWeb(createReadStream(path, { highWaterMark: 1 << 20 })), { headers: { "Content-Length": about.size } });
  } catch (error) {
    throw Object.assign(error, { status: 404 });
  }
}
