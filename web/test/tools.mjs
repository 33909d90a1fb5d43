// One tool of the page on a page of its own, beside the real server's files.
import { execFileSync } from "node:child_process";
import { classModel, launch, root, serve } from "./helpers.mjs";
import { accessible as both } from "./page.mjs";

const html = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A tool</title>
<link rel="stylesheet" href="style.css"><link rel="stylesheet" href="tools.css"><body><main><h1 class="wide">A tool</h1><h2 class="wide">The tool</h2><div class="wide" id="tool"></div></main></body></html>`;

// open gives a page with a sampler and modules of web/page, under the server's headers.
export async function open(...modules) {
  const server = await serve("-model", classModel);
  const { "content-security-policy": policy } = Object.fromEntries((await fetch(server.url)).headers);
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 940, height: 900 }, colorScheme: "light", hasTouch: true });
  const complaints = [];
  page.setDefaultTimeout(60_000);
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.route("**/tool", (route) => route.fulfill({ contentType: "text/html", body: html, headers: {
    "Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
  } }));
  await page.goto(`${server.url}tool`);
  await page.evaluate(async (modules) => {
    for (const name of ["dit8/sampler.js", ...modules]) Object.assign(window, await import(`./${name}`));
    window.tool = document.getElementById("tool");
    window.sampler = await Sampler.load();
    window.hash = async (bytes) => Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (b) => b.toString(16).padStart(2, "0")).join("");
  }, modules);
  return { page, complaints, close: async () => { await browser.close(); await server.stop(); } };
}

// sample runs the command line's sampler and gives the JSON that it prints.
export const sample = (...args) => JSON.parse(execFileSync("go", ["run", "./tools/sample", ...args, "-model", classModel], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 26 }));

// accessible finds nothing serious in the tool, in both themes and at both sizes.
export const accessible = (page) => both(page, { within: "#tool", colorSchemes: ["dark", "light"] });
