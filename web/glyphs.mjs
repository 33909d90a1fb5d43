// Writes page/glyphs.js: an emoji and words to search by for each class of the default model.
//   go run ./tools/sample -classes | node web/glyphs.mjs >web/page/glyphs.js
import { readFileSync } from "node:fs";

// Classes whose names are older than, or shorter than, those of Unicode's CLDR.
const renamed = { "pouting-face": "enraged-face", corn: "ear-of-corn" };

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
const emoji = new Map(JSON.parse(readFileSync(new URL("node_modules/emojibase-data/en/compact.json", import.meta.url))).map((e) => [slug(e.label), e]));

console.log("// An emoji and words to search by for each class of the default model. Written by glyphs.mjs, DO NOT EDIT.");
console.log("export const glyphs = {");
for (const name of readFileSync(0, "utf8").trim().split("\n")) {
  const found = emoji.get(renamed[name] ?? name);
  if (!found) throw new Error(`no emoji is called ${name}`);
  const words = found.tags.filter((tag) => /^[a-z]+$/.test(tag) && !name.split("-").includes(tag));
  console.log(`  ${JSON.stringify(name)}: ${JSON.stringify([found.unicode, ...words].join(" "))},`);
}
console.log("};");
