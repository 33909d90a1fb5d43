// Files that are kept on the device, in Chromium, Firefox and WebKit.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { engines, open } from "./engines.mjs";
import { root } from "./helpers.mjs";
import { host } from "./static.mjs";

const sum = (bytes) => createHash("sha256").update(bytes).digest("hex");
const text = (type, body) => (request, response) => response.setHeader("Content-Type", type).end(body);

// In the worker: what a test's function is given.
const worker = `import * as storage from "./dit8/storage.js";
import { sha256 } from "./dit8/sha256.js";
const bytes = (n, from = 0) => Uint8Array.from({ length: n }, (_, i) => (from + i) * 7 + ((from + i) >> 8));
const all = async (pieces) => { const got = []; for await (const piece of pieces) got.push(piece.slice()); return new Uint8Array(await new Blob(got).arrayBuffer()); };
const name = async (promise) => promise.then(() => "fine", ({ name }) => name);
onmessage = async ({ data: { f, x } }) => {
  try {
    postMessage({ value: await (0, eval)(f)({ storage, sha256, bytes, all, name, worker: () => new Worker("storage-worker.js", { type: "module" }) }, x) });
  } catch (error) { postMessage({ error: String(error.stack ?? error) }); }
};
postMessage("ready");`;
const page = `<!doctype html><title>storage</title><script type="module">
const started = [];
globalThis.run = async (f, x, i = 0) => {
  const worker = (started[i] ??= await new Promise((resolve) => { const made = new Worker("storage-worker.js", { type: "module" }); made.onmessage = () => resolve(made); }));
  const { value, error } = await new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); worker.postMessage({ f, x }); });
  if (error) throw new Error(error);
  return value;
};
globalThis.stop = (i) => { started[i].terminate(); started[i] = undefined; };
</script>`;
const bytes = (n) => Uint8Array.from({ length: n }, (_, i) => i * 7 + (i >> 8));

let server;
before(async () => {
  server = await host(`${root}web/dist`);
  server.answers["/storage.html"] = text("text/html", page);
  server.answers["/storage-worker.js"] = text("text/javascript", worker);
  server.answers["/entries.html"] = text("text/html", page.replaceAll("storage-worker.js", "entries-worker.js"));
  // without the file system, as WebKit's GTK port is anyway
  server.answers["/entries-worker.js"] = text("text/javascript", `delete globalThis.FileSystemFileHandle?.prototype.createSyncAccessHandle;\n${worker}`);
});
after(() => server?.stop());

for (const engine of engines) describe(engine, () => {
  let tab;
  before(async () => { tab = await open(engine); });
  after(() => tab?.close());
  const run = (f, x, i) => tab.evaluate(([f, x, i]) => globalThis.run(f, x, i), [`(${f})`, x ?? null, i ?? 0]);

  for (const at of ["storage", "entries"]) test(at === "storage" ? "in files" : "in the cache, where there are no files", async () => {
    await tab.go(`${server.url}${at}.html`);
    await tab.until(() => !!globalThis.run);
    // the hash, over the borders of blocks
    for (const n of [0, 1, 55, 56, 63, 64, 65, 700_001]) {
      assert.equal(await run(async ({ sha256, bytes }, n) => { const hash = await sha256(); const all = bytes(n); for (let i = 0; i < n; i += 65537) hash.update(all.subarray(i, i + 65537)); return hash.hex(); }, n), sum(bytes(n)), `${n} bytes`);
    }
    const got = await run(async ({ storage, bytes, all, name }) => {
      for (const { id } of await storage.list({ begun: true })) await storage.remove(id);
      const got = { room: await storage.room() };
      // one that is made
      const made = await storage.create({ name: "made" });
      for (let i = 0; i < 3e5; i += 1e5) await made.append(bytes(1e5, i));
      got.early = await storage.list();
      got.busy = await name(storage.remove(made.id));
      got.record = await made.finish({ depth: 3 });
      got.list = await storage.list();
      got.found = storage.find(await storage.list(), { sha256: got.record.sha256 });
      got.same = String(await all(storage.read(made.id))) === String(bytes(3e5));
      got.late = await name(made.append(bytes(1)));
      // one of a wrong hash
      const wrong = await storage.create({ id: await storage.idOf({ sha256: "0".repeat(64) }), sha256: "0".repeat(64) });
      await wrong.append(bytes(10));
      got.wrong = await name(wrong.finish());
      // one that was given up
      const given = await storage.create({ name: "given up" });
      await given.append(bytes(10));
      await given.remove();
      got.left = (await storage.list({ begun: true })).map(({ name }) => name);
      await storage.remove(made.id);
      got.removed = await storage.list({ begun: true });
      const scratch = await storage.scratch();
      if (scratch) {
        scratch.write(bytes(10), 5);
        const back = new Uint8Array(4);
        got.scratch = [scratch.read(back, 7), ...back];
        await scratch.close();
      }
      return got;
    });
    const { record, room, ...rest } = got;
    assert.ok(room === null || room === undefined || room.free > 0 && room.quota >= room.free, JSON.stringify(room));
    assert.equal(record.sha256, sum(bytes(3e5)));
    assert.deepEqual({ name: record.name, depth: record.depth, bytes: record.bytes }, { name: "made", depth: 3, bytes: 3e5 });
    assert.deepEqual(rest, { early: [], busy: "BusyError", list: [record], found: record, same: true, late: "Error", wrong: "ModelError", left: ["made"], removed: [],
      ...(at === "storage" && engine !== "WebKit" && { scratch: [4, ...bytes(6).subarray(2)] }) });

    // A download of 9 MB, cut by the end of its worker, goes on in another one, which waits for it.
    const n = 9e6, sha256 = sum(bytes(n));
    await run(async ({ storage, bytes }, sha256) => {
      globalThis.file = await storage.create({ id: await storage.idOf({ sha256 }), sha256, name: "cut" });
      await globalThis.file.note({ tag: "1" });
      await globalThis.file.append(bytes(85e5));
      globalThis.orphan = await storage.create({ name: "orphan" });
      await globalThis.orphan.append(bytes(10));
    }, sha256, 1);
    const busy = await run(async ({ storage, name }, sha256) => {
      globalThis.asked = 0;
      globalThis.waiting = storage.create({ id: await storage.idOf({ sha256 }), sha256 }, { wait() { globalThis.asked++; } });
      return name(storage.create({ id: sha256, sha256 }));
    }, sha256);
    assert.equal(busy, "BusyError");
    await tab.evaluate(() => globalThis.stop(1));
    const resumed = await run(async ({ storage, bytes, all }, [n, sha256]) => {
      const file = await globalThis.waiting, { length, noted } = file;
      const again = await all(file.replay());
      for (let at = length; at < n; at += 1e6) await file.append(bytes(Math.min(1e6, n - at), at));
      const { bytes: size } = await file.finish();
      const other = await storage.create({ id: sha256, sha256 });
      const made = await storage.create({ name: "tidies up" });
      await made.remove();
      const names = (await storage.list({ begun: true })).map(({ sha256 }) => sha256);
      await storage.remove(sha256);
      return { asked: globalThis.asked, length, tag: noted.tag, replayed: again.length, size, whole: other.record.bytes, names };
    }, [n, sha256]);
    const length = at === "storage" && engine !== "WebKit" ? 85e5 : 1 << 23;
    assert.deepEqual(resumed, { asked: 1, length, tag: "1", replayed: length, size: n, whole: n, names: [sha256] });
  });
});
