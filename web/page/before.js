// What an edit began with, over what became of it: a slider goes from the one to the other.
import { grid } from "./dit8/png.js";
import { put } from "./pixels.js";

const $ = (id) => document.getElementById(id);

// given is the ImageData that an edit was given, of three bytes a pixel or of its brightness alone.
function given({ image, width }) {
  const bytes = Uint8Array.from(atob(image), (c) => c.charCodeAt(0)), channels = bytes.length === 3 * width * width ? 3 : 1;
  const picture = new ImageData(width, width);
  for (let i = 0; i < width * width; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = bytes[channels * i + c % channels];
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

export function before() {
  const canvas = $("before"), wipe = $("wipe");
  wipe.oninput = () => {
    canvas.hidden = wipe.value === "0";
    canvas.style.clipPath = `inset(0 ${100 - wipe.value}% 0 0)`;
    wipe.setAttribute("aria-valuetext", `${wipe.value} % of it as before`);
  };
  return {
    // use takes a result, or undefined while there is none.
    use(entry) {
      const { edit, count = 1 } = entry?.request ?? {};
      const able = !!edit?.image && !!entry.result.toBlob; // a thumbnail shows no more than itself
      $("wipe-field").hidden = !able;
      wipe.value = 0;
      wipe.oninput();
      if (!able) return;
      const picture = given(edit);
      put(canvas, grid(Array(count).fill(picture)), picture.width);
    },
  };
}
