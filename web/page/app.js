// The page: a form, a canvas, and a sampler that makes the images.
import { Sampler } from "./dit8/sampler.js";
import { isolate, keep } from "./offline.js";

const $ = (id) => document.getElementById(id);
const picks = ["fox", "grinning-face", "panda", "octopus", "red-apple", "pizza", "rocket", "ghost"];
const form = $("form"), canvas = $("canvas"), context = canvas.getContext("2d");
let sampler, model, stop, started, last;

async function load() {
  try {
    await isolate();
    const { threads } = Object.fromEntries(asked);
    sampler = await Sampler.load({ threads: threads ? Number(threads) : undefined, onProgress: loading });
    loaded();
    keep();
  } catch (error) {
    failed(error);
  }
}

function loading({ loaded, total }) {
  if (!loaded) return;
  $("progress").value = total ? loaded / total : 0;
  $("status").textContent = `Loading the model: ${(loaded / 1e6).toFixed(1)}${total ? ` of ${(total / 1e6).toFixed(1)}` : ""} MB`;
}

function loaded() {
  const info = model = sampler.info;
  $("class").placeholder = `Type to search ${info.classes.length} classes`;
  $("classes").replaceChildren(...info.classes.map((name) => Object.assign(document.createElement("option"), { value: name })));
  $("picks").replaceChildren(...picks.filter((name) => info.classes.includes(name)).map(pick));
  $("class").value = picks.find((name) => info.classes.includes(name)) ?? info.classes[0];
  for (const field of ["steps", "guidance"]) $(field).value = info[field];
  for (const [id, max] of [["steps", info.maxSteps], ["guidance", info.maxGuidance], ["count", info.maxCount]]) $(id).max = max;
  describe();
  $("progress").value = 0;
  $("status").textContent = "Ready.";
  $("generate").disabled = false;
  marked();
}

// describe says what computes, and the most memory that it has taken so far.
function describe() {
  $("model").textContent = `Model ${model.name}, ${model.classes.length} classes, ${model.size}×${model.size} pixels, file ${model.id}, ${(sampler.memory / 1e6).toFixed(0)} MB of memory. Computes with ${model.device}${model.note ? ` (${model.note})` : ""}.`;
}

function pick(name) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  button.onclick = () => { $("class").value = name; marked(); form.requestSubmit(); };
  return button;
}

function marked() {
  for (const button of $("picks").children) button.setAttribute("aria-pressed", button.textContent === $("class").value);
}

// request reads the form. What is no number is sent as it stands, so that the
// generator's own message tells what is wrong.
function request() {
  const number = (id) => {
    const text = $(id).value.trim();
    return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
  };
  return { class: $("class").value.trim(), seed: number("seed"), steps: number("steps"), guidance: number("guidance"), count: number("count") };
}

form.onsubmit = async (event) => {
  event.preventDefault();
  if ($("generate").disabled) return;
  clearError();
  busy(true);
  started = performance.now();
  $("progress").value = 0;
  $("status").textContent = "Starting…";
  canvas.setAttribute("aria-label", "An image in the making");
  stop = new AbortController();
  try {
    done(await sampler.generate(request(), { signal: stop.signal, onStep: stepped }));
  } catch (error) {
    failed(error);
  }
};
$("cancel").onclick = () => {
  $("status").textContent = "Cancelling…";
  stop.abort();
};
$("dice").onclick = () => {
  $("seed").value = crypto.getRandomValues(new Uint32Array(1))[0];
};
$("class").oninput = marked;
$("class").onfocus = () => $("class").select();

function busy(is) {
  $("generate").disabled = is;
  $("cancel").hidden = !is;
  if (is) $("result").hidden = true;
}

function stepped({ step, steps, first, images }) {
  if (step === 1) layout(Number($("count").value), model.size);
  images.forEach((image, i) => draw(first + i, image));
  $("progress").value = step / steps;
  const left = (performance.now() - started) / 1000 / step * (steps - step);
  $("status").textContent = `Step ${step} of ${steps}${step < steps ? `, ${left < 1 ? "under 1 s" : `about ${Math.ceil(left)} s`} left` : ""}`;
}

// layout sizes the canvas to a nearly square grid, as the command line's PNG.
function layout(count, size) {
  const columns = Math.ceil(Math.sqrt(count));
  canvas.width = columns * size;
  canvas.height = Math.ceil(count / columns) * size;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
}

function draw(i, image) {
  const columns = canvas.width / image.width;
  context.putImageData(image, (i % columns) * image.width, Math.floor(i / columns) * image.height);
}

function done(result) {
  const { images, metadata } = last = result;
  describe();
  images.forEach((image, i) => draw(i, image));
  const { class: name, seed, steps, guidance, count } = metadata.request;
  $("hash").textContent = metadata.sha256;
  $("command").textContent = `go run ./tools/sample -class ${quote(name)} -seed ${seed} -steps ${steps} -guidance ${guidance} -count ${count} -o ${quote(fileName())}`;
  canvas.setAttribute("aria-label", `${count} × ${name}, seed ${seed}`);
  $("status").textContent = `Done in ${metadata.seconds.toFixed(1)} s, ${metadata.ms_per_step.toFixed(0)} ms a step.`;
  $("result").hidden = false;
  busy(false);
}

const quote = (text) => /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
const fileName = () => `${last.metadata.request.class}-${last.metadata.request.seed}.png`.replaceAll(/[/\\:*?"<>|]/g, "_");

function failed({ name, message, field }) {
  $("progress").value = 0;
  if (name === "AbortError") {
    $("status").textContent = "Cancelled.";
  } else {
    $("status").textContent = model ? "Ready." : "The model could not be loaded.";
    $("error").textContent = message;
    $("error").hidden = false;
    $(field)?.setAttribute("aria-invalid", "true");
    $(field)?.focus();
  }
  if (model) busy(false);
}

function clearError() {
  $("error").hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

$("save").onclick = async () => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await last.toBlob()), download: fileName() });
  link.click();
  URL.revokeObjectURL(link.href);
};

const asked = new URLSearchParams(location.search);
if (asked.has("bench")) (await import("./measure.js")).measure(asked);
else load();
