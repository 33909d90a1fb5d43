// The chosen result: how it was made, and what can be done with it.
import { command, fileName, summary } from "./command.js";
import { save } from "./files.js";
import { glyphOf } from "./picker.js";
import { randomSeed } from "./form.js";
import { base64, rgb } from "./pixels.js";
import { toHash } from "./share.js";
import { status } from "./view.js";

const $ = (id) => document.getElementById(id);
const scales = [1, 2, 4, 8, 16], large = 256, most = 1024; // pixels that small images are saved with, and at most are offered

// result calls onRun(request) to make another picture, onReuse(request) to have a request in
// the form, onTool(name, button, entry, i) for a closer look at image i, onImage(i) where
// another image of several is chosen, and onStar(entry) and onDelete(entry).
export function result({ onRun, onReuse, onTool, onImage, onStar, onDelete }) {
  const buttons = [...$("result").querySelectorAll("button")];
  let entry, at = 0;
  for (const button of buttons) button.disabled = true;

  // sizes lists those of a PNG of images of so many pixels; what was chosen stays.
  let listed;
  function sizes(width) {
    if (width === listed) return;
    listed = width;
    const usual = width * 2 >= large ? 1 : large / width;
    $("scale").replaceChildren(...scales.filter((scale) => scale === 1 || width * scale <= most).map((scale) => new Option(`${width * scale} px`, scale, scale === usual, scale === usual)));
  }

  const variant = (seed) => ({ ...entry.request, seed });
  $("again").onclick = () => onRun(entry.request);
  $("next").onclick = () => onRun(variant(entry.request.seed < entry.model.maxSeed ? entry.request.seed + 1 : 0));
  $("random").onclick = () => onRun(variant(randomSeed()));
  $("alone").onclick = () => onRun({ ...entry.request, first: (entry.request.first ?? 0) + at, count: 1 });
  $("like").onclick = () => onRun(alike());
  $("star").onclick = () => { onStar(entry); starred(); };
  $("delete").onclick = () => onDelete(entry);
  const starred = () => $("star").setAttribute("aria-pressed", !!entry.star);
  $("reuse").onclick = () => onReuse(entry.request);
  $("continue").onclick = () => onReuse({ ...started(), count: 1 });
  for (const name of ["edit", "inspect", "morph", "compare"]) $(name).onclick = () => onTool(name, $(name), entry, at);
  $("which").onchange = () => onImage($("which").selectedIndex);

  // alike is four variations of the image, where the model can start from one, else four other seeds.
  function alike() {
    const { seed_to, seed_mix, first, edit, solver, ...rest } = entry.request, another = { seed: randomSeed(), count: 4 };
    return able() ? { ...started(), ...another } : { ...rest, ...another };
  }

  // started is the request with the image to start from.
  const able = () => entry.model.edits?.includes("image");
  function started() {
    const { seed_to, seed_mix, first, ...rest } = entry.request, image = entry.result.images[at];
    return { ...rest, edit: { task: "image", image: base64(rgb(image)), width: image.width, strength: 0.75 } };
  }

  const png = () => entry.result.toBlob({ scale: Number($("scale").value) });
  const address = () => {
    const hash = toHash(entry.request, entry.model);
    return hash && `${location.origin}${location.pathname}${modelQuery()}#${hash}`;
  };

  // A clipboard takes a picture that is still being written.
  $("copy-image").onclick = async () => {
    try {
      await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]);
      status("Image copied.");
    } catch {
      status("This browser does not let a page copy images. Save it instead.");
    }
  };

  const shareable = { files: [new File([], "a.png", { type: "image/png" })] };
  $("share").hidden = !navigator.canShare?.(shareable);
  $("share").onclick = async () => {
    const file = new File([await png()], fileName(entry.request), { type: "image/png" });
    try {
      await navigator.share({ files: [file], title: summary(entry.request), ...(address() ? { url: address() } : {}) });
    } catch ({ name, message }) {
      if (name !== "AbortError") status(`It could not be shared: ${message}`);
    }
  };

  $("save").onclick = async () => save(await png(), fileName(entry.request));
  $("link").onclick = () => {
    if (address()) copy(address(), "Link");
    else status("This is too much for a link. The saved PNG holds the same.");
  };
  $("copy").onclick = () => copy($("command").textContent, "Command");

  return {
    // show takes an entry, its image i, and what the model is that is loaded.
    show(shown, i, current) {
      const { request, result, note, model } = entry = shown;
      const { sha256 } = result;
      for (const button of buttons) button.disabled = false;
      $("title").textContent = `${request.class ? `${glyphOf(request.class)} ` : ""}${summary(request)}`;
      const other = current && current.id !== model.id ? `Made by another model, ${model.name}. Run again would draw it with ${current.name}: another picture.` : "";
      $("note").textContent = [note, other].filter(Boolean).join(" ");
      starred();
      $("hash").textContent = sha256;
      $("command").textContent = command(request, model);
      $("request").textContent = JSON.stringify(request, (_, value) => (typeof value === "string" && value.length > 200 ? `${value.slice(0, 40)}… (${value.length} characters)` : value), 2);
      const { length, 0: { width } } = result.images;
      sizes(width);
      $("which").replaceChildren(...result.images.map((_, k) => new Option(`${k + 1} of ${length}`)));
      $("which-field").hidden = length === 1;
      for (const id of ["save", "copy-image", "share", "like", "scale", "continue"]) $(id).disabled = !result.toBlob || (id === "continue" && !able());
      this.choose(i);
    },
    choose(i) { $("which").selectedIndex = at = i; },
    get chosen() { return at; },
  };
}

// modelQuery names the model in a link.
const modelQuery = () => {
  const model = new URLSearchParams(location.search).get("model");
  return model ? `?${new URLSearchParams({ model })}` : "";
};

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    status(`${what} copied.`);
  } catch {
    // Pages that came over http have no clipboard: the browser's own dialogue has.
    prompt(`${what}, to copy:`, text);
  }
}
