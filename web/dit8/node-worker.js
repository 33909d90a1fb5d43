// worker.js in a thread of Node, which gets what a page's worker has besides.
import { availableParallelism } from "node:os";
import { parentPort } from "node:worker_threads";
import { fetch, Worker } from "./node-host.js";

const reportError = (error) => setImmediate(() => { throw error; }); // it ends the thread, and node-host.js hears of it
const navigator = { hardwareConcurrency: availableParallelism() };
const postMessage = (data, transfer) => parentPort.postMessage(data, transfer);
for (const [name, value] of Object.entries({ fetch, location: new URL(import.meta.url), navigator, postMessage, reportError, self: globalThis, Worker })) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
await import("./worker.js");
parentPort.on("message", (data) => self.onmessage({ data }));
