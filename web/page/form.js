// The form as a Request, and a Request as the form.
import { mix, numeric } from "./mix.js";
import { picker, titled } from "./picker.js";

const $ = (id) => document.getElementById(id);
const picks = ["fox", "grinning-face", "panda", "octopus", "red-apple", "pizza", "rocket", "ghost"];

export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

export function form() {
  const element = $("form");
  const submit = () => element.requestSubmit();
  let extras = {}; // of the request that was written, what there are no fields for
  let info;
  const subject = picker($("class"), { onPick: (_, key) => key === "Enter" && submit(), onChange: () => { shares.renamed(); marked(); } });
  const shares = mix({ first: () => subject.value });
  $("dice").onclick = () => { $("seed").value = randomSeed(); };

  function pick(name) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: titled(name) });
    button.dataset.class = name;
    button.onclick = () => { subject.value = name; submit(); };
    return button;
  }

  function marked() {
    for (const button of $("picks").children) button.setAttribute("aria-pressed", button.dataset.class === subject.value);
  }

  // options fills a select with names of which the first is the default.
  const options = (select, names) => select.replaceChildren(...names.map((value) => new Option(value, value)));

  function showExtras() {
    $("extras").hidden = !Object.keys(extras).length;
    $("extras").replaceChildren("Also: ", ...Object.entries(extras).map(([name, value]) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet",
        textContent: `${name} ${value?.task ?? JSON.stringify(value)} ✕`.slice(0, 80) });
      button.setAttribute("aria-label", `Leave out ${name}`);
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
    : element.querySelector(`[name="${CSS.escape(field === "classes[0].class" ? "class" : field)}"]`));

  return {
    // use takes over a model's classes, limits and defaults.
    use(model) {
      info = model;
      subject.use(info.classes);
      shares.use(info.classes);
      $("class").placeholder = `Search ${info.classes.length} classes`;
      $("picks").replaceChildren(...picks.filter((name) => info.classes.includes(name)).map(pick));
      options($("solver"), info.solvers);
      options($("schedule"), info.schedules);
      for (const [id, max] of [["steps", info.maxSteps], ["guidance", info.maxGuidance], ["count", info.maxCount]]) $(id).max = max;
      this.write({ class: picks.find((name) => info.classes.includes(name)) ?? info.classes[0], seed: 1 });
    },

    read() {
      const choice = (id) => ($(id).selectedIndex > 0 ? { [id]: $(id).value } : {});
      const mixed = shares.read();
      return { ...extras, ...(mixed.classes ? {} : { class: subject.value }), seed: numeric($("seed")), steps: numeric($("steps")),
        guidance: numeric($("guidance")), count: numeric($("count")), ...choice("solver"), ...choice("schedule"), ...mixed };
    },

    // write shows a request, also one that is wrong: the generator will say what about it.
    write(request) {
      const { class: name, classes, seed = 0, steps = info.steps, guidance = info.guidance, count = 1, solver = info.solvers[0], schedule = info.schedules[0], seed_to, seed_mix, ...rest } = request;
      extras = rest;
      const list = Array.isArray(classes) && classes.length && classes.every((share) => typeof share?.class === "string");
      if (classes !== undefined && !list) extras.classes = classes;
      for (const [id, value] of Object.entries({ seed, steps, guidance, count })) $(id).value = value;
      for (const [id, value] of Object.entries({ solver, schedule })) {
        $(id).value = value;
        if ($(id).selectedIndex < 0) extras[id] = value;
        $(id).selectedIndex = Math.max(0, $(id).selectedIndex);
      }
      subject.value = String(list ? classes[0].class : name ?? info.classes[0]);
      shares.write({ classes: list ? classes : [], seed_to, seed_mix });
      showExtras();
    },

    // wrong shows a message, at the field that it is about.
    wrong(message, field) {
      $("error").textContent = message;
      $("error").hidden = false;
      const input = field && find(field);
      if (!input) return;
      for (let around = input.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", "error");
      input.focus();
    },

    clear() {
      $("error").hidden = true;
      for (const input of element.querySelectorAll("[aria-invalid]")) for (const name of ["aria-invalid", "aria-describedby"]) input.removeAttribute(name);
    },
  };
}
