// A field to search and pick a class with: the ARIA Authoring Practices' combobox with a
// listbox. Names, words in them and words about them match what is typed. An Enter picks and
// submits the form.
import { glyphs } from "./glyphs.js";

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
  const own = label.split(" "), about = Object.hasOwn(glyphs, name) ? glyphs[name].split(" ").slice(1) : [];
  const starts = (list, word) => list.some((w) => w.startsWith(word));
  return Math.max(...words.map((word) => (starts(own, word) ? 2 : about.includes(word) ? 3 : starts(about, word) ? 4 : Infinity)));
}

// picker makes one of an input in a div with a span for the emoji and an empty list.
// onPick(name) is called where a class is taken from the list, with the key or "".
export function picker(input, { onPick, onChange = () => {} }) {
  const list = document.getElementById(`${input.id}-list`);
  const glyph = input.parentElement.querySelector(".glyph");
  let classes = [], shown = [], active = -1, kept = "";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Classes");
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-haspopup", "listbox"], ["aria-controls", list.id], ["aria-expanded", "false"]]) input.setAttribute(name, value);

  const named = () => {
    const text = input.value.trim();
    return classes.find((name) => name === text || labelOf(name) === text) ?? text;
  };
  const changed = () => {
    glyph.textContent = glyphOf(named()) || "🔍";
    onChange(named());
  };

  function open(names, at) {
    if (!names.length) return close();
    shown = names;
    list.replaceChildren(...names.map((name, i) => {
      const option = Object.assign(document.createElement("li"), { id: `${input.id}-${i}` });
      option.setAttribute("role", "option");
      const emoji = Object.assign(document.createElement("span"), { className: "glyph", textContent: glyphOf(name) });
      emoji.setAttribute("aria-hidden", "true");
      option.append(emoji, labelOf(name));
      return option;
    }));
    if (list.hidden) {
      list.hidden = false;
      list.scrollIntoView({ block: "nearest" });
    }
    input.setAttribute("aria-expanded", "true");
    mark(at);
  }

  function close() {
    list.hidden = true;
    list.replaceChildren();
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function mark(i) {
    list.children[active]?.removeAttribute("aria-selected");
    active = i;
    const option = list.children[i];
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    const margin = list.firstElementChild.offsetTop;
    list.scrollTop = Math.min(option.offsetTop - margin, Math.max(list.scrollTop, option.offsetTop + option.offsetHeight + margin - list.clientHeight));
  }

  // all opens the whole list, at what is in the field.
  const all = () => open(classes, Math.max(0, classes.indexOf(named())));

  function take(i) {
    input.value = labelOf(kept = shown[i]);
    close();
    changed();
  }

  input.addEventListener("input", () => {
    changed();
    open(input.value.trim() ? search(classes, input.value) : classes, 0);
  });
  input.addEventListener("click", () => { if (list.hidden) { input.select(); all(); } });
  input.addEventListener("blur", () => { if (!list.hidden) input.value.trim() ? take(active) : escape(); });
  const escape = () => { close(); input.value = labelOf(kept); changed(); };

  const keys = {
    ArrowDown: () => (list.hidden ? all() : mark((active + 1) % shown.length)),
    ArrowUp: () => (list.hidden ? all() : mark((active + shown.length - 1) % shown.length)),
    Home: () => (list.hidden ? "native" : mark(0)),
    End: () => (list.hidden ? "native" : mark(shown.length - 1)),
    Escape: () => escape(),
    Enter: () => {
      if (list.hidden) return "native";
      take(active);
      onPick?.(kept, "Enter");
    },
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
    if (keys[event.key]() !== "native") event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (!option) return;
    take([...list.children].indexOf(option));
    onPick?.(kept, "");
  });

  return {
    get value() { return named(); },
    set value(name) {
      close();
      input.value = labelOf(kept = name);
      changed();
    },
    use(names) { classes = names; changed(); },
  };
}
