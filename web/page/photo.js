// Photos: pictures that were not made here, of any size, which an image starts from.
import { base64 } from "./pixels.js";

const fits = ["cover", "contain", "stretch"];

// photos gives a function that takes a bitmap and its name. onEdit is given the edit and what
// was done; info() is what the model is. Once a photo is there, element has a choice of how it
// becomes a square, which takes it anew.
export function photos(element, info, onEdit) {
  const label = document.createElement("label"), select = document.createElement("select");
  label.append("Photos fit by ", select);
  label.className = "fit";
  select.append(...fits.map((fit) => new Option(fit)));
  let last;
  const start = () => onEdit(...edit(...last, select.value, info()));
  select.onchange = start;
  return (bitmap, name) => {
    last = [bitmap, name];
    element.append(label);
    start();
  };
}

// edit fits a bitmap into the model's size: its middle, all of it with white bars, or all of it
// out of shape. What is transparent is painted anew, where the model can; else it is white.
function edit(bitmap, name, fit, { size, edits, latents }) {
  const { width, height } = bitmap, scale = Math[fit === "contain" ? "max" : "min"](width, height);
  const [w, h] = fit === "stretch" ? [size, size] : [width * size / scale, height * size / scale];
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true }), at = [(size - w) / 2, (size - h) / 2, w, h];
  const pixels = (wanted) => context.getImageData(0, 0, size, size).data.filter((_, i) => wanted(i % 4));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.clearRect(...at);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, ...at);
  const clear = pixels((channel) => channel === 3).map((alpha) => (alpha < 128 ? 255 : 0));
  context.globalCompositeOperation = "destination-over"; // white below
  context.fillRect(0, 0, size, size);
  const image = base64(pixels((channel) => channel < 3));
  const count = clear.filter(Boolean).length;
  let said = `Started from ${name}, scaled from ${width}×${height}${width === height ? "" : `, fit ${fit}`}.`;
  if (!count || !edits.includes("inpaint")) return [{ task: "image", width: size, image }, said];
  said += ` What is transparent is painted anew: ${count} of ${size * size} pixels.`;
  return [{ task: "inpaint", width: size, image, mask: base64(clear), ...(latents ? { keep: true } : {}) }, said];
}
