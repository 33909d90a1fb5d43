// How long a large model takes to load in Chromium and Firefox, from a server on the same machine and then from where it is kept, and the most
// memory that the page's process has taken after each: rows of a Markdown table.
//   node web/bench/large.mjs FILE.dit8
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { serve } from "../test/helpers.mjs";

const [file] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), "dit8-large-"));
symlinkSync(file, join(dir, "large.dit8"));
const server = await serve("-models", dir);

// Each starts a browser with a profile that stays, and gives a tab.
const engines = {
  async Chromium(profile) {
    const context = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
    return { page: await context.newPage(), close: () => context.close(), isPage: (command) => command.includes("--type=renderer") };
  },
  async Firefox(profile) {
    const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr", headless: true, userDataDir: profile, protocolTimeout: 600_000 });
    return { page: await browser.newPage(), close: () => browser.close(), isPage: (command) => command.includes("-contentproc") && /\btab\b/.test(command) };
  },
};

// peak is the largest VmHWM, in MB, of this program's descendants that are pages.
function peak(isPage) {
  const parents = new Map(), read = (path) => { try { return readFileSync(path, "utf8"); } catch { return ""; } };
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) parents.set(Number(pid), Number(read(`/proc/${pid}/stat`).split(") ").at(-1).split(" ")[1]));
  const ours = (pid) => { while (pid > 1 && pid !== process.pid) pid = parents.get(pid) ?? 0; return pid === process.pid; };
  return Math.max(...[...parents.keys()].filter((pid) => ours(pid) && isPage(read(`/proc/${pid}/cmdline`).replaceAll("\0", " "))).map((pid) => Number(/VmHWM:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1e6 * 1024));
}

for (const [engine, start] of Object.entries(engines)) {
  const profile = mkdtempSync(join(tmpdir(), "dit8-profile-")), row = [];
  for (const from of ["network", "storage"]) {
    const { page, close, isPage } = await start(profile);
    await page.goto(`${server.url}dit8/models.js`);
    const before = peak(isPage);
    const [ms, taken, loaded, seen, note] = await page.evaluate(async (list) => {
      const { Sampler } = await import("/dit8/sampler.js");
      const [model] = await Sampler.models({ list });
      const events = [], start = performance.now();
      const sampler = await Sampler.load({ model, onProgress: (event) => events.push(event) });
      return [performance.now() - start, sampler.memory, events.findLast(({ loaded }) => loaded).loaded, [...new Set(events.map(({ from }) => from))], sampler.info.threads];
    }, `${server.url}models.json`);
    if (seen.join() !== from) throw new Error(`it came from ${seen}`);
    row.push(`${(ms / 1000).toFixed(1)} s`, `${peak(isPage).toFixed(0)} MB`);
    console.error(engine, from, { ms, taken, loaded, note, before, peak: peak(isPage) });
    await close();
  }
  console.log(`| ${engine} | ${row.join(" | ")} |`);
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
}
await server.stop();
rmSync(dir, { recursive: true });
