// Own pictures, of any size, which an image starts from: which part of one, and how much of it may change.
import { base64 } from "./pixels.js";

const wide = 640; // pixels a side that the picture is shown with

// photos fills element. open(bitmap, name, info) takes a picture and starts from its middle; onEdit(edit, said, count) is given the edit
// and what was done.
export function photos(element, { onEdit }) {
  element.innerHTML = `
    <div class="tool photo">
      <div class="stage"><canvas tabindex="0" role="application" aria-label="The part of the picture" aria-describedby="photo-keys"></canvas></div>
      <div class="way">
        <p class="readout" role="status"></p>
        <label class="fit">Fit by <select><option value="cover">a part<option value="contain">all of it, with white bars<option value="stretch">all of it, out of shape</select></label>
        <label class="slider">Closer <output>×1</output><input class="zoom" type="range" min="1" max="6" step="0.1" value="1"></label>
        <label class="slider">How much may change <output>60 %</output><input class="strength" type="range" min="5" max="100" step="5" value="60"></label>
        <div class="controls"><button class="four" type="button">Four variants</button></div>
        <p class="keys" id="photo-keys">Drag to choose the part. With the keyboard: arrows move it, + and − make it smaller and larger.</p>
      </div>
    </div>`;
  const $ = (selector) => element.querySelector(selector);
  const canvas = $("canvas"), context = canvas.getContext("2d"), fit = $(".fit select"), zoom = $(".zoom");
  let bitmap, name, info, centre, pen, timer;

  // part is what is taken of the bitmap, in its pixels: [x, y, width, height].
  function part() {
    const { width, height } = bitmap;
    if (fit.value !== "cover") return [0, 0, width, height];
    const side = Math.min(width, height) / zoom.value;
    return [...[width, height].map((whole, c) => Math.max(0, Math.min(whole - side, centre[c] - side / 2))), side, side];
  }

  function draw() {
    const scale = Math.min(wide / bitmap.width, wide / bitmap.height), [w, h] = [bitmap.width, bitmap.height].map((v) => Math.max(1, Math.round(v * scale)));
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const of = part(), at = of.map((v) => v * scale);
    context.clearRect(0, 0, w, h);
    context.globalAlpha = 0.3;
    context.drawImage(bitmap, 0, 0, w, h);
    context.globalAlpha = 1;
    context.drawImage(bitmap, ...of, ...at);
    for (const [line, color] of [[4, "#fff"], [2, "#bb3e0b"]]) {
      Object.assign(context, { lineWidth: line, strokeStyle: color });
      context.strokeRect(at[0] + 1, at[1] + 1, at[2] - 2, at[3] - 2);
    }
    const [x, y, pw, ph] = of.map(Math.round);
    $(".readout").textContent = fit.value === "cover" && pw + ph < bitmap.width + bitmap.height ? `${pw}×${ph} pixels of ${bitmap.width}×${bitmap.height}, from ${x}, ${y} on.` : `All ${bitmap.width}×${bitmap.height} pixels.`;
    zoom.disabled = fit.value !== "cover";
  }

  // move takes another part of the picture, and starts from it after a rest.
  function move(to) {
    const half = part()[2] / 2;
    centre = to.map((v, c) => Math.max(half, Math.min([bitmap.width, bitmap.height][c] - half, v)));
    draw();
    later();
  }
  const later = () => { clearTimeout(timer); timer = setTimeout(start, 300); };
  const start = (count = 1) => { clearTimeout(timer); if (bitmap) onEdit(...edit(), count); };

  // edit fits the part into the model's size. What is transparent is painted anew, where the model can; else it is white.
  function edit() {
    const { width, height } = bitmap, { size, edits, latents } = info, how = fit.value, of = part();
    const [w, h] = how === "stretch" ? [size, size] : [of[2], of[3]].map((v) => v * size / Math.max(of[2], of[3]));
    const to = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true }), at = [(size - w) / 2, (size - h) / 2, w, h];
    const pixels = (wanted) => to.getImageData(0, 0, size, size).data.filter((_, i) => wanted(i % 4));
    to.fillStyle = "#fff";
    to.fillRect(0, 0, size, size);
    to.clearRect(...at);
    to.imageSmoothingQuality = "high";
    to.drawImage(bitmap, ...of, ...at);
    const clear = pixels((channel) => channel === 3).map((alpha) => (alpha < 128 ? 255 : 0));
    to.globalCompositeOperation = "destination-over"; // white below
    to.fillRect(0, 0, size, size);
    const image = base64(pixels((channel) => channel < 3));
    const count = clear.filter(Boolean).length;
    let said = `Started from ${name}, scaled from ${width}×${height}${width === height && zoom.value === "1" ? "" : `, fit ${how}`}.`;
    if (!count || !edits.includes("inpaint")) return [{ task: "image", width: size, image, strength: Number($(".strength").value) / 100 }, said];
    said += ` What is transparent is painted anew: ${count} of ${size * size} pixels.`;
    return [{ task: "inpaint", width: size, image, mask: base64(clear), ...(latents ? { keep: true } : {}) }, said];
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * bitmap.width, (event.clientY - box.top) / box.height * bitmap.height];
  };
  canvas.onpointerdown = (event) => {
    if (!bitmap || fit.value !== "cover") return;
    canvas.setPointerCapture(event.pointerId);
    const at = place(event), [x, y, w, h] = part();
    pen = at[0] >= x && at[0] < x + w && at[1] >= y && at[1] < y + h ? [x + w / 2 - at[0], y + h / 2 - at[1]] : [0, 0]; // from the pointer to the centre
    move(at.map((v, c) => v + pen[c]));
  };
  canvas.onpointermove = (event) => { if (pen) move(place(event).map((v, c) => v + pen[c])); };
  canvas.onpointerup = canvas.onpointercancel = () => { pen = undefined; };
  canvas.onkeydown = (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const closer = { "+": 0.5, "=": 0.5, "-": -0.5 }[event.key];
    if (!bitmap || fit.value !== "cover" || !by && !closer) return;
    event.preventDefault();
    if (closer) { zoom.value = Number(zoom.value) + closer; zoom.oninput(); }
    else move(centre.map((v, c) => v + by[c] * part()[2] / 20));
  };
  zoom.oninput = () => { zoom.previousElementSibling.textContent = `×${zoom.value}`; move(centre); };
  $(".strength").oninput = ({ target }) => { target.previousElementSibling.textContent = `${target.value} %`; later(); };
  fit.onchange = () => { draw(); start(); };
  $(".four").onclick = () => start(4);

  return {
    open(picture, called, model) {
      [bitmap, name, info] = [picture, called, model];
      centre = [picture.width / 2, picture.height / 2];
      zoom.value = 1;
      zoom.previousElementSibling.textContent = "×1";
      draw();
      start();
    },
    close() {
      clearTimeout(timer);
      bitmap = undefined;
      canvas.width = canvas.height = 1;
    },
  };
}
