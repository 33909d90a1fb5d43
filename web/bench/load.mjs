// Measures the page in Chromium with the default model, each time in a new context
// without a cache: what it downloads besides the model (bytes after gzip -9), the
// median time from navigation to "Ready." (ms) and the most memory that it has taken
// after loading and three requests of four images with guidance (MB).
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { serve } from "../test/helpers.mjs";

const rounds = 9;
const server = await serve();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const ready = [];
let downloaded, memory = 0;

for (let round = 0; round < rounds; round++) {
  const context = await browser.newContext({ serviceWorkers: "block" }); // it starts when the page is ready
  const page = await context.newPage();
  await page.addInitScript(() => {
    const { Worker } = window;
    window.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => { if (data.memory) window.taken = data.memory; });
      }
    };
    document.addEventListener("DOMContentLoaded", () => {
      const status = document.getElementById("status");
      new MutationObserver(() => { if (status.textContent === "Ready.") window.ready ??= performance.now(); }).observe(status, { childList: true });
    });
  });
  const responses = [];
  context.on("response", (response) => responses.push(response));
  await page.goto(server.url);
  ready.push(await (await page.waitForFunction(() => window.ready)).jsonValue());
  if (round === 0) {
    const files = new Map();
    for (const response of responses) {
      if (!response.url().endsWith(".dit8")) files.set(response.url(), execFileSync("gzip", ["-9c"], { input: await response.body(), maxBuffer: 1e8 }).length);
    }
    if (process.env.VERBOSE) console.error(files);
    downloaded = [...files.values()].reduce((a, b) => a + b);
    for (const [id, value] of Object.entries({ count: 4, steps: 4, guidance: 3 })) await page.fill(`#${id}`, String(value));
    for (let i = 0; i < 3; i++) {
      await page.click("#generate");
      await page.waitForSelector("#result:visible");
    }
    memory = await page.evaluate(() => window.taken);
  }
  await context.close();
}
await browser.close();
await server.stop();
ready.sort((a, b) => a - b);
if (process.env.VERBOSE) console.error(ready.map(Math.round));
console.log(downloaded, ready[rounds >> 1].toFixed(0), (memory / 1e6).toFixed(1));
