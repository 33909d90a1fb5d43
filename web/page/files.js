// Files that are dropped onto the page or opened: a PNG that was made here, a model, or what becomes one; and those that are saved.
import { isCheckpoint } from "./dit8/names.js";
import { readMetadata } from "./dit8/sampler.js";
import { isRequest } from "./share.js";

const $ = (id) => document.getElementById(id);
const starts = async (file, bytes) => {
  const head = new Uint8Array(await file.slice(0, bytes.length).arrayBuffer());
  return bytes.every((byte, i) => head[i] === byte);
};

// photo is a picture that was not made here, turned as a camera says; none where the browser
// can't read it.
const photo = (file) => createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => undefined);

// save has the browser keep a file, which it reads in its own time.
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// files calls onPicture(metadata, file), onPhoto(bitmap, file), onModel(file), onCheckpoint(files, entries) or onError(message).
// Entries are those of what was dropped, folders among them.
export function files({ onPicture, onPhoto, onModel, onCheckpoint, onError }) {
  async function take(list, entries = []) {
    const [file] = list;
    if (!file) return;
    if (entries.some((entry) => entry?.isDirectory) || list.some(({ name }) => isCheckpoint(name))) return onCheckpoint(list, entries);
    try {
      if (/\.dit8$/i.test(file.name)) onModel(file);
      else if (!await starts(file, [137, 80, 78, 71])) {
        const bitmap = await photo(file);
        if (bitmap) onPhoto(bitmap, file);
        else onError(`${file.name} is neither a PNG that was made here nor a .dit8 model.`);
      } else {
        const metadata = await readMetadata(file);
        if (!isRequest(metadata?.request)) throw new Error("the PNG's metadata holds no request");
        onPicture(metadata, file);
      }
    } catch ({ message }) {
      const bitmap = /does not say/.test(message) && await photo(file);
      if (bitmap) onPhoto(bitmap, file);
      else onError(`${file.name}: ${message}`);
    }
  }

  let depth = 0; // of the elements that a file is held over
  const over = (is) => { $("drop").hidden = !is; if (!is) depth = 0; };
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => { if (isFile(event)) { depth++; over(true); } });
  addEventListener("dragleave", (event) => { if (isFile(event) && --depth <= 0) over(false); });
  addEventListener("dragover", (event) => { if (isFile(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    over(false);
    const { items, files } = event.dataTransfer;
    take([...files], Array.from(items, (item) => item.webkitGetAsEntry?.()));
  });
  addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.files;
    if (!pasted?.length) return; // text, for a field
    event.preventDefault();
    take([...pasted]);
  });
  $("open").onclick = () => $("file").click();
  $("file").onchange = () => { take([...$("file").files]); $("file").value = ""; };
}
