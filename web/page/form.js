// The form as a Request, and a Request as the form: with a field for a class or, for a model that is told words, for a prompt.
import { tell } from "./errors.js";
import { gallery, look } from "./gallery.js";
import { mix, numeric } from "./mix.js";
import { picker, titled } from "./picker.js";
import { prompt as makePrompt } from "./prompt.js";

const $ = (id) => document.getElementById(id);
const picks = ["fox", "grinning-face", "panda", "octopus", "red-apple", "pizza", "rocket", "ghost"];

export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

// form calls onChange(request) where people change what it asks for, while the page is live, onPick() where one of its pictures is
// picked, and read(text) for a Said.
export function form({ onChange, onPick, read }) {
  const element = $("form");
  const submit = () => element.requestSubmit();
  let extras = {}; // of the request that was written, what there are no fields for
  let info;
  const classes = picker($("class"), { onPick: (_, key) => key === "Enter" && submit(), onChange: () => { shares.renamed(); marked(); } });
  const words = makePrompt({ onChange: () => { shares.renamed(); marked(); }, read });
  let subject = classes; // or words
  const shares = mix({ first: () => subject.value });
  const pictures = gallery({ onPick: (prompt) => {
    words.value = prompt;
    if (!self.locked) $("seed").value = look.seed;
    shares.renamed();
    marked();
    last = info && JSON.stringify(self.read());
    onPick();
  } });
  const lock = (on) => $("lock").setAttribute("aria-pressed", on);
  $("dice").onclick = () => self.vary();
  $("lock").onclick = () => lock(!self.locked);
  $("seed").addEventListener("input", () => lock(true)); // who types one wants it

  // changed tells of a request that is another one than before.
  let last;
  const live = () => !$("pace").hidden && $("live").checked;
  const changed = () => setTimeout(() => {
    if (!live()) return;
    const request = self.read(), text = JSON.stringify(request);
    if (text !== last) onChange(request);
    last = text;
  });
  for (const type of ["input", "change", "click", "keyup"]) element.addEventListener(type, changed);

  function pick(name) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: subject === words ? name : titled(name) });
    button.dataset.class = name;
    button.onclick = () => {
      subject.value = name;
      shares.renamed();
      marked();
      if (!live()) submit();
    };
    return button;
  }

  // count sets the number of steps to one that the model is made for, or has people say another one.
  function count(n) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: !n ? "…" : n === 1 ? "1 step" : n, title: n ? "" : "Another number of steps" });
    button.dataset.steps = n;
    button.onclick = () => {
      if (n) $("steps").value = n;
      counted();
      offer(n);
      if (!n) reveal($("steps"));
    };
    return button;
  }
  function counted() {
    const of = info.stepCounts.includes(Number($("steps").value)) ? $("steps").value : "";
    for (const button of $("counts").children) button.setAttribute("aria-pressed", button.dataset.steps === of);
  }

  // offer shows the fields that mean something with the model: there is no field for a choice of one, nor for the number of steps,
  // where it is one that the model is made for.
  function offer(n) {
    const hidden = { steps: info.stepCounts.includes(n), guidance: !info.guided && Number($("guidance").value) === info.guidance, solver: info.solvers.length < 2, schedule: info.schedules.length < 2 };
    for (const id in hidden) $(id).parentElement.hidden = hidden[id];
    const shown = [...$("more").querySelectorAll(".field:not([hidden]) label")].map((label) => label.textContent);
    $("more").hidden = !shown.length;
    $("more").firstElementChild.textContent = shown.map((name, i) => (i ? name.toLowerCase() : name)).join(", ");
  }

  // reveal shows a field, and what it is in, and goes there.
  function reveal(input) {
    input.closest(".field")?.removeAttribute("hidden");
    for (let around = input.closest("details"); around; around = around.parentElement.closest("details")) {
      around.hidden = false;
      around.open = true;
    }
    input.focus();
  }
  $("steps").addEventListener("input", counted);

  function marked() {
    pictures.mark(subject.value);
    for (const button of $("picks").children) button.setAttribute("aria-pressed", button.dataset.class === subject.value);
  }

  // options fills a select with names of which the first is the default.
  const options = (select, names) => select.replaceChildren(...names.map((value) => new Option(value, value)));

  function showExtras() {
    $("extras").hidden = !Object.keys(extras).length;
    $("extras").replaceChildren("Also: ", ...Object.entries(extras).map(([name, value]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet",
        textContent: `${name} ${value?.task ?? JSON.stringify(value)} ✕`.slice(0, 80) });
      button.setAttribute("aria-label", `Leave out ${button.textContent.replace(" ✕", "")}`);
      button.onclick = () => {
        delete extras[name];
        showExtras();
        $("generate").focus();
      };
      return button;
    }));
  }

  // find gives the input of a field. A number that is missing makes all of a mix wrong.
  const find = (field) => (field === "classes" ? [...$("shares").querySelectorAll("input")].find((input) => input.value === "")
    : ["class", "classes[0].class", "prompt"].includes(field) ? (subject === words ? $("prompt") : $("class")) : element.querySelector(`[name="${CSS.escape(field)}"]`));

  const self = {
    // use takes over a model's classes, limits and defaults.
    use(model) {
      info = model;
      const worded = info.words.length > 0;
      subject = worded ? words : classes;
      classes.use(info.classes);
      words.use(info);
      shares.use(worded ? info.words : info.classes);
      this.say(worded);
      pictures.use(info);
      $("class").placeholder = `Search ${info.classes.length} classes`;
      $("prompt").placeholder = info.examples[0] ?? info.words[0] ?? "";
      const some = !pictures.hidden ? [] : worded ? info.examples.slice(0, 8) : picks.filter((name) => info.classes.includes(name));
      $("picks").classList.toggle("few", worded);
      $("picks").replaceChildren(...some.map(pick));
      $("pace").hidden = !info.stepCounts.length;
      if (!worded) $("live").checked = false; // a picture by a large network of classes takes too long; who wants it says so
      $("counts").replaceChildren(...[...info.stepCounts, ""].map(count));
      options($("solver"), info.solvers);
      options($("schedule"), info.schedules);
      for (const [id, max] of [["steps", info.maxSteps], ["guidance", info.maxGuidance], ["count", info.maxCount]]) $(id).max = max;
      this.write(worded ? pictures.first ?? { prompt: info.examples[0] ?? info.words[0], seed: 1 } : { class: some[0] ?? info.classes[0], seed: 1 });
    },

    // say shows the field for words, or the one for classes.
    say(worded) {
      $("prompt-field").hidden = !worded;
      $("class-field").hidden = worded;
      $("gallery").hidden = !worded;
      document.querySelector("main").classList.toggle("worded", worded);
    },

    get locked() { return $("lock").getAttribute("aria-pressed") === "true"; },
    lock,
    vary() { $("seed").value = randomSeed(); },

    read() {
      const choice = (id) => ($(id).selectedIndex > 0 ? { [id]: $(id).value } : {});
      const mixed = shares.read();
      const said = subject === classes ? { class: classes.value } : { prompt: words.value };
      const worded = subject === words ? { ...(words.style ? { style: words.style } : {}), ...(live() ? { skip_unknown: true } : {}) } : {};
      return { ...extras, ...(mixed.classes ? {} : said), ...worded, seed: numeric($("seed")), steps: numeric($("steps")),
        guidance: numeric($("guidance")), count: numeric($("count")), ...choice("solver"), ...choice("schedule"), ...mixed };
    },

    // write shows a request, also one that is wrong: the generator will say what about it.
    write(request) {
      const { class: name, classes: mixed, prompt, style, skip_unknown, seed = 0, steps = info.steps, guidance = info.guidance, count = 1, solver = info.solvers[0], schedule = info.schedules[0], seed_to, seed_mix, shift = info.shift, ...rest } = request;
      extras = shift === info.shift ? rest : { ...rest, shift };
      const list = Array.isArray(mixed) && mixed.length && mixed.every((share) => typeof share?.class === "string");
      if (mixed !== undefined && !list) extras.classes = mixed;
      for (const [id, value] of Object.entries({ seed, steps, guidance, count })) $(id).value = value;
      for (const [id, value] of Object.entries({ solver, schedule })) {
        $(id).value = value;
        if ($(id).selectedIndex < 0) extras[id] = value;
        $(id).selectedIndex = Math.max(0, $(id).selectedIndex);
      }
      if (skip_unknown && !live()) extras.skip_unknown = true;
      if (subject === classes) for (const [id, value] of Object.entries({ prompt, style })) if (value !== undefined) extras[id] = value;
      words.style = info.styles.includes(style) ? style : "";
      if (subject === words && style && !words.style) extras.style = style;
      subject.value = String(list ? mixed[0].class : name ?? prompt ?? (subject === words ? "" : info.classes[0]));
      shares.write({ classes: list ? mixed : [], seed_to, seed_mix });
      showExtras();
      counted();
      offer(steps);
      last = JSON.stringify(this.read());
    },

    focus() { (subject === words ? $("prompt") : $("class")).focus(); },

    // wrong shows an error, at the field that it is about.
    wrong(error) {
      tell($("error"), error);
      $("error").hidden = false;
      const input = error.field && find(error.field);
      if (!input) return;
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", "error");
      reveal(input);
    },

    clear() {
      $("error").hidden = true;
      for (const input of element.querySelectorAll("[aria-invalid]")) for (const name of ["aria-invalid", "aria-describedby"]) input.removeAttribute(name);
    },
  };
  return self;
}
