// A field to search and pick a class with. Names, words in them and words about them match what is typed. An Enter picks and
// submits the form.
import { glyphs } from "./glyphs.js";
import { listbox } from "./listbox.js";

const spaced = (text) => text.replaceAll("-", " ");

export const glyphOf = (name) => (Object.hasOwn(glyphs, name) ? glyphs[name].split(" ", 1)[0] : "");

// labelOf is a class's name as people write it. Those of other models stay as they are.
export const labelOf = (name) => (Object.hasOwn(glyphs, name) ? spaced(name) : name);

export const titled = (name) => `${glyphOf(name)} ${labelOf(name)}`.trim();

// search gives the classes that every typed word matches, the best first.
export function search(classes, typed) {
  const words = spaced(typed.toLowerCase()).split(/\s+/).filter(Boolean);
  const whole = words.join(" ");
  return classes.map((name, i) => ({ name, i, rank: rank(name, words, whole) }))
    .filter(({ rank }) => rank < Infinity).sort((a, b) => a.rank - b.rank || a.i - b.i).map(({ name }) => name);
}

function rank(name, words, whole) {
  const label = spaced(name.toLowerCase());
  if (label === whole) return 0;
  if (label.startsWith(whole)) return 1;
  const own = label.split(" "), about = Object.hasOwn(glyphs, name) ? glyphs[name].split(" ") : [];
  const starts = (list, word) => list.some((w) => w.startsWith(word));
  return Math.max(...words.map((word) => (starts(own, word) ? 2 : about.includes(word) ? 3 : starts(about, word) ? 4 : Infinity)));
}

// picker makes one of an input in a div with a span for the emoji and an empty list.
// onPick(name) is called where a class is taken from the list, with the key or "".
export function picker(input, { onPick, onChange = () => {} }) {
  const list = listbox(input, "Classes", {
    take(i) {
      take(i);
      onPick?.(kept, "");
    },
    leave() { if (!list.hidden) input.value.trim() ? take(list.active) : escape(); },
  });
  const glyph = input.parentElement.querySelector(".glyph");
  let classes = [], shown = [], kept = "";

  const named = () => {
    const text = input.value.trim();
    return classes.find((name) => name === text || labelOf(name) === text) ?? text;
  };
  const changed = () => {
    glyph.textContent = glyphOf(named()) || "🔍";
    onChange(named());
  };

  function open(names, at) {
    if (!names.length) return list.close();
    shown = names;
    list.open(names.map((name) => {
      const emoji = Object.assign(document.createElement("span"), { className: "glyph", textContent: glyphOf(name) });
      emoji.setAttribute("aria-hidden", "true");
      return [emoji, labelOf(name)];
    }), at);
  }

  // all opens the whole list, at what is in the field.
  const all = () => open(classes, Math.max(0, classes.indexOf(named())));

  function take(i) {
    input.value = labelOf(kept = shown[i]);
    list.close();
    changed();
  }

  input.addEventListener("input", () => {
    changed();
    open(input.value.trim() ? search(classes, input.value) : classes, 0);
  });
  input.addEventListener("click", () => { if (list.hidden) { input.select(); all(); } });
  const escape = () => { list.close(); input.value = labelOf(kept); changed(); };

  const keys = {
    ArrowDown: () => (list.hidden ? all() : list.mark((list.active + 1) % shown.length)),
    ArrowUp: () => (list.hidden ? all() : list.mark((list.active + shown.length - 1) % shown.length)),
    Home: () => (list.hidden ? "native" : list.mark(0)),
    End: () => (list.hidden ? "native" : list.mark(shown.length - 1)),
    Escape: () => escape(),
    Enter: () => {
      if (list.hidden) return "native";
      take(list.active);
      onPick?.(kept, "Enter");
    },
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
    if (keys[event.key]() !== "native") event.preventDefault();
  });
  return {
    get value() { return named(); },
    set value(name) {
      list.close();
      input.value = labelOf(kept = name);
      changed();
    },
    use(names) { classes = names; changed(); },
  };
}
