// The words of drawings: those of the name in Unicode's CLDR, emojibase's keywords and subgroups, and the colours that a drawing has.
// What a prompt may say, and what a model's label table has a row for, is a vocabulary of them.
import { readFileSync } from "node:fs";
import { slug } from "./match.mjs";

const json = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));
const stop = new Set("a an the of and or with without in on for to at by from s".split(" "));
const irregular = { men: "man", women: "woman", mens: "man", womens: "woman", womans: "woman", mans: "man", people: "person", children: "child", grey: "gray", feet: "foot", teeth: "tooth", mice: "mouse" };
const notPlural = new Set(["glasses", "news", "flats", "goods", "arts", "sos", "springs"]);

/** tokens are the words of a text, in lower case, without accents and without what says nothing: "smiling face with heart-eyes"
 * is smiling, face, heart and eyes. */
export const tokens = (text) => [...new Set(text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f'’.!]/g, "").split(/[^a-z0-9]+/)
  .filter((w) => w && !stop.has(w)).map((w) => Object.hasOwn(irregular, w) ? irregular[w] : w))];

export const styleNames = {
  noto: "noto", "noto-v1": "noto-blob", twemoji: "twemoji", "fluent-emoji-flat": "fluent-flat", "fluent-emoji": "fluent-3d",
  emojione: "emojione", fxemoji: "firefox",
};

// The sets of --core: those that draw nearly all of it. Blobs and Firefox's are few, and a small network takes them for another set's.
export const coreSets = ["noto", "twemoji", "fluent-emoji-flat", "fluent-emoji", "emojione"];

/** singular is the form without a plural's ending, if that is a word too. */
function singular(word, isWord) {
  if (word.length < 4 || notPlural.has(word)) return word;
  for (const [ending, instead] of [["ies", "y"], ["es", ""], ["s", ""]])
    if (word.endsWith(ending) && !word.endsWith("ss") && isWord(word.slice(0, -ending.length) + instead)) return word.slice(0, -ending.length) + instead;
  return word;
}

const leftOut = ["country-flag", "subdivision-flag", "keycap", "alphanum", "skin-tone", "hair-style"];
// What --core takes, of emojibase's subgroups.
const coreSubgroups = /^(animal-.*|cat-face|heart|face-(smiling|affection|tongue|glasses|hat|negative|costume))$/;

/** wordedConcepts are all emoji but flags of countries, letters and numbers, which are told apart by signs and not by words;
 * with each skin tone, where a drawing has one: [{name, base, label, tags, share}]. share is how often it should be drawn. Given
 * concepts of concepts.json, they are those, and the core's. */
export function wordedConcepts(few) {
  const { subgroups } = json("node_modules/emojibase-data/meta/groups.json");
  const named = few && new Set(few.map((c) => c.cldr ?? c.name));
  const core = (e) => coreSubgroups.test(subgroups[e.subgroup]) || named.has(slug(e.label));
  const out = [];
  for (const e of json("node_modules/emojibase-data/en/data.json")) {
    if (e.group === undefined || leftOut.includes(subgroups[e.subgroup])) continue;
    if (few && !core(e)) continue;
    const tags = [...(e.tags ?? []), subgroups[e.subgroup].replace("other", "")], base = e.label;
    out.push({ label: e.label, base, tags, share: 1 });
    const tones = few ? [] : (e.skins ?? []).filter((s) => !Array.isArray(s.tone));
    for (const s of tones) out.push({ label: s.label, base, tags, share: 1 / tones.length });
  }
  return out;
}

/** vocabulary makes of concepts {base, label, tags} the words that have a row: those of names, and keywords that at least two
 * emoji have; of a keyword of one emoji alone the words of its name say the same. It adds to each concept names and tags, as
 * rows. */
export function vocabulary(concepts, styles = Object.values(styleNames)) {
  const inNames = new Set(concepts.flatMap((c) => tokens(c.label))), bases = new Map();
  for (const c of concepts)
    for (const w of new Set([...tokens(c.label), ...c.tags.flatMap(tokens)])) bases.set(w, (bases.get(w) ?? new Set()).add(c.base));
  const counted = (w) => inNames.has(w) || bases.get(w)?.size > 1;
  const form = (w) => singular(w, counted);
  const words = [...new Set([...colours.map((c) => c.name), ...[...bases.keys()].filter(counted).map(form)])].sort();
  const row = new Map(words.map((w, i) => [w, i])), synonyms = { ...irregular };
  const rows = (texts) => [...new Set(texts.flatMap(tokens).map(form))].filter((w) => row.has(w)).map((w) => row.get(w));
  for (const [w, of] of bases) {
    if (row.has(w)) continue;
    synonyms[w] = counted(w) ? [form(w)] : rows([...of]).map((i) => words[i]);
  }
  for (const [w, of] of Object.entries({ ...irregular, ...json("synonyms.json") })) {
    const known = [of].flat();
    if (!row.has(w) && known.every((k) => row.has(k))) synonyms[w] = known;
    else delete synonyms[w];
  }
  for (const c of concepts) {
    c.names = rows([c.label]);
    c.more = rows(c.tags).filter((i) => !c.names.includes(i));
  }
  return { words, styles, synonyms: Object.fromEntries(Object.entries(synonyms).sort(([a], [b]) => a < b ? -1 : 1)) };
}

// Where hues begin, in degrees.
const colours = [
  { name: "red", from: 0 }, { name: "orange", from: 16 }, { name: "yellow", from: 42 }, { name: "green", from: 68 }, { name: "blue", from: 165 },
  { name: "purple", from: 256 }, { name: "pink", from: 292 }, { name: "red", from: 345 },
  { name: "brown" }, { name: "black" }, { name: "white" }, { name: "gray" },
];

function colour(r, g, b) { // of 0..255: [name or null, hue, saturation]
  const max = Math.max(r, g, b), min = Math.min(r, g, b), v = max / 255, s = max ? (max - min) / max : 0, d = max - min || 1;
  const hue = 60 * (max === r ? ((g - b) / d + 6) % 6 : max === g ? (b - r) / d + 2 : (r - g) / d + 4);
  if (v < 0.27) return ["black", hue, 0];
  if (s < 0.15) return [v > 0.87 ? "white" : "gray", hue, 0];
  let name = colours.findLast((c) => c.from <= hue).name;
  if (name === "orange" && v < 0.7 || name === "red" && v < 0.5 && hue < 30) name = "brown";
  else if ((name === "orange" || name === "red") && s < 0.45) name = hue > 16 && hue < 330 ? null : "pink"; // of a skin nobody says that it is orange
  return [name, hue, s];
}

/** coloursOf are the one or two colours of most of what is drawn (rgba), and the hue that most of it has, in degrees, or -1
 * where it has little colour. */
export function coloursOf(rgba) {
  const share = {}, hues = new Array(36).fill(0);
  let all = 0, coloured = 0;
  for (let i = 0; i < rgba.length; i += 4) {
    if (rgba[i + 3] < 128) continue;
    const [name, hue, s] = colour(rgba[i], rgba[i + 1], rgba[i + 2]);
    all++;
    if (name) share[name] = (share[name] ?? 0) + 1;
    if (s > 0.25) {
      coloured++;
      hues[Math.floor(hue / 10) % 36] += s;
    }
  }
  const names = Object.keys(share).filter((n) => share[n] >= 0.3 * all).sort((a, b) => share[b] - share[a]).slice(0, 2);
  return { names, hue: coloured < 0.35 * all ? -1 : 10 * hues.indexOf(Math.max(...hues)) + 5 };
}
