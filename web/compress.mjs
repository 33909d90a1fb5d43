// Writes each text and program of a folder compressed beside it, as .br and .gz, for servers that send them so: tools/serve does.
//   node web/compress.mjs web/dist
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [dir] = process.argv.slice(2);
for (const name of readdirSync(dir, { recursive: true })) {
  if (!/\.(css|html|js|svg|wasm|webmanifest)$/.test(name)) continue;
  const file = join(dir, name), bytes = readFileSync(file);
  // Quality 11 would make the program's file 12 % smaller, and takes many times as long.
  const params = { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 1e5 ? 9 : 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  for (const [end, packed] of [[".br", brotliCompressSync(bytes, { params })], [".gz", gzipSync(bytes, { level: 9 })]]) {
    if (packed.length < bytes.length - 200) writeFileSync(file + end, packed);
  }
}
