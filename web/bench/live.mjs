// How many pictures a second the page draws while a slider moves, in Chromium with the default model, by steps and threads, and the longest
// task of the page's main thread meanwhile: rows of a Markdown table.
import { chromium } from "playwright-core";
import { serve } from "../test/helpers.mjs";
import { fill, status } from "../test/page.mjs";

const seconds = 6;
const server = await serve();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

async function live(threads, steps) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 850 } });
  await page.goto(`${server.url}?run=no&threads=${threads}`);
  await status(page, "Ready.");
  await fill(page, { seed_to: 2, steps });
  const [pictures, longest] = await page.evaluate(async (seconds) => {
    let longest = 0;
    new PerformanceObserver((list) => { for (const { duration } of list.getEntries()) longest = Math.max(longest, duration); }).observe({ type: "longtask" });
    const context = document.getElementById("canvas").getContext("2d"), draw = context.drawImage, slider = document.querySelector("#blend input[type=range]");
    let drawn = 0, last;
    context.drawImage = function (...args) { if (args[0] !== last) drawn++; last = args[0]; return draw.apply(this, args); };
    const end = performance.now() + 1000 * (seconds + 1);
    let counted;
    for (let i = 0; performance.now() < end; i++) {
      slider.value = Math.abs((i % 200) - 100) / 100;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise(requestAnimationFrame);
      if (performance.now() > end - 1000 * seconds && counted === undefined) counted = drawn; // after the first second
    }
    return [(drawn - counted) / seconds, longest];
  }, seconds);
  await page.close();
  return [pictures.toFixed(1), longest ? longest.toFixed(0) : "below 50"];
}

for (const threads of [1, 2]) for (const steps of [1, 2, 4]) console.log(`| ${threads} | ${steps} | ${(await live(threads, steps)).join(" | ")} |`);
await browser.close();
await server.stop();
