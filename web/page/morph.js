// A morph: images on the way from one result to another, which play while they are made.
import { animate } from "./apng.js";
import { said } from "./command.js";
import { save } from "./files.js";
import { put } from "./pixels.js";

const delay = 80, pause = 640; // ms that a frame shows, and the two ends do
const side = 256; // pixels a side of the file, about

// morph fills element. open(sampler, from, to) takes two results, {request, image, index},
// index being the image's among those of the seed: of its request's first and its place in the grid.
export function morph(element, { onError }) {
  element.innerHTML = `
    <div class="tool morph">
      <div class="stage"><canvas role="img" width="1" height="1" aria-label="No morph yet"></canvas></div>
      <div class="way">
        <label><span class="ends"><span></span><span></span></span><input class="scrub" type="range" min="0" value="0" aria-label="Place on the way"></label>
        <div class="controls">
          <button class="play" type="button" disabled>Play</button>
          <label class="inline">Frames <select><option>9<option selected>17<option>33</select></label>
          <button class="cancel" type="button" disabled>Cancel</button>
        </div>
        <progress max="1" value="0" aria-label="Frames made"></progress>
        <p class="readout" role="status"></p>
        <div class="controls"><button class="save primary" type="button" disabled>Save animation</button></div>
      </div>
    </div>`;
  const $ = (selector) => element.querySelector(selector);
  const canvas = $("canvas"), scrub = $(".scrub");
  let sampler, from, to, plan; // plan(w) is the request of the image at w
  let frames = [], at = 0, step = 1; // frames not made yet are undefined; at moves by step
  let stop, timer;

  const made = () => frames.filter(Boolean).length;

  // show shows frame k, or of those that are made the nearest.
  function show(k) {
    at = k;
    const near = frames.reduce((best, frame, i) => (frame && Math.abs(i - k) < Math.abs(best - k) ? i : best), 0);
    const { image } = frames[near];
    put(canvas, image);
    scrub.value = k;
    const text = `${Math.round(100 * k / (frames.length - 1))} % of the way from ${title(from)} to ${title(to)}`;
    scrub.setAttribute("aria-valuetext", text);
    canvas.setAttribute("aria-label", text);
  }

  // tick goes on to the next frame that is made, and turns around at the ends.
  function tick() {
    do {
      if (at + step < 0 || at + step >= frames.length) step = -step;
      at += step;
    } while (!frames[at]);
    show(at);
    timer = setTimeout(tick, at === 0 || at === frames.length - 1 ? pause : delay);
  }

  function play(on) {
    clearTimeout(timer);
    timer = on ? setTimeout(tick, delay) : undefined;
    $(".play").textContent = on ? "Pause" : "Play";
  }

  // make makes the frames that are missing: the one that is looked for first, then those in the middle of the widest gaps.
  async function make() {
    stop?.abort();
    const { signal } = stop = new AbortController();
    const mine = frames;
    const frame = async (k) => {
      const request = plan(k / (mine.length - 1));
      mine[k] = { request, image: (await sampler.generate(request, { signal })).images[0] };
      signal.throwIfAborted();
      if (k === at) show(k);
      progress();
    };
    $(".cancel").textContent = "Cancel";
    try {
      for (const gaps = [[0, mine.length - 1]]; gaps.length;) {
        const [low, high] = gaps.shift(), middle = Math.floor((low + high) / 2);
        if (high - low < 2) continue;
        gaps.push([low, middle], [middle, high]);
        while (!mine[at]) await frame(at);
        if (!mine[middle]) await frame(middle);
      }
      progress();
    } catch (error) {
      if (stop?.signal !== signal) return; // closed, or begun again
      if (!signal.aborted) onError(error);
      stop.abort();
      $(".cancel").textContent = "Go on";
      $(".readout").textContent = `Stopped at ${made()} of ${mine.length} frames.`;
    }
  }

  function progress() {
    const n = made(), all = n === frames.length;
    $("progress").value = n / frames.length;
    $(".readout").textContent = all ? `All ${n} frames are there.` : `${n} of ${frames.length} frames…`;
    $(".cancel").disabled = all;
  }

  function begin() {
    const n = Number($("select").value);
    frames = Array(n);
    [frames[0], frames[n - 1]] = [from, to];
    scrub.max = n - 1;
    step = 1;
    show(0);
    progress();
    for (const name of [".play", ".save"]) $(name).disabled = false;
    play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
    return make();
  }

  $("select").onchange = () => { if (plan) begin(); };
  $(".play").onclick = () => play(!timer);
  $(".cancel").onclick = () => (stop.signal.aborted ? make() : stop.abort());
  scrub.oninput = () => {
    if (!plan) return;
    play(false);
    show(Number(scrub.value));
  };
  $(".save").onclick = async () => {
    const there = frames.filter(Boolean), n = there.length;
    const back = there.slice(1, -1).reverse(); // as it plays
    const delays = [...there, ...back].map((_, i) => (i === 0 || i === n - 1 ? pause : delay) / 10);
    const { name, id } = sampler.info;
    const blob = await animate([...there, ...back].map(({ image }) => image), delays, { request: from.request, model: name, model_id: id }, { scale: Math.max(1, Math.round(side / from.image.width)) });
    save(blob, `${title(from)}-to-${title(to)}.png`.replaceAll(/[/\\:*?"<>|]/g, "_"));
  };

  function close() {
    play(false);
    stop?.abort();
    stop = plan = undefined;
    frames = [];
    canvas.width = canvas.height = 1;
    canvas.setAttribute("aria-label", "No morph yet");
    $(".readout").textContent = "";
    $("progress").value = 0;
    for (const button of element.querySelectorAll("button")) button.disabled = true;
  }

  return {
    // The promise settles when the frames are made, or no more are.
    async open(s, a, b) {
      close();
      try {
        plan = between({ index: 0, ...a }, { index: 0, ...b }, s.info);
      } catch (error) {
        return onError(error);
      }
      [sampler, from, to] = [s, { index: 0, ...a }, { index: 0, ...b }];
      const ends = element.querySelectorAll(".ends span");
      [ends[0].textContent, ends[1].textContent] = [title(from), title(to)];
      await begin();
    },
    close,
  };
}

// A prompt is a class too, in its style, if it names none: so that styles are mixed as well.
const shares = ({ class: name, classes, prompt, style }) => (classes ?? [{ class: prompt ?? name, weight: 1 }])
  .map((share) => (style ? { ...share, class: `${style} ${share.class}` } : share));
const title = ({ request }) => said(request);

// between gives the function from w, 0 to 1, to the request of the image at w of the way
// from one result to another. Classes are mixed and noise is blended; steps and guidance
// go from the one to the other, and of what else there is each result has its half.
export function between(from, to, { steps, guidance, classes }) {
  // Noise depends on the seed and the image's index.
  if (from.index !== to.index) throw new Error("Images at different places of their grids have noise that can't be blended: pick the same place in both.");
  const [a, b] = [from, to].map(({ request }) => ({ steps, guidance, ...request, classes: shares({ class: classes[0], ...request }) }));
  const noise = blend(a, b);
  return (w) => {
    const near = w < 0.5 ? a : b, along = (name) => a[name] + (b[name] - a[name]) * w;
    const { class: _, prompt, style, seed_to, seed_mix, first, ...request } = near;
    return { ...request, ...(from.index ? { first: from.index } : {}), count: 1, steps: Math.round(along("steps")), guidance: along("guidance"), classes: mix(a.classes, b.classes, w), ...noise(w) };
  };
}

// mix weighs two mixes of classes against each other.
function mix(a, b, w) {
  if (JSON.stringify(a) === JSON.stringify(b)) return a;
  const all = new Map();
  for (const [mix, part] of [[a, 1 - w], [b, w]]) {
    const sum = mix.reduce((sum, { weight }) => sum + weight, 0);
    for (const share of mix) {
      const key = JSON.stringify([share.class, share.from, share.to]);
      all.set(key, { ...share, weight: (all.get(key)?.weight ?? 0) + part * share.weight / sum });
    }
  }
  return [...all.values()];
}

// blend gives the function from w to the fields of the noise. Both requests have a
// place between two seeds, and it moves from one to the other.
function blend(a, b) {
  const seeds = [...new Set([a, b].flatMap(({ seed = 0, seed_to = 0, seed_mix = 0 }) => [...(seed_mix < 1 ? [seed] : []), ...(seed_mix > 0 ? [seed_to] : [])]))];
  if (seeds.length > 2) throw new Error("These two are made of more than two seeds, whose noise can't be blended.");
  const [seed, seed_to] = seeds;
  if (seeds.length === 1) return () => ({ seed });
  const [p, q] = [a, b].map((r) => ((r.seed ?? 0) === seed ? r.seed_mix ?? 0 : 1 - (r.seed_mix ?? 0)));
  return (w) => ({ seed, seed_to, seed_mix: p + (q - p) * w });
}
