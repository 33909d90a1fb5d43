// The packed package in projects of other bundlers, and of an older TypeScript. make test-bundlers
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { golden, launch, pack } from "../helpers.mjs";
import { canvasHash } from "../page.mjs";
import { host } from "../static.mjs";

// In this folder, for the packages in its node_modules to be found.
const here = import.meta.dirname, work = join(here, "work"), modules = join(work, "node_modules");
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
let browser;

before(async () => {
  rmSync(work, { recursive: true, force: true });
  cpSync(join(here, "projects"), work, { recursive: true });
  for (const { filename, name } of pack(work)) {
    mkdirSync(join(modules, name), { recursive: true });
    execFileSync("tar", ["-xzf", join(work, filename), "-C", join(modules, name), "--strip-components", "1"]);
  }
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(work, { recursive: true, force: true });
});

// run runs a package's program in a project.
function run(project, program, ...args) {
  try {
    return execFileSync("node", [join(here, "node_modules", program), ...args], { cwd: join(work, project), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1" } });
  } catch ({ stdout, stderr }) {
    assert.fail(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  }
}

// shows opens what was built, which makes the golden fox on two threads.
async function shows(...folder) {
  const { url, stop } = await host(join(work, ...folder), { headers: isolation });
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  try {
    await page.goto(url);
    await page.waitForFunction(() => /threads/.test(document.title), undefined, { timeout: 60_000 }).catch((error) => assert.fail(complaints.join("\n") || error));
    assert.equal(await canvasHash(page), golden[0].sha256);
    assert.equal(await page.title(), "2 threads");
    assert.deepEqual(complaints, []);
  } finally {
    await page.close();
    stop();
  }
}

test("webpack", async () => {
  run("plain", "webpack/bin/webpack.js", "--config", "webpack.config.cjs");
  writeFileSync(join(work, "plain/webpack/index.html"), readFileSync(join(work, "plain/src/index.html")));
  await shows("plain/webpack");
});

// It knows no new URL("./file", import.meta.url): the package's files lie beside the bundle, as the README says.
test("esbuild", async () => {
  execFileSync(join(here, "node_modules/.bin/esbuild"), ["src/main.js", "--bundle", "--minify", "--format=esm", "--outdir=esbuild"], { cwd: join(work, "plain"), stdio: "pipe" });
  cpSync(join(modules, "dit8/dist/dit8"), join(work, "plain/esbuild"), { recursive: true });
  cpSync(join(modules, "dit8-emoji/emoji.dit8"), join(work, "plain/esbuild/emoji.dit8"));
  cpSync(join(work, "plain/src/index.html"), join(work, "plain/esbuild/index.html"));
  await shows("plain/esbuild");
});

test("Parcel", async () => {
  run("plain", "parcel/lib/bin.js", "build", "src/index.html", "--no-cache", "--cache-dir", "cache", "--dist-dir", "parcel", "--no-source-maps");
  await shows("plain/parcel");
});

test("Vite 7", async () => {
  run("plain", "vite/bin/vite.js", "build", "src", "--outDir", "../vite");
  await shows("plain/vite");
});

test("SvelteKit, which imports it on the server", async () => {
  run("sveltekit", "vite/bin/vite.js", "build");
  for (const part of ["client", "prerendered/pages"]) cpSync(join(work, "sveltekit/.svelte-kit/output", part), join(work, "sveltekit/out"), { recursive: true });
  await shows("sveltekit/out");
});

test("Next.js 15 with Turbopack", async () => {
  run("next", "next/dist/bin/next", "build", "--turbopack");
  await shows("next/out");
});

for (const moduleResolution of ["node10", "node16", "bundler"]) test(`TypeScript 5, moduleResolution ${moduleResolution}`, () => {
  const module = { node10: "esnext", node16: "node16", bundler: "esnext" }[moduleResolution];
  const files = { "types.ts": readFileSync(join(here, "../types.ts")), "package.json": '{ "type": "module" }',
    "tsconfig.json": JSON.stringify({ compilerOptions: { noEmit: true, strict: true, target: "es2022", lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"], types: [], module, moduleResolution } }) };
  mkdirSync(join(work, moduleResolution));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, moduleResolution, name), text);
  run(moduleResolution, "typescript/bin/tsc", "-p", ".");
});
