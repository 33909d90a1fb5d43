// A close look at a picture: a dialogue as large as the window, with the picture fitted or enlarged. What is larger than the dialogue
// scrolls: by fingers, wheel, arrow keys, or a mouse that drags it.
import { put } from "./pixels.js";

const most = 32; // pixels of the window that a pixel of the picture takes a side

// zoom fills a dialog. open(picture, title, width) takes what can be drawn; width is that of one image, where it is a grid of several.
export function zoom(dialog) {
  dialog.innerHTML = `
    <div class="line"><h2 id="zoom-title"></h2><button class="close quiet" type="button">Close</button></div>
    <div class="view" tabindex="0" role="group" aria-label="The picture: arrow keys move it, plus and minus enlarge it" autofocus><canvas role="img"></canvas></div>
    <div class="buttons" role="group" aria-label="Size">
      <button class="whole" type="button">Fit</button>
      <button class="real" type="button" title="A pixel of the picture is one of the window">1:1</button>
      <button class="less" type="button" aria-label="Smaller">−</button>
      <span class="readout" role="status"></span>
      <button class="more" type="button" aria-label="Larger">+</button>
      <button class="squares" type="button" title="Pixels as squares, not smoothed">Pixelated</button>
    </div>`;
  const $ = (selector) => dialog.querySelector(selector);
  const view = $(".view"), canvas = $("canvas");
  let scale = 1, fitted = true;

  const fitting = () => Math.min(view.offsetWidth / canvas.width, view.offsetHeight / canvas.height);

  // to enlarges to a scale; what is at a point of the view, by default its middle, stays there.
  function to(wanted, x = view.clientWidth / 2, y = view.clientHeight / 2) {
    const least = Math.min(1, fitting()), u = (view.scrollLeft + x - canvas.offsetLeft) / canvas.offsetWidth, v = (view.scrollTop + y - canvas.offsetTop) / canvas.offsetHeight;
    scale = Math.max(least, Math.min(most, wanted));
    fitted = scale === fitting();
    for (const side of ["width", "height"]) canvas.style[side] = `${Math.floor(canvas[side] * scale)}px`;
    view.scrollTo({ left: u * canvas.offsetWidth - x, top: v * canvas.offsetHeight - y, behavior: "instant" });
    $(".readout").textContent = `${Number(scale.toFixed(2))}×`;
    $(".whole").setAttribute("aria-pressed", fitted);
    $(".real").setAttribute("aria-pressed", scale === 1);
    $(".less").disabled = scale <= least;
    $(".more").disabled = scale >= most;
  }
  const fit = () => to(fitting());
  const real = () => to(1);
  // more and less go to the next power of two.
  const more = (x, y) => to(2 ** (Math.floor(Math.log2(scale) + 1e-6) + 1), x, y);
  const less = () => to(2 ** (Math.ceil(Math.log2(scale) - 1e-6) - 1));
  const keys = { "+": more, "=": more, "-": less, 0: fit, 1: real };

  function squares(are) {
    $(".squares").setAttribute("aria-pressed", are);
    canvas.classList.toggle("fine", !are);
  }

  $(".close").onclick = () => dialog.close();
  $(".whole").onclick = fit;
  $(".real").onclick = real;
  $(".less").onclick = () => less();
  $(".more").onclick = () => more();
  $(".squares").onclick = () => squares(canvas.classList.contains("fine"));
  dialog.onclose = () => put(canvas, new ImageData(1, 1)); // large ones go
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
    keys[event.key]();
    event.preventDefault();
  });
  view.ondblclick = ({ clientX, clientY }) => {
    const { left, top } = view.getBoundingClientRect();
    fitted ? more(clientX - left, clientY - top) : fit();
  };
  view.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // two fingers on a pad, too
    event.preventDefault();
    const { left, top } = view.getBoundingClientRect();
    to(scale * Math.exp(-event.deltaY / 100), event.clientX - left, event.clientY - top);
  }, { passive: false });
  view.onpointerdown = ({ pointerType, button, pointerId }) => { if (pointerType === "mouse" && button === 0) view.setPointerCapture(pointerId); };
  view.onpointermove = ({ pointerId, movementX, movementY }) => {
    if (view.hasPointerCapture(pointerId)) view.scrollBy({ left: -movementX, top: -movementY, behavior: "instant" });
  };
  addEventListener("resize", () => { if (dialog.open) to(fitted ? fitting() : scale); });

  return {
    open(picture, title, width) {
      put(canvas, picture, width);
      squares(!canvas.classList.contains("fine"));
      canvas.setAttribute("aria-label", title);
      $("#zoom-title").textContent = `${title}, ${canvas.width} × ${canvas.height} pixels`;
      dialog.showModal();
      fit();
    },
  };
}
