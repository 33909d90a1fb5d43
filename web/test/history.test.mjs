// The session's results, and what can be done with them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { classModel, goldenClasses } from "./helpers.mjs";
import { canvasHash, fill, generate, made, start, status } from "./page.mjs";

const { request, sha256 } = goldenClasses[0];
let site, page;
before(async () => {
  site = await start("-model", classModel);
  page = await site.open();
  await fill(page, request);
  await generate(page);
  await fill(page, { class: "panda", seed: 7, steps: 3 });
  await generate(page);
});
after(() => site?.stop());

const title = () => page.textContent("#title");

test("a click on a thumbnail shows its picture, request, hash and command", async () => {
  assert.equal(await title(), "🐼 panda, seed 7");
  await page.click(".tile:nth-child(2)");
  assert.equal(await title(), "🦊 fox, seed 1");
  assert.equal(await canvasHash(page), sha256);
  assert.equal(await page.textContent("#hash"), sha256);
  assert.match(await page.textContent("#command"), new RegExp(`-class fox -seed 1 -steps ${request.steps} `));
  assert.deepEqual(JSON.parse(await page.textContent("#request")), request);
  assert.equal(await page.getAttribute(".tile:nth-child(2)", "aria-current"), "true");
  assert.equal(await page.inputValue("#class"), "panda", "the form stays");
});

test("arrow keys go along the thumbnails, which are one stop of the tab key", async () => {
  await page.focus(".tile:nth-child(2)");
  assert.equal(await page.$$eval(".tile", (tiles) => tiles.filter((tile) => tile.tabIndex === 0).length), 1);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  assert.equal(await title(), "🐼 panda, seed 7");
  await page.keyboard.press("End");
  await page.keyboard.press("Space");
  assert.equal(await title(), "🦊 fox, seed 1");
});

test("run again gives the same, another seed another picture", async () => {
  await made(page, () => page.click("#again"));
  assert.equal(await page.textContent("#hash"), sha256);
  await made(page, () => page.click("#next"));
  assert.equal(await title(), "🦊 fox, seed 2");
  assert.notEqual(await page.textContent("#hash"), sha256);
  await made(page, () => page.click("#random"));
  assert.match(await title(), /^🦊 fox, seed \d+$/);
  assert.equal(await page.inputValue("#class"), "panda", "the form stays");
});

test("a request goes back to the form", async () => {
  await page.click(".tile[aria-label='fox, seed 1']");
  await page.click("#reuse");
  assert.equal(await page.inputValue("#class"), "fox");
  assert.equal(await page.inputValue("#seed"), "1");
  assert.equal(await page.inputValue("#steps"), String(request.steps));
});

test("a result that is looked at stays while another is made", async () => {
  await fill(page, { steps: 300 });
  await page.click("#generate");
  await status(page, "Step ");
  await page.click(".tile[aria-label='fox, seed 1']");
  const shown = await canvasHash(page);
  assert.equal(shown, sha256);
  await status(page, "Step 1");
  await page.waitForTimeout(200);
  assert.equal(await canvasHash(page), sha256);
  await page.click("#cancel");
  await status(page, "Cancelled.");
  assert.equal(await canvasHash(page), sha256);
});

test("one of several images is chosen by a click or by its number", async () => {
  await fill(page, { steps: 1, count: 3 });
  await generate(page);
  assert.equal(await page.isVisible("#chosen"), false);
  const { width, height } = await page.locator("#canvas").boundingBox();
  await page.click("#canvas", { position: { x: width * 0.75, y: height * 0.25 } });
  assert.equal(await page.$eval("#which", (select) => select.value), "2 of 3");
  assert.equal(await page.isVisible("#chosen"), true);
  assert.deepEqual(await page.$eval("#chosen", ({ style }) => [style.left, style.top, style.width]), ["50%", "0%", "50%"]);
  await page.click("#canvas", { position: { x: width * 0.75, y: height * 0.75 } }); // there is no fourth
  assert.equal(await page.$eval("#which", (select) => select.value), "2 of 3");
  await page.selectOption("#which", "3 of 3");
  assert.deepEqual(await page.$eval("#chosen", ({ style }) => [style.left, style.top]), ["0%", "50%"]);
  await page.click(".tile[aria-label='fox, seed 1']");
  assert.equal(await page.isVisible("#which"), false);
});

test("link and command are copied", async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const copied = async (button, text) => {
    await page.click(button);
    await status(page, text);
    return page.evaluate(() => navigator.clipboard.readText());
  };
  await page.click(".tile[aria-label='fox, seed 1']");
  await page.click("#json summary");
  assert.equal(await copied("#copy", "Command copied."), await page.textContent("#command"));
  assert.equal(await copied("#link", "Link copied."), `${site.server.url}#class=fox&seed=1${request.steps === 20 ? "" : `&steps=${request.steps}`}`);
});

test("there are 60 at most, and the oldest go first", async () => {
  await fill(page, { steps: 1, count: 1, seed: 0 });
  await page.evaluate(async () => {
    const next = document.getElementById("next"), main = document.querySelector("main");
    document.getElementById("generate").click();
    for (let i = 0; i < 62; i++) {
      await new Promise((resolve) => { new MutationObserver((_, o) => { if (main.dataset.state === "ready") { o.disconnect(); setTimeout(resolve); } }).observe(main, { attributes: true }); });
      next.click();
    }
  });
  await page.waitForFunction(() => document.querySelector("main").dataset.state === "ready");
  assert.equal(await page.$$eval(".tile", (tiles) => tiles.length), 60);
  assert.equal(await page.textContent("#past-note"), "60 pictures. Click one for its details.");
  assert.equal(await page.getAttribute(".tile:last-child", "aria-label"), "fox, seed 3");
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
