// PNG files that say how they were made, as package core/pngfile writes them: a text
// chunk "dit8" with the metadata as JSON before the pixels, without the timings.
const key = "dit8";
const header = 8 + 25; // bytes of signature and IHDR
export const signature = [137, 80, 78, 71, 13, 10, 26, 10];
const maxText = 1 << 20; // bytes of a text chunk that is read

// grid lays images out in a nearly square grid on white, as core.Grid does.
export function grid(images, scale = 1) {
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

// withMetadata gives the Blob of a PNG that says how it was made.
export function withMetadata(png, metadata) {
  return new Blob([png.subarray(0, header), metadataChunk(metadata), png.subarray(header)], { type: "image/png" });
}

// readMetadata gives what withMetadata, or the command line, wrote into a PNG.
export async function readMetadata(file) {
  const b = new Uint8Array(await file.arrayBuffer());
  if (signature.some((byte, i) => b[i] !== byte)) throw new Error("not a PNG file");
  const view = new DataView(b.buffer);
  for (let at = 8; at + 12 <= b.length;) {
    const length = view.getUint32(at), kind = latin1(b.subarray(at + 4, at + 8));
    const data = b.subarray(at + 8, at + 8 + length);
    const end = key.length;
    if (["tEXt", "iTXt", "zTXt"].includes(kind) && latin1(data.subarray(0, end + 1)) === `${key}\0`) {
      if (length > maxText) throw new Error(`the PNG's metadata has ${length} bytes, allowed up to ${maxText}`);
      let metadata;
      try {
        metadata = JSON.parse(await textOf(kind, data.subarray(end + 1)));
      } catch {
        throw new Error("the PNG's metadata is damaged");
      }
      if (!metadata?.request) throw new Error("the PNG's metadata holds no request");
      return metadata;
    }
    at += 12 + length;
  }
  throw new Error("the PNG does not say how it was made");
}

// textOf is the text of a chunk behind its key: compressed in a zTXt, and perhaps in an iTXt,
// as other programs write it.
async function textOf(kind, data) {
  let compressed = kind === "zTXt";
  if (compressed) data = data.subarray(1);
  if (kind === "iTXt") {
    compressed = data[0] === 1;
    const language = data.indexOf(0, 2);
    data = data.subarray(data.indexOf(0, language + 1) + 1);
  }
  if (!compressed) return new TextDecoder().decode(data);
  const text = [], decoder = new TextDecoder();
  let length = 0;
  for (const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate")).getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return text.join("") + decoder.decode();
    if ((length += value.length) > maxText) throw new Error("too long");
    text.push(decoder.decode(value, { stream: true }));
  }
}

const latin1 = (bytes) => String.fromCharCode(...bytes);

// metadataChunk says how an image was made: an iTXt chunk (UTF-8, uncompressed) where
// the text needs one, else tEXt.
export function metadataChunk({ seconds, ms_per_step, ...metadata }) {
  const text = JSON.stringify(metadata), wide = /[^\0-~]/.test(text);
  return chunk(wide ? "iTXt" : "tEXt", new TextEncoder().encode(`${key}${wide ? "\0\0\0\0\0" : "\0"}${text}`));
}

// chunk is a chunk of a kind, whose data are some arrays of bytes.
export function chunk(kind, ...data) {
  const length = data.reduce((n, { length }) => n + length, 0);
  const bytes = new Uint8Array(length + 12), view = new DataView(bytes.buffer);
  view.setUint32(0, length);
  let at = 4;
  for (const part of [new TextEncoder().encode(kind), ...data]) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32(bytes.subarray(4, at)));
  return bytes;
}

function crc32(bytes) {
  let c = ~0;
  for (const b of bytes) {
    c ^= b;
    for (let i = 0; i < 8; i++) c = c >>> 1 ^ (c & 1 && 0xedb88320);
  }
  return ~c >>> 0;
}
