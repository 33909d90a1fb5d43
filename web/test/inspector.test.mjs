// The inspector's numbers are the command line's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, open, sample } from "./tools.mjs";

const request = { class: "fox", steps: 6 };
const args = ["inspect", "-class", "fox", "-steps", "6", "-format", "json"];
const symbols = { gamma: "γ", beta: "β", alpha: "α" };
const expected = sample(...args);
const panels = ["msa", "mlp", undefined].map((kind) => expected.branches.filter(({ branch }) => branch === kind));
let page, complaints, close;

before(async () => {
  ({ page, complaints, close } = await open("inspector.js"));
  await page.evaluate((request) => {
    window.shown = inspector(tool);
    return shown.show(sampler, request);
  }, request);
});
after(() => close?.());

const readout = () => page.textContent(".readout");
const canvases = () => page.$$(".panels figure canvas");
const pick = (value) => page.click(`label:has([value=${value}])`);

// read walks over a panel with the arrow keys and gives what it reads.
const read = (panel, rows, columns) => page.evaluate(([panel, rows, columns]) => {
  const canvas = document.querySelectorAll(".panels figure canvas")[panel], texts = [];
  const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  canvas.focus();
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (j) press("ArrowRight");
      texts.push(document.querySelector(".readout").textContent);
    }
    press("Home");
    press("ArrowDown");
  }
  return texts;
}, [panel, rows, columns]);

const line = ({ layer, branch, ...rest }, name, j) => {
  const { mean, rms, min, max } = rest[name];
  return `${layer}${branch ? ` ${branch}` : ""}, t = ${expected.times[j]}: ${symbols[name]} mean ${mean[j]}, rms ${rms[j]}, min ${min[j]}, max ${max[j]}`;
};

for (const name of ["gamma", "beta", "alpha"]) test(`the arrow keys read ${name} of all blocks`, async () => {
  await pick(name);
  const there = panels.filter(([branch]) => branch[name]);
  assert.equal((await canvases()).length, there.length);
  for (const [k, rows] of there.entries()) {
    assert.deepEqual(await read(k, rows.length, request.steps), rows.flatMap((b) => expected.times.map((_, j) => line(b, name, j))));
  }
});

// colorAt is that of a cell's middle.
const colorAt = (panel, i, j, rows) => page.evaluate(([panel, i, j, rows, columns]) => {
  const canvas = document.querySelectorAll(".panels figure canvas")[panel], [left, top, right, bottom] = [34, 4, 2, 36];
  const x = left + (j + 0.3) * (canvas.clientWidth - left - right) / columns, y = top + (i + 0.3) * (canvas.clientHeight - top - bottom) / rows;
  return `#${Array.from(canvas.getContext("2d").getImageData(x * devicePixelRatio, y * devicePixelRatio, 1, 1).data.subarray(0, 3), (c) => c.toString(16).padStart(2, "0")).join("")}`;
}, [panel, i, j, rows, request.steps]);

test("the strongest colour is where the value is farthest from neutral, in both themes", async () => {
  await page.evaluate(() => document.activeElement.blur());
  for (const [name, measure, centre, colors] of [
    ["gamma", "mean", 1, { light: ["#0b285c", "#630622"], dark: ["#d3e9fb", "#fde0c8"] }],
    ["alpha", "rms", 0, { light: ["", "#3a125e"], dark: ["", "#fde3ac"] }],
  ]) {
    await pick(name);
    const cells = panels.flatMap((rows, panel) => rows.flatMap((b, i) => (b[name]?.[measure] ?? []).map((v, j) => ({ panel, i, j, v, n: rows.length, d: Math.abs(v - centre) }))));
    const far = cells.reduce((a, b) => (b.d > a.d ? b : a));
    const ends = await page.$$eval(".legend span", (spans) => spans.map((span) => Number(span.textContent.replace("−", "-"))));
    const digits = (v) => Number(v.toPrecision(3));
    assert.deepEqual(ends, [measure === "rms" ? 0 : digits(centre - far.d), digits(centre + far.d)]);
    for (const theme of ["dark", "light"]) {
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForFunction(([dark]) => (Number(/\d+/.exec(getComputedStyle(document.querySelector(".panels figure canvas")).color)[0]) > 128) === dark, [theme === "dark"]);
      await page.waitForTimeout(100);
      assert.equal(await colorAt(far.panel, far.i, far.j, far.n), colors[theme][far.v < centre ? 0 : 1], `${name} ${theme}`);
    }
  }
  await pick("gamma");
});

// place is the middle of a cell on the page.
async function place(panel, i, j, rows) {
  const canvas = (await canvases())[panel];
  await canvas.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await canvas.boundingBox();
  return [x + 34 + (j + 0.5) * (width - 36) / request.steps, y + 4 + (i + 0.5) * (height - 40) / rows];
}

test("the pointer reads, and leaves", async () => {
  const rows = panels[1];
  await page.mouse.move(...await place(1, 3, 4, rows.length));
  assert.equal(await readout(), line(rows[3], "gamma", 4));
  await page.mouse.move(1, 1);
  assert.match(await readout(), /^Point at/);
});

test("channels of a block, and back", async () => {
  const { branches } = sample(...args, "-block", "2", "-full");
  await page.mouse.click(...await place(0, 2, 1, panels[0].length));
  assert.match(await page.textContent(".about"), /one channel of blocks\.2/);
  assert.equal(await page.isVisible(".measure"), false);
  const n = branches[0].gamma.values[0].length;
  const { x, y, width, height } = await (await canvases())[1].boundingBox();
  await page.mouse.move(x + 34 + 3.5 * (width - 36) / request.steps, y + 4 + 57.5 * (height - 40) / n);
  assert.equal(await readout(), `blocks.2 mlp channel 57, t = ${expected.times[3]}: γ ${branches[1].gamma.values[3][57]}`);
  // the table has them all
  await page.click("summary");
  for (const name of ["gamma", "beta", "alpha"]) {
    await pick(name);
    await page.waitForSelector(".scroll table");
    const cells = await page.$$eval(".scroll tr", (rows) => rows.slice(1).map((row) => Array.from(row.cells, (cell) => cell.textContent)));
    assert.deepEqual(cells, branches.flatMap((b) => Array.from({ length: n }, (_, c) => [`${b.branch} ${c}`, ...b[name].values.map((v) => String(v[c]))])));
  }
  await page.click("summary");
  await page.click(".back");
  assert.equal((await canvases()).length, 2); // of α
  await pick("gamma");
  assert.equal((await canvases()).length, 3);
});

test("channels by the keyboard, and of the final layer, which has no α", async () => {
  const { branches: [final] } = sample(...args, "-block", "final", "-full");
  const canvas = (await canvases())[2];
  await canvas.focus();
  await canvas.press("Enter");
  assert.equal((await canvases()).length, 1);
  assert.equal(await page.isDisabled("[value=alpha]"), true);
  const [channels] = await canvases();
  await channels.focus();
  await channels.press("End");
  await channels.press("ArrowDown");
  assert.equal(await readout(), `final_layer channel 1, t = ${expected.times.at(-1)}: γ ${final.gamma.values.at(-1)[1]}`);
  await channels.press("Escape");
  assert.equal((await canvases()).length, 3);
  assert.equal(await page.isDisabled("[value=alpha]"), false);
});

test("a finger reads first, then opens", async () => {
  const tap = (at) => page.touchscreen.tap(...at);
  const at = await place(1, 4, 2, panels[1].length);
  await tap(at);
  await page.waitForFunction((text) => document.querySelector(".readout").textContent === text, line(panels[1][4], "gamma", 2));
  assert.equal(await page.isVisible(".back"), false);
  await tap(at);
  await page.waitForSelector(".back:visible");
  await page.keyboard.press("Escape");
});

test("the last request counts, and a wrong one is said", async () => {
  const times = await page.evaluate(async () => {
    await Promise.all([shown.show(sampler, { class: "fox", steps: 40 }), shown.show(sampler, { class: "panda", steps: 1 })]);
    document.querySelector(".panels figure canvas").focus();
    return document.querySelector(".readout").textContent;
  });
  assert.match(times, /^blocks\.0 msa, t = 1: γ mean/);
  await page.evaluate(() => shown.show(sampler, { class: "fxo" }));
  assert.match(await page.textContent("[role=alert]"), /did you mean "fox"\?/);
  await page.evaluate((request) => shown.show(sampler, request), request);
  assert.equal(await page.isVisible("[role=alert]"), false);
});

test("more steps than pixels", async () => {
  await page.evaluate(() => shown.show(sampler, { class: "fox", steps: 1000 }));
  await page.locator(".panels figure canvas").first().focus();
  await page.keyboard.press("End");
  assert.match(await readout(), /^blocks\.0 msa, t = 0\.001:/);
  await page.evaluate((request) => shown.show(sampler, request), request);
});

test("it can be used by everyone, on a phone too", async () => {
  await accessible(page);
  await page.click("summary");
  await accessible(page);
  await page.click("summary");
});

test("clear", async () => {
  await page.evaluate(() => shown.clear());
  assert.equal((await canvases()).length, 0);
});

test("no errors on the console", () => assert.deepEqual(complaints, []));
