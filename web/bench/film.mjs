// Films the page for the README: docs/page.webp, an animated WebP of what a first visit looks like. A picture comes out of noise,
// then something is typed and styles are tried, live. Look at it (make film).
import { writeFileSync } from "node:fs";
import { root } from "../test/helpers.mjs";
import { start } from "../test/page.mjs";

const site = await start(), frames = []; // {png: base64, ms}
const page = await site.open({ address: "", until: "Done", viewport: { width: 1120, height: 720 }, deviceScaleFactor: 0.75, colorScheme: "light" });
const still = () => page.waitForFunction(() => document.getElementById("film").hidden);
const frame = async (ms) => frames.push({ png: (await page.screenshot({ caret: "hide" })).toString("base64"), ms });

// live waits for the picture of what was changed.
async function live(action) {
  await page.evaluate(() => { window.shown = new Promise((resolve) => new MutationObserver(resolve).observe(document.getElementById("canvas"), { attributes: true })); });
  await action();
  await page.evaluate(() => Promise.race([window.shown, new Promise((resolve) => setTimeout(resolve, 2000))]));
}

await still();
for (let k = 0; k <= 16; k++) {
  await page.$eval("#scrub", (scrub, p) => { scrub.value = p; scrub.dispatchEvent(new Event("input")); }, 1 - (1 - k / 16) ** 1.6);
  await page.waitForTimeout(50);
  await frame(k === 0 ? 500 : k === 16 ? 1500 : 110);
}
await page.fill("#prompt", "");
for (const letter of "fox") {
  await live(() => page.type("#prompt", letter));
  await frame(260);
}
await page.keyboard.press("Escape");
await frame(900);
for (const [style, ms] of [["noto", 700], ["twemoji", 700], ["fluent-3d", 1800]]) {
  await live(() => page.click(`#styles [data-style='${style}']`));
  await frame(ms);
}

// Each frame is the part that differs from the one before (WebP container specification: VP8X, ANIM, ANMF).
const webp = await page.evaluate(async (frames) => {
  const numbers = (...of) => new Uint8Array(of.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => value >>> 8 * i)));
  const chunk = (kind, ...parts) => {
    const length = parts.reduce((n, { length }) => n + length, 0);
    return [new TextEncoder().encode(kind), numbers([4, length]), ...parts, new Uint8Array(length % 2)];
  };
  const out = [];
  let before, w, h;
  for (const { png, ms } of frames) {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(png), (c) => c.charCodeAt(0))]));
    [w, h] = [bitmap.width, bitmap.height];
    const whole = new OffscreenCanvas(w, h).getContext("2d", { willReadFrequently: true });
    whole.drawImage(bitmap, 0, 0);
    const now = new Uint32Array(whole.getImageData(0, 0, w, h).data.buffer);
    let [left, top, right, bottom] = [w, h, 0, 0];
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
      if (before && before[y * w + x] === now[y * w + x]) continue;
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x + 1), Math.max(bottom, y + 1)];
    }
    before = now;
    if (right === 0) [left, top, right, bottom] = [0, 0, 2, 2];
    [left, top] = [left & ~1, top & ~1];
    const part = new OffscreenCanvas(right - left, bottom - top);
    part.getContext("2d", { alpha: false }).drawImage(bitmap, -left, -top);
    const file = new Uint8Array(await (await part.convertToBlob({ type: "image/webp", quality: 0.6 })).arrayBuffer()), view = new DataView(file.buffer);
    let at = 12;
    while (String.fromCharCode(...file.subarray(at, at + 4)) !== "VP8 ") at += 8 + view.getUint32(at + 4, true) + view.getUint32(at + 4, true) % 2;
    const data = file.subarray(at, at + 8 + view.getUint32(at + 4, true) + view.getUint32(at + 4, true) % 2);
    out.push(...chunk("ANMF", numbers([3, left / 2], [3, top / 2], [3, part.width - 1], [3, part.height - 1], [3, ms], [1, 2]), data)); // 2: drawn over, not blended
  }
  const body = [...chunk("VP8X", numbers([1, 2], [3, 0], [3, w - 1], [3, h - 1])), ...chunk("ANIM", numbers([4, 0xffffffff], [2, 0])), ...out];
  const length = body.reduce((n, { length }) => n + length, 4);
  const bytes = new Uint8Array(await new Blob([...[new TextEncoder().encode("RIFF"), numbers([4, length]), new TextEncoder().encode("WEBP")], ...body]).arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  return btoa(text);
}, frames);
const file = process.argv[2] ?? `${root}docs/page.webp`;
writeFileSync(file, Buffer.from(webp, "base64"));
console.log(file, frames.length, "frames,", Buffer.from(webp, "base64").length, "bytes");
await site.stop();
