// Animated PNG (PNG, third edition, W3C, 11.3.6), as core/pngfile writes it: the frames
// are PNGs that the browser made, whose data is put into one file.
import { chunk, metadataChunk } from "./dit8/png.js";

const header = 8 + 25; // bytes of signature and IHDR

// animate gives the Blob of an animation that goes round for ever. Each of images, of
// one size, shows for delays[i] hundredths of a second; each pixel is drawn as
// scale×scale. metadata says how the first was made.
export async function animate(images, delays, metadata, { scale = 1 } = {}) {
  const parts = [];
  let sequence = 0;
  for (const [i, image] of images.entries()) {
    const png = await encode(image, scale), view = new DataView(png.buffer);
    const size = [view.getUint32(16), view.getUint32(20)];
    if (i === 0) parts.push(png.subarray(0, header), metadataChunk(metadata), chunk("acTL", numbers([4, images.length], [4, 0]))); // 0: for ever
    // at 0, 0, in hundredths of a second, replacing the frame before
    parts.push(chunk("fcTL", numbers([4, sequence++], [4, size[0]], [4, size[1]], [4, 0], [4, 0], [2, delays[i]], [2, 100], [1, 0], [1, 0])));
    for (let at = header; at < png.length;) {
      const end = at + 12 + view.getUint32(at);
      if (String.fromCharCode(...png.subarray(at + 4, at + 8)) === "IDAT") {
        parts.push(i === 0 ? png.subarray(at, end) : chunk("fdAT", numbers([4, sequence++]), png.subarray(at + 8, end - 4)));
      }
      at = end;
    }
  }
  return new Blob([...parts, chunk("IEND")], { type: "image/png" });
}

async function encode(image, scale) {
  const small = new OffscreenCanvas(image.width, image.height);
  small.getContext("2d").putImageData(image, 0, 0);
  const large = new OffscreenCanvas(image.width * scale, image.height * scale);
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, large.width, large.height);
  return new Uint8Array(await (await large.convertToBlob({ type: "image/png" })).arrayBuffer());
}

// numbers is [bytes, value] pairs, the most significant byte first.
const numbers = (...of) => new Uint8Array(of.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => value >>> 8 * (bytes - 1 - i))));
