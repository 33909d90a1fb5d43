// The browser's program against damaged models: what it loads may come from anywhere.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { program, reader, root } from "./helpers.mjs";

const rounds = 300, patience = 5000; // ms for a load
let dit8, small, chunks, good;
before(async () => {
  const dir = mkdtempSync(join(tmpdir(), "dit8-"));
  const file = join(dir, "small.dit8");
  execFileSync("go", ["run", "./tools/quantize", "-num-heads", "6", "-convention", "sit", "-name", "small", "-o", file, "testdata/golden/sit_rgb/model.safetensors"], { cwd: root, stdio: "pipe" });
  small = readFileSync(file);
  rmSync(dir, { recursive: true });
  chunks = frames(small);
  dit8 = await program();
  await dit8.load(reader(small));
  good = await picture();
});
after(() => setTimeout(() => process.exit(), 100)); // the Go program never ends, and the last test is still to be reported

const picture = async () => (await dit8.generate('{"steps": 2}', () => {})).metadata.sha256;

// frames gives where the zstd frames of a file are, as package weights describes it.
function frames(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const found = [];
  for (let at = 64 + view.getUint32(12, true), end = at + view.getUint32(16, true); at < end;) {
    at += 1 + view.getUint8(at);
    const type = view.getUint8(at), dims = view.getUint8(at + 1);
    const shape = Array.from({ length: dims }, (_, i) => view.getUint32(at + 2 + 4 * i, true));
    at += 2 + 4 * dims;
    let offset = Number(view.getBigUint64(at, true));
    at += 8;
    const values = shape.reduce((product, n) => product * n, 1);
    const bytes = type === 2 ? values + 4 * shape[0] : values * (type === 0 ? 4 : 2);
    for (let n = Math.ceil(bytes / (256 << 10)); n > 0; n--, at += 8) {
      const stored = view.getUint32(at, true), length = stored & 0x7fffffff;
      if (!(stored >>> 31)) found.push({ offset, length });
      offset += length;
    }
  }
  return found;
}

// random is a generator of whole numbers below n that is the same each time.
function random(seed) {
  return (n) => {
    seed = Math.imul(seed ^ seed >>> 15, seed | 1) + 0x6d2b79f5 | 0;
    return (Math.imul(seed ^ seed >>> 13, 0x5bd1e995) >>> 0) % n;
  };
}

test("zstd chunks that are damaged get a clear error", async () => {
  assert.ok(chunks.length > 10);
  for (const { offset } of chunks) assert.equal(small.readUInt32LE(offset), 0xfd2fb528); // zstd's magic number
  const kinds = new Set();
  let harmless = 0;
  let held;
  for (let round = 0; round < rounds; round++) {
    if (round === rounds / 2) held = dit8.memory();
    const below = random(round + 1);
    const file = new Uint8Array(small);
    const { offset, length } = chunks[below(chunks.length)];
    // Near the start, where headers are, or anywhere; a bit, a byte, a run of one value, or a piece from elsewhere.
    const at = offset + below(below(2) ? Math.min(24, length) : length), left = offset + length - at;
    switch (below(4)) {
      case 0: file[at] ^= 1 << below(8); break;
      case 1: file[at] = below(256); break;
      case 2: file.fill(below(2) * 255, at, at + 1 + below(left)); break;
      case 3: file.copyWithin(at, offset + below(length), offset + below(length) + Math.min(left, 1 + below(64))); break;
    }
    if (Buffer.compare(file, small) === 0) continue;
    const started = performance.now();
    try {
      await dit8.load(reader(file));
      assert.equal(await picture(), good, `round ${round}`); // a bit that decides nothing, such as zstd's own checksum's
      harmless++;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      assert.match(error.message, /^weights: .*tensor /s, `round ${round}`);
      assert.doesNotMatch(error.message, /internal error|undefined|NaN/, `round ${round}`);
      kinds.add(/zstd: .*|checksum/.exec(error.message)[0]);
    }
    assert.ok(performance.now() - started < patience, `round ${round} takes too long`);
  }
  assert.ok(kinds.size > 3 && harmless < rounds / 3, `${harmless} harmless, ${[...kinds].join("\n")}`);
  const now = dit8.memory();
  assert.equal(now.kernels, held.kernels);
  assert.ok(now.go <= held.go + 2 ** 20, `Go's memory has ${now.go} bytes, before ${held.go}`); // collections come when they like
});

test("afterwards a good model loads", async () => {
  assert.equal((await dit8.load(reader(small))).name, "small");
  assert.equal(await picture(), good);
});
