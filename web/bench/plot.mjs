// Draws what a pass costs as an SVG: two panels of bars, each split into attention
// and the rest.
const colours = { attention: "#d9822b", rest: "#3b6ea5", text: "#333", grid: "#ddd" };
const width = 340, height = 220, left = 56, top = 48, bottom = 44;

const text = (x, y, s, more = "") => `<text x="${x}" y="${y}" fill="${colours.text}" ${more}>${s}</text>`;
const rect = (x, y, w, h, fill) => `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${w.toFixed(1)}" height="${h.toFixed(1)}" fill="${fill}"/>`;

// step is a round distance of grid lines, about four to the largest value.
function step(most) {
  const unit = 10 ** Math.floor(Math.log10(most / 4));
  return [1, 2, 5, 10].map((k) => k * unit).find((s) => most / s <= 5);
}

function panel(x0, title, axis, bars) {
  const most = 1.1 * Math.max(...bars.map((b) => b.value));
  const y = (v) => top + height * (1 - v / most);
  const out = [text(x0 + left, 22, title, 'font-weight="600"')];
  for (let v = 0; v <= most; v += step(most)) {
    out.push(`<path d="M${x0 + left} ${y(v).toFixed(1)}h${width}" stroke="${colours.grid}"/>`);
    out.push(text(x0 + left - 8, y(v) + 4, +v.toPrecision(3), 'text-anchor="end"'));
  }
  const slot = width / bars.length, w = Math.min(48, slot * 0.6);
  bars.forEach(({ label, value, attention }, i) => {
    const x = x0 + left + slot * (i + 0.5) - w / 2;
    out.push(rect(x, y(value), w, y(value * (1 - attention)) - y(value), colours.attention));
    out.push(rect(x, y(value * (1 - attention)), w, y(0) - y(value * (1 - attention)), colours.rest));
    out.push(text(x + w / 2, y(value) - 6, `${value.toFixed(1)} · ${(100 * attention).toFixed(0)}%`, 'text-anchor="middle" font-size="11"'));
    out.push(text(x + w / 2, top + height + 18, label, 'text-anchor="middle"'));
  });
  out.push(text(x0 + left + width / 2, top + height + 36, axis, 'text-anchor="middle"'));
  return out.join("\n");
}

// costPlot draws ms an image by tokens and by batch.
export function costPlot(byTokens, byBatch) {
  const w = 2 * (left + width) + 40, h = top + height + bottom + 30;
  const key = (x, colour, name) => rect(x, h - 22, 12, 12, colour) + text(x + 18, h - 12, name);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" font-family="system-ui, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${panel(0, "ms an image, batch 1", "tokens", byTokens.map((c) => ({ label: c.tokens, value: c.perImage, attention: c.attention })))}
${panel(left + width + 20, "ms an image, 64 tokens", "images in a batch", byBatch.map((c) => ({ label: c.batch, value: c.perImage, attention: c.attention })))}
${key(left, colours.attention, "attention")}
${key(left + 110, colours.rest, "everything else")}
</svg>
`;
}
