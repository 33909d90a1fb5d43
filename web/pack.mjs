// Makes folders for npm pack, or npm publish, of what make web has built: dit8, the code, and dit8-emoji, its default model, which
// is larger than the code is once it is compressed.
//   node pack.mjs FOLDER
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { models } from "./dist/dit8/models.js";

const web = import.meta.dirname, repository = join(web, ".."), to = process.argv[2];
if (!to) throw new Error("node pack.mjs FOLDER");
const { version } = JSON.parse(readFileSync(join(web, "package.json")));

// begin makes a package's folder, with a version.
function begin(name) {
  const folder = join(to, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const about = JSON.parse(readFileSync(join(web, name, "package.json")));
  const peers = Object.entries(about.peerDependencies).map(([peer, range]) => [peer, peer === "dit8" ? version : range]);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ name, version, ...about, peerDependencies: Object.fromEntries(peers) }, undefined, 2)}\n`);
  return folder;
}

const copy = (from, folder, name) => cpSync(join(repository, from), join(folder, name));

const code = begin("dit8"), dist = join(code, "dist/dit8");
cpSync(join(web, "dist/dit8"), dist, { recursive: true, filter: (name) => !/\.(br|gz|dit8)$/.test(name) });
writeFileSync(join(dist, "models.js"), "export const models = []; // dit8-emoji puts one there\n");
for (const name of ["drawing.js", "element.js", "element.d.ts", "react.js", "react.d.ts", "node.js", "node.d.ts", "node-host.js", "node-worker.js"]) copy(`web/dit8/${name}`, dist, name);
copy("web/README.md", code, "README.md");
copy("LICENSE", code, "LICENSE");

const emoji = begin("dit8-emoji"), { sha256, bytes } = models[0];
copy("weights/default.dit8", emoji, "emoji.dit8");
copy("weights/default.md", emoji, "MODEL-CARD.md");
copy("tools/dataset/ATTRIBUTION.md", emoji, "ATTRIBUTION.md");
for (const name of ["README.md", "index.d.ts"]) copy(`web/dit8-emoji/${name}`, emoji, name);
writeFileSync(join(emoji, "index.js"), `import { models } from "dit8";

const emoji = { name: "emoji", url: new URL("./emoji.dit8", import.meta.url).href, sha256: "${sha256}", bytes: ${bytes} };
models.unshift(emoji);
export default emoji;
`);
