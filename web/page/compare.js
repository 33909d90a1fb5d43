// Two results side by side, and a contact sheet of many, as a PNG.
import { grid } from "./dit8/png.js";
import { summary } from "./command.js";
import { save } from "./files.js";
import { fine, put } from "./pixels.js";

const most = 2400; // pixels a side of a sheet, about
const gap = 16, line = 18; // pixels

const pictureOf = async ({ result, small }) => (result ? grid(result.images) : createImageBitmap(small));

// wrap breaks a text into at most two lines of a width.
function wrap(context, text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (context.measureText(longer).width <= width || !lines.at(-1)) lines[lines.length - 1] = longer;
    else if (lines.push(word) > 2) return [lines[0], `${lines[1]}…`];
  }
  return lines;
}

// sheet gives the Blob of a PNG of entries, each with what it is of below it.
export async function sheet(entries) {
  const columns = Math.ceil(Math.sqrt(entries.length)), side = Math.max(128, Math.min(512, Math.floor(most / columns) - gap)), high = side + 2 * line + gap;
  const canvas = new OffscreenCanvas(gap + columns * (side + gap), gap + Math.ceil(entries.length / columns) * high), context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#333";
  context.font = "13px system-ui, sans-serif";
  context.textAlign = "center";
  for (const [i, entry] of entries.entries()) {
    const x = gap + i % columns * (side + gap), y = gap + Math.floor(i / columns) * high;
    const picture = await pictureOf(entry), scale = side / Math.max(picture.width, picture.height);
    context.imageSmoothingEnabled = fine(picture.width);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, x + (side - picture.width * scale) / 2, y, picture.width * scale, picture.height * scale);
    wrap(context, summary(entry.request), side).forEach((text, k) => context.fillText(text, x + side / 2, y + side + 14 + k * line));
  }
  return canvas.convertToBlob({ type: "image/png" });
}

const shown = (value) => {
  const text = value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

// apart says how far the pixels of two pictures of one size are from each other.
function apart(a, b) {
  if (a.width !== b.width || a.height !== b.height) return `One has ${a.width}×${a.height} pixels, the other ${b.width}×${b.height}.`;
  const [p, q] = [a, b].map((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
  const sum = p.reduce((sum, v, i) => sum + Math.abs(v - q[i]), 0);
  return sum ? `Their colours are ${(sum / (0.75 * p.length)).toFixed(1)} of 255 apart on average.` : "Bit for bit the same pixels.";
}

// comparer fills element. open(a, b) takes two entries.
export function comparer(element) {
  element.innerHTML = `
    <div class="tool compare">
      <div class="sides"><figure><canvas role="img"></canvas><figcaption></figcaption></figure><figure><canvas role="img"></canvas><figcaption></figcaption></figure></div>
      <p class="readout" role="status"></p>
      <div class="scroll" tabindex="0" role="group" aria-label="What was asked differently"><table><caption>What was asked differently</caption><thead><tr><th scope="col">Field</th><th scope="col">The first</th><th scope="col">The second</th></tr></thead><tbody></tbody></table></div>
      <div class="controls"><button class="save primary" type="button">Save both as one PNG</button></div>
    </div>`;
  const $ = (selector) => element.querySelector(selector), canvases = element.querySelectorAll("canvas"), captions = element.querySelectorAll("figcaption");
  let both;
  $(".save").onclick = async () => save(await sheet(both), "dit8-compared.png");
  return {
    open(...entries) {
      both = entries;
      for (const [i, { request, result }] of entries.entries()) {
        put(canvases[i], grid(result.images), result.images[0].width);
        canvases[i].setAttribute("aria-label", captions[i].textContent = summary(request));
      }
      $(".readout").textContent = apart(...canvases);
      const [a, b] = entries.map(({ request, model }) => ({ ...request, model: `${model.name} ${model.id}` }));
      const rows = Object.keys({ ...a, ...b }).filter((field) => JSON.stringify(a[field]) !== JSON.stringify(b[field])).map((field) => {
        const row = document.createElement("tr");
        row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: field }), ...[a, b].map((of) => Object.assign(document.createElement("td"), { textContent: shown(of[field]) })));
        return row;
      });
      $(".scroll").hidden = !rows.length;
      $("tbody").replaceChildren(...rows);
    },
    close() { both = undefined; },
  };
}
