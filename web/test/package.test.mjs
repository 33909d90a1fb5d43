// The packed package as others get it: what is in it, its types, and the README's examples.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { gzipSync, inflateSync } from "node:zlib";
import { readMetadata } from "../dit8/png.js";
import { classModel, goldenClasses, launch, pack, root, workers } from "./helpers.mjs";
import { host } from "./static.mjs";

const web = `${root}web/`, readme = readFileSync(`${web}README.md`, "utf8");
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
let dir, browser, packed, installed, expected; // expected is the hash of the examples' fox
const closing = [];

before(async () => {
  dir = mkdtempSync(join(tmpdir(), "dit8-"));
  packed = pack(dir);
  cpSync(`${web}test/vite`, dir, { recursive: true });
  execFileSync("npm", ["install", "--no-save", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", ...packed.map(({ filename }) => join(dir, filename))], { cwd: dir, stdio: "pipe" });
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
      const canvas = (document.querySelector("dit8-image")?.shadowRoot ?? document).querySelector("canvas");
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
  if (!existsSync(join(dir, "plain-run/dit8"))) for (const [from, name] of [["dist/dit8", "dit8"], ["../dit8-emoji", "dit8-emoji"]]) symlinkSync(join(installed, from), join(dir, "plain-run", name));
  for (const [name, source] of Object.entries(files)) cpSync(source, join(dir, "plain-run", name));
  writeFileSync(join(dir, "plain-run/index.html"), `<!doctype html><script type="importmap">{"imports": {"dit8": "/dit8/sampler.js", "dit8/element": "/dit8/element.js", "dit8/": "/dit8/", "dit8-emoji": "/dit8-emoji/index.js"}}</script><script type="module">${code}\nconsole.log("end");</script>`);
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

test("the tarballs have what is needed, and nothing else", () => {
  const [code, emoji] = packed.map(({ files }) => files.map(({ path }) => path).sort());
  const dist = ["LICENSE", "THIRD_PARTY", "ahead-worker.js", "ahead.js", "convert-files.js", "convert-worker.js", "convert.d.ts", "convert.js", "convert.wasm", "crc32c.js", "dit8.wasm", "drawing.js", "element.d.ts", "element.js", "errors.js", "host.js", "kernels-helper.js", "kernels-probe.wasm",
    "kernels-relaxed-threads.wasm", "kernels-relaxed.wasm", "kernels-threads.wasm", "kernels.js", "kernels.wasm", "model.js", "models.js", "names.js", "node-host.js", "node-worker.js", "node.d.ts", "node.js", "own.js", "png.js", "react.d.ts", "react.js", "ring.js", "sampler.d.ts", "sampler.js",
    "sha256.js", "sha256.wasm", "storage.js", "wasm_exec.js", "webgpu.js", "webgpu.wgsl", "worker.js", "zstd.js", "zstd.wasm"];
  assert.deepEqual(code, ["LICENSE", "README.md", "package.json", ...dist.map((name) => `dist/dit8/${name}`)].sort());
  assert.deepEqual(emoji, ["ATTRIBUTION.md", "MODEL-CARD.md", "README.md", "emoji.dit8", "index.d.ts", "index.js", "package.json"]);
  const [about, model] = [installed, `${installed}../dit8-emoji/`].map((folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  assert.equal(about.dependencies, undefined);
  assert.deepEqual([about.license, model.license, model.version, model.peerDependencies], ["MIT", "CC-BY-4.0", about.version, { dit8: about.version }]);
  const { size } = packed[0];
  assert.ok(size < 4e6, `the code is ${size} bytes`);
});

test("the licences of what it contains travel with it", () => {
  const text = readFileSync(join(installed, "dist/dit8/THIRD_PARTY"), "utf8");
  for (const line of [/^zstd\.wasm:$/m, /Don McCurdy/, /Yann Collet, Facebook/, /^wasm_exec\.js, and the runtime and the standard library in dit8\.wasm and convert\.wasm:$/m, /The Go Authors/, /Redistributions in binary form must reproduce/, /^klauspost\/compress, in convert\.wasm:$/m, /Klaus Post/]) assert.match(text, line);
  assert.match(readFileSync(join(installed, "LICENSE"), "utf8"), /^MIT License/);
});

for (const resolution of ["bundler", "nodenext"]) test(`types, as ${resolution} finds them`, () => {
  checked(`types-${resolution}`, Object.fromEntries(["types.ts", "entries.ts"].map((name) => [name, readFileSync(`${web}test/${name}`, "utf8")])), resolution);
  assert.throws(() => checked(`wrong-${resolution}`, { "wrong.ts": 'import { Sampler } from "dit8";\nexport const s: string = await Sampler.load();' }, resolution), /Type 'Sampler' is not assignable to type 'string'/);
});

// What the package gives at run time is written as literals of the types that it declares.
test("the declarations say what there is", async () => {
  const found = await logged(`
    import "dit8-emoji";
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
  const code = `import "dit8-emoji";\nawait (await import("dit8")).Sampler.load({ model: "/my.dit8" });\n${example("Your own")["models.js"]}\nconsole.log((await Sampler.models()).filter(({ kept }) => kept).length, await Sampler.remove({}).catch(({ field }) => field), ...await Promise.all(["/my.dit8", "/none.json"].map((list) => Sampler.models({ list }).catch(({ name }) => name))));`;
  const listed = await logged(code, { "models.json": join(dir, "list.json") });
  assert.deepEqual(listed, [`mine ${plain}my.dit8 would be downloaded`, `again ${plain}my.dit8 is kept here`, "0 model.kept RequestError DownloadError"]);
});

// plainly is a folder of an example's files with those that the README has people copy beside them.
function plainly(name, files) {
  const folder = project(name, files);
  cpSync(join(installed, "dist/dit8"), join(folder, "dit8"), { recursive: true });
  cpSync(join(installed, "../dit8-emoji/emoji.dit8"), join(folder, "emoji.dit8"));
  return folder;
}

test("README: the plain page, without isolation", async () => shows(await site(plainly("plain", example("Plain page"))), false));

test("README: an element", async () => {
  const { "index.html": page, "element.js": code } = example("An element");
  await shows(await site(plainly("element", { "index.html": page }), { ...isolation, "Content-Security-Policy": policy.replace(" data:", "") }), true);
  const lines = await logged(`
    const started = [], ended = [], timer = window.setTimeout;
    window.Worker = class extends Worker {
      constructor(...args) { super(...args); started.push(this); }
      terminate() { super.terminate(); ended.push(this); }
    };
    window.setTimeout = (f, ms) => timer(f, ms === 5000 ? 0 : ms); // a sampler that nobody needs is kept for a while
    const event = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
    const { default: emoji } = await import("dit8-emoji");
    await import("dit8/element");
    customElements.get("dit8-image");
    ${code.replace(/^import.*/gm, "")}
    const canvas = image.shadowRoot.querySelector("canvas"), message = image.shadowRoot.querySelector("[part=error]");
    await event(image, "load");
    console.log([canvas.getAttribute("role"), canvas.ariaLabel, image.complete, image.seed + 1, (await image.toBlob()).type].join());
    const other = Object.assign(document.createElement("dit8-image"), { prompt: "panda", alt: "", size: 64 });
    document.body.append(other);
    await event(other, "load");
    console.log([other.offsetWidth, other.offsetHeight, other.shadowRoot.querySelector("canvas").ariaHidden, other.result.metadata.request.prompt].join());
    const drawn = [];
    image.addEventListener("load", ({ detail }) => drawn.push(detail.metadata.request.prompt));
    image.prompt = "cat";
    await event(image, "progress");
    image.removeAttribute("seed");
    image.prompt = "panda";
    await event(image, "load");
    console.log(drawn.join(), image.result.sha256 === other.result.sha256, started.length);
    image.steps = "few";
    await event(image, "error");
    console.log(canvas.hidden, message.hidden, message.textContent, image.error.field);
    image.steps = image.prompt = null;
    image.request = { classes: [{ class: "fox", weight: 1 }, { class: "cat", weight: 1 }] };
    await event(image, "load");
    console.log(canvas.hidden, message.hidden, JSON.stringify(image.result.metadata.request.classes.map((share) => share.class)));
    document.body.append(image); // it moves
    await event(image, "load");
    image.model = "/none.dit8";
    await event(image, "error");
    console.log(image.error.name, image.model);
    image.model = emoji;
    other.model = { ...emoji };
    await Promise.all([event(image, "load"), event(other, "load")]);
    console.log(started.length, ended.length);
    image.remove();
    other.remove();
    while (ended.length < started.length) await new Promise((resolve) => timer(resolve, 10));
    console.log("ended");`);
  assert.ok(lines.includes("step 4") && lines.some((line) => /^\d+ bytes$/.test(line)), lines.join("\n"));
  const mixed = lines.findLast((line) => /^[0-9a-f]{64}$/.test(line));
  assert.deepEqual(lines.slice(lines.indexOf(expected)).filter((line) => !/^step|bytes$/.test(line)), [expected, "img,fox,true,2,image/png", "64,64,true,panda", lines.find((line) => /^[0-9a-f]{64}$/.test(line) && line !== expected),
    "panda true 1", 'true false steps is "few", allowed: an integer from 1 to 1000 steps', mixed, 'false true ["fox","cat"]', mixed, `${plain}none.dit8: the server answered 404`, "DownloadError /none.dit8", mixed, "2 1", "ended"]);
});

test("README: Node", async () => {
  const folder = project("node", { "fox.mjs": example("Node")["fox.mjs"], "list.json": JSON.stringify([{ name: "mine", url: "my.dit8" }]), "more.mjs": `
    import "dit8-emoji";
    import * as dit8 from "dit8/node";
    import "dit8/element"; // as a server does
    const { Sampler } = dit8;
    const failed = ({ name, message }) => console.log(name, message);
    await Sampler.load({ model: "none.dit8" }).catch(failed);
    await Sampler.load({ model: "." }).catch(failed);
    console.log((await Sampler.models({ list: "list.json" })).map(({ name }) => name).join());
    const sampler = await Sampler.load({ model: ${JSON.stringify(join(root, classModel))}, threads: 1 });
    const steps = [];
    const { sha256 } = await sampler.generate(${JSON.stringify(goldenClasses[0].request)}, { onStep: ({ images: [{ width }] }) => steps.push(width) });
    console.log(sampler.info.device.replace("relaxed ", ""), sha256, new Set(steps).size, steps[0]);
    await sampler.generate({ steps: 1000 }, { onStep: () => sampler.dispose() }).catch(failed);` });
  const ran = (file) => execFileSync("node", [file], { cwd: folder, encoding: "utf8", stdio: "pipe", timeout: 60_000 }).trim().split("\n");
  assert.match(ran("fox.mjs").join(), new RegExp(`^(relaxed )?simd128( ×\\d)? ${expected}$`));
  const png = readFileSync(join(folder, "fox.png")), at = png.indexOf("IDAT");
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4))), across = 4 * 4 * 128 + 1;
  const pixels = Array.from({ length: 128 * 128 }, (_, i) => rows.subarray(4 * Math.floor(i / 128) * across + 1 + 16 * (i % 128)).subarray(0, 4));
  assert.equal(createHash("sha256").update(Buffer.concat(pixels)).digest("hex"), expected);
  assert.equal((await readMetadata(new Blob([png]))).sha256, expected);
  assert.deepEqual(ran("more.mjs"), [`DownloadError ${pathToFileURL(join(folder, "none.dit8"))}: ENOENT: no such file or directory, stat '${join(folder, "none.dit8")}'`, `DownloadError ${pathToFileURL(folder)}: it is no file`,
    "mine,emoji", `simd128 ${goldenClasses[0].sha256} 1 32`, "AbortError the sampler was disposed of"]);
});

// From a CDN: a worker of the page's origin imports the package's, which can have no helpers of another origin.
for (const [how, headers, threads] of [["isolated", isolation, 1], ["without isolation", {}, 1]]) test(`from another origin, ${how}`, async () => {
  const cdn = await site(plainly(`cdn-files-${how}`, {}), { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" });
  const text = example("Plain page")["index.html"].replace("./dit8/", `${cdn}dit8/`).replace("emoji.dit8", `${cdn}emoji.dit8`);
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
  const [memory] = await logged('import "dit8-emoji"; import { Sampler } from "dit8"; const sampler = await Sampler.load({ threads: 2 }); await sampler.generate({}); console.log(sampler.memory); sampler.dispose();');
  const table = Array.from(readme.matchAll(/^\| .* \| ([\d.]+) MB \|(?: ([\d.]+) MB)? ?\|$/gm), ([, plain, gzip]) => [Number(plain), gzip ? Number(gzip) : undefined]);
  const near = (said, bytes) => assert.ok(Math.abs(said - bytes / 1e6) <= Math.max(0.1, 0.1 * said), `the README says ${said} MB, it is ${bytes}`);
  near(table[0][0], code.reduce((sum, name) => sum + size(name), 0));
  near(table[0][1], code.reduce((sum, name) => sum + packed(name), 0));
  near(table[1][0], size("../../../dit8-emoji/emoji.dit8"));
  near(table[2][0], Number(memory));
});
