// A mask of a picture's file, by the rule of the command line: what is transparent is painted anew. Where nothing is, it is of two
// levels of grey the brighter one, of several those from 128 on.
import { luma } from "./pixels.js";

const threshold = 128;

// masked gives {mask, said}: a byte a pixel of a square of size, 1 for what is painted anew, and how that was told. The picture's middle is taken.
export function masked(bitmap, size) {
  const { width, height } = bitmap, whole = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  whole.drawImage(bitmap, 0, 0);
  const picture = whole.getImageData(0, 0, width, height), { data } = picture;
  const alpha = Uint8Array.from({ length: data.length / 4 }, (_, i) => 255 - data[4 * i + 3]);
  const clear = alpha.some((v) => v >= threshold), grey = clear ? alpha : luma(picture);
  const levels = [...new Set(grey)].sort((a, b) => a - b), from = !clear && levels.length === 2 ? levels[1] : threshold;
  grey.forEach((v, i) => data.fill(v >= from ? 255 : 0, 4 * i, 4 * i + 3));
  grey.forEach((_, i) => { data[4 * i + 3] = 255; });
  whole.putImageData(picture, 0, 0);
  const scale = size / Math.min(width, height), small = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  small.imageSmoothingQuality = "high";
  small.drawImage(whole.canvas, (size - width * scale) / 2, (size - height * scale) / 2, width * scale, height * scale);
  const mask = luma(small.getImageData(0, 0, size, size)).map((v) => (v >= 128 ? 1 : 0));
  if (!mask.includes(1)) throw new Error(`the mask has nothing to paint: white, a brightness of ${threshold} or more, is painted anew, or what is transparent`);
  return { mask, said: clear ? "what is transparent is painted anew" : levels.length === 2 ? "the brighter of its two levels is painted anew" : `what has a brightness from ${threshold} on is painted anew` };
}
