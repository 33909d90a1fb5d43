// Checkpoints that are dropped onto the page or opened: they become models here.
import { convert } from "./dit8/convert.js";
import { save } from "./files.js";
import { status } from "./view.js";

const most = 10_000; // files of a folder

// gather lists the files of what was dropped, with their paths. A browser that knows no entries gives files alone.
export async function gather(list, entries) {
  if (!entries.some((entry) => entry?.isDirectory)) return [...list];
  const files = [];
  const walk = async (entry, path) => {
    if (entry.name.startsWith(".")) return;
    if (files.length === most) throw new Error(`the folder has more than ${most} files`);
    if (entry.isFile) return files.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    const reader = entry.createReader();
    for (let some; (some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length;) {
      for (const inner of some) await walk(inner, `${path}/${inner.name}`);
    }
  };
  for (const entry of entries) if (entry) await walk(entry, entry.name);
  return files;
}

// converted makes a model of files and gives it as the library has it, or its file where nothing can be kept. A card shows what was assumed, and saves the model; where it fails, it takes
// the flags of quantize, with which again(files, flags) tries once more.
export async function converted(files, { flags = [], signal, again }) {
  const card = open(), notes = card.appendChild(document.createElement("ul"));
  const note = (text) => notes.appendChild(document.createElement("li")).textContent = text;
  try {
    const { name, file, id, sha256, bytes, summary } = await convert(files, { flags, signal, onProgress: ({ note: text, part, what }) => {
      if (text) note(text);
      else status(`Converting: ${what}, ${(100 * part).toFixed(0)} %`, { part, quiet: true });
    } });
    const model = new File([file], `${name}.dit8`);
    card.querySelector("h2").textContent = model.name;
    notes.before(paragraph(summary));
    card.append(buttons(button("Save .dit8", () => save(model, model.name))));
    return id ? { name, kept: id, sha256, bytes } : model;
  } catch (error) {
    if (error.name === "ConvertError") {
      notes.before(paragraph(error.message));
      card.append(retry((more) => again(files, more), flags));
    } else card.remove();
    throw error;
  }
}

// open shows an empty card in place of the one before.
function open() {
  document.getElementById("converted")?.remove();
  const card = Object.assign(document.createElement("section"), { id: "converted", className: "card" });
  card.setAttribute("aria-labelledby", "converted-title");
  const line = Object.assign(document.createElement("div"), { className: "line" });
  line.append(Object.assign(document.createElement("h2"), { id: "converted-title", textContent: "Converting a checkpoint" }),
    Object.assign(button("Close", () => card.remove()), { className: "quiet" }));
  card.append(line);
  document.getElementById("past").before(card);
  return card;
}

const paragraph = (text) => Object.assign(document.createElement("p"), { textContent: text });
const button = (text, onclick) => Object.assign(document.createElement("button"), { type: "button", textContent: text, onclick });

function buttons(...all) {
  const group = Object.assign(document.createElement("div"), { className: "buttons" });
  group.append(...all);
  return group;
}

function retry(again, flags) {
  const form = Object.assign(document.createElement("form"), { className: "buttons" });
  const field = Object.assign(document.createElement("input"), { id: "flags", value: flags.join(" "), autocomplete: "off", spellcheck: false, placeholder: "-num-heads 6 -convention sit" });
  const label = Object.assign(document.createElement("label"), { htmlFor: field.id, className: "wide", textContent: "Flags of quantize, which say what the files don’t" });
  form.append(label, field, Object.assign(document.createElement("button"), { textContent: "Try again" }));
  form.onsubmit = (event) => {
    event.preventDefault();
    again(field.value.split(/\s+/).filter(Boolean));
  };
  return form;
}
