// The replay of a result: its steps from noise to picture, on a canvas above the picture's own, with a scrubber. An Euler step moves
// along a line, so that what lies between two steps is what the sampler would have passed.
import { animate } from "./apng.js";
import { fileName } from "./command.js";
import { grid } from "./dit8/png.js";
import { save } from "./files.js";
import { fine } from "./pixels.js";

const $ = (id) => document.getElementById(id);
const most = 24e6; // bytes of a result's steps that are kept
const still = matchMedia("(prefers-reduced-motion: reduce)");

// recorder keeps steps of a request as they come: all, or where they are many evenly spread ones.
export function recorder({ count = 1, steps }) {
  const frames = []; // {t, states, images} of all images of the request
  let batch = -1, from = 0, every;
  return {
    frames,
    add({ step, decoding, first, t, states, images }) {
      if (decoding) return;
      if (first !== batch) [batch, from] = [first, step];
      every ??= Math.ceil(2 * (steps ?? 1) * count * images[0].data.length / most);
      if ((step - from) % every) return;
      const frame = frames[(step - from) / every] ??= { t, states: [], images: [] };
      states.forEach((image, i) => { frame.states[first + i] = image; });
      images.forEach((image, i) => { frame.images[first + i] = image; });
    },
  };
}

export const bytes = (frames = []) => frames.reduce((sum, { states, images }) => sum + (states.length + images.length) * images[0].data.length, 0);

// film calls record(entry) for the frames of a result that has none, onTime(t) with the time that is looked at, and onMessage(text).
export function film({ record, onTime, onMessage }) {
  const canvas = $("film"), context = canvas.getContext("2d"), scrub = $("scrub");
  let entry, layers = [], at = 1, running; // layers: grids of the steps and of the picture; running: a frame of the animation that was asked for

  const noisy = () => $("shows").value === "noise" && entry.frames[0].states.length > 0;

  // layer is step k of all images as a grid.
  function layer(k) {
    const { frames, result } = entry;
    return layers[k] ??= grid(k === frames.length ? result.images : noisy() ? frames[k].states : frames[k].images);
  }

  // draw draws place p of the way, 0 being noise and 1 the picture.
  function draw(to, p) {
    const n = entry.frames.length, k = Math.min(n - 1, Math.floor(p * n)), part = p * n - k;
    to.globalAlpha = 1;
    to.drawImage(layer(k), 0, 0);
    to.globalAlpha = part;
    if (part) to.drawImage(layer(k + 1), 0, 0);
  }

  function show(p) {
    at = p;
    const { width, height } = layer(entry.frames.length);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.hidden = p >= 1;
    canvas.classList.toggle("fine", fine(entry.result.images[0].width));
    if (p < 1) draw(context, p);
    place(p);
  }

  function place(p) {
    scrub.value = p;
    const { frames } = entry, n = frames.length, k = Math.min(n - 1, Math.floor(p * n));
    const next = frames[k + 1]?.t ?? 0, t = frames[k].t + (next - frames[k].t) * (p * n - k);
    scrub.setAttribute("aria-valuetext", p >= 1 ? "the picture" : `${k === 0 && p === 0 ? "noise" : `after ${k} of ${n} steps`}, t = ${t.toFixed(2)}`);
    onTime(p >= 1 ? undefined : t);
  }

  function pause() {
    cancelAnimationFrame(running);
    running = undefined;
    $("play").textContent = "Play";
  }

  // roll goes on to the picture in what is left of so many ms.
  function roll(ms) {
    pause();
    const from = at >= 1 ? 0 : at;
    let began;
    const tick = (now) => {
      began ??= now;
      const x = Math.min(1, (now - began) / ms), p = from + (1 - from) * (1 - (1 - x) ** 2); // most is seen in the last steps
      show(p);
      if (x < 1) running = requestAnimationFrame(tick);
      else pause();
    };
    show(from);
    running = requestAnimationFrame(tick);
    $("play").textContent = "Pause";
  }

  // ready gets the frames, unless another result is chosen meanwhile.
  async function ready() {
    const mine = entry;
    if (mine) mine.frames ??= await record(mine);
    return mine && mine === entry && mine.frames?.length > 0;
  }

  $("play").onclick = async () => {
    if (running) return pause();
    if (await ready()) roll(2500);
  };
  scrub.oninput = async () => {
    pause();
    const p = Number(scrub.value);
    if (await ready()) show(scrub.value == p ? p : Number(scrub.value));
  };
  $("shows").onchange = async () => {
    if (!await ready()) return;
    layers = [];
    at >= 1 ? roll(2500) : show(at);
  };
  $("save-film").onclick = async () => {
    if (!await ready()) return;
    const { width, height } = layer(entry.frames.length), to = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    const n = 20, images = [1, ...Array.from({ length: n + 1 }, (_, k) => k / n)].map((p) => { draw(to, p); return to.getImageData(0, 0, width, height); });
    const blob = await animate(images, images.map((_, k) => (k === 0 ? 1 : k === n + 1 ? 180 : 9)), entry.result.metadata, { scale: Math.max(1, Math.round(256 / width)) });
    save(blob, fileName(entry.request).replace(/\.png$/, "-from-noise.png"));
    onMessage("The animation is saved: an animated PNG, which holds the request as well.");
  };

  return {
    // use takes a result. Those of another model can't be made again.
    use(picked, able = true) {
      this.stop();
      [entry, layers, at] = [picked, [], 1];
      scrub.value = 1;
      scrub.setAttribute("aria-valuetext", "the picture");
      $("shows").hidden = picked.model.latents; // which have no noisy pictures
      for (const id of ["play", "scrub", "shows", "save-film"]) $(id).disabled = !able && !picked.frames;
    },
    // play shows how a picture that came fast came out of noise.
    play(ms) { if (!still.matches && entry?.frames?.length) { at = 1; roll(ms); } },
    stop() {
      pause();
      canvas.hidden = true;
      onTime();
    },
    // held tells whether a step is looked at, not played.
    get held() { return !canvas.hidden && running === undefined; },
  };
}
