// Finds the drawing of an emoji in each set of icons: by its code point where the set says which icon is which, else by
// its name. The sets are of different years, so that their names follow different versions of Unicode's CLDR.
import { readFileSync } from "node:fs";

// All under licences that let a model of them be passed on under any terms. Left out are openmoji and emojione-v1, which are
// share-alike.
export const sets = ["noto", "noto-v1", "twemoji", "fluent-emoji-flat", "fluent-emoji", "emojione", "fxemoji"];
const allowed = ["Apache-2.0", "CC-BY-4.0", "MIT"];

const json = (path) => JSON.parse(readFileSync(new URL(`node_modules/${path}`, import.meta.url)));

export const slug = (text) => text.toLowerCase().normalize("NFD").replace(/[^a-z0-9 -]/g, "").replace(/[ -]+/g, "-");

/** loadSets reads the sets: [{name, version, license, author, icons, svg(icon, box)}]. */
export function loadSets(names = sets) {
  return names.map((name) => {
    const { icons, aliases = {}, width, height } = json(`@iconify-json/${name}/icons.json`);
    const info = json(`@iconify-json/${name}/info.json`);
    if (!allowed.includes(info.license.spdx)) throw new Error(`${name}: licence ${info.license.spdx}, allowed are ${allowed}`);
    return {
      name, chars: json(`@iconify-json/${name}/chars.json`), icons, aliases,
      about: {
        version: json(`@iconify-json/${name}/package.json`).version,
        license: info.license.spdx, licenseUrl: info.license.url, author: info.author.name, url: info.author.url,
      },
      // box: [x, y, width, height] in the icon's own units, all of it by default
      svg(icon, box) {
        const i = icons[aliases[icon]?.parent ?? icon];
        box ??= [i.left ?? 0, i.top ?? 0, i.width ?? width, i.height ?? height];
        return { box, svg: `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box.join(" ")}" width="${box[2]}" height="${box[3]}">${i.body}</svg>` };
      },
    };
  });
}

/** matcher returns find(set, concept): the name of the icon of a concept of concepts.json, or null. */
export function matcher() {
  const emoji = new Map(json("emojibase-data/en/data.json").flatMap((e) => [e, ...(e.skins ?? [])]).map((e) => [slug(e.label), e]));
  return function find(set, { name, cldr = name, also = [], icons = {} }) {
    const e = emoji.get(cldr);
    if (!e) throw new Error(`no emoji is called ${cldr}`);
    if (set.name in icons) return icons[set.name]; // null: none, or not to be used
    const code = e.hexcode.toLowerCase().replace(/-fe0f/g, "");
    const names = [set.chars[code], cldr, name, ...also];
    if (e.tone) names.push(cldr.replace("-skin-tone", "")); // fluent-emoji's
    if (set.name === "fxemoji") names.push(...names.filter(Boolean).map((n) => n.replaceAll("-", "")));
    return names.find((n) => n && (n in set.icons || n in set.aliases)) ?? null;
  };
}

/** allConcepts are all emoji of people's faces, animals, food, places, activities and objects, as in concepts.json. */
export function allConcepts() {
  const groups = [0, 3, 4, 5, 6, 7]; // emojibase's: not people, components, symbols and flags
  return json("emojibase-data/en/data.json").filter((e) => groups.includes(e.group)).map((e) => ({ name: slug(e.label) }));
}
