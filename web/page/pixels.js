// Pixels as an edit has them: bytes in base64.
export function base64(bytes) {
  const some = 1 << 13, texts = []; // characters that a function takes
  for (let at = 0; at < bytes.length; at += some) texts.push(String.fromCharCode(...bytes.subarray(at, at + some)));
  return btoa(texts.join(""));
}

// rgb is the bytes of an image without its alpha.
export function rgb({ data }) {
  const bytes = new Uint8Array(data.length / 4 * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) for (let c = 0; c < 3; c++) bytes[to++] = data[from + c];
  return bytes;
}

// luma is its brightness (ITU-R BT.601), as core.Luma.
export const luma = ({ data }) => Uint8Array.from({ length: data.length / 4 }, (_, i) => Math.floor((299 * data[4 * i] + 587 * data[4 * i + 1] + 114 * data[4 * i + 2] + 500) / 1000));
