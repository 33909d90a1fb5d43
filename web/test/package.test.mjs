// The packed package as others get it: what is in it, its types, and the README's examples.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { launch, root, workers } from "./helpers.mjs";
import { host } from "./static.mjs";

const web = `${root}web/`, readme = readFileSync(`${web}README.md`, "utf8");
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
let dir, browser, installed, expected; // expected is the hash of the examples' fox
const closing = [];

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "dit8-"));
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", dir], { cwd: web, encoding: "utf8" }));
  cpSync(`${web}test/vite`, dir, { recursive: true });
  execFileSync("npm", ["install", "--no-save", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", join(dir, filename)], { cwd: dir, stdio: "pipe" });
  installed = join(dir, "node_modules/dit8/");
  expected = JSON.parse(execFileSync("go", ["run", "./tools/sample", "-prompt", "fox", "-seed", "1", "-json", "-o", join(dir, "fox.png")], { cwd: root, encoding: "utf8" })).sha256;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const close of closing) await close();
  rmSync(dir, { recursive: true, force: true });
});

// example gives the fenced blocks of the README's section whose first line is a comment
// with a file's name, as {name: text}.
function example(section) {
  const text = readme.split(/^## /m).find((part) => part.startsWith(section));
  return Object.fromEntries(Array.from(text.matchAll(/^```\w+\n(?:\/\/|<!--) (\S+)(?: -->)?\n([\s\S]*?)^```$/gm), ([, name, code]) => [name, code]));
}

// project is a folder of an example's files, below the one of node_modules.
function project(name, files) {
  const folder = join(dir, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}

// site serves a folder as any static host does, and gives its address.
async function site(folder, headers) {
  const { url, stop } = await host(folder, { headers });
  closing.push(stop);
  return url;
}

// shows opens a page and waits for its canvas to show the fox, made with as many
// threads as there may be.
async function shows(url, isolated, threads = isolated ? Math.min(8, availableParallelism()) : 1) {
  const page = await browser.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && !/favicon/.test(message.location().url) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  let hash;
  for (const end = Date.now() + 60_000; hash !== expected;) {
    assert.ok(Date.now() < end && !complaints.length, `${url} does not show the fox: ${complaints.join("\n")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const data = await page.evaluate(() => {
      const canvas = document.querySelector("canvas");
      return canvas ? [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data] : [];
    });
    hash = createHash("sha256").update(new Uint8Array(data)).digest("hex");
  }
  assert.equal(await page.evaluate(() => crossOriginIsolated), isolated);
  for (const end = Date.now() + 10_000; await workers(browser) !== threads;) { // those of a page before may still be ending
    assert.ok(Date.now() < end, `${url} has ${await workers(browser)} workers, expected ${threads}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.deepEqual(complaints, []);
  await page.close();
}

// logged runs a module in a page of the package's files and gives what it logs.
let plain;
async function logged(code, files = {}) {
  plain ??= await site(project("plain-run", {}), isolation);
  if (!existsSync(join(dir, "plain-run/dit8"))) symlinkSync(join(installed, "dist/dit8"), join(dir, "plain-run/dit8"));
  for (const [name, source] of Object.entries(files)) cpSync(source, join(dir, "plain-run", name));
  writeFileSync(join(dir, "plain-run/index.html"), `<!doctype html><script type="importmap">{"imports": {"dit8": "/dit8/sampler.js", "dit8/": "/dit8/"}}</script><script type="module">${code}\nconsole.log("end");</script>`);
  const page = await browser.newPage();
  const lines = [];
  const ended = new Promise((resolve, reject) => {
    page.on("console", (message) => message.type() === "log" && (message.text() === "end" ? resolve() : lines.push(message.text())));
    page.on("pageerror", reject);
  });
  await page.goto(plain);
  await ended;
  await page.close();
  return lines;
}

// checked has tsc check files in a folder of their own, strictly.
function checked(name, files, moduleResolution) {
  const options = { noEmit: true, strict: true, target: "es2022", lib: ["es2022", "dom", "dom.iterable", "dom.asynciterable"], types: [],
    noUncheckedIndexedAccess: true, noUnusedLocals: true, skipLibCheck: false, module: moduleResolution === "bundler" ? "esnext" : "nodenext", moduleResolution };
  const folder = project(name, { ...files, "package.json": '{"type": "module"}', "tsconfig.json": JSON.stringify({ compilerOptions: options }) });
  try {
    execFileSync("node", [`${web}node_modules/typescript/bin/tsc`, "-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    assert.fail(error.stdout || error.message);
  }
}

test("the tarball has what is needed, and nothing else", () => {
  const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(installed.length));
  const dist = ["LICENSE", "THIRD_PARTY", "convert-files.js", "convert-worker.js", "convert.d.ts", "convert.js", "convert.wasm", "default.dit8", "dit8.wasm", "errors.js", "fzstd.js", "kernels-helper.js", "kernels-probe.wasm", "kernels-relaxed-threads.wasm", "kernels-relaxed.wasm",
    "kernels-threads.wasm", "kernels.js", "kernels.wasm", "model.js", "models.js", "own.js", "png.js", "sampler.d.ts", "sampler.js", "sha256.js", "sha256.wasm", "storage.js", "wasm_exec.js", "webgpu.js", "webgpu.wgsl", "worker.js", "zstd.js", "zstd.wasm"];
  assert.deepEqual(files.sort(), ["LICENSE", "README.md", "package.json", ...dist.map((name) => `dist/dit8/${name}`)].sort());
  const { dependencies, license } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.equal(dependencies, undefined);
  assert.equal(license, "MIT");
});

test("the licences of what it contains travel with it", () => {
  const text = readFileSync(join(installed, "dist/dit8/THIRD_PARTY"), "utf8");
  for (const line of [/^fzstd\.js:$/m, /Arjun Barrett/, /^zstd\.wasm:$/m, /Don McCurdy/, /Yann Collet, Facebook/, /^wasm_exec\.js, and the runtime and the standard library in dit8\.wasm and convert\.wasm:$/m, /The Go Authors/, /Redistributions in binary form must reproduce/, /^klauspost\/compress, in convert\.wasm:$/m, /Klaus Post/]) assert.match(text, line);
  assert.match(readFileSync(join(installed, "LICENSE"), "utf8"), /^MIT License/);
});

for (const resolution of ["bundler", "nodenext"]) test(`types, as ${resolution} finds them`, () => {
  checked(`types-${resolution}`, { "types.ts": readFileSync(`${web}test/types.ts`, "utf8") }, resolution);
  assert.throws(() => checked(`wrong-${resolution}`, { "wrong.ts": 'import { Sampler } from "dit8";\nexport const s: string = await Sampler.load();' }, resolution), /Type 'Sampler' is not assignable to type 'string'/);
});

// What the package gives at run time is written as literals of the types that it declares.
test("the declarations say what there is", async () => {
  const found = await logged(`
    import * as all from "dit8";
    const { Sampler } = all;
    const log = (value) => console.log(JSON.stringify(value));
    log(Object.keys(all).sort());
    log([Object.getOwnPropertyNames(Sampler), Object.getOwnPropertyNames(Sampler.prototype)].map((names) => names.filter((name) => !/^(length|name|prototype|constructor)$/.test(name)).sort()));
    const progress = [];
    const sampler = await Sampler.load({ onProgress: (event) => progress.push(event) });
    let step;
    const { images, toBlob, ...result } = await sampler.generate({ class: "fox", steps: 1 }, { onStep: ({ images, states, ...rest }) => { step = rest; } });
    const { branches, ...modulation } = await sampler.inspect({ steps: 1 });
    const series = ({ values, ...rest }) => ({ ...rest, isFloat32Array: values instanceof Float32Array });
    const strip = ({ gamma, beta, alpha, ...rest }) => ({ ...rest, gamma: series(gamma), beta: series(beta), ...(alpha && { alpha: series(alpha) }) });
    log({ "Readonly<Required<Omit<Model, 'vae' | 'draws' | 'kept'>>>": all.models[0], Progress: progress[0], Info: sampler.info, "Omit<Step, 'images' | 'states'>": step, "Omit<Result, 'images' | 'toBlob'>": result,
      "Omit<Modulation, 'branches'>": modulation, "Plain[]": [strip(branches[0]), strip(branches.at(-1))], BenchResult: Object.fromEntries(Object.entries(await Sampler.bench({ config: "d256", passes: 1 }, { threads: 1 })).filter(([name]) => name !== "config")) });
    sampler.dispose();`);
  const [names, [statics, members], values] = found.map((line) => JSON.parse(line));
  const declared = readFileSync(join(installed, "dist/dit8/sampler.d.ts"), "utf8");
  assert.deepEqual(names, Array.from(declared.matchAll(/^export (?:const|class|function) (\w+)/gm), ([, name]) => name).sort());
  const body = /^export class Sampler \{([\s\S]*?)^\}/m.exec(declared)[1];
  assert.deepEqual(statics, Array.from(body.matchAll(/^  static (\w+)\(/gm), ([, name]) => name).sort());
  const methods = Array.from(body.matchAll(/^  (?:readonly )?(\w+)[(:]/gm), ([, name]) => name).filter((name) => !["info", "memory"].includes(name)); // they are the object's own
  assert.deepEqual(members, methods.sort());
  const text = `import type { BenchResult, Branch, Info, Model, Modulation, Progress, Result, Series, Step } from "dit8";
type PlainSeries = Omit<Series, "values"> & { isFloat32Array: true };
type Plain = Omit<Branch, "gamma" | "beta" | "alpha"> & { gamma: PlainSeries; beta: PlainSeries; alpha?: PlainSeries };
${Object.entries(values).map(([type, value], i) => `export const v${i}: ${type} = ${JSON.stringify(value, null, 1)};`).join("\n")}\n`;
  checked("values", { "values.ts": text }, "bundler");
});

test("README: the first example", async () => {
  const lines = await logged(example("# dit8")["example.js"]);
  const { size } = statSync(`${root}weights/default.dit8`);
  assert.ok(lines.some((line) => new RegExp(`^\\d+ of ${size} bytes$`).test(line)), lines.join("\n"));
  assert.ok(lines.some((line) => /^\d{3} words .*noto.*simd128/.test(line)));
  assert.equal(lines.filter((line) => line.startsWith("step ")).length, 4);
  assert.ok(lines.some((line) => line.startsWith(`128 ${expected} `)), lines.at(-1));
});

test("README: progress, cancelling, errors", async () => {
  const lines = await logged(example("Progress")["errors.js"]);
  assert.ok(lines.includes("100 %"));
  assert.ok(lines.includes("steps steps is 0, allowed: 1 to 1000"), lines.join("\n"));
  assert.equal(lines.at(-1), "TimeoutError");
});

test("README: your own model", async () => {
  const lines = await logged(example("Your own")["own.js"], { "my.dit8": `${root}weights/default.dit8` });
  assert.deepEqual(lines, Array(3).fill("emoji 128"));
  const hash = (path) => createHash("sha256").update(readFileSync(path)).digest("hex"), model = `${root}weights/default.dit8`;
  writeFileSync(join(dir, "list.json"), JSON.stringify([{ name: "mine", url: "my.dit8", bytes: 5, sha256: "0".repeat(64), draws: "nothing" }, { name: "again", url: "my.dit8", sha256: hash(model) }]));
  // what the first example has kept is that of the second entry, which is the package's as well
  const code = `await (await import("dit8")).Sampler.load({ model: "/my.dit8" });\n${example("Your own")["models.js"]}\nconsole.log((await Sampler.models()).filter(({ kept }) => kept).length, await Sampler.remove({}).catch(({ field }) => field), ...await Promise.all(["/my.dit8", "/none.json"].map((list) => Sampler.models({ list }).catch(({ name }) => name))));`;
  const listed = await logged(code, { "models.json": join(dir, "list.json") });
  assert.deepEqual(listed, [`mine ${plain}my.dit8 would be downloaded`, `again ${plain}my.dit8 is kept here`, "0 model.kept RequestError DownloadError"]);
});

for (const [how, headers] of [["isolated", isolation], ["without isolation", {}]]) test(`README: the plain page, ${how}`, async () => {
  const folder = project(`plain-${how}`, example("Plain page"));
  cpSync(join(installed, "dist/dit8"), join(folder, "dit8"), { recursive: true });
  await shows(await site(folder, headers), headers === isolation);
});

// From a CDN: a worker of the page's origin imports the package's, which can have no helpers of another origin.
for (const [how, headers, threads] of [["isolated", isolation, 1], ["without isolation", {}, 1]]) test(`from another origin, ${how}`, async () => {
  const cdn = await site(join(installed, "dist/dit8"), { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" });
  const text = example("Plain page")["index.html"].replace("./dit8/", cdn);
  assert.ok(text.includes(cdn));
  await shows(await site(project(`cdn-${how}`, { "index.html": text }), headers), headers === isolation, threads);
});

const vite = () => join(dir, "node_modules/vite/bin/vite.js");

// dev runs Vite's own server.
async function dev(folder) {
  const spare = createServer().listen(0, "127.0.0.1");
  await once(spare, "listening");
  const { port } = spare.address();
  spare.close();
  const server = spawn("node", [vite(), "--host", "127.0.0.1", "--port", String(port), "--strictPort"], { cwd: folder, env: { ...process.env, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(server, "close");
  closing.push(() => { server.kill(); return closed; });
  let printed = "";
  for await (const chunk of server.stdout) if ((printed += chunk).includes(String(port))) break;
  server.stdout.resume();
  return `http://127.0.0.1:${port}/`;
}

const policy = /```csp\n(.*)\n/.exec(readme)[1];

for (const section of ["Vite", "React"]) {
  test(`README: ${section}, built`, async () => {
    const folder = project(section, example(section));
    const printed = execFileSync("node", [vite(), "build"], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    assert.doesNotMatch(printed, /warn/i);
    const dist = join(folder, "dist");
    await shows(await site(dist, isolation), true);
    await shows(await site(dist), false);
    await shows(await site(dist, { ...isolation, "Content-Security-Policy": policy }), true);
  });

  test(`README: ${section}, in development`, async () => {
    await shows(await dev(join(dir, section)), section === "Vite");
  });
}

test("README: converting checkpoints", async () => {
  const lines = await logged(example("Converting checkpoints")["converting.js"], { "model.safetensors": `${root}testdata/golden/sit_rgb/model.safetensors` });
  assert.match(lines[0], /^the last of 13 rows/);
  assert.equal(lines.at(-2), "final_layer.linear.bias: 100 %");
  assert.match(lines.at(-1), /^model [0-9a-f]{64} /);
});

test("a policy against WebAssembly gets a message", async () => {
  const url = await site(join(dir, "Vite/dist"), { "Content-Security-Policy": policy.replace("'wasm-unsafe-eval'", "") });
  const page = await browser.newPage();
  const [error] = await Promise.all([page.waitForEvent("pageerror"), page.goto(url)]);
  assert.match(error.message, /wasm-unsafe-eval|WebAssembly/);
  await page.close();
});

test("README: the sizes", async () => {
  const size = (name) => statSync(join(installed, "dist/dit8", name)).size, packed = (name) => gzipSync(readFileSync(join(installed, "dist/dit8", name)), { level: 9 }).length;
  const code = readdirSync(join(installed, "dist/dit8")).filter((name) => !/^convert/.test(name) && /\.js$|^dit8\.wasm$|^kernels-threads\.wasm$|probe/.test(name));
  const [memory] = await logged('import { Sampler } from "dit8"; const sampler = await Sampler.load({ threads: 2 }); await sampler.generate({}); console.log(sampler.memory); sampler.dispose();');
  const table = Array.from(readme.matchAll(/^\| .* \| ([\d.]+) MB \|(?: ([\d.]+) MB)? ?\|$/gm), ([, plain, gzip]) => [Number(plain), gzip ? Number(gzip) : undefined]);
  const near = (said, bytes) => assert.ok(Math.abs(said - bytes / 1e6) <= Math.max(0.1, 0.1 * said), `the README says ${said} MB, it is ${bytes}`);
  near(table[0][0], code.reduce((sum, name) => sum + size(name), 0));
  near(table[0][1], code.reduce((sum, name) => sum + packed(name), 0));
  near(table[1][0], size("default.dit8"));
  near(table[2][0], Number(memory));
});
