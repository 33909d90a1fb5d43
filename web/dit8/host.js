// What sampler.js needs of where it runs: these are a browser's, node.js puts Node's in their place.
import { spawn } from "./own.js";
import { grid } from "./png.js";

// begun takes the worker that a page has started in advance, as global dit8Worker.
function begun() {
  const worker = globalThis.dit8Worker;
  delete globalThis.dit8Worker;
  return worker;
}

export const host = {
  worker: () => begun() ?? spawn(import.meta.url, "worker.js", () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" })),
  address: (text) => new URL(text, globalThis.document?.baseURI ?? location.href),
  fetch: (...args) => fetch(...args),
  image: (pixels, width) => new ImageData(pixels, width),
  // the bytes of a PNG of images in a grid, each pixel drawn as scale×scale
  png: async (images, scale) => new Uint8Array(await (await grid(images, scale).convertToBlob({ type: "image/png" })).arrayBuffer()),
};
