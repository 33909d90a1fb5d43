import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));

// keep puts a table between the marks of docs/performance.md, in place of the one from
// the same processor. Those of other processors stay.
export function keep(mark, table) {
  const text = readFileSync(file, "utf8"), heading = `### ${cpus()[0].model.trim()}\n`;
  const parts = new RegExp(`(<!-- ${mark} -->\n)([^]*?)(<!-- end -->)`);
  if (!parts.test(text)) throw new Error(`${file} has no marks ${mark} for the table`);
  writeFileSync(file, text.replace(parts, (_, start, tables, end) => {
    const others = tables.split(/^(?=### )/m).filter((t) => t && !t.startsWith(heading));
    return start + [...others, `${heading}\n${table}`].map((t) => `${t.trimEnd()}\n\n`).join("") + end;
  }));
}
