// PNG files that say how they were made, as package core/pngfile writes them: a text
// chunk "dit8" with the metadata as JSON before the pixels, without the timings.
const key = "dit8";
const header = 8 + 25; // bytes of signature and IHDR
const signature = [137, 80, 78, 71, 13, 10, 26, 10];
const maxText = 1 << 20; // bytes of a text chunk that is read

// grid lays images out in a nearly square grid on white, as core.Grid does.
function grid(images, scale) {
  const { width, height } = images[0];
  const columns = Math.ceil(Math.sqrt(images.length));
  const small = new OffscreenCanvas(columns * width, Math.ceil(images.length / columns) * height);
  const context = small.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, small.width, small.height);
  images.forEach((image, i) => context.putImageData(image, i % columns * width, Math.floor(i / columns) * height));
  if (scale === 1) return small;
  const large = new OffscreenCanvas(small.width * scale, small.height * scale);
  const to = large.getContext("2d");
  to.imageSmoothingEnabled = false;
  to.drawImage(small, 0, 0, large.width, large.height);
  return large;
}

// encode gives the Blob of a PNG.
export async function encode(images, metadata, scale) {
  const png = new Uint8Array(await (await grid(images, scale).convertToBlob({ type: "image/png" })).arrayBuffer());
  const { seconds, ms_per_step, ...rest } = metadata;
  return new Blob([png.subarray(0, header), textChunk(key, JSON.stringify(rest)), png.subarray(header)], { type: "image/png" });
}

// readMetadata gives what encode, or the command line, wrote into a PNG.
export async function readMetadata(file) {
  const b = new Uint8Array(await file.arrayBuffer());
  if (signature.some((byte, i) => b[i] !== byte)) throw new Error("not a PNG file");
  const view = new DataView(b.buffer);
  for (let at = 8; at + 12 <= b.length;) {
    const length = view.getUint32(at), kind = latin1(b.subarray(at + 4, at + 8));
    const data = b.subarray(at + 8, at + 8 + length);
    const end = key.length;
    if ((kind === "tEXt" || kind === "iTXt") && latin1(data.subarray(0, end + 1)) === `${key}\0`) {
      if (length > maxText) throw new Error(`the PNG's metadata has ${length} bytes, allowed up to ${maxText}`);
      const text = new TextDecoder().decode(data.subarray(end + (kind === "iTXt" ? 5 : 1)));
      try {
        const metadata = JSON.parse(text);
        if (metadata?.request) return metadata;
      } catch {} // no JSON
      throw new Error("the PNG's metadata is damaged");
    }
    at += 12 + length;
  }
  throw new Error("the PNG does not say how it was made");
}

const latin1 = (bytes) => String.fromCharCode(...bytes);

// textChunk is an iTXt chunk (UTF-8, uncompressed) where text needs one, else tEXt.
function textChunk(key, text) {
  const wide = /[^\0-~]/.test(text);
  const data = new TextEncoder().encode(`${wide ? "iTXt" : "tEXt"}${key}${wide ? "\0\0\0\0\0" : "\0"}${text}`);
  const chunk = new Uint8Array(data.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length - 4);
  chunk.set(data, 4);
  view.setUint32(data.length + 4, crc32(data));
  return chunk;
}

function crc32(bytes) {
  let c = ~0;
  for (const b of bytes) {
    c ^= b;
    for (let i = 0; i < 8; i++) c = c >>> 1 ^ (c & 1 && 0xedb88320);
  }
  return ~c >>> 0;
}
