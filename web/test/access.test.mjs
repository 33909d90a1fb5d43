// Use by everyone: axe-core's rules, themes, layout that stays, small windows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { classModel } from "./helpers.mjs";
import { fill, fits, generate, phone, start, status, violations } from "./page.mjs";

let site;
before(async () => { site = await start("-model", classModel); });
after(() => site?.stop());

for (const [size, options] of [["desktop", {}], ["phone", phone]]) for (const colorScheme of ["light", "dark"]) {
  test(`axe-core finds nothing serious: ${size}, ${colorScheme}`, async () => {
    const page = await site.open({ ...options, colorScheme });
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).colorScheme), colorScheme);
    const check = async (what) => {
      assert.deepEqual(await violations(page), [], what);
      assert.equal(await fits(page), true, `${what} fits`);
    };
    await check("before the first picture");
    await fill(page, { steps: 300 });
    await page.click("#generate");
    await status(page, "Step ");
    await check("sampling");
    await page.click("#cancel");
    await fill(page, { steps: 2, count: 3 });
    await generate(page);
    await page.selectOption("#which", "2 of 3");
    await fill(page, { add: "panda" });
    await page.keyboard.press("Enter");
    await page.check("#timed");
    await fill(page, { seed_to: 5 });
    await page.click("#json summary");
    await check("mixing");
    await fill(page, { steps: 0 });
    await page.click("#generate");
    await page.waitForSelector("#error:visible");
    await check("an error");
    await page.fill("#class", "face");
    await check("the list of classes");
    await page.keyboard.press("Escape");
    await page.evaluate(() => { document.getElementById("drop").hidden = false; });
    await check("a file above the page");
    await page.close();
  });

  test(`controls are large enough: ${size}, ${colorScheme}`, async () => {
    const page = await site.open({ ...options, colorScheme });
    await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });
    const small = await page.$$eval("button, input, select, summary", (all) => all.filter((e) => e.offsetParent && e.type !== "checkbox" && e.type !== "range")
      .filter((e) => e.getBoundingClientRect().height < 32).map((e) => e.outerHTML));
    assert.deepEqual(small, []);
    await page.close();
  });

  test(`the layout stays: ${size}, ${colorScheme}`, async () => {
    const page = await site.open({ ...options, colorScheme, address: "", until: "Done", init: (page) => page.addInitScript(() => {
      window.shifts = [];
      new PerformanceObserver((list) => { for (const { value, sources } of list.getEntries()) shifts.push({ value, sources: sources.map(({ node }) => node?.outerHTML?.slice(0, 80)) }); })
        .observe({ type: "layout-shift", buffered: true });
    }) });
    await page.click("#generate");
    await page.waitForFunction(() => document.querySelectorAll(".tile").length === 2);
    await status(page, "Done");
    const shifts = await page.evaluate(() => shifts);
    assert.ok(shifts.reduce((sum, { value }) => sum + value, 0) < 0.02, JSON.stringify(shifts));
    await page.close();
  });
}

test("the theme is the system's, or what was chosen", async () => {
  const page = await site.open({ colorScheme: "light" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.click("#theme:has-text('Dark')");
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  await status(page, "Ready.");
  assert.equal(await paper(), dark, "it is remembered");
  await page.click("#theme:has-text('Light')");
  assert.equal(await paper(), light);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction((dark) => getComputedStyle(document.body).backgroundColor === dark, dark); // the system is followed again
  await page.close();
});

test("without storage there is still a theme", async () => {
  const page = await site.open({ init: (page) => page.addInitScript(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } })) });
  await page.click("#theme");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await page.close();
});

test("what goes on is told to screen readers, but not each step", async () => {
  const page = await site.open();
  await page.evaluate(() => {
    window.news = [];
    new MutationObserver(() => news.push(document.getElementById("news").textContent)).observe(document.getElementById("news"), { childList: true });
  });
  await generate(page);
  const news = await page.evaluate(() => window.news);
  assert.equal(news.length, 2);
  assert.equal(news[0], "Starting…");
  assert.match(news[1], /^Done in/);
  assert.equal(await page.getAttribute("#canvas", "aria-label"), "fox, seed 1");
  await page.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
