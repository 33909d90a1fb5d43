// Links, and files that are saved, dropped and opened.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readMetadata } from "../dit8/png.js";
import { classModel, goldenClasses, root } from "./helpers.mjs";
import { canvasHash, drop, fill, generate, made, start, status } from "./page.mjs";

const { request, sha256 } = goldenClasses[0];
const folder = mkdtempSync(join(tmpdir(), "dit8-"));
const go = (...args) => execFileSync("go", ["run", ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
let site, page, png, other;
before(async () => {
  other = join(folder, "other.dit8");
  go("./tools/quantize", "-convention", "sit", "-num-heads", "6", "-name", "other", "-o", other, "testdata/golden/sit_rgb/model.safetensors");
  site = await start("-model", classModel);
  page = await site.open();
});
after(() => site?.stop());

async function save(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
const problem = async () => {
  await page.waitForSelector("#error:visible");
  return page.$eval("#error", (error) => (error.querySelector("code") ?? error).textContent);
};

test("it saves a PNG with the request, enlarged", async () => {
  await fill(page, request);
  await generate(page);
  const { name, bytes } = await save(page);
  assert.equal(name, "fox-1.png");
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [256, 256]);
  const metadata = await readMetadata(new Blob([bytes]));
  assert.deepEqual(metadata.request, request);
  assert.equal(metadata.sha256, sha256);
  await page.selectOption("#scale", "1");
  png = (await save(page)).bytes;
  assert.equal(png.readUInt32BE(16), 32);
});

test("the command line takes the saved request", async () => {
  const file = join(folder, "saved.png");
  writeFileSync(file, png);
  assert.equal(JSON.parse(go("./tools/sample", "-model", classModel, "-request", file, "-json")).sha256, sha256);
});

test("a dropped PNG restores its request and proves its pixels", async () => {
  await fill(page, { class: "panda", seed: 99, steps: 1 });
  await made(page, () => drop(page, "mine.png", png));
  assert.equal(await page.textContent("#hash"), sha256);
  assert.equal(await canvasHash(page), sha256);
  assert.equal(await page.inputValue("#class"), "fox");
  assert.equal(await page.inputValue("#seed"), "1");
  assert.equal(await page.textContent("#note"), "Bit for bit the pixels of mine.png.");
});

test("so does one of the command line, chosen as a file", async () => {
  const file = join(folder, "cli.png");
  const { sha256 } = JSON.parse(go("./tools/sample", "-model", classModel, "-mix", "bear@1-0.6,panda=2@0.6-0", "-seed", "3", "-count", "2", "-steps", "4", "-negative", "fox", "-o", file, "-json"));
  await made(page, async () => {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.click("#open")]);
    await chooser.setFiles(file);
  });
  assert.equal(await page.textContent("#hash"), sha256);
  assert.equal(await page.textContent("#note"), "Bit for bit the pixels of cli.png.");
  assert.match(await page.textContent("#command"), /-mix bear@1-0.6,panda=2@0.6-0 /);
});

test("a PNG that promises other pixels is found out", async () => {
  const changed = Buffer.from(png);
  changed.write("00000000", changed.indexOf('"sha256":"') + 10);
  await made(page, () => drop(page, "changed.png", changed));
  assert.equal(await page.textContent("#note"), "Not the pixels of changed.png.");
  const foreign = Buffer.from(changed);
  foreign.write("0123456789abcdef", foreign.indexOf('"model_id":"') + 12);
  await made(page, () => drop(page, "foreign.png", foreign));
  assert.equal(await page.textContent("#note"), "Not the pixels of foreign.png. It was made with another model, emoji-s 0123456789abcdef: drop its .dit8 file here.");
});

test("other files get a message", async () => {
  const damaged = Buffer.from(png);
  damaged.write("!", damaged.indexOf('{"request"'));
  const none = Buffer.from(png);
  none.write('"nothing"', none.indexOf('"request"'));
  for (const [name, bytes, message] of [
    ["photo.jpg", Buffer.from("\xff\xd8\xff\xe0", "latin1"), "photo.jpg is neither a PNG that was made here nor a .dit8 model."],
    ["empty", Buffer.alloc(0), "empty is neither a PNG that was made here nor a .dit8 model."],
    ["damaged.png", damaged, "damaged.png: the PNG's metadata is damaged"],
    ["none.png", none, "none.png: the PNG's metadata holds no request"],
    ["short.png", png.subarray(0, 40), "short.png: the PNG does not say how it was made"],
  ]) {
    await drop(page, name, bytes);
    assert.equal(await problem(), message);
  }
  await generate(page);
  assert.equal(await page.isVisible("#error"), false);
});

test("a photo is where the image starts", async () => {
  const bare = Buffer.concat([png.subarray(0, 33), png.subarray(png.indexOf("IDAT") - 4)]); // says nothing
  await drop(page, "bare.png", bare);
  await page.waitForFunction(() => /Started from bare.png/.test(document.body.textContent));
  const photo = readFileSync(`${root}testdata/trials/exif-rotated.jpg`);
  await drop(page, "exif-rotated.jpg", photo);
  await page.waitForFunction(() => /Started from exif-rotated.jpg, scaled from 32×32/.test(document.body.textContent));
  await drop(page, "mask-transparent.png", readFileSync(`${root}testdata/trials/mask-transparent.png`));
  await page.waitForFunction(() => /What is transparent is painted anew: 256 of 1024 pixels/.test(document.body.textContent));
  await drop(page, "m1.png", await page.evaluate(async () => { // a picture that is no square
    const canvas = new OffscreenCanvas(60, 30), context = canvas.getContext("2d");
    context.fillRect(0, 0, 60, 30);
    return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
  }).then(Buffer.from));
  await page.waitForFunction(() => /scaled from 60×30, fit cover/.test(document.body.textContent));
  await page.selectOption(".fit select", "contain");
  await page.waitForFunction(() => /scaled from 60×30, fit contain/.test(document.body.textContent));
  await generate(page);
});

test("a bad model is refused, and the page stays usable", async () => {
  const model = readFileSync(root + "weights/default.dit8");
  const changed = Buffer.from(model);
  changed[3e6] ^= 1;
  const huge = Buffer.from(model);
  huge.fill(0xff, 8, 16);
  for (const [name, bytes, message] of [
    ["page.dit8", Buffer.from("<html>".repeat(99)), /not a \.dit8 file/], ["empty.dit8", Buffer.alloc(0), /./],
    ["changed.dit8", changed, /checksum/], ["short.dit8", model.subarray(0, 1e6), /ends|EOF|truncated/i], ["huge.dit8", huge, /./],
  ]) {
    await drop(page, name, bytes);
    assert.match(await problem(), message);
    await status(page, "Ready.");
    assert.match(await page.textContent("#model"), /^emoji-s,/);
    await fill(page, { ...request, seed_to: "" });
  }
});

test("a dropped model takes the place of the other", async () => {
  await made(page, () => drop(page, "other.dit8", readFileSync(other)));
  assert.match(await page.textContent("#model"), /^other, 12 classes, 32×32 pixels, file [0-9a-f]{16}$/);
  // The other's worker has ended.
  const workers = () => page.workers().filter((worker) => worker.url().endsWith("/worker.js")).length;
  for (let i = 0; workers() > 1 && i < 200; i++) await page.waitForTimeout(50);
  assert.equal(workers(), 1);
  assert.equal(await page.inputValue("#class"), "0");
  const command = (await page.textContent("#command")).split(" ").slice(2);
  command[command.indexOf("-model") + 1] = other;
  assert.equal(JSON.parse(go(...command.slice(0, command.indexOf("-o")), "-json")).sha256, await page.textContent("#hash"));
  assert.match(await page.evaluate(() => location.hash), /^#class=0&seed=1&model=[0-9a-f]{16}$/);
  // A result of the other model: it can be looked at, and says why no more.
  await page.click(".tile[aria-label='fox, seed 1'] >> nth=0");
  assert.match(await page.textContent("#note"), /Made by another model, emoji-s\. Run again would draw it with other: another picture\.$/);
  await page.click("#inspect");
  assert.equal(await page.textContent("#status"), "This picture is of another model, emoji-s: load that one first.");
  await page.click("#again");
  assert.match(await problem(), /class is "fox"/);
});

test("a link restores and runs its request", async () => {
  const page = await site.open({ address: `#${new URLSearchParams(request)}`, until: "Done" });
  assert.equal(await page.textContent("#hash"), sha256);
  assert.equal(await page.inputValue("#steps"), String(request.steps));
  await fill(page, { class: "panda", steps: 2 });
  await page.selectOption("#solver", "heun");
  await generate(page);
  assert.equal(await page.evaluate(() => location.hash), "#class=panda&seed=1&steps=2&solver=heun");
  const hash = await page.textContent("#hash");
  await page.reload();
  await status(page, "Done");
  assert.equal(await page.textContent("#hash"), hash);
  await made(page, () => page.evaluate(() => { location.hash = "#class=rose&steps=1"; })); // as one that is pasted
  assert.match(await page.textContent("#title"), /rose, seed 0/);
  await page.close();
});

test("a link of another model says so", async () => {
  const page = await site.open({ address: "#class=fox&steps=1&model=0123456789abcdef", until: "Done" });
  assert.equal(await page.textContent("#note"), "This link: the picture will differ. It was made with another model, with the id 0123456789abcdef: drop its .dit8 file here.");
  await page.close();
});

test("a bad link gets a message that names the field", async () => {
  const page = await site.open({ address: "#class=fxo", until: "" });
  await page.waitForSelector("#error:visible");
  for (const [hash, message, field] of [
    ["class=fxo", /class is "fxo".*did you mean "fox"/, "class"], ["steps=0", /^steps is 0/, "steps"], ["seed=-2", /^seed is -2/, "seed"], ["seed=abc", /^seed is "abc"/, "seed"],
    ["count=1e9", /^count is 1000000000/, "count"], ["solver=magic", /^solver is "magic"/], ["colour=red", /^colour is unknown/], ["__proto__=1", /^__proto__ is unknown/],
    ["request=[1]", /^request in the link is \[1\], allowed: a JSON object/], ["request=%7B", /^request in the link is \{/],
    ["request={\"classes\":5}", /^classes is 5/], ["request={\"classes\":[{\"class\":\"fox\"},7]}", /^classes is/], ["request={\"classes\":[{\"class\":\"fox\",\"weight\":\"x\"},{\"class\":\"panda\",\"weight\":1}]}", /^classes/],
    ["request={\"edit\":{\"task\":\"inpaint\"}}", /edit/], ["request={\"class\":{}}", /^class is/], ["request={\"seed\":null}", /^seed is/],
  ]) {
    await page.evaluate((hash) => { location.hash = hash; }, hash);
    await page.waitForFunction((text) => new RegExp(text).test(document.querySelector("#error code, #error:not(:has(code))").textContent), message.source, { timeout: 10_000 });
    if (field) assert.equal(await page.getAttribute(`#${field}`, "aria-invalid"), "true");
  }
  await page.evaluate(() => { location.hash = "#class=fox&steps=1"; });
  await status(page, "Done");
  assert.equal(await page.isVisible("#error"), false);
  await page.close();
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
