// Edits of a result: a mask that is painted on its pixels and made anew, and variations
// of the whole image.
import { masked } from "./mask.js";
import { base64, luma, rgb } from "./pixels.js";

const maxUndo = 100;

// editor fills element. open(image, request, info) takes the ImageData of a result,
// its request and what the model is (Sampler.info); onEdit is given the request to run.
export function editor(element, { onEdit, onMessage }) {
  element.innerHTML = `
    <div class="tool editor">
      <div class="stage">
        <canvas tabindex="0" role="application" aria-label="Mask over the image" aria-describedby="edit-keys"></canvas>
        <p class="readout" role="status"></p>
        <div class="controls">
          <fieldset class="choice"><legend>Brush</legend>
            <label><input type="radio" name="brush" value="paint" checked><span>Paint</span></label>
            <label><input type="radio" name="brush" value="erase"><span>Erase</span></label>
          </fieldset>
          <label class="slider">Size <output>4</output><input class="size" type="range" min="1" max="12" value="4"></label>
        </div>
        <div class="controls">
          <button class="undo" type="button">Undo</button>
          <button class="invert" type="button">Invert</button>
          <button class="clear" type="button">Clear</button>
          <button class="from-file" type="button" title="White is painted anew, or what is transparent">Mask from a file…</button>
          <input class="mask-file" type="file" accept="image/*" aria-label="Mask" hidden>
        </div>
        <p class="keys" id="edit-keys">With the keyboard: arrows move, Space paints, Shift and an arrow paint on the way, Ctrl+Z takes back.</p>
      </div>
      <div class="edits">
        <div class="pair">
          <label>Make it <input class="class" list="edit-classes" autocomplete="off" spellcheck="false"></label>
          <datalist id="edit-classes"></datalist>
          <label>Seed <input class="seed" inputmode="numeric" autocomplete="off"></label>
        </div>
        <section>
          <h3>Inpaint</h3>
          <p>Brush over what should change. All other pixels stay exactly as they are.</p>
          <button class="paint-anew primary" type="button">Inpaint</button>
        </section>
        <section>
          <h3>Variations</h3>
          <p>The whole image is blurred by noise and drawn again from there.</p>
          <label class="slider">How much may change <output class="strength-value">60 %</output><input class="strength" type="range" min="5" max="100" step="5" value="60"></label>
          <button class="vary" type="button">Vary</button>
        </section>
        <section class="recolour">
          <h3>Recolour</h3>
          <p>Light and shade stay, the colours are made up again.</p>
          <button class="colour" type="button">Recolour</button>
        </section>
      </div>
    </div>`;
  const $ = (selector) => element.querySelector(selector);
  const canvas = $("canvas"), context = canvas.getContext("2d");
  let image, request, size, latents, worded;
  let mask, before = []; // a byte a pixel, 1 is painted; and what it was, for undo
  let cursor, pen; // the pixel that the keyboard is at; where the pointer was

  // draw shows the image with what is painted under a veil, whose edge is seen on any colour.
  function draw() {
    if (!image || !canvas.clientWidth) return;
    const side = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio / size)), s = side * size;
    canvas.width = canvas.height = s;
    const small = new OffscreenCanvas(size, size);
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, s, s);
    const veil = new Uint32Array(size * size), edge = new Path2D();
    const painted = (x, y) => x >= 0 && y >= 0 && x < size && y < size && mask[y * size + x];
    for (let y = 0, i = 0; y < size; y++) for (let x = 0; x < size; x++, i++) if (mask[i]) {
      veil[i] = 0x8cd63f5b; // a, b, g, r
      if (mask[i - 1] && mask[i + 1] && mask[i - size] && mask[i + size] && x && x < size - 1) continue;
      const [x0, y0, x1, y1] = [x * side, y * side, (x + 1) * side, (y + 1) * side];
      for (const [dx, dy, ...line] of [[-1, 0, x0, y0, x0, y1], [1, 0, x1, y0, x1, y1], [0, -1, x0, y0, x1, y0], [0, 1, x0, y1, x1, y1]]) {
        if (!painted(x + dx, y + dy)) { edge.moveTo(line[0], line[1]); edge.lineTo(line[2], line[3]); }
      }
    }
    small.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(veil.buffer), size), 0, 0);
    context.drawImage(small, 0, 0, s, s);
    outline(edge);
    if (cursor && document.activeElement === canvas) {
      const box = new Path2D();
      for (const [x, y] of stamp(cursor)) box.rect(x * side, y * side, side, side);
      context.fillStyle = "rgb(255 255 255 / 0.6)";
      context.fill(box);
      const at = new Path2D();
      at.rect(Math.floor(cursor[0]) * side, Math.floor(cursor[1]) * side, side, side);
      outline(at);
    }
  }

  function outline(path) {
    context.lineCap = "square";
    for (const [width, color] of [[4, "#fff"], [2, "#34208f"]]) {
      context.lineWidth = width * devicePixelRatio;
      context.strokeStyle = color;
      context.stroke(path);
    }
  }

  // stamp is the pixels that the brush covers at a point: those whose centre is in a
  // circle around the nearest pixel, or corner of pixels where its size is even.
  function stamp([px, py]) {
    const d = Number($(".size").value), centre = (p) => (d % 2 ? Math.floor(p) + 0.5 : Math.round(p));
    const cx = centre(px), cy = centre(py), pixels = [];
    for (let y = Math.floor(cy - d / 2); y < cy + d / 2; y++) for (let x = Math.floor(cx - d / 2); x < cx + d / 2; x++) {
      if (x >= 0 && y >= 0 && x < size && y < size && Math.hypot(x + 0.5 - cx, y + 0.5 - cy) <= d / 2) pixels.push([x, y]);
    }
    return pixels;
  }

  // brush paints from one point to another.
  function brush(from, to, erase) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])));
    for (let k = 0; k <= steps; k++) {
      for (const [x, y] of stamp([0, 1].map((c) => from[c] + (to[c] - from[c]) * k / steps))) mask[y * size + x] = erase ? 0 : 1;
    }
    changed();
  }

  const erasing = () => $("[name=brush]:checked").value === "erase";
  const count = () => mask.reduce((n, v) => n + v, 0);

  function keep() {
    before.push(mask.slice());
    if (before.length > maxUndo) before.shift();
  }

  function changed() {
    draw();
    const n = count();
    $(".readout").textContent = `${n || "No"} ${n === 1 ? "pixel is" : "pixels are"} marked${n ? ` of ${size * size}` : " yet"}.`;
    $(".undo").disabled = !before.length;
    $(".clear").disabled = !n;
  }

  function undo() {
    if (before.length) mask = before.pop();
    changed();
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * size, (event.clientY - box.top) / box.height * size];
  };

  canvas.onpointerdown = (event) => {
    if (!image || event.button > 0 && event.button !== 5) return;
    canvas.setPointerCapture(event.pointerId);
    keep();
    cursor = undefined;
    pen = { id: event.pointerId, at: place(event), erase: erasing() || event.button === 5 }; // 5 is a pen's other end
    brush(pen.at, pen.at, pen.erase);
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== pen?.id) return;
    const passed = event.getCoalescedEvents();
    for (const to of (passed.length ? passed : [event]).map(place)) {
      brush(pen.at, to, pen.erase);
      pen.at = to;
    }
  };
  canvas.onpointerup = canvas.onpointercancel = () => { pen = undefined; };

  canvas.onkeydown = (event) => {
    if (!image) return;
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (move) {
      const from = cursor ?? [size / 2 + 0.5, size / 2 + 0.5];
      cursor = from.map((v, c) => Math.max(0.5, Math.min(size - 0.5, v + move[c])));
      if (event.shiftKey) {
        keep();
        brush(from, cursor, erasing());
      }
    } else if (event.key === " ") {
      cursor ??= [size / 2 + 0.5, size / 2 + 0.5];
      keep();
      brush(cursor, cursor, erasing());
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      undo();
    } else return;
    event.preventDefault();
    draw();
    if (cursor) {
      const [x, y] = cursor.map(Math.floor);
      $(".readout").textContent = `Row ${y + 1}, column ${x + 1}: ${mask[y * size + x] ? "marked" : "kept"}, ${count()} marked in all.`;
    }
  };
  canvas.onfocus = () => { if (canvas.matches(":focus-visible")) cursor ??= image && [size / 2 + 0.5, size / 2 + 0.5]; draw(); };
  canvas.onblur = draw;

  $(".undo").onclick = undo;
  $(".invert").onclick = () => { keep(); mask = mask.map((v) => 1 - v); changed(); };
  $(".from-file").onclick = () => $(".mask-file").click();
  $(".mask-file").onchange = async ({ target }) => {
    const [file] = target.files;
    try {
      const read = masked(await createImageBitmap(file, { imageOrientation: "from-image" }), size);
      keep();
      mask = read.mask;
      changed();
      $(".readout").textContent += ` Of ${file.name}, ${read.said}.`;
    } catch ({ message }) {
      onMessage(`${file.name}: ${message}`);
    }
    target.value = "";
  };
  $(".clear").onclick = () => { keep(); mask.fill(0); changed(); };
  for (const [slider, unit] of [[".size", ""], [".strength", " %"]]) $(slider).oninput = ({ target }) => {
    target.previousElementSibling.textContent = target.value + unit;
    draw();
  };

  // run asks for an edit of the image with the class and seed that stand in the form. A
  // seed gives the same again, so that the next edit gets another.
  function run(edit) {
    const { seed_to, seed_mix, solver, first, ...rest } = request, name = $(".class").value.trim(), seed = $(".seed").value.trim();
    const next = { ...rest, count: 1, seed: seed !== "" && !Number.isNaN(Number(seed)) ? Number(seed) : seed, edit: { ...edit, width: size } };
    // With others only whole images can be edited.
    if (solver && (edit.task === "image" || ["euler", "sde"].includes(solver))) next.solver = solver;
    if (name) {
      for (const other of ["class", "classes", "prompt"]) delete next[other];
      next[worded ? "prompt" : "class"] = name;
    }
    for (const input of element.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    if (Number.isSafeInteger(next.seed + 1)) $(".seed").value = next.seed + 1;
    onEdit(next);
  }

  $(".paint-anew").onclick = () => {
    if (!count()) return onMessage("First brush over what should change.");
    run({ task: "inpaint", image: base64(rgb(image)), mask: base64(mask), ...(latents ? { keep: true } : {}) });
  };
  $(".vary").onclick = () => run({ task: "image", image: base64(rgb(image)), strength: Number($(".strength").value) / 100 });
  $(".colour").onclick = () => run({ task: "colorize", image: base64(luma(image)) });

  new ResizeObserver(draw).observe(canvas);
  const enable = (on) => { for (const button of element.querySelectorAll("button")) button.disabled = !on; };
  enable(false);

  return {
    open(of, made, { classes, words, edits, latents: encoded }) {
      if (size !== of.width) { // a brush is a part of the image: of 32 pixels, 1 to 12 are across
        $(".size").max = Math.round(of.width * 3 / 8);
        $(".size").value = $(".size").previousElementSibling.textContent = Math.round(of.width / 8);
      }
      [image, request, size, latents, worded] = [of, made, of.width, encoded, words.length > 0];
      mask = new Uint8Array(size * size);
      [before, cursor, pen] = [[], undefined, undefined];
      $(".class").value = made.class ?? made.prompt ?? "";
      $(".class").placeholder = made.classes ? `as it is: ${made.classes.map((share) => share.class).join(", ")}` : "";
      $(".seed").value = ((made.seed ?? 0) + 1) % 2 ** 53;
      $("datalist").replaceChildren(...classes.map((name) => new Option("", name)));
      enable(true);
      $(".recolour").hidden = !edits.includes("colorize");
      for (const [button, task] of [[".paint-anew", "inpaint"], [".vary", "image"]]) $(button).disabled = !edits.includes(task);
      changed();
    },
    // wrong marks the field that an error is about.
    wrong(field) {
      const input = /^(class|prompt)/.test(field) ? $(".class") : field === "seed" && $(".seed");
      if (!input) return;
      input.setAttribute("aria-invalid", "true");
      input.setAttribute("aria-describedby", "tool-note");
      input.focus();
    },
    close() {
      image = request = mask = undefined;
      before = [];
      canvas.width = canvas.height = 1;
      $(".readout").textContent = "";
      enable(false);
    },
  };
}
