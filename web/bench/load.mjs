// Measures the page in Chromium with the default model, each time in a new context
// without a cache: what it downloads besides the model (bytes after gzip -9), the
// median times from navigation until it is ready to sample and until it shows its first
// image, which it makes by itself (ms), the most memory that it has taken after
// loading and three requests of four images (MB), and the times until there is something to
// look at, the first frames of a picture that comes out of noise, and the same two on a line of
// 10 Mbit/s and 40 ms (ms).
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { serve } from "../test/helpers.mjs";
import { fill, generate } from "../test/page.mjs";

const rounds = 9;
const server = await serve();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const ready = [], image = [], look = [], slowImage = [], slowLook = [];
const line = { offline: false, downloadThroughput: 10e6 / 8, uploadThroughput: 10e6 / 8, latency: 40 }; // bytes a second, ms
let downloaded, memory = 0;

// visit gives the ms until a status that begins like that.
async function visit(address, text, then = () => {}, network) {
  const context = await browser.newContext({ serviceWorkers: "block" }); // it starts when the page is ready
  const page = await context.newPage();
  await page.addInitScript((text) => {
    const { Worker } = window;
    window.Worker = class extends Worker {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => { if (data.memory) window.taken = data.memory; });
      }
    };
    document.addEventListener("DOMContentLoaded", () => {
      const status = document.getElementById("status");
      new MutationObserver(() => { if (status.textContent.startsWith(text)) window.reached ??= performance.now(); }).observe(status, { childList: true });
    });
  }, text);
  if (network) await (await context.newCDPSession(page)).send("Network.emulateNetworkConditions", network);
  const responses = [];
  context.on("response", (response) => responses.push(response));
  await page.goto(server.url + address);
  const ms = await (await page.waitForFunction(() => window.reached)).jsonValue();
  await then(page, responses);
  await context.close();
  return ms;
}

for (let round = 0; round < rounds; round++) {
  ready.push(await visit("?run=no", "Ready.", round ? undefined : async (page, responses) => {
    await page.uncheck("#live");
    await fill(page, { count: 4, steps: 4 });
    for (let i = 0; i < 3; i++) await generate(page);
    memory = await page.evaluate(() => window.taken);
    const files = new Map();
    for (const response of responses) {
      if (!response.url().endsWith(".dit8")) files.set(response.url(), execFileSync("gzip", ["-9c"], { input: await response.body(), maxBuffer: 1e8 }).length);
    }
    if (process.env.VERBOSE) console.error(files);
    downloaded = [...files.values()].reduce((a, b) => a + b);
  }));
  // Something to look at: the page is painted, and the strip of first.webp is there.
  const seen = (all) => async (page) => all.push(await page.evaluate(() => Math.max(performance.getEntriesByName("first-contentful-paint")[0].startTime,
    performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/first.webp")).responseEnd)));
  image.push(await visit("", "Done", seen(look)));
  if (round < 3) slowImage.push(await visit("", "Done", seen(slowLook), line));
}
await browser.close();
await server.stop();
if (process.env.VERBOSE) console.error(ready.map(Math.round), image.map(Math.round), look.map(Math.round), slowLook.map(Math.round), slowImage.map(Math.round));
const median = (all) => all.sort((a, b) => a - b)[all.length >> 1].toFixed(0);
console.log(downloaded, median(ready), median(image), (memory / 1e6).toFixed(1), median(look), median(slowLook), median(slowImage));
