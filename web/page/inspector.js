// The AdaLN inspector: what each block does to its input at each step, as heat maps of
// blocks × t and, for one layer, channels × t. It depends on t and the classes alone.
import { heatmap, legend, margins, radius } from "./heatmap.js";

const quantities = {
  gamma: { symbol: "γ", measure: "mean", text: "γ scales what goes into a layer", signs: "red amplifies it, blue damps it" },
  beta: { symbol: "β", measure: "rms", text: "β is added to what goes into a layer", signs: "red raises it, blue lowers it" },
  alpha: { symbol: "α", measure: "rms", text: "α is the gate of a layer, by which what it computes is added to the image in the making", signs: "red adds, blue takes away" },
};
const branchNames = { msa: "Attention (msa)", mlp: "MLP (mlp)", "": "Final layer" };
const finalLayer = "final_layer";

export function inspector(element) {
  element.innerHTML = `
    <div class="tool inspector">
      <p class="about"></p>
      <div class="controls">
        <fieldset class="choice"><legend>Quantity</legend>
          <label><input type="radio" name="quantity" value="gamma" checked><span>γ scale</span></label>
          <label><input type="radio" name="quantity" value="beta"><span>β shift</span></label>
          <label><input type="radio" name="quantity" value="alpha"><span>α gate</span></label>
        </fieldset>
        <fieldset class="choice measure"><legend>Over the channels</legend>
          <label><input type="radio" name="measure" value="mean" checked><span>mean</span></label>
          <label><input type="radio" name="measure" value="rms"><span>rms</span></label>
        </fieldset>
        <button class="back" type="button" hidden>← All blocks</button>
      </div>
      <p class="readout" role="status"></p>
      <div class="panels"></div>
      <div class="legend" hidden><p class="neutral"></p><span></span><canvas aria-hidden="true"></canvas><span></span></div>
      <details><summary>The numbers as a table</summary><div class="scroll" role="region" tabindex="0" aria-label="The numbers"></div></details>
      <p class="error" role="alert" hidden></p>
    </div>`;
  const $ = (selector) => element.querySelector(selector);
  const key = $(".legend"), colors = legend(key.querySelector("canvas"));
  let modulation, stop, layer, panels = []; // layer: whose channels are shown; none for the blocks

  const quantity = () => $("[name=quantity]:checked").value;
  const measure = () => $("[name=measure]:checked").value;
  const say = (text) => { $(".readout").textContent = text; };

  // tables are the panels to show: a name, the branches that are its rows (or the one
  // whose channels are) and its table.
  function tables() {
    const { times, branches } = modulation, name = quantity();
    const scale = scaleOf(name);
    const table = (rows, value, rowLabel) => ({ rows, columns: times.length, value, rowLabel, columnLabel: (j) => decimal(times[j], 2), scale });
    return ["msa", "mlp", ""].flatMap((kind) => {
      const rows = branches.filter((b) => (b.branch ?? "") === kind && b[name] && (!layer || b.layer === layer));
      if (!rows.length) return [];
      if (!layer) return [{ kind, rows, table: table(rows.length, (i, j) => rows[i][name][measure()][j], (i) => (kind ? i : "")) }];
      const { values } = rows[0][name], n = values.length / times.length;
      return [{ kind, rows, channels: true, table: table(n, (i, j) => values[j * n + i], (i) => i) }];
    });
  }

  // scaleOf is the scale that all panels share.
  function scaleOf(name) {
    const series = modulation.branches.filter((b) => b[name] && (!layer || b.layer === layer)).map((b) => b[name]);
    const single = !layer && measure() === "rms", centre = single ? 0 : series[0].neutral;
    return { centre, single, radius: radius(centre, series.map((s) => (layer ? s.values : s[measure()]))) };
  }

  function draw() {
    const { symbol, text, signs } = quantities[quantity()];
    const shown = tables(), [{ table: { scale }, rows: [{ [quantity()]: { neutral } }] }] = shown;
    $(".about").textContent = `${text}: ${scale.single ? "the stronger the colour, the more" : signs}. ${layer ? `A row is one channel of ${layer}` : "A row is one block"}, a column one step on the way from noise to image. What has the colour of the paper ${quantity() === "alpha" ? "adds" : "changes"} nothing.`;
    panels = shown.map((panel, k) => panels[k] ?? add());
    $(".panels").replaceChildren(...panels.map(({ figure }) => figure), key);
    shown.forEach((of, k) => {
      const { figure, map } = panels[k], canvas = figure.querySelector("canvas");
      panels[k].of = of;
      figure.querySelector("figcaption").textContent = branchNames[of.kind];
      canvas.style.height = `${margins + (of.channels ? 400 : of.table.rows * 20)}px`;
      canvas.setAttribute("aria-label", `${symbol} of ${branchNames[of.kind]}, ${of.channels ? "channels" : "blocks"} by t. Arrow keys move${of.channels ? "" : ", Enter opens a block's channels"}.`);
      map.show(of.table);
    });
    const [low, high] = key.querySelectorAll("span");
    low.textContent = decimal(scale.single ? 0 : scale.centre - scale.radius, 3);
    high.textContent = decimal(scale.centre + scale.radius, 3);
    $(".neutral").textContent = `${layer ? "" : `${measure()} of `}${symbol}${scale.single && neutral ? ` − ${neutral}` : ""}; at ${scale.centre} it ${quantity() === "alpha" ? "adds" : "changes"} nothing`;
    key.hidden = false;
    colors.show(scale);
    $(".back").hidden = !layer;
    $(".measure").hidden = Boolean(layer);
    $("[value=alpha]").disabled = layer === finalLayer;
    say(hint());
    fill();
  }

  const hint = () => (layer ? "Point at a channel to read it." : "Point at a square to read it. A click, a second tap or Enter opens its block’s channels.");

  // add makes a panel.
  function add() {
    const figure = document.createElement("figure");
    figure.innerHTML = `<figcaption></figcaption><canvas tabindex="0" role="application"></canvas>`;
    const panel = { figure };
    panel.map = heatmap(figure.querySelector("canvas"), {
      onPoint: (i, j) => say(i === undefined ? hint() : describe(panel.of, i, j)),
      onPick: (i) => { if (!layer) open(panel.of.rows[i].layer); },
    });
    return panel;
  }

  function describe({ rows, channels, table }, i, j) {
    const { layer, branch, [quantity()]: s } = rows[channels ? 0 : i], { symbol } = quantities[quantity()];
    const where = `${layer}${branch ? ` ${branch}` : ""}${channels ? ` channel ${i}` : ""}, t = ${modulation.times[j]}`;
    if (channels) return `${where}: ${symbol} ${float32(table.value(i, j))}`;
    return `${where}: ${symbol} mean ${s.mean[j]}, rms ${s.rms[j]}, min ${s.min[j]}, max ${s.max[j]}`;
  }

  function open(name) {
    layer = name;
    if (layer === finalLayer && quantity() === "alpha") $("[value=gamma]").checked = true;
    draw();
    (layer ? $(".back") : panels[0].figure.querySelector("canvas")).focus();
  }

  // fill writes the table, once it is open.
  function fill() {
    const box = $(".scroll");
    box.replaceChildren();
    if (!$("details").open || !modulation) return;
    const table = document.createElement("table"), head = table.createTHead().insertRow();
    const cell = (row, text, scope) => {
      const td = document.createElement(scope ? "th" : "td");
      if (scope) td.scope = scope;
      td.textContent = text;
      row.append(td);
    };
    ["", ...modulation.times].forEach((t, k) => cell(head, k ? `t = ${t}` : "layer", "col"));
    for (const { of: { rows, channels, table: { rows: n, columns, value } } } of panels) for (let i = 0; i < n; i++) {
      const row = table.insertRow(), { layer, branch = "" } = rows[channels ? 0 : i];
      cell(row, channels ? `${branch} ${i}` : `${layer} ${branch}`, "row");
      for (let j = 0; j < columns; j++) cell(row, float32(value(i, j)));
    }
    box.append(table);
  }

  $("details").ontoggle = fill;
  $(".back").onclick = () => open();
  element.firstElementChild.onkeydown = ({ key }) => { if (key === "Escape" && layer) open(); };
  element.firstElementChild.onchange = ({ target: { name, value } }) => {
    if (name === "quantity") $(`[value=${quantities[value].measure}]`).checked = true;
    if (modulation) draw();
  };

  return {
    // at marks the step nearest to a time, or none.
    at(t) {
      const times = modulation?.times;
      const near = times && t !== undefined ? times.reduce((best, time, j) => (Math.abs(time - t) < Math.abs(times[best] - t) ? j : best), 0) : undefined;
      for (const { map } of panels) map.mark(near);
    },
    async show(sampler, request) {
      stop?.abort();
      const { signal } = stop = new AbortController();
      $(".error").hidden = true;
      say("Computing…");
      try {
        const result = await sampler.inspect(request, { signal });
        if (signal.aborted) return;
        modulation = result;
        if (layer && !modulation.branches.some((b) => b.layer === layer)) layer = undefined;
        draw();
      } catch (error) {
        if (signal.aborted) return;
        say("");
        $(".error").textContent = error.message;
        $(".error").hidden = false;
      }
    },
    clear() {
      stop?.abort();
      modulation = layer = undefined;
      panels = [];
      $(".panels").replaceChildren();
      $(".scroll").replaceChildren();
      say("");
    },
  };
}

// decimal is a number with some digits.
const decimal = (value, digits) => String(Number(value.toPrecision(digits))).replace("-", "−");

// float32 is the shortest decimal that is this float32, as the command line prints it.
function float32(value) {
  for (let digits = 1; ; digits++) {
    let text = value.toPrecision(digits);
    if (digits < 9 && Math.fround(text) !== Math.fround(value)) continue;
    // of two that are as near toPrecision takes the larger, Go the even one
    const more = value.toPrecision(digits + 1);
    if (/5(e.*)?$/.test(more) && Number(more) === value) text = text.replace(/[13579](?=e|$)/, (digit) => digit - 1);
    return String(Number(text));
  }
}
