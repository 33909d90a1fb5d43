// Checkpoints become models in the browser: the command line's bytes, notes and messages.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { root } from "./helpers.mjs";
import { accessible, drop, generate, start, status } from "./page.mjs";

const dir = mkdtempSync(join(tmpdir(), "dit8-")), quantize = join(dir, "quantize"), data = `${root}testdata/`;
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
let site, page;
before(async () => {
  execFileSync("go", ["build", "-o", quantize, "./tools/quantize"], { cwd: root });
  site = await start();
  page = await site.open();
});
after(async () => {
  await site?.stop();
  rmSync(dir, { recursive: true, force: true });
});

// native runs the command line in a folder of testdata.
function native(folder, flags, checkpoint) {
  const out = join(dir, "native.dit8");
  const { status, stdout, stderr } = spawnSync(quantize, ["-f", "-o", out, ...flags, checkpoint], { cwd: data + folder, encoding: "utf8" });
  const notes = stderr.split("\n").filter(Boolean).map((line) => line.replace(/^quantize: /, ""));
  if (status) return { message: notes.pop(), notes };
  return { sha256: sha256(readFileSync(out)), bytes: statSync(out).size, notes, summary: stdout.trim().replace(`${out}: `, "") };
}

// listed are the files of a folder of testdata, or those of them that are named, as {path, base64}.
function listed(folder, ...names) {
  const paths = names.flatMap((name) => (statSync(data + folder + name).isDirectory() ? readdirSync(data + folder + name).map((inner) => `${name}/${inner}`) : [name]));
  return paths.map((path) => ({ path, base64: readFileSync(data + folder + path).toString("base64") }));
}

// convert converts them in the page.
const convert = (files, options) => page.evaluate(async ([files, options]) => {
  const { convert } = await import("./dit8/convert.js");
  const list = files.map(({ path, base64 }) => ({ path, file: new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]) }));
  const parts = [];
  try {
    const { file, id, memory, name, ...result } = await convert(list, { ...options, onProgress: ({ part }) => part !== undefined && parts.push(part) });
    return { result, size: file.size, kept: !!id, memory, part: parts.at(-1), grows: parts.every((part, i) => !i || part >= parts[i - 1]) };
  } catch ({ name, message, notes }) {
    return { name, error: { message, notes } };
  }
}, [files, options ?? {}]);

for (const [folder, flags, options, checkpoint, ...beside] of [
  ["golden/sit_rgb/", ["-num-heads", "6", "-convention", "sit"], { numHeads: 6, convention: "sit" }, "model.safetensors"],
  ["golden/dit_tiny/", ["-num-heads", "4", "-name", "tiny", "-steps", "9"], { numHeads: 4, name: "tiny", steps: 9 }, "model.pt"],
  ["golden/edge/", ["-num-heads", "2", "-type", "f16", "-keep", "blocks.*=f32", "-keep", "*.bias=f16"], { numHeads: 2, type: "f16", keep: ["blocks.*=f32", "*.bias=f16"] }, "pt_legacy_format.pt"],
  ["golden-modern/pmf_tiny/", [], {}, "model.pt"],
  ["golden/", ["-compress", "fast"], { compress: "fast" }, "diffusers_dit"],
  ["golden-vae/e2e_dit/", ["-num-heads", "4", "-vae", "vae"], { numHeads: 4 }, "model.safetensors", "vae"],
  ["golden-vae/taesd/", [], {}, "taesd_decoder.pth", "taesd_encoder.pth"],
]) {
  test(`${folder}${checkpoint} becomes the command line's file`, async () => {
    const { result, size, kept, memory, part, grows, error } = await convert(listed(folder, checkpoint, ...beside), options);
    assert.deepEqual(result ?? error, native(folder, flags, checkpoint));
    assert.deepEqual({ size, kept, part, grows }, { size: result.bytes, kept: true, part: 1, grows: true });
    assert.ok(memory > 1e6 && memory < 64e6, `${memory} bytes of memory`);
  });
}

test("what is wrong is said in the command line's words", async () => {
  for (const [folder, name, flags = [], options = {}] of [
    ["golden/bad/", "pt_crc_mismatch.pt", ["-num-heads", "2"], { numHeads: 2 }], ["golden/bad/", "evil_os_system_zip.pt"], ["golden/bad/", "st_header_array.safetensors"],
    ["golden/bad/", "st_nan_weight.safetensors", ["-num-heads", "2"], { numHeads: 2 }], ["golden/bad/", "pt_is_html.pt"], ["golden-vae/vae_bad/", "cfg_groups_zero"],
    ["golden/sit_rgb/", "model.safetensors"],
  ]) {
    const { name: kind, error } = await convert(listed(folder, name), options);
    assert.equal(kind, "ConvertError");
    assert.deepEqual(error, native(folder, flags, name));
  }
  const file = listed("golden/sit_rgb/", "model.safetensors");
  const messages = await Promise.all([convert(file, { type: "int4" }), convert(file, { colour: "red" }), convert([]), convert([...file, { path: "other.pt", base64: "" }])]);
  assert.deepEqual(messages.map(({ error: { message } }) => message), [
    '-type is "int4", allowed: int8, f16, f32', "flag provided but not defined: -colour", "which of these is the checkpoint: none?",
    "which of these is the checkpoint: model.safetensors, other.pt?",
  ]);
});

test("it is cancelled, and leaves nothing", async () => {
  const before = await kept();
  const files = listed("golden-modern/pmf_tiny/", "model.pt");
  const name = await page.evaluate(async ([{ base64 }]) => {
    const { convert } = await import("./dit8/convert.js");
    const stop = new AbortController(), file = new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], "model.pt");
    return convert(file, { signal: stop.signal, onProgress: ({ part }) => part && stop.abort() }).then(() => "converted", ({ name }) => name);
  }, files);
  assert.equal(name, "AbortError");
  await has(before); // once the browser has let go of what the worker had
  // What a page that was closed has left goes when the next one looks at what is kept.
  await page.evaluate(async () => {
    const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle("dit8-models");
    for (const end of ["dit8", "tmp"]) await dir.getFileHandle(`made-left.${end}`, { create: true });
  });
  await convert(listed("golden-modern/pmf_tiny/", "model.pt"), { name: "again" });
  assert.ok((await kept()).length > before.length);
  await has([...before, ...(await kept()).filter((name) => !before.includes(name) && !name.includes("left"))].sort());
  // The same model is kept once.
  await convert(files, { name: "again" });
  const all = await page.evaluate(async () => (await (await import("./dit8/storage.js")).list()).map(({ sha256 }) => sha256));
  assert.equal(new Set(all).size, all.length);
});
const kept = () => page.evaluate(async () => {
  const names = [];
  for await (const name of (await (await navigator.storage.getDirectory()).getDirectoryHandle("dit8-models")).keys()) names.push(name);
  return names.sort();
});
const has = (names) => page.waitForFunction(async (names) => {
  const found = [];
  for await (const name of (await (await navigator.storage.getDirectory()).getDirectoryHandle("dit8-models")).keys()) found.push(name);
  return found.sort().join() === names;
}, names.join());

test("one that is dropped is told what it lacks, draws and is saved", async () => {
  await page.reload(); // now the service worker is there
  await status(page, "Ready.");
  await drop(page, "model.safetensors", readFileSync(`${data}golden/sit_rgb/model.safetensors`));
  await page.waitForSelector("#flags");
  await accessible(page, { within: "main" });
  assert.match(await page.textContent("#error"), /^model.safetensors: no tensor shows the number of attention heads: give -num-heads/);
  await page.fill("#flags", "-num-heads 6  -convention sit");
  await page.click("#converted form button");
  await page.waitForFunction(() => document.querySelector("#converted h2")?.textContent === "model.dit8");
  await page.waitForFunction(() => /^model, 12 classes/.test(document.getElementById("model").textContent) && document.querySelector("main").dataset.state === "ready");
  assert.match(await page.textContent("#converted ul"), /the last of 13 rows of the class table/);
  await generate(page);
  await accessible(page, { within: "main" });
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#converted .buttons button")]);
  assert.equal(download.suggestedFilename(), "model.dit8");
  assert.equal(sha256(readFileSync(await download.path())), native("golden/sit_rgb/", ["-num-heads", "6", "-convention", "sit"], "model.safetensors").sha256);
  assert.ok(await page.evaluate(async () => (await caches.match(new URL("dit8/convert.wasm", location.href)))?.ok), "the converter works offline now");
  assert.equal(new URL(page.url()).searchParams.get("model"), "model", "the copy that is kept draws");
  await page.screenshot({ path: process.env.DIT8_SHOTS ? `${process.env.DIT8_SHOTS}/converted.png` : join(dir, "converted.png"), fullPage: true });
});

test("a folder with its autoencoder is dropped", async () => {
  const session = await page.context().newCDPSession(page);
  const data_ = { items: [], files: [`${data}golden-vae/e2e_dit/model.safetensors`, `${data}golden-vae/e2e_dit/vae`], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data: data_ });
  await page.waitForSelector("#flags");
  await page.fill("#flags", "-num-heads 4 -no-null-class");
  await page.click("#converted form button");
  await page.waitForFunction(() => /an autoencoder of 4 channels/.test(document.querySelector("#converted p")?.textContent));
  await page.waitForFunction(() => /^model, 6 classes/.test(document.getElementById("model").textContent) && document.querySelector("main").dataset.state === "ready");
  assert.equal(await page.$eval("#guidance", (input) => input.parentElement.hidden), true, "it has no guidance");
  assert.equal(await page.textContent("#more summary"), "Steps, solver, schedule");
  await page.click("#converted .line button");
  assert.equal(await page.locator("#converted").count(), 0);
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
