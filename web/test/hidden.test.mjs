// A tab behind another one: a request goes on, to the same pixels, though the browser holds the tab's timers back.
import assert from "node:assert/strict";
import { test } from "node:test";
import puppeteer from "puppeteer-core";
import { serve } from "./helpers.mjs";

// What Playwright and puppeteer have a browser do for tests, and users' browsers don't. (Playwright's tabs are never hidden.)
const spared = ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding"];

test("a request ends in a hidden tab, with the same pixels", async (t) => {
  const server = await serve();
  const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"], ignoreDefaultArgs: spared, protocolTimeout: 0 });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.url}?run=no`);
    await page.waitForFunction(() => document.getElementById("status").textContent === "Ready.");
    // run presses a button and waits for its pictures, by what the page itself does, which no timer decides.
    const run = (button) => page.evaluate(async (button) => {
      const main = document.querySelector("main"), { made } = main.dataset, began = performance.now();
      document.getElementById(button).click();
      await new Promise((done) => {
        new MutationObserver(() => { if (main.dataset.made !== made && main.dataset.state === "ready") done(); }).observe(main, { attributes: true });
      });
      return { state: document.visibilityState, seconds: (performance.now() - began) / 1000, hash: document.getElementById("hash").textContent, title: document.title };
    }, button);
    // timers counts those of 10 ms, one after another, in a second and a half.
    const timers = () => page.evaluate(() => new Promise((done) => {
      const began = performance.now();
      let n = 0;
      const tick = () => (performance.now() - began < 1500 ? setTimeout(tick, 10, n++) : done(n));
      tick();
    }));
    await page.evaluate(() => {
      document.getElementById("live").checked = false;
      document.getElementById("steps").value = 20;
      document.getElementById("count").value = 8;
    });
    const seen = await run("generate"), often = await timers();
    const other = await browser.newPage();
    await other.bringToFront();
    await page.evaluate(() => document.hidden || new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })));
    const seldom = await timers(), hidden = await run("again");
    t.diagnostic(`seen: ${seen.seconds.toFixed(1)} s, ${often} timers; hidden: ${hidden.seconds.toFixed(1)} s, ${seldom} timers`);
    assert.deepEqual([seen.state, hidden.state], ["visible", "hidden"]);
    assert.ok(seldom < often / 5, `${seldom} timers of ${often}`);
    assert.equal(hidden.hash, seen.hash);
    await page.bringToFront();
    assert.equal(await page.evaluate(() => document.title), "dit8", "who is back sees that it is done");
  } finally {
    await browser.close();
    await server.stop();
  }
});
