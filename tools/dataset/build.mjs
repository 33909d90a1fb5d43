// Writes the training data of the default model: DIR/images.npy, uint8 [N, size, size, 3] on white, labels.npy and
// styles.npy, int32 [N], and classes.json. manifest.json, beside this file, has the hash of every image and what it is a
// drawing of, ATTRIBUTION.md the licences.
//
//   node build.mjs [--size 32] [--min-sets 4] [--all] [--words [--core]] DIR
//
// --all takes all concepts that enough sets draw, not those of concepts.json only. --words takes people, hands and symbols too,
// in all skin tones, and says each drawing's words: vocabulary.json and words.json (README.md). --core takes of these smiling
// and funny faces, hearts, animals and those of concepts.json, few enough to be learned on a CPU. --check fails where the manifest would change.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { allConcepts, loadSets, matcher, sets as allSets, slug } from "./match.mjs";
import { coloursOf, coreSets, styleNames, vocabulary, wordedConcepts } from "./words.mjs";

const here = (name) => new URL(name, import.meta.url);
const { values: flags, positionals: [dir, ...more] } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "32" }, "min-sets": { type: "string" }, jobs: { type: "string", default: "2" },
    all: { type: "boolean" }, words: { type: "boolean" }, core: { type: "boolean" }, check: { type: "boolean" },
  },
});
const usual = flags.words ? 3 : 4; // sets that draw a concept
const size = Number(flags.size), minSets = Number(flags["min-sets"] ?? usual), jobs = Number(flags.jobs);
if (!dir || more.length || !(size >= 8 && size <= 256) || !(minSets >= 1) || !(jobs >= 1) || flags.core && !flags.words) {
  console.error("usage: node build.mjs [--size 8..256] [--min-sets N] [--all] [--words [--core]] [--jobs N] [--check] DIR");
  process.exit(2);
}

// manifest.json has every image of the first default model's data, manifest-all-SIZE.json, manifest-words-SIZE.json and
// manifest-core-SIZE.json the hashes of the files with many concepts.
const many = flags.core ? "core" : flags.words ? "words" : flags.all && "all";
const manifestName = many ? minSets === usual && `manifest-${many}-${size}.json` : size === 32 && "manifest.json";
if (flags.check && !manifestName) throw new Error(`there is no manifest of ${minSets} sets at size ${size}`);

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** renderer hands requests to render.mjs, and starts it anew when a drawing kills it. */
function renderer() {
  let child, lines;
  return {
    async draw(request) {
      if (!child) {
        child = spawn(process.execPath, [here("render.mjs").pathname], { stdio: ["pipe", "pipe", "ignore"] });
        child.stdin.on("error", () => {});
        lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      }
      child.stdin.write(JSON.stringify(request) + "\n");
      const { done, value } = await lines.next();
      if (!done) return JSON.parse(value);
      child = null;
      return { error: "the renderer aborts" };
    },
    end: () => child?.stdin.end(),
  };
}

const onWhite = (rgba) => {
  const out = Buffer.alloc(rgba.length / 4 * 3);
  for (let i = 0; i < rgba.length / 4; i++)
    for (let k = 0; k < 3; k++) out[3 * i + k] = Math.round((rgba[4 * i + k] * rgba[4 * i + 3] + 255 * (255 - rgba[4 * i + 3])) / 255);
  return out;
};

const sets = loadSets(flags.core ? coreSets : allSets), find = matcher();
const concepts = flags.words ? wordedConcepts(flags.core && JSON.parse(readFileSync(here("concepts.json")))).map((c) => ({ name: slug(c.label), ...c }))
  : flags.all ? allConcepts() : JSON.parse(readFileSync(here("concepts.json")));

/** drawings of a concept, {class, set, icon, sha256, pixels}, and what can't be drawn. */
async function drawings(concept, render) {
  const drawn = [], skipped = [];
  for (const set of sets) {
    const icon = find(set, concept);
    if (icon === null) continue;
    const { image, error } = await render.draw({ ...set.svg(icon), size });
    if (error) {
      skipped.push(`${set.name} ${icon}: ${error}`);
      continue;
    }
    const rgba = Buffer.from(image, "base64"), pixels = onWhite(rgba), sha256 = hash(pixels);
    // a set may hold another's drawing
    if (drawn.some((d) => d.sha256 === sha256)) continue;
    drawn.push({ class: concept.name, set: set.name, icon, sha256, pixels });
    if (flags.words) drawn.at(-1).colours = coloursOf(rgba);
  }
  return { concept, drawn, skipped };
}

const all = new Array(concepts.length);
let next = 0;
await Promise.all(Array.from({ length: jobs }, async () => {
  const render = renderer();
  while (next < concepts.length) {
    const i = next++;
    all[i] = await drawings(concepts[i], render);
  }
  render.end();
}));
const skipped = all.flatMap((c) => c.skipped);
for (const { concept, drawn } of all)
  if (drawn.length < minSets && !many) throw new Error(`${concept.name} is drawn by ${drawn.length} sets, needed are ${minSets}`);
let kept = all.filter(({ drawn }) => drawn.length >= minSets);
if (flags.words) kept = toldApart(kept);
const classes = kept.map(({ concept }) => concept.name), images = kept.flatMap(({ drawn }) => drawn);

/** toldApart leaves out concepts whose names have the same words as another's that is shorter, or comes first. */
function toldApart(kept) {
  vocabulary(kept.map(({ concept }) => concept));
  const taken = new Set(), left = new Set();
  for (const { concept } of kept.toSorted((a, b) => a.concept.name.length - b.concept.name.length)) {
    const key = concept.names.toSorted((a, b) => a - b).join();
    if (taken.has(key)) {
      left.add(concept);
      skipped.push(`${concept.name}: its words are another's`);
    }
    taken.add(key);
  }
  return kept.filter(({ concept }) => !left.has(concept));
}

/** npy is NumPy's format, version 1. */
function npy(dtype, shape, data) {
  const header = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const padded = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + "\n";
  const magic = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  magic.writeUInt16LE(padded.length, 8);
  return Buffer.concat([magic, Buffer.from(padded, "latin1"), data]);
}
const ints = (values) => npy("<i4", [values.length], Buffer.from(Int32Array.from(values).buffer));

const count = (set) => images.filter((i) => i.set === set).length;

/** attribution says whose drawings these are, as their licences ask. */
function attribution() {
  return "Drawings by (written by build.mjs):\n\n| set | drawings | by | licence | from |\n|---|---|---|---|---|\n" +
    sets.map((s) => `| ${s.name} ${s.about.version} | ${count(s.name)} | ${s.about.author} | [${s.about.license}](${s.about.licenseUrl}) | ${s.about.url} |\n`).join("") +
    "\nThey were scaled to the bounds of what is drawn, rendered on white at a few pixels, and changed in no other way. Names are those of\n" +
    "Unicode's CLDR, by emojibase-data (MIT).\n";
}

mkdirSync(dir, { recursive: true });
writeFileSync(`${dir}/images.npy`, npy("|u1", [images.length, size, size, 3], Buffer.concat(images.map((i) => i.pixels))));
writeFileSync(`${dir}/labels.npy`, ints(images.map((i) => classes.indexOf(i.class))));
writeFileSync(`${dir}/styles.npy`, ints(images.map((i) => sets.findIndex((s) => s.name === i.set))));
writeFileSync(`${dir}/classes.json`, JSON.stringify(classes) + "\n");
writeFileSync(`${dir}/styles.json`, JSON.stringify(sets.map((s) => flags.words ? styleNames[s.name] : s.name)) + "\n");
if (flags.words) writeWords();
for (const line of skipped) console.error("skipped", line);
console.log(`${dir}: ${images.length} images of ${classes.length} classes, ${size}×${size}`);

/** writeWords says of each class the rows of its words, and of each image its colours. A style is held out of one concept in 20,
 * to see later whether it can be drawn in it. */
function writeWords() {
  const v = vocabulary(kept.map(({ concept }) => concept), sets.map((s) => styleNames[s.name])), row = (word) => v.words.indexOf(word);
  const held = images.flatMap(({ class: name, set }, i) => {
    const h = hash(kept[classes.indexOf(name)].concept.base);
    return parseInt(h.slice(0, 8), 16) % 20 === 0 && allSets[parseInt(h.slice(8, 16), 16) % allSets.length] === set ? [i] : [];
  });
  const words = {
    names: kept.map(({ concept }) => concept.names), tags: kept.map(({ concept }) => concept.more), shares: kept.map(({ concept }) => concept.share),
    colours: images.map((i) => i.colours.names.map(row)), hues: images.map((i) => i.colours.hue), held,
  };
  writeFileSync(`${dir}/vocabulary.json`, JSON.stringify(v) + "\n");
  writeFileSync(`${dir}/words.json`, JSON.stringify(words) + "\n");
  console.log(`${v.words.length} words, ${Object.keys(v.synonyms).length} synonyms, ${held.length} images held out`);
}

function manifestOfAll() {
  const files = ["images.npy", "labels.npy", "styles.npy", "classes.json", "styles.json", ...(flags.words ? ["vocabulary.json", "words.json"] : [])];
  const sha256 = Object.fromEntries(files.map((file) => [file, hash(readFileSync(`${dir}/${file}`))]));
  const drawings = Object.fromEntries(sets.map((s) => [`${s.name} ${s.about.version}`, count(s.name)]));
  return JSON.stringify({ size, classes: classes.length, images: images.length, drawings, sha256, skipped }, null, 2) + "\n";
}
function manifestOfEach() {
  const rows = images.map(({ pixels, ...row }) => "    " + JSON.stringify(row)).join(",\n");
  const head = JSON.stringify({ size, sets: Object.fromEntries(sets.map((s) => [s.name, s.about])), skipped }, null, 2).slice(0, -2);
  return `${head},\n  "images": [\n${rows}\n  ]\n}\n`;
}
if (manifestName) {
  const manifest = many ? manifestOfAll() : manifestOfEach();
  if (!flags.check) writeFileSync(here(manifestName), manifest);
  else if (manifest !== readFileSync(here(manifestName), "utf8")) throw new Error(`the images are not those of ${manifestName}`);
  else console.log(`as in ${manifestName}`);
  if (!flags.check && !many) writeFileSync(here("ATTRIBUTION.md"), attribution());
}
