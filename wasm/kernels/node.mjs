// Node's worker threads with the face of a page's workers, as kernels.js uses them.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

export function helper(file) {
  const worker = new Worker(readFileSync(file, "utf8"), { eval: true });
  worker.unref();
  worker.on("message", (data) => worker.onmessage({ data }));
  worker.on("error", (error) => worker.onerror(error));
  return worker;
}
