// The field that classes are searched and picked with.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { glyphs } from "../page/glyphs.js";
import { search } from "../page/picker.js";
import { classModel, root } from "./helpers.mjs";
import { clear, fill, made, start } from "./page.mjs";

let site, page;
before(async () => {
  site = await start("-model", classModel);
  page = await site.open();
});
after(() => site?.stop());

const classes = execFileSync("go", ["run", "./tools/sample", "-model", classModel, "-classes"], { cwd: root, encoding: "utf8" }).trim().split("\n");
const options = () => page.$$eval("#class-list li", (items) => items.map((item) => item.textContent));
const active = () => page.evaluate(() => document.getElementById(document.getElementById("class").getAttribute("aria-activedescendant"))?.textContent);
const press = (key) => page.keyboard.press(key);

test("each class of the default model has an emoji", () => {
  assert.deepEqual(Object.keys(glyphs), classes);
  for (const [name, text] of Object.entries(glyphs)) assert.match(text.split(" ")[0], /^\p{Emoji}/u, name);
  assert.equal(new Set(Object.values(glyphs).map((text) => text.split(" ")[0])).size, classes.length);
});

test("glyphs.js is what its generator writes", () => {
  const written = execFileSync("node", ["glyphs.mjs"], { cwd: `${root}web`, input: classes.join("\n"), encoding: "utf8" });
  assert.equal(readFileSync(`${root}web/page/glyphs.js`, "utf8"), written);
});

test("search", () => {
  for (const [typed, first] of [
    ["fox", "fox"], ["pan", "panda"], ["apple", "red-apple"], ["face cat", "cat-face"], ["RED h", "red-heart"], ["dog", "dog-face"], ["hot d", "hot-dog"],
    ["car", "carrot"], ["music", "guitar"], ["🦊", "fox"], ["❤", "red-heart"], ["red-apple", "red-apple"], ["smiling face w", "smiling-face-with-heart-eyes"],
  ]) assert.equal(search(classes, typed)[0], first, typed);
  assert.ok(search(classes, "car").includes("automobile"));
  assert.deepEqual(search(classes, "xyzzy"), []);
  assert.deepEqual(search(["a-b", "3", "constructor"], "con"), ["constructor"]);
});

test("it is a combobox with a listbox", async () => {
  const field = page.locator("#class");
  assert.equal(await field.getAttribute("role"), "combobox");
  assert.equal(await field.getAttribute("aria-expanded"), "false");
  assert.equal(await page.$$eval("#class-list li", (items) => items.length), 0);
  await field.click();
  assert.equal(await field.getAttribute("aria-expanded"), "true");
  assert.equal((await options()).length, classes.length);
  assert.equal(await page.getAttribute("#class-list", "role"), "listbox");
  assert.equal(await active(), "🦊fox");
  await press("Escape");
  assert.equal(await page.isVisible("#class-list"), false);
});

test("keys go through the list", async () => {
  await page.focus("#class");
  await press("ArrowDown");
  assert.equal(await active(), "🦊fox");
  await press("ArrowDown");
  assert.equal(await active(), "🐻bear");
  await press("ArrowUp");
  await press("ArrowUp");
  assert.equal(await active(), "🐰rabbit face");
  await press("End");
  assert.equal(await active(), "💡light bulb");
  const inside = await page.$eval("#class-list", (list) => {
    const [item, box] = [list.lastElementChild.getBoundingClientRect(), list.getBoundingClientRect()];
    return item.top >= box.top && item.bottom <= box.bottom + 1;
  });
  assert.equal(inside, true, "the active one is in view");
  await press("ArrowDown");
  assert.equal(await active(), "😀grinning face");
  await press("Home");
  assert.equal(await active(), "😀grinning face");
  await press("Escape");
  assert.equal(await page.inputValue("#class"), "fox");
});

test("an Enter picks and generates", async () => {
  await page.focus("#class");
  await press("Control+a");
  await page.keyboard.type("robo");
  assert.deepEqual(await options(), ["🤖robot"]);
  await made(page, () => press("Enter"));
  assert.equal(await page.inputValue("#class"), "robot");
  assert.match(await page.textContent("#title"), /^🤖 robot, seed 1$/);
  await made(page, () => press("Enter")); // and once more, the list being closed
});

test("what is typed is completed where one leaves", async () => {
  await page.fill("#class", "oct");
  await press("Tab");
  assert.equal(await page.inputValue("#class"), "octopus");
  await page.fill("#class", "");
  await press("Tab");
  assert.equal(await page.inputValue("#class"), "octopus", "nothing typed changes nothing");
});

test("a click picks", async () => {
  await page.fill("#class", "heart");
  await page.click("#class-list li:has-text('blue heart')");
  assert.equal(await page.inputValue("#class"), "blue heart");
  assert.equal(await page.isVisible("#class-list"), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "class");
  await made(page, () => page.click("#generate"));
  assert.match(await page.textContent("#command"), /-class blue-heart /);
});

test("Generate is clear of the list, and one press takes the class and generates", async () => {
  await page.click("#class");
  assert.equal(await page.isVisible("#class-list"), true);
  assert.equal(await clear(page, "#generate"), true);
  await page.fill("#class", "gho");
  assert.equal(await clear(page, "#generate"), true);
  await made(page, () => (process.env.DIT8_PHONE ? page.tap("#generate") : page.click("#generate")));
  assert.equal(await page.isVisible("#class-list"), false);
  assert.match(await page.textContent("#title"), /^👻 ghost, /);
});

test("a press elsewhere closes the list, also where it moves no focus", async () => {
  await page.fill("#class", "panda");
  await page.dispatchEvent("header", "pointerdown");
  assert.equal(await page.isVisible("#class-list"), false);
  assert.equal(await page.inputValue("#class"), "panda");
});

test("a guidance that is wrong is named at its field", async () => {
  await fill(page, { guidance: "" });
  await page.click("#generate");
  await page.waitForSelector("#guidance[aria-invalid=true]");
  assert.ok((await page.textContent("#error")).includes('guidance is ""'), await page.textContent("#error"));
  assert.equal(await page.getAttribute("#guidance", "aria-describedby"), "error");
  assert.equal(await page.evaluate(() => document.activeElement.id), "guidance");
});

test("no errors on the console", () => assert.deepEqual(site.complaints, []));
