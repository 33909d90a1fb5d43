// Makes the page's own files in a folder from those in web/page: minified, modules that are needed from the start joined, and told to
// the browser in index.html, so that it asks for all of them at once: 40 modules that name one another take it a quarter of a second.
// What import() names stays a file of its own, by its name; what several share is in part-….js.
//   node web/page.mjs web/dist
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const [dist] = process.argv.slice(2), page = join(import.meta.dirname, "page");
const options = { absWorkingDir: page, outdir: join(process.cwd(), dist), minify: true, charset: "utf8", logLevel: "warning" };
const modules = readdirSync(page).filter((name) => name.endsWith(".js") && !["early.js", "theme.js", "sw.js"].includes(name));
const later = new Set(modules.flatMap((name) => [...readFileSync(join(page, name), "utf8").matchAll(/\bimport\("\.\/([\w-]+\.js)"\)/g)].map(([, name]) => name)));

await build({ ...options, entryPoints: ["early.js", "theme.js", "style.css", "tools.css"] });
await build({ ...options, entryPoints: ["app.js", ...later], bundle: true, splitting: true, format: "esm", external: ["./dit8/*"], chunkNames: "part-[hash]" });

// early gives the modules that a module imports, and those that they do.
function early(name, found = new Set()) {
  const text = readFileSync(join(dist, name), "utf8");
  for (const [, path] of text.matchAll(/(?:^|[;\n])\s*(?:import|export)\b(?:[^"'();]*?\bfrom)?\s*"(\.\/[^"]+)"/g)) {
    const other = join(name, "..", path);
    if (!found.has(other)) early(other, found.add(other));
  }
  return found;
}
const links = ["app.js", ...early("app.js")].map((name) => `  <link rel="modulepreload" href="${name}">\n`).join("");
const html = readFileSync(join(dist, "index.html"), "utf8"), mark = '  <script src="early.js"></script>\n';
if (!html.includes(mark)) throw new Error(`index.html has no line ${mark}`);
writeFileSync(join(dist, "index.html"), html.replace(mark, links + mark));
