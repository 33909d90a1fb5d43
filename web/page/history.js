// The results as a strip of thumbnails, the newest first. They are kept for the next visit (store.js): those have no pixels until
// they are drawn again.
//   entry: {request, model, result: none of an earlier visit's, sha256, note, star, frames}
import { grid } from "./dit8/png.js";
import { summary } from "./command.js";
import { save } from "./files.js";
import { bytes as filmed } from "./film.js";
import { fine } from "./pixels.js";
import { rove } from "./rove.js";
import { forget, keep, kept } from "./store.js";

const maxEntries = 60; // beside those with a star
const maxBytes = 128e6; // of their pixels
const maxFilms = 96e6; // of their steps
const ofModel = ["name", "id", "file", "files", "steps", "guidance", "shift", "maxSeed", "edits", "latents"]; // what is kept of it
const thumb = 160; // pixels a side

const $ = (id) => document.getElementById(id);
const bytes = ({ result }) => (result ? result.images.length * result.images[0].data.length : 0);
const text = ({ request, model }) => JSON.stringify([model.id, request]);
let last = Date.now();

export function history({ onSelect, onDelete }) {
  const strip = $("history"), row = rove(strip);
  let entries = [], chosen, asking = "";
  $("sheet").onclick = async () => save(await (await import("./compare.js")).sheet(entries), "dit8-pictures.png");

  function tile(entry, picture) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "tile", tabIndex: -1, title: summary(entry.request) });
    button.append(picture);
    button.onclick = () => onSelect(entry);
    button.onkeydown = ({ key }) => { if (key === "Delete") onDelete(entry); };
    entry.tile = button;
    named(entry);
  }

  const named = ({ tile, star, request }) => {
    tile.setAttribute("aria-label", `${summary(request)}${star ? ", starred" : ""}`);
    tile.classList.toggle("starred", !!star);
  };

  // drawn is a thumbnail.
  function drawn(images) {
    const picture = grid(images), scale = Math.min(1, thumb / Math.max(picture.width, picture.height));
    const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.classList.toggle("fine", fine(canvas.width));
    return canvas;
  }

  // write keeps an entry for the next visit, without what is of its file alone.
  async function write(entry) {
    entry.small ??= await new Promise((resolve) => entry.tile.firstChild.toBlob(resolve));
    const { key, request, sha256, star, small, model } = entry;
    if (entries.includes(entry)) await keep({ key, request, sha256, star, small, model: Object.fromEntries(ofModel.map((field) => [field, model[field]])) });
  }

  function remove(entry) {
    entry.tile.remove();
    entries = entries.filter((other) => other !== entry);
    forget(entry.key);
  }

  // tidy lets the oldest go where there are too many. Where pictures are too large for all to stay their pixels go, as of an earlier
  // visit's, and steps sooner.
  function tidy() {
    let pixels = 0, films = 0, plain = 0;
    for (const [i, entry] of [...entries].entries()) {
      if (!entry.star && i > 0 && ++plain >= maxEntries) remove(entry);
      else if ((pixels += bytes(entry)) > maxBytes && i > 0 && entry.small && entry !== chosen) delete entry.result;
      if ((films += filmed(entry.frames)) > maxFilms) delete entry.frames;
    }
  }

  const self = {
    get length() { return entries.length; },

    // add keeps an entry, in place of one with the same request.
    add(entry) {
      const same = entries.find((other) => text(other) === text(entry));
      if (same) {
        entry.star = same.star;
        remove(same);
      }
      entry.key = last = Math.max(last + 1, Date.now());
      entry.sha256 = entry.result.sha256;
      tile(entry, drawn(entry.result.images));
      entries.unshift(entry);
      strip.prepend(entry.tile);
      tidy();
      this.ask("");
      strip.scrollLeft = 0;
      (window.requestIdleCallback ?? setTimeout)(() => write(entry).catch(() => {}));
    },

    // restore shows what earlier visits made.
    async restore() {
      for (const record of (await kept()).sort((a, b) => b.key - a.key)) {
        if (entries.some((other) => text(other) === text(record))) { forget(record.key); continue; }
        const entry = { ...record, note: "" };
        const image = Object.assign(new Image(), { src: URL.createObjectURL(entry.small), alt: "" });
        image.onload = image.onerror = () => {
          URL.revokeObjectURL(image.src);
          image.classList.toggle("fine", fine(image.naturalWidth));
        };
        tile(entry, image);
        entries.push(entry);
        strip.append(entry.tile);
      }
      tidy();
      if (entries.length && !row.first()) row.stop(entries[0].tile);
      this.ask(asking);
    },

    remove(entry) {
      const at = entries.indexOf(entry), held = strip.contains(document.activeElement);
      remove(entry);
      this.ask("");
      const next = entries[Math.min(at, entries.length - 1)];
      if (next) row.stop(next.tile);
      if (held) next?.tile.focus();
      return next;
    },

    star(entry) {
      entry.star = !entry.star;
      named(entry);
      write(entry).catch(() => {});
    },

    // along is the entry so many places after the chosen one.
    along(places) { return entries[entries.indexOf(chosen) + places]; },

    // ask says what a click on a picture does: what the text says, or show it.
    ask(second) {
      const { length } = entries;
      asking = second;
      $("sheet").disabled = !length;
      $("past-note").textContent = second || (length > 1 ? `${length} pictures. Click one for its details.`
        : length ? "One picture. Click it for its details." : "They gather here, and stay on this machine.");
    },

    choose(entry) {
      chosen?.tile.removeAttribute("aria-current");
      chosen = entry;
      entry.tile.setAttribute("aria-current", "true");
      if (!strip.contains(document.activeElement)) row.stop(entry.tile);
    },
  };
  return self;
}
