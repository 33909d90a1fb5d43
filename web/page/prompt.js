// The field of a prompt, for models that are told words: it completes the word that is typed, shows below which words count, and has
// the styles beside it. What a text says the generator reads: there is one reader.
import { listbox } from "./listbox.js";

const $ = (id) => document.getElementById(id);
const most = 8; // completions

const spaced = (text) => text.replaceAll("-", " ");

// complete gives what the word before the caret may become: words and synonyms that begin with it, the shortest first, and styles.
export function complete(text, { words, synonyms, styles }) {
  const [token] = /[\p{L}\p{N}]*$/u.exec(text.toLowerCase());
  if (!token) return [];
  const like = (list, note) => list.filter((word) => word.startsWith(token) && word !== token).sort((a, b) => a.length - b.length || (a < b ? -1 : 1)).map((word) => ({ word, note, token }));
  const named = styles.filter((name) => name.split("-").some((part) => part.startsWith(token)) && token.length > 1).map((name) => ({ word: spaced(name), note: "style", token }));
  return [...like(words, ""), ...named, ...like(synonyms, "")].slice(0, most);
}

// prompt calls onChange() where the text or the style was changed here, and read(text) to learn what a text says.
export function prompt({ onChange, read }) {
  const input = $("prompt"), list = listbox(input, "Completions", { take, leave });
  let info = { words: [], synonyms: [], styles: [] }, options = [], style = "", said, reading = false;

  const before = () => input.value.slice(0, input.selectionStart);

  function suggest() {
    options = complete(before(), info);
    if (!options.length) return close();
    list.open(options.map(({ word, note }) => [word, ...(note ? [Object.assign(document.createElement("small"), { textContent: note })] : [])]), -1);
  }

  function close() {
    list.close();
    options = [];
  }

  function leave() {
    const typing = options.length > 0;
    close();
    if (typing) show();
  }

  function take(i) {
    const { word, token } = options[i], at = input.selectionStart;
    const rest = input.value.slice(at);
    input.value = `${input.value.slice(0, at - token.length)}${word}${rest.startsWith(" ") ? "" : " "}${rest}`;
    input.selectionStart = input.selectionEnd = at - token.length + word.length + 1;
    close();
    changed();
  }

  const keys = {
    ArrowDown: () => (list.hidden ? suggest() : list.mark((list.active + 1) % options.length)),
    ArrowUp: () => (list.hidden ? suggest() : list.mark((list.active + options.length) % (options.length + 1) - (list.active === 0 ? 1 : 0))),
    Escape: () => (list.hidden ? "native" : close()),
    Tab: () => (list.hidden || list.active < 0 ? (close(), "native") : take(list.active)),
    Enter: () => (list.hidden || list.active < 0 ? (close(), "native") : take(list.active)), // it submits the form
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.shiftKey || !Object.hasOwn(keys, event.key)) return;
    if (keys[event.key]() !== "native") event.preventDefault();
  });
  input.addEventListener("input", () => { suggest(); changed(); });
  $("said").addEventListener("pointerdown", (event) => event.preventDefault()); // a click on a chip does not leave the field

  function changed() {
    look();
    onChange();
  }

  // look reads the text and shows what of it counts; the newest text is read, those in between are not.
  async function look() {
    if (reading) return;
    reading = true;
    for (let text; text !== input.value && info.words.length;) {
      text = input.value;
      try { said = await read(text); } catch { said = undefined; } // too long, or the model has gone
    }
    reading = false;
    show();
  }

  function show() {
    const chips = (said?.words ?? []).map(({ text, words, weight }) => {
      const chip = Object.assign(document.createElement("span"), { className: weight < 0 ? "chip without" : "chip", textContent: `${weight < 0 ? "no " : ""}${text}` });
      if (words.length > 1 || words[0] !== text) chip.append(Object.assign(document.createElement("small"), { textContent: `= ${words.join(" ")}` }));
      if (Math.abs(weight) !== 1) chip.append(Object.assign(document.createElement("small"), { textContent: `×${Math.abs(weight)}` }));
      return chip;
    });
    for (const { text, near } of said?.unknown ?? []) {
      if (text === options[0]?.token) continue; // it is being typed
      const chip = Object.assign(document.createElement(near ? "button" : "span"), { className: "chip unknown", textContent: near ? `${text} → ${near}?` : text });
      chip.title = near ? `The model does not know ${text}. Say ${near}?` : `The model does not know ${text}`;
      if (near) {
        chip.type = "button";
        chip.onclick = () => {
          const changes = new RegExp(`(?<![\\p{L}\\p{N}])${text}(?![\\p{L}\\p{N}])`, "iu");
          input.value = changes.test(input.value) ? input.value.replace(changes, near) : `${input.value.trim()} ${near}`;
          input.focus();
          changed();
        };
      }
      chips.push(chip);
    }
    $("said").replaceChildren(...chips);
    pressed();
  }

  const pressed = () => { for (const button of $("styles").children) button.setAttribute("aria-pressed", button.dataset.style === (said?.style || style)); };

  function styleButton(name) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name ? spaced(name) : "any style" });
    button.dataset.style = name;
    button.onclick = () => {
      style = name;
      if (said?.style) { // what the text says would go first
        input.value = input.value.replace(new RegExp(`,? *(in )?(the )?(style )?${said.style.split("-").join("[ -]+")}( style)?`, "i"), "").trim();
        look();
      }
      pressed();
      onChange();
    };
    return button;
  }

  return {
    get value() { return input.value.trim(); },
    set value(text) { close(); input.value = text; look(); },
    get style() { return style; },
    set style(name) { style = name; pressed(); },
    use(model) {
      info = model;
      said = undefined;
      $("styles").replaceChildren(...["", ...info.styles].map(styleButton));
      pressed();
    },
  };
}
