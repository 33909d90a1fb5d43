// Browsers of three engines, driven alike: a tab is {go, evaluate, until, screenshot, threads}.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { launch } from "./helpers.mjs";

const size = { width: 1200, height: 850 };

// Each gives {go(url), evaluate(f, argument), screenshot(), close()}.
const drivers = {
  async Chromium() {
    const browser = await launch();
    const page = await browser.newPage({ viewport: size });
    return { go: (url) => page.goto(url), evaluate: (f, x) => page.evaluate(f, x), screenshot: () => page.screenshot(), close: () => browser.close() };
  },

  // Debian's, or the one that FIREFOX names, by WebDriver BiDi.
  async Firefox({ preferences, env } = {}) {
    const browser = await puppeteer.launch({ browser: "firefox", executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr", headless: true, extraPrefsFirefox: preferences, env: { ...process.env, ...env } });
    const page = await browser.newPage();
    await page.setViewport(size);
    return { go: (url) => page.goto(url), evaluate: (f, x) => page.evaluate(f, x), screenshot: () => page.screenshot(), close: () => browser.close() };
  },

  // WebKitGTK's small browser on a screen of its own, by plain WebDriver. It has threads only where it is told so.
  async WebKit() {
    const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    const [display] = await once(screen.stdio[3], "data");
    const port = await spare(), home = mkdtempSync(join(tmpdir(), "dit8-webkit-"));
    const driver = spawn("WebKitWebDriver", [`--port=${port}`], { stdio: "ignore", detached: true, env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: `:${String(display).trim()}`,
      JSC_useSharedArrayBuffer: "1", LIBGL_ALWAYS_SOFTWARE: "1", WEBKIT_DISABLE_COMPOSITING_MODE: "1", WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" } });
    async function call(method, path, body) {
      const response = await fetch(`http://127.0.0.1:${port}/session${path}`, { method, body: body && JSON.stringify(body) });
      const { value } = await response.json();
      if (value?.error) throw new Error(`${value.error}: ${value.message}`);
      return value;
    }
    async function close() {
      try { process.kill(-driver.pid); } catch {} // it has ended
      screen.kill();
      await Promise.all([driver, screen].map((child) => child.exitCode ?? child.signalCode ?? once(child, "close")));
      rmSync(home, { recursive: true, force: true, maxRetries: 10 });
    }
    try {
      const { sessionId } = await patiently(() => call("POST", "", { capabilities: {} }));
      await call("POST", `/${sessionId}/timeouts`, { script: 120_000, pageLoad: 60_000 });
      await call("POST", `/${sessionId}/window/rect`, { ...size, x: 0, y: 0 });
      const script = (f) => `const end = arguments[1]; Promise.resolve(arguments[0]).then(${f}).then((value) => end({ value }), (error) => end({ error: String(error) }));`;
      return {
        go: (url) => call("POST", `/${sessionId}/url`, { url }),
        async evaluate(f, x) {
          const { value, error } = await call("POST", `/${sessionId}/execute/async`, { script: script(f), args: [x ?? null] });
          if (error) throw new Error(error);
          return value;
        },
        screenshot: async () => Buffer.from(await call("GET", `/${sessionId}/screenshot`), "base64"),
        async close() {
          await call("DELETE", `/${sessionId}`).catch(() => {});
          await close();
        },
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

export const engines = Object.keys(drivers);

// open starts a browser and gives its tab. Firefox alone has options: preferences, and env.
export async function open(engine, options) {
  const tab = await drivers[engine](options);
  // until waits for what a function gives to be true. A page that is just being loaded anew has nothing to say.
  tab.until = async (f, x) => {
    let last;
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 100))) {
      try {
        if (await tab.evaluate(f, x)) return;
      } catch (error) { last = error; }
    }
    throw new Error(`not within a minute: ${f}\n${last ?? ""}\n${await tab.evaluate(() => document.body.innerText.slice(0, 1000))}`);
  };
  return tab;
}

async function spare() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

// patiently tries for some seconds: a driver takes a moment to listen.
async function patiently(f) {
  for (const end = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    try {
      return await f();
    } catch (error) {
      if (Date.now() > end || !/fetch failed/.test(error.message)) throw error;
    }
  }
}
