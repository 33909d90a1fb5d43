// The page: a form, a canvas, a history, and a sampler that makes the images.
import { models } from "./dit8/models.js";
import { Sampler } from "./dit8/sampler.js";
import { before } from "./before.js";
import { busy } from "./busy.js";
import { summary } from "./command.js";
import { files } from "./files.js";
import { film as makeFilm, recorder } from "./film.js";
import { form as makeForm } from "./form.js";
import { history as makeHistory } from "./history.js";
import { click, keys } from "./keys.js";
import { live as makeLive } from "./live.js";
import { ended, guard, models as makeLibrary, named, over } from "./models.js";
import { isolate, keep } from "./offline.js";
import { chosen, panel } from "./panel.js";
import { result as makeResult } from "./result.js";
import { fromHash, toHash } from "./share.js";
import { styled, toolbox } from "./toolbox.js";
import { loading, pace, status, view as makeView } from "./view.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const fast = 1000; // ms: pictures that come in less are shown again, from noise, in as much

let sampler, opened; // opened is the file of the model, where it is one that was opened here
let stepped = pace(); // shows the steps of the model's requests
let task; // an AbortController while something is loaded or made
let queued; // whether Generate was pressed before there was a model
const drawn = new Set(); // what the form asked for and got
let entry, live, second; // the chosen result; whether steps are shown in its place; who waits for a second one

const form = makeForm({ onChange: change, onPick: () => draw(), read: (text) => sampler.read(text) });
const view = makeView({ onSelect: (i) => (live || i === result.chosen ? click("zoom")() : choose(i)) });
const results = makeHistory({ onSelect: (picked) => (second ? second(picked) : select(picked)), onDelete: remove });
const result = makeResult({ onRun: (request) => run(request), onReuse: reuse, onTool: look, onImage: choose, onStar: (starred) => results.star(starred), onDelete: remove });
let tools;
const was = before();
const film = makeFilm({ record, onTime: (t) => tools?.at(t), onMessage: (text) => status(text) });
const preview = makeLive({
  make: (request, signal) => sampler.generate(request, { signal }),
  onPicture: (done) => {
    live = true;
    film.stop();
    was.use();
    view.show(done.images, `${summary(done.metadata.request)}, live`);
    form.clear();
    status(`Live: ${(1000 * done.metadata.seconds).toFixed(0)} ms a picture.`, { part: 1, quiet: true });
  },
  onRest: (done, asked) => {
    drawn.add(JSON.stringify(asked));
    finish(done, sampler.info);
  },
  onError: ({ message, field }) => status(field === "prompt" ? "Say a word that the model knows." : message, { quiet: true }), // of what is half typed
});
tools = toolbox({
  onRun: (request) => run(request, undefined, tools.wrong),
  onPhoto: (edit, said, count) => run({ ...form.read(), count, edit }, { photo: said }, tools.wrong),
  onMessage: (text) => status(text),
});
const library = makeLibrary({ onUse: async (model) => { if (await load(undefined, model)) run(form.read()); }, onMessage: (text) => status(text) });

// state says what goes on, and how what went on before has ended.
const state = (name, how) => {
  document.querySelector("main").dataset.state = name;
  const works = name === "loading" || name === "sampling";
  $("cancel").disabled = !works;
  works ? busy.begin() : busy.end(how);
};

// begin ends what is under way, for something new. end is false for who was overtaken.
function begin(name, text) {
  preview.end();
  film.stop();
  was.use();
  task?.abort();
  task = new AbortController();
  waitForSecond();
  form.clear();
  state(name);
  status(text, { part: 0 });
  return task;
}
const end = (mine, how) => {
  if (task !== mine) return false;
  task = undefined;
  state(sampler ? "ready" : "failed", how);
  return true;
};

// load takes a model in place of the one that is there, which stays where that fails: a file that was opened, one of the library,
// or the one that the address names.
async function load(file, listed) {
  const mine = begin("loading", file || listed ? `Loading ${(file ?? listed).name}…` : "Loading the model…");
  try {
    listed ??= file ? undefined : await named(asked.get("model")) ?? models[0];
    guard(file ? { name: file.name, bytes: file.size } : listed);
    const threads = asked.get("threads");
    const take = (files) => Sampler.load({ ...files, device: chosen(), threads: threads ? Number(threads) : undefined, signal: mine.signal, onProgress: (event) => loading(event, file?.name ?? (asked.has("model") ? listed?.name : undefined)) });
    let model = file;
    const next = await take(file ? { model } : { model: listed, vae: asked.get("vae") ?? undefined }).catch((error) => {
      if (!file || !sampler || !/holds an autoencoder alone/.test(error.message)) throw error;
      model = opened; // the model that is there, whose latents it makes images of
      return take({ model, vae: file });
    });
    opened = model;
    tools.close();
    sampler?.dispose();
    sampler = next;
    stepped = pace();
    const isDefault = !file && (listed.sha256 ?? listed.url) === (models[0].sha256 ?? models[0].url);
    next.info.file = file?.name ?? (isDefault ? undefined : listed.name);
    next.info.files = file && model === file ? { model: file.name }
      : { model: model?.name ?? listed?.file ?? (isDefault ? undefined : `${listed.name}.dit8`), vae: file?.name ?? asked.get("vae")?.split("/").at(-1) ?? listed?.vae?.file };
    library.use(file ? undefined : listed, isDefault);
    const typed = next.info.words.length && $("prompt").value;
    form.use(next.info);
    if (typed) form.write({ ...form.read(), prompt: typed });
    if (next.info.words.length) document.querySelector("header p").textContent = "Say something and see it drawn while you type, on your own machine. Nothing is uploaded.";
    panel(next, undefined, () => load(file, listed));
    $("generate").disabled = false;
    $("generate").textContent = "Generate";
    if (end(mine)) status("Ready.", { part: 0 });
    return true;
  } catch (error) {
    failed(error, mine);
    return false;
  } finally {
    over();
  }
}

// make converts what was dropped and takes the model.
async function make(list, entries, flags) {
  const mine = begin("loading", "Reading the checkpoint…");
  try {
    const { converted, gather } = await import("./convert.js");
    const again = (files, flags) => make(files, [], flags);
    const model = await converted(await gather(list, entries), { flags, signal: mine.signal, again });
    if (end(mine) && await (model.kept ? load(undefined, model) : load(model))) run(form.read());
  } catch (error) {
    failed(error, mine);
  }
}

// filmed makes a request's images and keeps the steps on their way, each of which onStep is given.
async function filmed(request, { signal }, onStep) {
  const whole = { steps: sampler.info.steps, ...request }, steps = recorder(whole), tell = stepped(whole);
  const done = await sampler.generate(request, { signal, states: true, onStep: (step) => {
    onStep?.(step);
    steps.add(step);
    tell(step);
  } });
  return { done, frames: steps.frames };
}

// run makes a request's images. made tells of a file or link that it came from, wrong(error) shows what goes wrong elsewhere than in the form.
async function run(request, made, wrong) {
  if (!sampler) return;
  const mine = begin("sampling", "Starting…");
  const began = performance.now();
  live = true;
  $("frame").scrollIntoView({ block: "nearest" });
  const { info } = sampler, text = JSON.stringify(request);
  try {
    const { done, frames } = await filmed(request, mine, (step) => { if (live) view.step(step, request.count ?? 1); });
    drawn.add(text);
    const first = !entry;
    finish(done, info, { made, frames, ours: () => end(mine, "Done") });
    if (entry.result === done && performance.now() - began < 2 * fast) film.play(first ? 2 * fast : fast);
  } catch (error) {
    failed(error, mine, wrong);
  }
}

// finish keeps a result and shows it, unless something newer has begun.
function finish(done, info, { made, frames, ours = () => true } = {}) {
  const { metadata } = done;
  const { skip_unknown, ...request } = metadata.request;
  const next = { request: metadata.skipped ? metadata.request : request, result: done, model: info, frames, note: made ? verdict(made, metadata) : skipped(metadata) };
  results.add(next);
  document.querySelector("main").dataset.made = 1 + Number(document.querySelector("main").dataset.made ?? 0);
  panel(sampler, metadata);
  if (info === sampler.info) library.measured(metadata);
  if (!ours()) return;
  select(next);
  address(next);
  status(`Done in ${metadata.seconds.toFixed(1)} s, ${metadata.ms_per_step.toFixed(0)} ms a step.`, { part: 1 });
}

const skipped = ({ skipped }) => skipped && `Left out, as the model does not know them: ${skipped.join(", ")}.`;

// change draws what the form asks for while it changes.
function change(request) {
  if (!sampler) return;
  if (task) begin("ready", "Live.");
  task = undefined;
  preview.want(request);
}

// verdict says whether these are the pixels that a file or link promised.
function verdict({ from, sha256, model, name, photo }, metadata) {
  if (photo) return photo;
  const other = model && model !== metadata.model_id ? ` It was made with another model, ${name ?? "with the id"} ${model}: drop its .dit8 file here.` : "";
  if (!sha256) return other && `${from}: the picture will differ.${other}`;
  return sha256 === metadata.sha256 ? `Bit for bit the pixels of ${from}.` : `Not the pixels of ${from}.${other}`;
}

// failed tells of an error: in the form, or where else it came from.
function failed(error, mine, wrong = form.wrong) {
  if (!end(mine, error.name === "AbortError" ? "" : "Failed")) return;
  if (live && entry) select(entry);
  live = false;
  if (error.name === "AbortError") status("Cancelled.", { part: 0 });
  else {
    status(sampler ? "Ready." : "The model could not be loaded.", { part: 0, quiet: true });
    wrong(error);
  }
  if (sampler) return;
  $("generate").disabled = false;
  $("generate").textContent = "Try again";
}

function select(picked) {
  if (!picked.result) return revive(picked);
  live = false;
  entry = picked;
  view.show(entry.result.images, summary(entry.request));
  results.choose(entry);
  result.show(entry, 0, sampler?.info);
  was.use(entry);
  film.use(entry, entry.model.id === sampler?.info.id);
}

// revive draws a picture of an earlier visit again. Of another model's there is the thumbnail.
async function revive(picked) {
  if (!sampler) return status("The model is still being loaded.");
  if (picked.model.id !== sampler.info.id) {
    const bitmap = await createImageBitmap(picked.small), context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    picked.result = { images: [context.getImageData(0, 0, bitmap.width, bitmap.height)], sha256: picked.sha256 };
    return select(picked);
  }
  const frames = await record(picked);
  if (!frames) return;
  picked.frames = frames;
  if (picked.result.sha256 !== picked.sha256) picked.note = "Not the pixels that this browser drew before.";
  select(picked);
}

// record makes a result again for the steps on its way, or gives undefined where that fails or something newer begins.
async function record(picked) {
  if (!sampler || picked.model.id !== sampler.info.id) return;
  const mine = begin("sampling", "Making the steps again…");
  try {
    const { done, frames } = await filmed(picked.request, mine);
    picked.result ??= done;
    if (end(mine, "Done")) status("Ready.", { part: 1, quiet: true });
    return frames;
  } catch (error) {
    failed(error, mine);
  }
}

function remove(picked) {
  const next = results.remove(picked);
  status("Deleted.");
  if (picked !== entry || !next) return;
  select(next);
}

// draw runs what the form asks for; where that has been drawn, with another seed, unless it is to stay.
function draw() {
  if (!sampler) {
    queued = true;
    return status("It will be drawn as soon as the model is loaded.");
  }
  if (!form.locked && drawn.has(JSON.stringify(form.read()))) form.vary();
  run(form.read());
}

// choose takes one of several images for the tools.
function choose(i) {
  if (live || !entry) return;
  result.choose(i);
  view.choose(i);
}

// What the stage shows is looked at closely: of several images the chosen one.
let closely;
$("zoom").onclick = async () => {
  const [{ zoom }] = await Promise.all([import("./zoom.js"), styled()]);
  closely ??= zoom($("close-up"));
  const whole = film.held ? $("film") : live || !entry ? $("canvas") : undefined, picture = whole ?? entry.result.images[result.chosen];
  closely.open(picture, $("canvas").getAttribute("aria-label"), whole ? view.side : picture.width);
};

// address puts a result's request into the page's, for who copies it from there.
function address({ request, model }) {
  const hash = toHash(request, model);
  try { history.replaceState(null, "", `${location.pathname}${location.search}${hash ? `#${hash}` : ""}`); } catch {} // browsers limit how often
}

function reuse(request) {
  form.clear();
  form.write(request);
  form.lock(true); // it is this one that is to be changed
  form.focus();
}

// restore takes a request from a file or link.
function restore(request, made) {
  form.write(request);
  run(form.read(), made);
}

const asks = { morph: "Pick the picture to morph into, or press Escape.", compare: "Pick the picture to compare it with, or press Escape." };

function look(name, button, picked, i) {
  if (button.getAttribute("aria-expanded") === "true") return tools.close();
  const other = ({ model }) => model.id !== sampler.info.id;
  if (other(picked) && name !== "compare") return status(`This picture is of another model, ${picked.model.name}: load that one first.`);
  if (!asks[name]) return tools.show(name, button, { sampler, entry: picked, i });
  if (results.length < 2) return status(name === "morph" ? "Make another picture first, for this one to become." : "Make another picture first, to compare this one with.");
  tools.close();
  status("Now choose the second picture, below.");
  waitForSecond(button, async (to) => {
    if (other(to) && !(name === "compare" && to.result)) return status(`That picture is of another model, ${to.model.name}.`);
    waitForSecond();
    if (!to.result && !(to.frames = await record(to))) return; // its pixels are not kept
    status("Ready.");
    tools.show(name, button, { sampler, entry: picked, i, to });
  });
}

let asking; // the button of the tool that waits
function waitForSecond(button, then) {
  [asking, second] = [button, then];
  $("past").classList.toggle("asking", !!then);
  results.ask(then ? asks[button.id] : "");
  if (then) {
    $("history").querySelector("[tabindex='0']")?.focus();
    $("past").scrollIntoView({ block: "nearest" });
  }
}
$("past").addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !second) return;
  const button = asking;
  waitForSecond();
  status("Ready.");
  button.focus();
});

$("form").onsubmit = (event) => {
  event.preventDefault();
  if (!sampler && !task) return start();
  draw();
};
$("how").onclick = () => {
  if ($("how").getAttribute("aria-expanded") === "true") tools.close();
  else if (sampler) tools.show("how", $("how"), { sampler, entry: entry?.model.id === sampler.info.id ? entry : undefined });
};
$("cancel").onclick = () => {
  status("Cancelling…");
  task?.abort();
};

function follow() {
  try {
    const { request, model } = fromHash(location.hash);
    restore(request, { from: "This link", model });
  } catch (error) {
    form.clear();
    form.wrong(error);
  }
}
addEventListener("hashchange", () => { if (sampler && location.hash.length > 1) follow(); });

// start loads the page's model and shows what the address asks for, or the first pick.
async function start() {
  await isolate();
  const last = await ended();
  if (last) {
    state("failed");
    $("generate").disabled = false;
    $("generate").textContent = "Load it all the same";
    return status(`The last time this page ended while it used ${last.name} (${(last.bytes / 1e6).toFixed(0)} MB), perhaps for want of memory.`, { part: 0 });
  }
  if (!await load()) return;
  keep();
  if (location.hash.length > 1) follow();
  else if (queued || asked.get("run") !== "no") run(form.read());
  results.restore();
}

keys({
  g: ["Generate", click("generate")], r: ["Run again", click("again")], n: ["Next seed", click("next")], m: ["More like this", click("like")],
  p: ["Play from noise", click("play")], s: ["Save", click("save")], c: ["Copy image", click("copy-image")], z: ["Look closely", click("zoom")], f: ["Star", click("star")],
  "[": ["The picture before", () => step(1)], "]": ["The picture after", () => step(-1)], "/": ["To the prompt", () => form.focus()], Delete: ["Delete a thumbnail"],
  "?": ["These shortcuts"],
});
const step = (places) => { const next = results.along(places); if (next) select(next); };

// The default model is told words: its field is there from the start. Generate waits for it.
form.say(models[0].name === "default" && !models[0].file && !asked.has("model"));
document.querySelector("main").classList.add("known");

if (asked.has("bench")) {
  (await import("./measure.js")).measure(asked);
} else {
  files({
    onPicture: ({ request, sha256, model_id, model }, { name }) => {
      if (sampler) restore(request, { from: name, sha256, model: model_id, name: model });
    },
    onPhoto: (bitmap, { name }) => { if (sampler) tools.show("photo", $("open"), { sampler, bitmap, name }); },
    onModel: async (file) => { if (await load(file)) run(form.read()); },
    onCheckpoint: make,
    onError: (message) => {
      form.clear();
      form.wrong({ message });
      $("error").scrollIntoView({ block: "nearest" });
    },
  });
  start();
}
