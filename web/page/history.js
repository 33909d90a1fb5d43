// The results of this session as a strip of thumbnails, the newest first. Arrow keys, Home and
// End go along it.
//   entry: {request, result, seen: {name, id} of the model}
import { grid } from "./dit8/png.js";
import { summary } from "./command.js";

const maxEntries = 60;
const maxBytes = 128e6; // of their pixels

const $ = (id) => document.getElementById(id);
const bytes = ({ result: { images } }) => images.length * images[0].data.length;

export function history({ onSelect }) {
  const strip = $("history");
  let entries = [], chosen;

  strip.onkeydown = (event) => {
    const tiles = [...strip.children], at = tiles.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tiles.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    tiles[Math.max(0, Math.min(to, tiles.length - 1))].focus();
  };
  // One stop for the tab key: where the focus was last.
  strip.addEventListener("focusin", ({ target }) => { for (const tile of strip.children) tile.tabIndex = tile === target ? 0 : -1; });

  function tile(entry) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "tile", tabIndex: -1, title: summary(entry.request) });
    button.setAttribute("aria-label", summary(entry.request));
    const picture = grid(entry.result.images);
    const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    button.append(canvas);
    button.onclick = () => onSelect(entry);
    return button;
  }

  return {
    get length() { return entries.length; },

    // add keeps an entry, in place of the oldest where there are too many.
    add(entry) {
      entry.tile = tile(entry);
      entries.unshift(entry);
      strip.prepend(entry.tile);
      let total = 0;
      const keep = entries.filter((e, i) => (total += bytes(e)) <= maxBytes && i < maxEntries || i === 0);
      for (const old of entries) if (!keep.includes(old)) old.tile.remove();
      entries = keep;
      this.ask(false);
      strip.scrollLeft = 0;
    },

    // ask says what a click on a picture does.
    ask(second) {
      const { length } = entries;
      $("past-note").textContent = second ? "Click the one that it shall become, or press Escape." : length > 1 ? `${length} pictures. Click one for its details.`
        : length ? "One picture. Click it for its details." : "Your pictures gather here.";
    },

    choose(entry) {
      chosen?.tile.removeAttribute("aria-current");
      chosen = entry;
      entry.tile.setAttribute("aria-current", "true");
      if (!strip.contains(document.activeElement)) for (const t of strip.children) t.tabIndex = t === entry.tile ? 0 : -1;
    },
  };
}
