// Renders icons, one request a line on stdin, {svg, box, size}, one answer a line on stdout: base64 of size×size×4 bytes, RGBA.
// build.mjs runs it as a process of its own, as resvg aborts on a few icons.
import { createInterface } from "node:readline";
import { Resvg } from "@resvg/resvg-js";

const margin = 1 / 32; // of the picture, on each side of the drawing
const samples = (size) => size > 64 ? 4 : 8; // per pixel and axis

const pixels = (svg, width) => new Resvg(svg, { fitTo: { mode: "width", value: width }, font: { loadSystemFonts: false } }).render();

/** bounds is the square around what is drawn, in the units of the icon: every set leaves another margin. */
function bounds({ pixels: p, width: w, height: h }, [x, y, boxWidth]) {
  let [left, top, right, bottom] = [w, h, 0, 0];
  for (let i = 0; i < h; i++)
    for (let j = 0; j < w; j++)
      if (p[4 * (i * w + j) + 3] > 16) {
        [left, right] = [Math.min(left, j), Math.max(right, j + 1)];
        [top, bottom] = [Math.min(top, i), Math.max(bottom, i + 1)];
      }
  if (right === 0) throw new Error("nothing is drawn");
  const unit = boxWidth / w, side = Math.max(right - left, bottom - top) / (1 - 2 * margin);
  return [x + unit * ((left + right - side) / 2), y + unit * ((top + bottom - side) / 2), unit * side, unit * side];
}

/** shrink averages areas, weighted by alpha. */
function shrink(p, from, size) {
  const n = from / size, out = Buffer.alloc(size * size * 4);
  for (let i = 0; i < size * size; i++) {
    const sum = [0, 0, 0, 0];
    for (let r = 0; r < n; r++)
      for (let c = 0; c < n; c++) {
        const at = 4 * ((Math.floor(i / size) * n + r) * from + (i % size) * n + c), a = p[at + 3];
        for (let k = 0; k < 3; k++) sum[k] += a * p[at + k];
        sum[3] += a;
      }
    for (let k = 0; k < 3; k++) out[4 * i + k] = sum[3] ? Math.round(sum[k] / sum[3]) : 255;
    out[4 * i + 3] = Math.round(sum[3] / (n * n));
  }
  return out;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { svg, box, size } = JSON.parse(line);
  let answer;
  try {
    const square = bounds(pixels(svg, 256), box);
    const framed = svg.replace(/viewBox="[^"]*" width="[^"]*" height="[^"]*"/, `viewBox="${square.join(" ")}" width="100" height="100"`);
    const fine = size * samples(size);
    answer = { image: shrink(pixels(framed, fine).pixels, fine, size).toString("base64") };
  } catch (e) {
    answer = { error: String(e.message ?? e) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
