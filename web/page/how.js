// How it works: the ideas of diffusion transformers in five pictures, which the model that is loaded makes.
const cell = 96; // pixels a side of a small picture

const draw = (context, image, x, y, side, part = [0, 0, image.width, image.height]) => {
  const small = new OffscreenCanvas(image.width, image.height);
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = image.width >= cell;
  context.drawImage(small, ...part, x, y, side, side);
};

const texts = {
  patches: ["Patches", "A picture is cut into squares. Each is one token, a list of numbers, beside a code of where it lies. A transformer lets every token look at every other, as it would with words, and turns each into a patch of a cleaner picture."],
  noise: ["Noise and velocity", "Training mixes drawings with noise, a little or much, and asks the network which way leads back. Drawing starts from noise alone and follows that velocity step by step. Above: what a step begins with; below: the picture that the network expects at its end."],
  board: ["The mixing board of AdaLN", "What you say and the time turn the faders of each block: γ scales what goes in, β shifts it, α sets how much of the block’s work is added. Words reach the picture in no other way. Filled: early, in the noise; outlined: late, among the details. Inspect shows every channel."],
  guidance: ["Guidance", ""],
  steps: ["Steps", "Each step asks the network once. One large step guesses at everything together; more of them let the later ones put right what the first got wrong."],
};

// how fills element. open(sampler, request) draws its pictures of what a request is of.
export function how(element) {
  element.innerHTML = `<div class="tool how"></div>`;
  const figures = {};
  for (const [name, [title, text]] of Object.entries(texts)) {
    const figure = document.createElement("figure"), caption = document.createElement("figcaption"), canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", title);
    caption.append(Object.assign(document.createElement("h3"), { textContent: title }), Object.assign(document.createElement("p"), { textContent: text }));
    figure.append(canvas, caption);
    element.firstChild.append(figure);
    figures[name] = { canvas, caption };
  }

  // board makes a figure's canvas as large, white, and gives its context.
  function board(name, width, height) {
    const { canvas } = figures[name], context = canvas.getContext("2d");
    Object.assign(canvas, { width, height });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    return context;
  }

  function row(name, made) {
    const context = board(name, made.length * (cell + 8) + 8, cell + 32);
    made.forEach(({ image, text }, i) => {
      draw(context, image, 8 + i * (cell + 8), 8, cell);
      context.fillStyle = "#333";
      context.fillText(text, 8 + i * (cell + 8) + cell / 2, cell + 24, cell + 6);
    });
  }

  function patches({ width, height }, image, n) {
    const context = board("patches", 3.5 * cell, 3.5 * cell), pitch = 3.5 * cell / n;
    for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) draw(context, image, x * pitch + 2, y * pitch + 2, pitch - 4, [x * width / n, y * height / n, width / n, height / n]);
  }

  function noise(steps, { images: [done] }) {
    const context = board("noise", (steps.length + 1) * (cell + 8) + 8, 2 * cell + 48);
    steps.forEach(({ t, states, images }, i) => {
      const x = 8 + i * (cell + 8);
      if (states[0]) draw(context, states[0], x, 8, cell);
      draw(context, images[0], x, cell + 16, cell);
      context.fillStyle = "#333";
      context.fillText(`t = ${t.toFixed(2)}`, x + cell / 2, 2 * cell + 36);
    });
    draw(context, done, 8 + steps.length * (cell + 8), 8, cell);
    context.fillStyle = "#333";
    context.fillText("t = 0", 8 + steps.length * (cell + 8) + cell / 2, cell + 24);
  }

  function faders({ branches, times }) {
    const kinds = [["alpha", "α", "#bb3e0b"], ["beta", "β", "#0f766e"], ["gamma", "γ", "#5b3fd6"]], high = 80;
    const context = board("board", 30 + branches.length * 22, kinds.length * (high + 24) + 8);
    kinds.forEach(([kind, letter, color], k) => {
      const top = 12 + k * (high + 24), most = Math.max(...branches.flatMap((branch) => branch[kind]?.rms ?? 0));
      context.fillStyle = "#333";
      context.fillText(letter, 14, top + high / 2);
      branches.forEach(({ [kind]: series }, i) => {
        if (!series) return;
        const x = 36 + i * 22, at = (j) => top + high * (1 - series.rms[j] / most);
        context.fillStyle = "#d6cdc5";
        context.fillRect(x - 1.5, top, 3, high);
        Object.assign(context, { fillStyle: color, strokeStyle: color, lineWidth: 2 });
        context.fillRect(x - 7, at(0) - 4, 14, 8);
        context.strokeRect(x - 7, at(times.length - 1) - 4, 14, 8);
      });
    });
  }

  let stop;
  return {
    async open(sampler, { class: name, prompt, style, seed = 0 }) {
      stop?.abort();
      const { signal } = stop = new AbortController(), { info } = sampler;
      const request = { ...(name === undefined ? {} : { class: name }), ...(prompt === undefined ? {} : { prompt }), ...(style ? { style } : {}), seed, count: 1 };
      const image = async (other) => (await sampler.generate({ ...request, ...other }, { signal })).images[0];
      figures.guidance.caption.lastChild.textContent = info.guided ? "At each step the network is asked twice, with and without what you said, and its answer is pushed away from the latter, by as much as you like: too little and it drifts, too much and it shouts."
        : "Others ask the network twice at each step, with and without what you said, and push its answer away from the latter. This one learnt that in training: one question is enough. From one noise, the more is said, the more of it is drawn.";
      try {
        const steps = [], done = await sampler.generate({ ...request, steps: 4 }, { signal, states: true, onStep: (step) => { if (!step.decoding) steps.push(step); } });
        patches(done.images[0], done.images[0], info.patches);
        noise(steps, done);
        faders(await sampler.inspect({ ...request, steps: 4 }, { signal }));
        const texts = [prompt ?? "", ...info.examples].map((text) => text.split(" ")), made = [];
        const words = texts[0].length > 1 ? texts[0] : texts.reduce((most, words) => (words.length > most.length ? words : most)); // a word alone shows little
        if (info.guided) for (const guidance of [1, 2, 4, 8].filter((g) => g <= info.maxGuidance)) made.push({ image: await image({ guidance }), text: `guidance ${guidance}` });
        else if (prompt !== undefined) for (let n = 1; n <= Math.min(4, words.length); n++) {
          const said = words.slice(0, n + Math.max(0, words.length - 4)).join(" ");
          const picture = await image({ prompt: said, skip_unknown: true, ...(style ? { style } : {}) }).catch((error) => { if (signal.aborted) throw error; });
          if (picture) made.push({ image: picture, text: said });
        }
        if (made.length) row("guidance", made);
        const counts = info.stepCounts.length ? info.stepCounts : [1, 2, 4, 8, 16].filter((n) => n <= info.maxSteps), by = [];
        for (const n of counts) by.push({ image: await image({ steps: n }), text: n === 1 ? "1 step" : `${n} steps` });
        row("steps", by);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    close() { stop?.abort(); },
  };
}
