// The picture in the making, or the one that was chosen: the canvas with its progress.
import { busy } from "./busy.js";
import { grid } from "./dit8/png.js";
import { fine } from "./pixels.js";

const $ = (id) => document.getElementById(id);

// view calls onSelect(i) where an image of a grid is clicked.
export function view({ onSelect }) {
  const canvas = $("canvas"), context = canvas.getContext("2d");
  let count = 1;

  // layout sizes the canvas to a nearly square grid, as the command line's PNG.
  function layout(images, size) {
    count = images;
    const columns = Math.ceil(Math.sqrt(count));
    canvas.width = columns * size;
    canvas.height = Math.ceil(count / columns) * size;
    canvas.classList.toggle("fine", fine(size));
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    canvas.classList.add("drawn");
    $("chosen").hidden = true;
  }

  const cells = () => {
    const columns = Math.ceil(Math.sqrt(count));
    return { columns, rows: Math.ceil(count / columns) };
  };

  canvas.onclick = ({ offsetX, offsetY }) => {
    // the grid lies in the middle of a square
    const { columns, rows } = cells(), cell = canvas.clientWidth / Math.max(columns, rows);
    const x = Math.floor((offsetX - (canvas.clientWidth - columns * cell) / 2) / cell);
    const y = Math.floor((offsetY - (canvas.clientHeight - rows * cell) / 2) / cell);
    const i = y * columns + x;
    if (x >= 0 && x < columns && y >= 0 && i < count) onSelect(i);
  };

  return {
    get side() { return canvas.width / cells().columns; }, // of one image, in pixels

    step({ first, images }, total) {
      const size = images[0].width, columns = Math.ceil(Math.sqrt(total));
      if (first === 0 && (count !== total || canvas.width !== columns * size || !canvas.classList.contains("live"))) {
        layout(total, size);
        canvas.classList.add("live");
        canvas.setAttribute("aria-label", "An image in the making");
      }
      images.forEach((image, i) => context.putImageData(image, (first + i) % columns * size, Math.floor((first + i) / columns) * size));
    },

    show(images, label) {
      layout(images.length, images[0].width);
      context.drawImage(grid(images), 0, 0);
      canvas.classList.remove("live");
      canvas.setAttribute("aria-label", label);
    },

    // choose frames one image of several.
    choose(i) {
      const { columns, rows } = cells(), cell = 100 / Math.max(columns, rows);
      const frame = $("chosen");
      frame.hidden = count === 1;
      frame.style.width = frame.style.height = `${cell}%`;
      frame.style.left = `${(100 - columns * cell) / 2 + i % columns * cell}%`;
      frame.style.top = `${(100 - rows * cell) / 2 + Math.floor(i / columns) * cell}%`;
    },
  };
}

// status says what goes on: each step to the eye, the rest also to screen readers.
export function status(text, { part, quiet } = {}) {
  $("status").textContent = text;
  if (part !== undefined) {
    $("progress").value = part;
    busy.told(part);
  }
  if (!quiet) $("news").textContent = text;
}

const mega = (bytes) => (bytes / 1e6).toFixed(1);

export function loading({ loaded, total, note }, what = "the model") {
  if (note) return status(`Loading ${what}: ${note}`);
  status(`Loading ${what}: ${mega(loaded)}${total ? ` of ${mega(total)}` : ""} MB`, { part: total ? loaded / total : 0, quiet: true });
}

const duration = (s) => (s < 1 ? "under 1 s" : s < 90 ? `about ${Math.ceil(s)} s` : `about ${Math.round(s / 60)} min`);

// pace gives, for a model, a function that takes a request and gives another one, which shows each of its steps: how far it is, and
// what is left by what a step, and a part of decoding, has taken with this model.
export function pace() {
  const took = {}; // ms
  return ({ steps: evaluations, count = 1 }) => {
    const weight = took.part / took.step || 1; // of a part of decoding, a step being 1
    const done = { step: 0, part: 0 }, spent = { step: 0, part: 0 };
    let last = performance.now(), all;
    return ({ steps, decoding, images }) => {
      const kind = decoding ? "part" : "step", now = performance.now();
      if (!all) {
        const step = Math.min(steps, evaluations * Math.ceil(count / images.length));
        all = { step, part: steps - step };
      }
      done[kind]++;
      took[kind] = (spent[kind] += now - last) / done[kind];
      last = now;
      const rest = (kind) => (all[kind] - done[kind]) * (took[kind] ?? 0);
      const left = duration((rest("step") + rest("part")) / 1000), unknown = all.part && !took.part; // how long it is decoded
      const more = done.step + done.part === steps ? "" : unknown && done.step === all.step ? ", now it is decoded" : `, ${left} ${unknown ? "before it is decoded" : "left"}`;
      status(`${decoding ? "Decoding, part" : "Step"} ${done[kind]} of ${all[kind]}${more}`, { part: (done.step + weight * done.part) / (all.step + weight * all.part), quiet: true });
    };
  };
}
