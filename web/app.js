// The page: a form, a canvas, and a worker that makes the images.
const $ = (id) => document.getElementById(id);
const picks = ["fox", "grinning-face", "panda", "octopus", "red-apple", "pizza", "rocket", "ghost"];
const form = $("form"), canvas = $("canvas"), context = canvas.getContext("2d");
let model, running, started, last;

const worker = new Worker(`worker.js${location.search}`);
worker.onerror = (event) => failed({ message: event.message || "the worker could not be started" });
worker.onmessage = ({ data }) => ({ loading, loaded, step: stepped, done, error: failed })[data.type](data);

function loading({ got, total }) {
  $("progress").value = total ? got / total : 0;
  $("status").textContent = `Loading the model: ${(got / 1e6).toFixed(1)}${total ? ` of ${(total / 1e6).toFixed(1)}` : ""} MB`;
}

function loaded({ info, memory }) {
  model = info;
  $("class").placeholder = `Type to search ${info.classes.length} classes`;
  $("classes").replaceChildren(...info.classes.map((name) => Object.assign(document.createElement("option"), { value: name })));
  $("picks").replaceChildren(...picks.filter((name) => info.classes.includes(name)).map(pick));
  $("class").value = picks.find((name) => info.classes.includes(name)) ?? info.classes[0];
  for (const field of ["steps", "guidance"]) $(field).value = info[field];
  for (const [id, max] of [["steps", info.maxSteps], ["guidance", info.maxGuidance], ["count", info.maxCount]]) $(id).max = max;
  describe(memory);
  $("progress").value = 0;
  $("status").textContent = "Ready.";
  $("generate").disabled = false;
  marked();
}

// describe says what computes, and the most memory that it has taken so far.
function describe(memory) {
  $("model").textContent = `Model ${model.name}, ${model.classes.length} classes, ${model.size}×${model.size} pixels, file ${model.id}, ${(memory / 1e6).toFixed(0)} MB of memory. Computes with ${model.device}${model.note ? ` (${model.note})` : ""}.`;
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

form.onsubmit = (event) => {
  event.preventDefault();
  if ($("generate").disabled) return;
  clearError();
  busy(true);
  started = performance.now();
  $("progress").value = 0;
  $("status").textContent = "Starting…";
  running = request();
  canvas.setAttribute("aria-label", "An image in the making");
  worker.postMessage({ type: "generate", request: running });
};
$("cancel").onclick = () => {
  $("status").textContent = "Cancelling…";
  worker.postMessage({ type: "cancel" });
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

function stepped({ step, steps, first, images, size }) {
  if (step === 1) layout(running.count, size);
  images.forEach((pixels, i) => draw(first + i, pixels, size));
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

function draw(i, pixels, size) {
  const columns = canvas.width / size;
  context.putImageData(new ImageData(pixels, size), (i % columns) * size, Math.floor(i / columns) * size);
}

function done({ images, size, metadata, memory }) {
  last = metadata;
  describe(memory);
  images.forEach((pixels, i) => draw(i, pixels, size));
  const { class: name, seed, steps, guidance, count } = metadata.request;
  $("hash").textContent = metadata.sha256;
  $("command").textContent = `go run ./tools/sample -class ${quote(name)} -seed ${seed} -steps ${steps} -guidance ${guidance} -count ${count} -o ${quote(fileName())}`;
  canvas.setAttribute("aria-label", `${count} × ${name}, seed ${seed}`);
  $("status").textContent = `Done in ${metadata.seconds.toFixed(1)} s, ${metadata.ms_per_step.toFixed(0)} ms a step.`;
  $("result").hidden = false;
  busy(false);
}

const quote = (text) => /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
const fileName = () => `${last.request.class}-${last.request.seed}.png`.replaceAll(/[/\\:*?"<>|]/g, "_");

function failed({ of, message, field, aborted }) {
  $("progress").value = 0;
  if (aborted) {
    $("status").textContent = "Cancelled.";
  } else {
    $("status").textContent = model ? "Ready." : "The model could not be loaded.";
    $("error").textContent = message;
    $("error").hidden = false;
    $(field)?.setAttribute("aria-invalid", "true");
    $(field)?.focus();
  }
  if (model && of !== "load") busy(false);
}

function clearError() {
  $("error").hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

$("save").onclick = () => canvas.toBlob((blob) => {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: fileName() });
  link.click();
  URL.revokeObjectURL(link.href);
});

const asked = new URLSearchParams(location.search);
if (asked.has("bench")) (await import("./measure.js")).measure(worker, asked);
else worker.postMessage({ type: "load", url: "default.dit8" });
