// Takes the pictures of the page's gallery anew, by the default model: gallery.webp, and first.webp, the way to the first one, which
// the page shows while it loads; preview.jpg, which stands for the page where a link to it is shown; and the icons of icon.svg. Run it after new weights (make gallery), and look at them.
import { readFileSync, writeFileSync } from "node:fs";
import { root } from "../test/helpers.mjs";
import { start } from "../test/page.mjs";
import { columns, first, look, pictures } from "../page/gallery.js";

const site = await start(), page = await site.open();
const write = (name, bytes) => {
  writeFileSync(`${root}web/page/${name}`, Buffer.from(bytes, "base64"));
  console.log(name, Buffer.from(bytes, "base64").length, "bytes");
};
await page.evaluate(() => {
  window.file = async (canvas, options) => {
    const bytes = new Uint8Array(await (await canvas.convertToBlob(options)).arrayBuffer());
    return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
  };
});

const [sheet, way, preview] = await page.evaluate(async ({ columns, first, look, pictures }) => {
  const { Sampler } = await import("./dit8/sampler.js");
  const sampler = await Sampler.load();
  const put = (context, image, x, y, side) => {
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, x, y, side, side);
  };
  const thumb = 72, sheet = new OffscreenCanvas(columns * thumb, Math.ceil(pictures.length / columns) * thumb), context = sheet.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, sheet.width, sheet.height);
  for (const [i, { prompt }] of pictures.entries()) {
    const { images: [image] } = await sampler.generate({ prompt, ...look });
    put(context, image, i % columns * thumb, Math.floor(i / columns) * thumb, thumb);
  }
  const frames = [], { images: [done] } = await sampler.generate({ ...first, steps: 20 }, { states: true, onStep: ({ states: [state] }) => frames.push(state) });
  const shown = [0, 4, 8, 11, 14, 16, 18].map((k) => frames[k]).concat(done);
  const strip = new OffscreenCanvas(shown.length * 96, 96), to = strip.getContext("2d");
  shown.forEach((image, i) => put(to, image, i * 96, 0, 96));
  const card = new OffscreenCanvas(1200, 630), on = card.getContext("2d"), side = 216;
  on.fillStyle = "#fff";
  on.fillRect(0, 0, card.width, card.height);
  for (const [i, prompt] of ["fox", "lion", "frog", "parrot", "strawberry"].entries()) put(on, (await sampler.generate({ prompt, ...look })).images[0], 24 + i * 234, 140, side);
  [0, 9, 13, 16].map((k) => frames[k]).concat(done).forEach((image, i) => put(on, image, 24 + i * 234, 390, side));
  on.fillStyle = "#bb3e0b";
  on.font = "700 76px system-ui, sans-serif";
  on.fillText("dit8", 30, 92);
  on.fillStyle = "#625952";
  on.font = "36px system-ui, sans-serif";
  on.fillText("Pictures drawn on your own machine, out of noise.", 230, 88);
  return [await file(sheet, { type: "image/webp", quality: 0.72 }), await file(strip, { type: "image/webp", quality: 0.4 }), await file(card, { type: "image/jpeg", quality: 0.8 })];
}, { columns, first, look, pictures });
write("gallery.webp", sheet);
write("first.webp", way);
write("preview.jpg", preview);

const svg = readFileSync(`${root}web/page/icon.svg`, "utf8");
for (const side of [192, 512]) write(`icon-${side}.png`, await page.evaluate(async ([svg, side]) => {
  const image = Object.assign(new Image(side, side), { src: `data:image/svg+xml,${encodeURIComponent(svg)}` });
  await image.decode();
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext("2d").drawImage(image, 0, 0, side, side);
  return file(canvas, { type: "image/png" });
}, [svg, side]));
await site.stop();
