// Where the bytes of a model's file come from: a Blob, the cache or the network.
//   const source = open(model, {cache, report, taken});
//   await source.read()  // Uint8Array, or null at the end, where the file is what it should be
//   source.failure       // what read threw last
//   source.unchecked     // the SHA-256 that is left to the caller to check
// report({loaded, total, from}) is called as bytes arrive, total 0 where it is not known,
// and report({note}) where something did not go as it should and does not matter.
import { DownloadError, ModelError } from "./errors.js";

const cacheName = "dit8-models";
const attempts = 5, pause = 250; // ms before the second attempt, then twice as long each time

export function open(model, { cache = true, report = () => {}, taken = () => {} } = {}) {
  const { file, url, sha256, bytes } = model;
  // Browsers have neither a hash nor a cache for pages that came over http.
  const subtle = sha256 && globalThis.crypto?.subtle;
  const kept = cache && subtle && globalThis.caches ? `${new URL(url, location.href).origin}/${cacheName}/${sha256}` : undefined;
  const pieces = file ? blob(file, report) : subtle ? checked() : network(url, bytes, report, taken);
  const source = {
    unchecked: sha256 && !subtle ? sha256 : undefined,
    async read() {
      try {
        const { done, value } = await pieces.next();
        return done ? null : value;
      } catch (error) {
        source.failure = error;
        throw error;
      }
    },
  };
  return source;

  // checked takes a file from the cache if it is there as it should be, and keeps what
  // comes over the network, which it downloads, hashes and stores while the reader is busy.
  async function* checked() {
    const copy = kept && await fromCache(kept, sha256, report);
    if (copy) {
      taken(copy.length);
      report({ loaded: copy.length, total: copy.length, from: "cache" });
      yield copy;
      return;
    }
    const download = fill(network(url, bytes, report, taken), bytes, taken);
    const stored = download.whole.then(async (whole) => {
      const got = await digest(whole);
      if (got !== sha256) throw new ModelError(`${url}: the file's SHA-256 is ${got}, expected ${sha256}`);
      if (kept) await keep(kept, whole, report);
    });
    stored.catch(() => {}); // reported below
    yield* download.pieces();
    await stored;
  }
}

// fill collects pieces in one array, of bytes where that is known. whole is a promise of
// it, pieces() yields what has come since it was asked last.
function fill(source, bytes = 0, taken) {
  let all = new Uint8Array(bytes), length = 0, ended = false, news;
  let next = new Promise((resolve) => { news = resolve; });
  const whole = (async () => {
    try {
      for await (const piece of source) {
        if (length + piece.length > all.length) {
          const longer = new Uint8Array(Math.max(2 * all.length, length + piece.length));
          longer.set(all);
          all = longer;
        }
        all.set(piece, length);
        taken(all.length);
        length += piece.length;
        news();
      }
      return all.subarray(0, length);
    } finally {
      ended = true;
      news();
    }
  })();
  whole.catch(() => {}); // pieces throws it
  async function* pieces() {
    for (let at = 0; ;) {
      if (at < length) {
        const piece = all.subarray(at, length);
        at = length;
        yield piece;
      } else if (ended) {
        await whole;
        return;
      } else {
        await next;
        next = new Promise((resolve) => { news = resolve; });
      }
    }
  }
  return { whole, pieces };
}

async function* blob(file, report) {
  let loaded = 0;
  for (const reader = file.stream().getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return;
    report({ loaded: loaded += value.length, total: file.size, from: "file" });
    yield value;
  }
}

// network downloads a file. Where the connection breaks it goes on from there, or, where
// the server can't, starts anew and leaves out what it had.
async function* network(url, bytes, report, taken) {
  let loaded = 0, total = bytes ?? 0, tag;
  for (let attempt = 1; ;) {
    try {
      const headers = loaded && tag ? { Range: `bytes=${loaded}-`, "If-Range": tag } : {};
      const response = await fetch(url, { headers });
      let skip = loaded;
      if (response.status === 206 && response.headers.get("Content-Range")?.startsWith(`bytes ${loaded}-`)) skip = 0;
      else if (response.status !== 200) throw new DownloadError(`${url}: the server answered ${response.status}`, url, response.status);
      if (skip === loaded) {
        const length = Number(response.headers.get("Content-Length"));
        if (!response.headers.get("Content-Encoding")) total ||= length;
        const etag = response.headers.get("ETag");
        tag = etag && !etag.startsWith("W/") ? etag : response.headers.get("Last-Modified");
      }
      for (const reader = response.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (value.length <= skip) { skip -= value.length; continue; }
        const piece = skip ? value.subarray(skip) : value;
        skip = 0;
        taken(value.buffer.byteLength);
        loaded += piece.length;
        if (!bytes && loaded > total) total = 0; // the length was of what is compressed, which other origins do not say
        report({ loaded, total, from: "network" });
        attempt = 1;
        yield piece;
      }
      if (loaded >= total) return;
      throw new DownloadError(`${url}: the file ends after ${loaded} of ${total} bytes`, url);
    } catch (error) {
      const temporary = !error.status || error.status === 429 || error.status >= 500;
      if (!temporary || attempt === attempts) throw error instanceof DownloadError ? error : new DownloadError(`${url}: ${error.message}`, url);
      report({ note: `${error.message}; trying again` });
      await new Promise((resolve) => setTimeout(resolve, pause * 2 ** (attempt - 1)));
      attempt++;
    }
  }
}

// fromCache gives the bytes of an entry. One that is not what it should be is deleted.
async function fromCache(key, sha256, report) {
  try {
    const cache = await caches.open(cacheName);
    const response = await cache.match(key);
    if (!response) return undefined;
    const bytes = await response.arrayBuffer();
    if (await digest(bytes) === sha256) return new Uint8Array(bytes);
    await cache.delete(key);
    report({ note: "the copy of the model that was kept here is damaged; it is downloaded again" });
  } catch (error) {
    report({ note: `the copy of the model that was kept here can't be read (${error.message})` });
  }
  return undefined;
}

// keep stores a file, in place of others where there is no room for all.
async function keep(key, file, report) {
  const response = () => new Response(file, { headers: { "Content-Type": "application/octet-stream" } });
  try {
    const cache = await caches.open(cacheName);
    try {
      await cache.put(key, response());
    } catch {
      for (const other of await cache.keys()) await cache.delete(other);
      await cache.put(key, response());
    }
  } catch (error) {
    report({ note: `the model can't be kept here (${error.message}); it will be downloaded again` });
  }
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (b) => b.toString(16).padStart(2, "0")).join("");
}
