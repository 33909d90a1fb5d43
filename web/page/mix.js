// The mix: shares of several classes with sliders, and a second seed to blend in.
import { picker, titled } from "./picker.js";

const $ = (id) => document.getElementById(id);

// slider is a range beside the number that counts: it may be finer, or beyond the range.
export function slider(label, name, { min, max, step, value }) {
  const row = Object.assign(document.createElement("div"), { className: "slider" });
  const range = Object.assign(document.createElement("input"), { type: "range", min, max, step });
  const number = Object.assign(document.createElement("input"), { type: "number", name, step: "any", value });
  range.value = value;
  range.setAttribute("aria-label", label);
  number.setAttribute("aria-label", `${label}, as a number`);
  range.oninput = () => { number.value = range.value; };
  number.oninput = () => { range.value = number.value; };
  row.append(Object.assign(document.createElement("span"), { textContent: label }), range, number);
  return { row, number, set: (v) => { number.value = range.value = v; } };
}

// numeric reads a field. What is no number is given as it stands, so that the generator's own
// message tells what is wrong.
export function numeric(input) {
  const text = input.validity.badInput ? "not a number" : input.value.trim();
  return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
}

// mix keeps the shares beside the first, which the form's own field names.
export function mix({ first }) {
  let rows = [], pad;
  const blend = slider("How much of it", "seed_mix", { min: 0, max: 1, step: 0.01, value: 0.5 });
  $("blend").append(blend.row);
  const blended = () => { blend.row.hidden = $("seed_to").value.trim() === ""; };
  $("seed_to").oninput = blended;
  const add = picker($("add"), { onPick: (name) => { append({ class: name, weight: 1 }); add.value = ""; $("add").focus(); } });
  $("timed").onchange = draw;

  function append(share) {
    if (!rows.length) rows.push(row({ class: first(), weight: 1 }));
    rows.push(row(share));
    draw();
  }

  function row(share) {
    const { row: element, number, set } = slider("", "", { min: 0, max: 2, step: 0.05, value: share.weight ?? "" });
    const times = document.createElement("div");
    times.className = "times";
    const [from, to] = ["from", "to"].map((what) => {
      const label = Object.assign(document.createElement("label"), { textContent: `${what} ` });
      const input = Object.assign(document.createElement("input"), { type: "number", min: 0, max: 1, step: 0.1, value: share[what] ?? (what === "from" && share.to === undefined ? 1 : 0) });
      label.append(input);
      times.append(label);
      return input;
    });
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "✕" });
    const self = { name: share.class, element, number, set, from, to, times, remove };
    remove.onclick = () => {
      rows = rows.filter((r) => r !== self);
      if (rows.length < 2) rows = [];
      draw();
      $("add").focus();
    };
    element.append(remove, times);
    return self;
  }

  function draw() {
    if (rows.length) rows[0].name = first();
    const timed = $("timed").checked;
    $("timed-label").hidden = !rows.length;
    rows.forEach((r, i) => {
      const [label, range] = r.element.children;
      label.textContent = titled(r.name) || "?";
      range.setAttribute("aria-label", `Weight of ${r.name}`);
      r.number.setAttribute("aria-label", `Weight of ${r.name}, as a number`);
      r.remove.setAttribute("aria-label", `Leave out ${r.name}`);
      r.remove.hidden = i === 0; // the form's field changes it
      r.times.hidden = !timed;
      r.number.name = `classes[${i}].weight`;
      r.from.name = `classes[${i}].from`;
      r.to.name = `classes[${i}].to`;
    });
    $("shares").replaceChildren(...rows.map((r) => r.element));
    padded();
  }

  // padded has a pad for three or four, which moves their sliders.
  async function padded() {
    if (rows.length < 3 || rows.length > 4) return $("pad").replaceChildren();
    pad ??= import("./pad.js").then((module) => module.pad({ onMove: (weights) => {
      rows.forEach((r, i) => r.set(weights[i]));
      $("shares").dispatchEvent(new Event("input", { bubbles: true }));
    } }));
    const { element, set } = await pad;
    if (rows.length < 3 || rows.length > 4) return;
    if (!element.isConnected) $("pad").replaceChildren(element);
    set(rows.map((r) => r.name), rows.map((r) => Number(r.number.value) || 0));
  }

  return {
    use: (classes) => add.use(classes),
    renamed: draw,
    read() {
      const request = {};
      if (rows.length) {
        request.classes = rows.map((r, i) => ({ class: i ? r.name : first(), weight: numeric(r.number),
          ...($("timed").checked && !(numeric(r.from) === 1 && numeric(r.to) === 0) && { from: numeric(r.from), to: numeric(r.to) }) }));
      }
      if ($("seed_to").value.trim() !== "") Object.assign(request, { seed_to: numeric($("seed_to")), seed_mix: numeric(blend.number) });
      return request;
    },
    write({ classes = [], seed_to, seed_mix }) {
      $("timed").checked = classes.some(({ from, to }) => from !== undefined || to !== undefined);
      rows = classes.length > 1 ? classes.map(row) : [];
      const mixed = seed_to !== undefined || seed_mix !== undefined;
      $("seed_to").value = mixed ? seed_to ?? 0 : "";
      blend.set(seed_mix ?? (mixed ? 0 : 0.5));
      if (rows.length || mixed) $("mixing").open = true;
      blended();
      draw();
    },
  };
}
