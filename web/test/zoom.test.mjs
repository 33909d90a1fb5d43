// A close look at the picture of the stage: by mouse, keys and fingers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fill, fits, generate, phone, start, violations } from "./page.mjs";

let site, page;
before(async () => {
  site = await start();
  page = await site.open();
  await page.uncheck("#live");
});
after(() => site?.stop());

const open = (page) => page.waitForSelector("#close-up[open]");
const size = (page) => page.$eval("#close-up canvas", (canvas) => Math.round(canvas.getBoundingClientRect().width));
const readout = (page) => page.textContent("#close-up .readout");
const scrolled = (page) => page.$eval("#close-up .view", (view) => [view.scrollLeft, view.scrollTop]);
const looked = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.className);

test("before there is a picture there is nothing to look at", async () => {
  assert.equal(await page.isVisible("#zoom"), false);
  await page.keyboard.press("z");
  assert.equal(await page.isVisible("#close-up"), false);
});

test("a click on the picture opens it, fitted", async () => {
  await generate(page);
  await page.click("#canvas");
  await open(page);
  assert.match(await page.textContent("#zoom-title"), /^smiling face with sunglasses, .*seed \d+, 128 × 128 pixels$/);
  const [view, picture] = await page.$$eval("#close-up :is(.view, canvas)", (all) => all.map((e) => e.getBoundingClientRect().toJSON()));
  assert.ok(Math.abs(picture.height - view.height) < 2 && picture.width <= view.width, `a picture of ${picture.height} in ${view.height}`);
  assert.equal(await page.$eval("#close-up .view", (view) => view.scrollHeight === view.clientHeight && view.scrollWidth === view.clientWidth), true, "it does not scroll");
  assert.equal(await looked(page), "view");
});

test("keys enlarge and move it", async () => {
  await page.keyboard.press("1");
  assert.deepEqual([await readout(page), await size(page)], ["1×", 128]);
  for (const _ of "1234") await page.keyboard.press("+");
  assert.deepEqual([await readout(page), await size(page)], ["16×", 2048]);
  const [left, top] = await scrolled(page), { width, height } = await page.$eval("#close-up .view", (view) => ({ width: view.clientWidth, height: view.clientHeight }));
  assert.ok(Math.abs(left + width / 2 - 1024) < 3 && Math.abs(top + height / 2 - 1024) < 3, "its middle stays");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((left) => document.querySelector("#close-up .view").scrollLeft > left + 20, left);
  await page.keyboard.press("-");
  assert.equal(await readout(page), "8×");
  await page.keyboard.press("0");
  assert.equal(await page.getAttribute("#close-up .whole", "aria-pressed"), "true");
  await page.keyboard.press("g");
  assert.equal(await page.getAttribute("main", "data-state"), "ready", "the page's own shortcuts rest");
});

test("a mouse drags it, and a double click enlarges where it is", async () => {
  await page.click("#close-up .real");
  for (const _ of "123") await page.click("#close-up .more");
  assert.equal(await readout(page), "8×");
  const box = await (await page.$("#close-up .view")).boundingBox(), [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const [left, top] = await scrolled(page);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x - 60, y - 40, { steps: 4 });
  await page.mouse.up();
  const moved = await scrolled(page);
  assert.ok(Math.abs(moved[0] - left) > 30 || Math.abs(moved[1] - top) > 30, `from ${left}, ${top} to ${moved}`);
  await page.mouse.dblclick(x, y);
  assert.equal(await page.getAttribute("#close-up .whole", "aria-pressed"), "true");
  const before = await size(page);
  await page.mouse.dblclick(x, y);
  assert.ok(await size(page) > before);
});

test("squares or smooth", async () => {
  const rendering = () => page.$eval("#close-up canvas", (canvas) => getComputedStyle(canvas).imageRendering);
  assert.equal(await rendering(), "auto");
  await page.click("#close-up .squares");
  assert.equal(await rendering(), "pixelated");
});

test("Escape closes it, and the focus goes back", async () => {
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#close-up"), false);
  await page.focus("#zoom");
  await page.keyboard.press("Enter");
  await open(page);
  await page.click("#close-up .close");
  assert.equal(await looked(page), "zoom");
  await page.keyboard.press("z");
  await open(page);
  await page.keyboard.press("Escape");
});

test("of several images it is the chosen one", async () => {
  await fill(page, { count: 3 });
  await generate(page);
  const { width } = await (await page.$("#canvas")).boundingBox(), at = { position: { x: width * 0.75, y: width * 0.25 } };
  await page.click("#canvas", at);
  assert.equal(await page.isVisible("#close-up"), false, "a first click chooses");
  await page.click("#canvas", at);
  await open(page);
  assert.equal(await page.evaluate(() => {
    const [all, one] = ["#canvas", "#close-up canvas"].map((s) => document.querySelector(s)), data = (canvas, x) => canvas.getContext("2d").getImageData(x, 0, 128, 128).data;
    const [want, got] = [data(all, 128), data(one, 0)];
    return one.width === 128 && got.every((v, i) => v === want[i]);
  }), true);
  await page.keyboard.press("Escape");
});

test("fingers move it, and it is accessible at both sizes", async () => {
  for (const options of [{}, { ...phone, isMobile: true }]) {
    const page = await site.open(options);
    await page.uncheck("#live");
    await generate(page);
    options.hasTouch ? await page.tap("#zoom") : await page.click("#zoom");
    await open(page);
    assert.deepEqual(await violations(page, "#close-up"), []);
    assert.equal(await fits(page), true);
    for (const _ of "123") await page.click("#close-up .more");
    if (options.hasTouch) {
      const { x, y, width, height } = await (await page.$("#close-up .view")).boundingBox(), [left, top] = await scrolled(page), session = await page.context().newCDPSession(page);
      const touch = (type, ...at) => session.send("Input.dispatchTouchEvent", { type, touchPoints: at.map((d) => ({ x: x + width / 2 + d, y: y + height / 2 + d })) });
      await touch("touchStart", 0);
      for (let d = -10; d >= -80; d -= 10) await touch("touchMove", d);
      await touch("touchEnd");
      await page.waitForFunction(([left, top]) => { const view = document.querySelector("#close-up .view"); return view.scrollLeft > left + 20 || view.scrollTop > top + 20; }, [left, top]);
    }
    await page.close();
  }
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
