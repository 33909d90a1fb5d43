// dit8 in Node: the same Sampler, kernels and pixels, in a thread. node.d.ts says what is different.
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { host } from "./host.js";
import { fetch, Worker } from "./node-host.js";
import { chunk, signature } from "./png.js";

class ImageData {
  colorSpace = "srgb";
  constructor(data, width) { Object.assign(this, { data, width, height: data.length / 4 / width }); }
}

// png lays images out as png.js's grid does: nearly square, on white.
async function png(images, scale) {
  const { width, height } = images[0], columns = Math.ceil(Math.sqrt(images.length)), rows = Math.ceil(images.length / columns);
  const across = columns * width * scale, lines = [];
  for (let y = 0; y < rows * height; y++) {
    const line = new Uint8Array(1 + 4 * across).fill(255); // a byte for the row's filter
    line[0] = 0;
    for (let x = 0; x < columns * width; x++) {
      const image = images[Math.floor(y / height) * columns + Math.floor(x / width)];
      const at = 4 * (y % height * width + x % width);
      if (image) for (let i = 0; i < scale; i++) line.set(image.data.subarray(at, at + 4), 1 + 4 * (x * scale + i));
    }
    for (let i = 0; i < scale; i++) lines.push(line);
  }
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, across);
  header.setUint32(4, rows * height * scale);
  header.setUint16(8, 0x0806); // 8 bits, red, green, blue and alpha
  const data = await promisify(deflate)(Buffer.concat(lines));
  return Buffer.concat([Uint8Array.from(signature), chunk("IHDR", new Uint8Array(header.buffer)), chunk("IDAT", data), chunk("IEND")]);
}

Object.assign(host, {
  worker: () => new Worker(new URL("./node-worker.js", import.meta.url)),
  address: (text) => (/^(file|https?|data|blob):/i.test(text) ? new URL(text) : pathToFileURL(`${text}`)),
  fetch,
  image: (pixels, width) => new ImageData(pixels, width),
  png,
});

export * from "./sampler.js";
