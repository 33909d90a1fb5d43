// Writes the page's index.html with a link to its source, where there is an address of it: the one that is given, or package.json's
// repository or homepage.
//   node web/source.mjs [ADDRESS] >web/dist/index.html
import { readFileSync } from "node:fs";

const place = '<a id="source" hidden>source</a>';
const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const { repository, homepage } = JSON.parse(read("package.json"));
const given = process.argv[2] || (repository?.url ?? repository ?? homepage ?? "").replace(/^git\+|\.git$/g, "");
if (given && !(URL.canParse(given) && /^https?:$/.test(new URL(given).protocol))) {
  console.error(`The address of the source is ${JSON.stringify(given)}, allowed: one that begins with https:// or http://, or none`);
  process.exit(2);
}
const html = read("page/index.html");
if (!html.includes(place)) throw new Error(`page/index.html has no ${place}`);
process.stdout.write(html.replace(place, () => (given ? `<a id="source" href="${new URL(given).href.replaceAll("&", "&amp;")}">source</a>, ` : "")));
