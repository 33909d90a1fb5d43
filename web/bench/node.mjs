// Times one evaluation of the default model (one image, no guidance) by the
// browser's program in Node: the best of 12, after a check of the golden pixels. With the
// argument 0 it leaves the kernels out, otherwise that is the number of threads.
import { readFileSync } from "node:fs";
import { golden, program, root } from "../test/helpers.mjs";

const dit8 = await program(Number(process.argv[2] ?? 1));
const pieces = [new Uint8Array(readFileSync(root + "weights/default.dit8"))];
await dit8.load(async () => pieces.pop() ?? null);
const { request, sha256 } = golden[0];
const result = await dit8.generate(JSON.stringify(request), () => {});
if (result.metadata.sha256 !== sha256) throw new Error(`the pixels are ${result.metadata.sha256}, not ${sha256}`);

const times = [];
let last;
await dit8.generate('{"steps": 13, "guidance": 1}', () => {
  const now = performance.now();
  if (last !== undefined) times.push(now - last);
  last = now;
});
console.log(Math.min(...times).toFixed(0));
process.exit();
