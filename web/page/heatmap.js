// A table of numbers as colours on a canvas, with axes, that the pointer and the arrow
// keys read: tools/internal/heatmap draws the same on the command line.

// Anchors of the colours in equal steps of lightness from the neutral one, which is
// that of the paper: below and above it, and for sizes, which have no side.
const palettes = {
  light: {
    below: ["f7f7f5", "a9cbe6", "5594ca", "1f5aa0", "0b285c"],
    above: ["f7f7f5", "f8bfa0", "e2735a", "b22735", "630622"],
    single: ["f7f7f5", "f4c28e", "e0796a", "9c3a78", "3a125e"],
  },
  dark: {
    below: ["2b2724", "1f4a78", "3b80bd", "7db5e4", "d3e9fb"],
    above: ["2b2724", "7c2a2c", "c9503f", "f2956f", "fde0c8"],
    single: ["2b2724", "63305f", "b04a6c", "ec8a63", "fde3ac"],
  },
};
for (const palette of Object.values(palettes)) for (const side in palette) palette[side] = palette[side].map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));

// color is that of a value on a scale {centre, radius, single}: at the centre the
// paper's, radius away from it the strongest. single has nothing below the centre.
function color(value, { centre, radius, single }, palette) {
  const x = radius ? (value - centre) / radius : 0;
  const anchors = single ? palette.single : x < 0 ? palette.below : palette.above;
  const at = Math.min(1, Math.abs(x)) * (anchors.length - 1);
  const i = Math.min(Math.floor(at), anchors.length - 2);
  return anchors[i].map((from, c) => Math.round(from + (anchors[i + 1][c] - from) * (at - i)));
}

// radius is how far the farthest of some values is from centre.
export const radius = (centre, series) => series.reduce((far, values) => values.reduce((far, v) => Math.max(far, Math.abs(v - centre)), far), 0);

// paletteOf is that of the theme which an element is shown in: its ink is light in the dark.
function paletteOf(element) {
  const [r, g, b] = getComputedStyle(element).color.match(/[\d.]+/g);
  return r * 0.3 + g * 0.6 + b * 0.1 > 128 ? palettes.dark : palettes.light;
}

// prepare has a canvas drawn whenever its size or the theme changes: the latter is seen by
// a transition of its colour, which the style sheet has.
function prepare(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  canvas.addEventListener("transitionend", draw);
}

// begin empties a canvas and gives it the pixels that it has on the screen.
function begin(canvas) {
  const ratio = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  context.font = `11px ${style.fontFamily}`;
  return { context, width, height, ratio, style };
}

// legend draws the colours of a scale, whose numbers stand beside it.
export function legend(canvas) {
  let scale;
  function draw() {
    if (!scale || !canvas.clientWidth) return;
    const { context, width, height } = begin(canvas), palette = paletteOf(canvas);
    for (let x = 0; x < width; x++) {
      const share = x / (width - 1);
      context.fillStyle = `rgb(${color(scale.centre + scale.radius * (scale.single ? share : 2 * share - 1), scale, palette)})`;
      context.fillRect(x, 0, 1.5, height);
    }
  }
  prepare(canvas, draw);
  return { show(s) { scale = s; draw(); } };
}

const left = 34, top = 4, right = 2, bottom = 36; // room around the cells, for the labels
export const margins = top + bottom;

// heatmap makes a canvas show tables {rows, columns, value(row, column), rowLabel(row),
// columnLabel(column), scale}. onPoint(row, column) is told what is pointed at, and
// onPoint() that nothing is; onPick(row, column) what is clicked or entered.
export function heatmap(canvas, { onPoint, onPick }) {
  let table;
  let at; // [row, column] that is pointed at
  let picture; // of the cells, as they were drawn last
  let marked; // a column
  let fresh; // whether a finger has just come to it: it picks what it touches again

  const plot = () => [canvas.clientWidth - left - right, canvas.clientHeight - top - bottom];

  function draw() {
    if (!table || canvas.clientWidth <= left + right) return;
    const { context, ratio, style } = begin(canvas), [width, height] = plot();
    const { rows, columns } = table;
    const w = width / columns, h = height / rows;
    context.imageSmoothingEnabled = false;
    context.drawImage(cells(Math.min(columns, Math.ceil(width * ratio)), Math.min(rows, Math.ceil(height * ratio))), left, top, width, height);
    if (w >= 7 && h >= 7) grid(context, w, h, style.backgroundColor);
    context.fillStyle = style.accentColor; // of the labels
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const i of ticks(rows, Math.floor(height / 15))) context.fillText(table.rowLabel(i), left - 6, top + (i + 0.5) * h);
    context.textAlign = "center";
    for (const j of ticks(columns, Math.min(6, Math.floor(width / 38)))) context.fillText(table.columnLabel(j), left + (j + 0.5) * w, top + height + 11);
    for (const [label, align, x] of [["noise", "left", left], ["t →", "center", left + width / 2], ["image", "right", left + width]]) {
      context.textAlign = align;
      context.fillText(label, x, top + height + 27);
    }
    if (marked !== undefined) outline(context, style, left + marked * w, top, w, height);
    if (at) outline(context, style, left + at[1] * w, top + at[0] * h, w, h);
  }

  function outline(context, style, x, y, w, h) {
    context.lineWidth = 4;
    context.strokeStyle = style.backgroundColor;
    context.strokeRect(x, y, w, h);
    context.lineWidth = 2;
    context.strokeStyle = style.color;
    context.strokeRect(x, y, w, h);
  }

  // cells is a picture of nx × ny cells. Where there are more values than pixels, a cell
  // shows of several the one that is farthest from the centre.
  function cells(nx, ny) {
    const { rows, columns, value, scale } = table, palette = paletteOf(canvas);
    if (picture?.palette === palette && picture.width === nx && picture.height === ny) return picture;
    const image = new ImageData(nx, ny);
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) {
      let far = scale.centre;
      for (let i = Math.floor(y * rows / ny); i < Math.floor((y + 1) * rows / ny); i++) for (let j = Math.floor(x * columns / nx); j < Math.floor((x + 1) * columns / nx); j++) {
        if (Math.abs(value(i, j) - scale.centre) > Math.abs(far - scale.centre)) far = value(i, j);
      }
      image.data.set([...color(far, scale, palette), 255], 4 * (y * nx + x));
    }
    picture = Object.assign(new OffscreenCanvas(nx, ny), { palette });
    picture.getContext("2d").putImageData(image, 0, 0);
    return picture;
  }

  function grid(context, w, h, style) {
    context.fillStyle = style;
    for (let j = 1; j < table.columns; j++) context.fillRect(left + j * w - 0.5, top, 1, h * table.rows);
    for (let i = 1; i < table.rows; i++) context.fillRect(left, top + i * h - 0.5, w * table.columns, 1);
  }

  function point(to) {
    if (String(to) === String(at)) return;
    at = to;
    draw();
    onPoint(...(at ?? []));
  }

  // under is the cell under the pointer.
  function under({ offsetX, offsetY }) {
    const [width, height] = plot(), { rows, columns } = table;
    const i = Math.floor((offsetY - top) / height * rows), j = Math.floor((offsetX - left) / width * columns);
    // a label picks its row as well
    return i >= 0 && i < rows && j < columns ? [i, Math.max(0, j)] : undefined;
  }

  canvas.onpointermove = (event) => point(under(event));
  canvas.onpointerdown = (event) => {
    fresh = event.pointerType === "touch" && String(under(event)) !== String(at);
    point(under(event));
  };
  canvas.onpointerleave = (event) => { if (event.pointerType === "mouse" && document.activeElement !== canvas) point(); };
  canvas.onclick = (event) => { const to = under(event); if (to && !fresh) onPick?.(...to); };
  canvas.onfocus = () => (at ? onPoint(...at) : point([0, 0]));
  canvas.onblur = () => point();
  canvas.onkeydown = (event) => {
    const [i, j] = at ?? [0, 0], { rows, columns } = table;
    const page = Math.max(1, Math.round(rows / 8));
    const to = {
      ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], ArrowUp: [i - 1, j], ArrowDown: [i + 1, j],
      Home: [i, 0], End: [i, columns - 1], PageUp: [i - page, j], PageDown: [i + page, j],
    }[event.key];
    if (to) point([Math.max(0, Math.min(rows - 1, to[0])), Math.max(0, Math.min(columns - 1, to[1]))]);
    else if (event.key === "Enter" || event.key === " ") onPick?.(i, j);
    else return;
    event.preventDefault();
  };
  prepare(canvas, draw);
  return { show(t) { table = t; at = picture = marked = undefined; draw(); }, mark(j) { if (j !== marked) { marked = j; draw(); } } };
}

// ticks are up to about max of n indices at even steps, the first among them.
function ticks(n, max) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((step) => n / step <= Math.max(1, max)) ?? n;
  return Array.from({ length: Math.ceil(n / step) }, (_, i) => i * step);
}
