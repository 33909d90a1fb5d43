// Where the bytes of a model's file come from: a Blob, what is kept on this device, or the network, from where they are kept.
//   const source = open(model, {storage, report});
//   await source.read()      // Uint8Array, or null at the end, where the file is what it should be
//   source.failure           // what read threw last
//   await source.end(damaged)    // once, at last; a damaged file is not kept, and true says that it had been
// model is {file}, {kept}, the id of a record of storage.js, or {url, sha256, bytes, name}. report({loaded, total, from}) is called
// as bytes arrive, total 0 where it is not known, and report({note}) where something did not go as it should and does not matter.
import { DownloadError, MemoryError, ModelError } from "./errors.js";
import { sha256 as newHash } from "./sha256.js";
import * as kept from "./storage.js";

const slice = 1 << 20; // bytes that are read at a time, at most
const attempts = 5, pause = 250; // ms before the second attempt, then twice as long each time

export function open(model, { storage = true, report: tell = () => {} } = {}) {
  const state = {}; // file is what is written, stored the id of what is read, before the bytes that an earlier visit has left, ended is set at last
  const report = (event) => { if (!state.ended) tell(event); };
  const pieces = model.file ? blob(model.file, report) : model.kept ? stored(model.kept, state, report) : storage ? through(model, state, report) : past(model, report);
  const source = {
    async read() {
      try {
        const { done, value } = await pieces.next();
        return done ? null : value;
      } catch (error) {
        source.failure = error;
        throw error;
      }
    },
    async end(damaged) {
      state.ended = true;
      const had = !!state.stored || state.before > 0;
      const ended = pieces.return().catch(() => {});
      if (state.stored) await ended; // a network may never answer
      const whole = await state.whole?.catch(() => {}); // its bytes are all there before who reads them has seen them
      if (damaged && whole) await kept.remove(whole.id).catch(() => {});
      if (!damaged) await state.file?.close();
      else if (state.stored) await kept.remove(state.stored).catch(() => {});
      else await state.file?.remove();
      return damaged && had && !model.kept;
    },
  };
  return source;
}

// past downloads a file, checks it and keeps nothing.
async function* past({ url, sha256, bytes }, report, first) {
  const hash = sha256 && await newHash();
  for await (const piece of network(url, { bytes, report, begun: { first } })) {
    hash?.update(piece);
    yield piece;
  }
  const sum = hash?.hex();
  if (sum !== sha256) throw new ModelError(`${url}: ${kept.wrong(sum, sha256)}`);
}

// through takes a file from where it is kept, or downloads and keeps it.
async function* through(model, state, report) {
  const { url, sha256, bytes, name } = model;
  const all = await kept.list({ begun: true }).catch(() => []), there = kept.find(all, { sha256, url });
  let first = there && !sha256 ? await newer(url, there.tag) : undefined;
  if (there && !first) return yield* stored(there.id, state, report);
  const about = { id: await kept.idOf({ sha256, url }).catch(() => undefined), url, sha256, name };
  if (first && there) await kept.remove(there.id).catch(() => {});
  if (!first && !all.some(({ id }) => id === about.id)) { // it is on its way while a file is made for it
    first = fetch(url);
    first.catch(() => {}); // reported below
  }
  let file;
  try {
    file = about.id && await kept.create(about, { wait: () => report({ note: "another tab is downloading it; waiting for that" }) });
  } catch (error) {
    report({ note: cannot(error.message) });
  }
  if (!file) return yield* past(model, report, first);
  if (file.record) {
    unwanted(first);
    return yield* stored(file.record.id, state, report);
  }
  state.file = file;
  state.before = file.length;
  const begun = { loaded: 0, total: bytes ?? file.noted.total ?? 0, tag: file.noted.tag, sha256, first };
  for await (const piece of file.replay()) {
    report({ loaded: begun.loaded += piece.length, total: begun.total, from: "storage" });
    yield piece;
  }
  const { hash } = file;
  let keeping = file;
  const drop = async (message) => {
    report({ note: cannot(message) });
    keeping = state.file = undefined;
    await file.remove().catch(() => {});
  };
  const known = async (total, tag) => {
    try {
      await makeRoom(file, total);
    } catch ({ message }) {
      return drop(message);
    }
    if (tag && tag !== file.noted.tag) await file.note({ tag, total: total || undefined }).catch(() => {});
    begun.tag = tag;
  };
  for await (const piece of network(url, { bytes, report, begun, known })) {
    if (keeping) await file.append(piece).catch(({ message }) => drop(message));
    if (!keeping) hash.update(piece);
    yield piece;
  }
  if (keeping) {
    state.file = undefined;
    state.whole = file.finish({ tag: begun.tag });
    await state.whole.catch((error) => {
      if (error instanceof ModelError) throw new ModelError(`${url}: ${error.message}`);
      report({ note: cannot(error.message) });
    });
  } else if (sha256) {
    const sum = hash.hex();
    if (sum !== sha256) throw new ModelError(`${url}: ${kept.wrong(sum, sha256)}`);
  }
}

const cannot = (why) => `the model can't be kept here (${why}); it will be downloaded again`;

// makeRoom removes other downloads, the oldest first, where there is no room for a file of so many bytes, or throws.
async function makeRoom(file, bytes) {
  let others;
  for (;;) {
    try {
      return await file.reserve(bytes);
    } catch (error) {
      others ??= (await kept.list({ begun: true })).filter(({ id, url }) => id !== file.id && url);
      if (error.name !== "QuotaExceededError" || !others.length) throw error;
      await kept.remove(others.pop().id).catch(() => {}); // another tab reads it
    }
  }
}

async function* stored(id, state, report) {
  const record = (await kept.list()).find((record) => record.id === id);
  if (!record) throw new ModelError("the model is not kept here any more");
  state.stored = id;
  let loaded = 0;
  for await (const piece of kept.read(id)) {
    report({ loaded: loaded += piece.length, total: record.bytes, from: "storage" });
    yield piece;
  }
  if (loaded !== record.bytes) throw new ModelError(`the file that is kept here ends after ${loaded} of ${record.bytes} bytes`);
}

// newer gives the response with a file that is newer than the one of a tag; none where it is the same or there is no connection.
async function newer(url, tag) {
  const response = await fetch(url, { cache: "no-cache" }).catch(() => undefined);
  if (!response?.ok || tag && tagOf(response) === tag) return void response?.body?.cancel();
  return response;
}

// unwanted ends a download, of which there is a response, the promise of one, or nothing.
const unwanted = (first) => Promise.resolve(first).then((response) => response?.body?.cancel()).catch(() => {});

// tagOf tells versions of a file apart.
const tagOf = ({ headers }) => {
  const tag = headers.get("ETag");
  return (tag?.startsWith("W/") ? undefined : tag) ?? headers.get("Last-Modified") ?? undefined;
};

async function* blob(file, report) {
  let loaded = 0;
  for (const reader = file.stream().getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return;
    report({ loaded: loaded += value.length, total: file.size, from: "file" });
    yield value;
  }
}

// network downloads a file, or the rest of one that was begun. Where the connection breaks it goes on from there, or, where
// the server can't, starts anew and leaves out what it had. known(total, tag) is called before the bytes, with 0 for a total
// that is not known; first is a response that is there already, or a promise of it.
async function* network(url, { bytes, report, begun: { loaded = 0, total = bytes ?? 0, tag, sha256, first } = {}, known = () => {} }) {
  const foreign = new URL(url, location.href).origin !== location.origin; // which would be asked first whether it minds If-Range
  for (let attempt = 1, told = false; ;) {
    try {
      if (loaded && loaded === total) return; // all but the end of it was done
      const headers = loaded && (tag || sha256) ? { Range: `bytes=${loaded}-`, ...(tag && !foreign && { "If-Range": tag }) } : {};
      const early = first;
      first = undefined;
      if (headers.Range) unwanted(early);
      const response = await (!headers.Range && early || fetch(url, { headers }));
      let skip = loaded;
      const range = response.headers.get("Content-Range");
      if (response.status === 206 && (range ? range.startsWith(`bytes ${loaded}-`) : foreign)) skip = 0;
      else if (response.status !== 200) throw new DownloadError(`${url}: the server answered ${response.status}`, url, response.status);
      if (skip === loaded) {
        const length = Number(response.headers.get("Content-Length"));
        if (!response.headers.get("Content-Encoding")) total ||= length;
        tag = tagOf(response);
      }
      if (!told) {
        roomy(total, url);
        await known(total, tag);
      }
      told = true;
      for (const read = into(response.body); ;) {
        const { done, value } = await read();
        if (done) break;
        if (value.length <= skip) { skip -= value.length; continue; }
        const piece = skip ? value.subarray(skip) : value;
        skip = 0;
        loaded += piece.length;
        if (!bytes && loaded > total) total = 0; // the length was of what is compressed, which other origins do not say
        report({ loaded, total, from: "network" });
        attempt = 1;
        yield piece;
      }
      if (loaded >= total) return;
      throw new DownloadError(`${url}: the file ends after ${loaded} of ${total} bytes`, url);
    } catch (error) {
      if (error instanceof MemoryError) throw error;
      const temporary = !error.status || error.status === 429 || error.status >= 500;
      if (!temporary || attempt === attempts) throw error instanceof DownloadError ? error : new DownloadError(`${url}: ${error.message}`, url);
      report({ note: `${error.message}; trying again` });
      await new Promise((resolve) => setTimeout(resolve, pause * 2 ** (attempt - 1)));
      attempt++;
    }
  }
}

// into gives a function that reads a body, where browsers can into one array, whose bytes are there until the next call.
function into(body) {
  let reader, array = new Uint8Array(slice);
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return () => plain.read();
  }
  return async () => {
    const { done, value } = await reader.read(array);
    array = value && new Uint8Array(value.buffer);
    return { done, value };
  };
}

// roomy throws where the device has not the memory for a model's file of so many bytes, as far as browsers tell: half of it for a
// page, and what one memory of WebAssembly may have.
function roomy(bytes, what) {
  const needed = bytes * 1.15 + 150e6, has = navigator.deviceMemory * 2 ** 30 / 2;
  const fail = (why) => { throw new MemoryError(`${what}: the model takes ${kept.mega(needed)} MB of memory, ${why}`); };
  if (needed > has && bytes > 100e6) fail(`this device lets a page have about ${kept.mega(has)} MB`);
  if (needed > 2 ** 32) fail("a page may have 4295 MB");
}
