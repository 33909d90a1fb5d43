// The models that are kept on this device: in the Origin Private File System or, where there is none, in pieces in the Cache API.
//
//   await list()                 // the records of those that are whole, the newest first; list({begun: true}) also of others
//   find(records, {sha256, url}) // the record among these of a file that is whole, or undefined
//   for await (const bytes of read(id)) …   // Uint8Arrays, in order, each until the next
//   await blob(id)               // its file, as one to be saved
//   await remove(id)             // throws BusyError where another tab reads or writes it
//   await discard(id)            // what a worker that is ended has left, once the browser has let go of it
//   prepare()                    // begins what all of these do first
//   await room()                 // {free, quota}: bytes, as the browser estimates them; undefined where it does not
//
// In a worker, as browsers write files quickly only there:
//
//   const file = await create({name, …})    // undefined where nothing can be kept here
//   await file.reserve(total)    // throws QuotaExceededError where there is no room for so many bytes in all
//   await file.append(bytes); …  // throws QuotaExceededError where there is no room
//   const record = await file.finish({…})          // it is whole now, and listed; record.sha256 is of all its bytes
//   await file.remove()          // in place of finish: nothing is left of it
//
// Only finish makes a file whole: it writes its record, and throws a ModelError, with nothing left, where create was told a
// sha256 that is not the file's. What a tab leaves that is closed meanwhile is tidied up by the next page.
//
// A download goes on where it was cut: create with the id that is a file's name, from idOf({sha256, url}), finds what is there.
// Then file.length > 0, and replay() has to give what is there, for the hash, before append; close() leaves it for the next time,
// with what file.note({…}) was told, which is in file.noted then. file.hash is for who goes on without the file.
//
// A record is {id, bytes, sha256, kept} and what create and finish were told: name, url, tag, …, kept being a time in ms; one
// that is not whole has no kept.
import { ModelError } from "./errors.js";
import { sha256 as newHash } from "./sha256.js";

const folder = "dit8-models", piece = 1 << 23; // bytes in an entry of the cache
const slice = 1 << 20; // bytes that are read at a time

// shared tells whether several can read a file in place, which only workers can.
const shared = "mode" in (globalThis.FileSystemSyncAccessHandle?.prototype ?? {}) && typeof WorkerGlobalScope !== "undefined";

export class BusyError extends Error {
  name = "BusyError";
}

// files has a folder of the Origin Private File System: for each model ID.dit8, and ID.json once it is whole.
async function files() {
  if (typeof WorkerGlobalScope !== "undefined" && !globalThis.FileSystemFileHandle?.prototype.createSyncAccessHandle) throw new Error("files can't be written here");
  const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle(folder, { create: true });
  const handle = (name, create) => dir.getFileHandle(name, { create });
  const drop = async (name) => {
    for (let left = 20; ; left--) { // a file that was closed is free a moment later
      try {
        return await dir.removeEntry(name).catch(missing);
      } catch (error) {
        if (!left || error.name !== "NoModificationAllowedError") throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const open = async (name) => (await handle(name, true)).createSyncAccessHandle();
  return {
    async ids() {
      const ids = new Set();
      for await (const name of dir.keys()) ids.add(name.replace(/\.\w+$/, ""));
      return [...ids];
    },
    async record(id) {
      return JSON.parse(await (await (await handle(`${id}.json`)).getFile()).text());
    },
    async setRecord(id, record) {
      const file = await open(`${id}.json`);
      try {
        file.truncate(0);
        write(file, new TextEncoder().encode(JSON.stringify(record)), 0);
        file.flush();
      } finally {
        file.close();
      }
    },
    async append(id) {
      const file = await open(`${id}.dit8`);
      let length = file.getSize();
      return {
        length,
        *pieces() {
          for (let n, from = 0; from < file.getSize(); from += n) {
            const bytes = new Uint8Array(slice);
            if (!(n = file.read(bytes, { at: from }))) return;
            yield bytes.subarray(0, n);
          }
        },
        write(bytes) { length += write(file, bytes, length); },
        // Browsers take a file's length for used: estimates of Chromium say nothing of a quota.
        reserve(total) {
          try {
            file.truncate(total);
            if (file.getSize() !== total) throw full();
          } finally {
            file.truncate(length);
          }
        },
        end() {
          file.flush();
          if (file.getSize() !== length) throw full();
          file.close();
        },
        close() { file.close(); },
      };
    },
    blob: async (id) => (await handle(`${id}.dit8`)).getFile(),
    async *read(id) {
      const entry = await handle(`${id}.dit8`);
      if (shared) { // one array for all: a new one for each piece is garbage, whose collecting takes long
        const file = await entry.createSyncAccessHandle({ mode: "read-only" }), bytes = new Uint8Array(slice);
        try {
          for (let n, at = 0; (n = file.read(bytes, { at })); at += n) yield bytes.subarray(0, n);
        } finally {
          file.close();
        }
        return;
      }
      const file = await entry.getFile();
      const take = (at) => (at < file.size ? file.slice(at, at + slice).arrayBuffer() : undefined);
      for (let at = 0, next = take(0); next;) {
        const bytes = new Uint8Array(await next);
        next = take(at += slice); // while the reader is busy
        next?.catch(() => {}); // reported above, if it is read
        yield bytes;
      }
    },
    async remove(id) {
      await drop(`${id}.json`); // first: what has none is not whole
      await drop(`${id}.dit8`);
    },
    async scratch(id) {
      const file = await open(`${id}.tmp`);
      return {
        write: (bytes, at) => write(file, bytes, at),
        read: (bytes, at) => file.read(bytes, { at }),
        async close() { file.close(); await drop(`${id}.tmp`); },
      };
    },
    async sweep(id) {
      await drop(`${id}.tmp`);
    },
  };
}

export const mega = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
export const wrong = (got, expected) => `the file's SHA-256 is ${got}, expected ${expected}`;
const full = () => new DOMException("there is no room for the file", "QuotaExceededError");

// write writes all of the bytes. Where there is no room Chromium gives -8 as 32 bits in place of an error.
function write(file, bytes, at) {
  for (let n = 0; n < bytes.length;) {
    const more = file.write(bytes.subarray(n), { at: at + n });
    if (!(more > 0 && more <= bytes.length - n)) throw full();
    n += more;
  }
  return bytes.length;
}

const missing = (error) => { if (error.name !== "NotFoundError") throw error; };

// entries has a cache, with entries folder/ID/0, 1, … of a model's pieces, and folder/ID/record once it is whole.
async function entries() {
  const cache = await caches.open(folder);
  const key = (id, part) => `${location.origin}/${folder}/${id}/${part}`;
  const put = (id, part, bytes) => cache.put(key(id, part), new Response(bytes));
  const parts = async (id) => (await cache.keys()).map(({ url }) => new URL(url).pathname.split("/").slice(-2)).filter(([of]) => of === id).map(([, part]) => part);
  const stored = async (id) => (await parts(id)).filter((part) => part !== "record").length;
  async function* pieces(id, n) {
    for (let part = 0; part < n; part++) yield new Uint8Array(await (await cache.match(key(id, part))).arrayBuffer());
  }
  return {
    async ids() {
      return [...new Set((await cache.keys()).map(({ url }) => new URL(url).pathname.split("/").at(-2)))];
    },
    async record(id) {
      return (await cache.match(key(id, "record"))).json();
    },
    setRecord: (id, record) => put(id, "record", JSON.stringify(record)),
    async append(id) {
      let n = await stored(id), held = 0;
      const next = new Uint8Array(piece);
      return {
        length: n * piece,
        pieces: () => pieces(id, n),
        async write(bytes) {
          for (let from = 0; from < bytes.length;) {
            const some = bytes.subarray(from, from + piece - held);
            next.set(some, held);
            from += some.length;
            held += some.length;
            if (held < piece) continue;
            await put(id, n++, next);
            held = 0;
          }
        },
        reserve() {},
        async end() { if (held) await put(id, n, next.subarray(0, held)); },
        close() {},
      };
    },
    async blob(id) {
      return new Blob(await Promise.all(Array.from({ length: await stored(id) }, async (_, part) => (await cache.match(key(id, part))).blob())));
    },
    async *read(id) { yield* pieces(id, await stored(id)); },
    async remove(id) {
      await cache.delete(key(id, "record"));
      for (const part of await parts(id)) await cache.delete(key(id, part));
    },
    async scratch() {},
    async sweep() {},
  };
}

// prepare opens in advance what the rest needs.
export const prepare = () => void Promise.all([opened(), newHash()]).catch(() => {}); // reported where it is needed

let place;
const opened = () => (place ??= begin());
async function begin() {
  const at = await files().catch(entries).catch(() => undefined);
  if (at) tidy(at).catch(() => {});
  return at;
}

// hold keeps other tabs from what excludes it until the function that it gives is called. Where one does that already it waits, having
// called wait, or throws a BusyError where there is none.
async function hold(id, { mode = "exclusive", wait } = {}) {
  if (!navigator.locks) return () => {};
  const name = `${folder}/${id}`;
  const take = (options) => new Promise((resolve, reject) => {
    navigator.locks.request(name, options, (lock) => lock ? new Promise((release) => resolve(release)) : resolve(undefined)).catch(reject);
  });
  const lock = await take({ mode, ifAvailable: true });
  if (lock) return lock;
  if (!wait) throw new BusyError("the model is being loaded or written in another tab");
  wait();
  return take({ mode });
}

// list gives the records of the models that are whole, or all.
export async function list({ begun = false } = {}) {
  const at = await opened();
  const records = await Promise.all((await at?.ids() ?? []).map(async (id) => await known(at, id) ?? { id }));
  return records.filter(({ kept }) => kept || begun).sort((a, b) => (b.kept ?? 0) - (a.kept ?? 0));
}

const known = (at, id) => at.record(id).catch(() => undefined); // a record that was cut is none

export const find = (records, { sha256, url }) => records.find((record) => record.kept && (sha256 ? record.sha256 === sha256 : record.url === url));

// idOf names the file of a download.
export async function idOf({ sha256, url }) {
  if (sha256) return sha256;
  const hash = await newHash();
  hash.update(new TextEncoder().encode(url));
  return `url-${hash.hex()}`;
}

export async function* read(id) {
  const at = await opened(), release = await hold(id, { mode: "shared", wait() {} });
  try {
    yield* at.read(id);
  } finally {
    release();
  }
}

// blob gives the file, which the browser reads where one asks for it.
export async function blob(id) {
  return (await opened()).blob(id);
}

export async function remove(id) {
  const at = await opened(), release = await hold(id);
  try {
    await at?.remove(id);
  } finally {
    release();
  }
}

export async function discard(id) {
  const at = await opened(), release = await hold(id, { wait() {} });
  try {
    // A lock may be free a moment before the file is.
    for (let left = 50; ; left--) {
      try {
        await at?.remove(id);
        return await at?.sweep(id);
      } catch (error) {
        if (!left) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  } finally {
    release();
  }
}

export async function room() {
  const { quota, usage } = await navigator.storage?.estimate?.().catch(() => ({})) ?? {};
  return quota === undefined ? undefined : { free: Math.max(0, quota - usage), quota };
}

// create begins a file, or finds one that was begun, or is whole: file.record is there then, and nothing to write. Where another
// tab writes the same, it is waited for after wait() was called, or a BusyError thrown where there is none.
export async function create({ id = unique(), ...about } = {}, { wait } = {}) {
  const at = await opened();
  if (!at) return undefined;
  const tidied = tidy(at), hashing = newHash();
  Promise.all([tidied, hashing]).catch(() => {}); // reported below
  const release = await hold(id, { wait });
  let file, hash, noted;
  try {
    await tidied;
    const record = await known(at, id);
    if (record?.kept) {
      release();
      return { record, length: record.bytes };
    }
    noted = record ?? {};
    hash = await hashing;
    file = await at.append(id);
  } catch (error) {
    release();
    throw error;
  }
  let length = file.length, hashed = 0, ended = false;
  const settled = (f) => async (...args) => {
    if (ended) throw new Error("the file is closed");
    ended = true;
    try {
      return await f(...args);
    } finally {
      release();
    }
  };
  async function drop() {
    file.close();
    await at.remove(id);
  }
  return {
    id,
    noted,
    hash,
    get length() { return length; },
    note: (more) => at.setRecord(id, { ...about, ...more, id }),
    async reserve(total) {
      const space = await room();
      if (space?.free < total - length) throw new DOMException(`there is room for ${mega(space.free)} of ${mega(total)} MB`, "QuotaExceededError");
      if (total > length) file.reserve(total);
    },
    async *replay() {
      hashed = 0;
      for await (const bytes of file.pieces()) {
        hash.update(bytes);
        hashed += bytes.length;
        yield bytes;
      }
    },
    async append(bytes) {
      if (ended) throw new Error("the file is closed");
      if (hashed !== length) throw new Error("what is there was not replayed");
      await file.write(bytes);
      hash.update(bytes);
      hashed = length += bytes.length;
    },
    finish: settled(async (more = {}) => {
      try {
        const sum = hash.hex();
        if (about.sha256 && sum !== about.sha256) throw new ModelError(wrong(sum, about.sha256));
        await file.end();
        const record = { ...about, ...more, id, bytes: length, sha256: sum, kept: Date.now() };
        await at.setRecord(id, record);
        return record;
      } catch (error) {
        await drop().catch(() => {});
        throw error;
      }
    }),
    close: settled(async () => file.close()),
    remove: settled(drop),
  };
}

// scratch is a file for a while, of a worker: {id, write(bytes, at), read(bytes, at), close()}, all but the last at once; undefined
// where there is none.
export async function scratch() {
  const at = await opened(), id = unique();
  const release = await hold(id);
  try {
    const file = await at?.scratch(id);
    if (!file) return void release();
    return { ...file, id, close: () => file.close().finally(release) };
  } catch (error) {
    release();
    throw error;
  }
}

const unique = () => `made-${crypto.randomUUID()}`;

// tidy removes what closed tabs have left that nobody can go on with.
async function tidy(at) {
  for (const id of await at.ids()) {
    if (!id.startsWith("made-") || (await known(at, id))?.kept) continue;
    const release = await hold(id).catch(() => undefined);
    if (!release) continue;
    await at.remove(id).then(() => at.sweep(id)).catch(() => {});
    release();
  }
}
