// What the programs take for the words of a text (core/prompt) is what a model learned from: both keep to one table.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { tokens } from "./words.mjs";

const table = JSON.parse(readFileSync(new URL("../../core/prompt/testdata/tokens.json", import.meta.url)));

test("texts become the tokens of the table", () => {
  assert.ok(table.length >= 30);
  for (const { text, tokens: want } of table) assert.deepEqual(tokens(text), want, text);
});
