// Images from a Diffusion Transformer, made by a worker of this page. sampler.d.ts
// says what everything is; README.md shows how it is used.
import { DownloadError, MemoryError, ModelError } from "./errors.js";
import { host } from "./host.js";
import { models } from "./models.js";
import { readMetadata, withMetadata } from "./png.js";
import * as storage from "./storage.js";

export { DownloadError, MemoryError, ModelError, models, readMetadata };

export class RequestError extends Error {
  name = "RequestError";
  constructor(message, field) { super(message); this.field = field; }
}

const devices = ["auto", "webgpu", "wasm", "simd128", "generic", "webgpu-software"];

export class Sampler {
  #worker;
  #calls = new Map(); // by id, those that the worker has not answered
  #id = 0;
  #free = Promise.resolve(); // settles when the worker has done what it was asked for
  #ended; // why there are no further answers

  static async load({ model = models[0], vae, threads, device = "auto", storage = true, onProgress, signal } = {}) {
    const sampler = new Sampler({ threads, device }, signal);
    try {
      const { vae: own, ...file } = await locate(model, "model");
      const files = { model: file, vae: vae ?? own ? await locate(vae ?? own, "vae") : undefined };
      const { info } = await sampler.#call("load", { ...files, storage }, { signal, onEvent: onProgress });
      sampler.info = info;
      return sampler;
    } catch (error) {
      sampler.dispose();
      throw error;
    }
  }

  static async models({ list } = {}) {
    const all = [...(list ? await listed(host.address(list)) : []), ...models].filter(({ sha256 }, i, all) => !sha256 || all.findIndex((other) => other.sha256 === sha256) === i);
    const kept = await storage.list().catch(() => []);
    const found = all.map((model) => ({ ...model, kept: storage.find(kept, model)?.id }));
    const others = kept.filter(({ id }) => !found.some(({ kept }) => kept === id)).map(({ id, name, url, sha256, bytes }) => ({ name: name ?? fileOf(url) ?? id, url, sha256, bytes, kept: id }));
    return [...found, ...others];
  }

  static async remove({ kept }) {
    if (typeof kept !== "string") throw new RequestError(`model.kept is ${show(kept)}, allowed: that of a model which is kept here`, "model.kept");
    await storage.remove(kept);
  }

  static async bench(request, { threads, device = "auto", onProgress, signal } = {}) {
    const sampler = new Sampler({ threads, device }, signal);
    try {
      return await sampler.#call("bench", { request }, { signal, onEvent: onProgress });
    } finally {
      sampler.dispose();
    }
  }

  constructor(options, signal) {
    signal?.throwIfAborted();
    const { threads, device } = options;
    if (!devices.includes(device)) throw new RequestError(`device is ${show(device)}, allowed: ${devices.join(", ")}`, "device");
    if (threads !== undefined && !whole(threads, 1, 64)) throw new RequestError(`threads is ${show(threads)}, allowed: 1 to 64`, "threads");
    this.memory = 0;
    this.#worker = host.worker();
    this.#worker.onmessage = ({ data }) => this.#calls.get(data.id)?.[data.type](data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(event.message || `${new URL("./worker.js", import.meta.url)}: the worker could not be started`));
    };
    this.#worker.postMessage({ type: "start", ...options });
  }

  get classes() { return this.info.classes; }

  async *sample(request, { signal, states } = {}) {
    const stop = new AbortController();
    const events = [];
    let wake;
    const put = (event) => { events.push(event); wake?.(); };
    const work = this.#generate(request, { signal: stop.signal, onStep: put, states }).then((result) => put({ type: "result", ...result }), (error) => put({ error }));
    const abort = () => stop.abort(signal.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      for (;;) {
        while (!events.length) await new Promise((resolve) => { wake = resolve; });
        signal?.throwIfAborted();
        const event = events.shift();
        if (event.error) throw event.error;
        yield event;
        if (event.type === "result") return;
      }
    } finally {
      signal?.removeEventListener("abort", abort);
      stop.abort();
      await work;
    }
  }

  generate(request, { signal, onStep, states } = {}) {
    return this.#generate(request, { signal, onStep, states });
  }

  async #generate(request, { signal, onStep, states: noisy }) {
    const imageData = (images, size) => images.map((pixels) => host.image(pixels, size));
    const onEvent = onStep && (({ images, states, size, ...event }) => onStep({ type: "step", ...event, images: imageData(images, size), states: imageData(states, size) }));
    const { images, size, metadata } = await this.#call("generate", { request: prepared(request, this.classes), steps: !!onStep, states: !!noisy }, { signal, onEvent });
    const result = { images: imageData(images, size), metadata, sha256: metadata.sha256 };
    const toBlob = async ({ scale = 1 } = {}) => {
      if (!whole(scale, 1, 64)) throw new RequestError(`scale is ${show(scale)}, allowed: 1 to 64`, "scale");
      return withMetadata(await host.png(result.images, scale), metadata);
    };
    return { ...result, toBlob };
  }

  read(text, { signal } = {}) {
    return this.#call("read", { request: `${text}` }, { signal });
  }

  inspect(request, { signal } = {}) {
    return this.#call("inspect", { request }, { signal });
  }

  dispose() {
    this.#end(new DOMException("the sampler was disposed of", "AbortError"));
  }

  #end(error) {
    if (this.#ended) return;
    this.#ended = error;
    this.#worker.terminate(); // and its helpers with it
    for (const call of this.#calls.values()) call.fail(error);
    this.#calls.clear();
  }

  // #call has the worker do something, after what it was asked for before. Who waits
  // or is cancelled hears of it at once.
  #call(type, request, { signal, onEvent }) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => reject(signal.reason);
      signal?.addEventListener("abort", abort);
      this.#free = this.#free.then(() => this.#now(type, request, signal, onEvent)).then(resolve, reject)
        .finally(() => signal?.removeEventListener("abort", abort));
    });
  }

  #now(type, request, signal, onEvent) {
    signal?.throwIfAborted();
    if (this.#ended) throw this.#ended;
    const id = ++this.#id;
    const cancel = () => (type === "load" ? this.dispose() : this.#worker.postMessage({ type: "cancel" }));
    signal?.addEventListener("abort", cancel);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, {
        event: ({ event }) => { if (!signal?.aborted) onEvent?.(event); },
        done: ({ result, memory }) => { this.memory = memory; resolve(result); },
        error: ({ error }) => reject(typed(error)),
        fail: reject,
      });
      this.#worker.postMessage({ id, type, ...request });
    }).finally(() => {
      this.#calls.delete(id);
      signal?.removeEventListener("abort", cancel);
    });
  }
}

// locate is what a worker reads a model from, which is option name.
async function locate(model, name) {
  if (model instanceof Response) {
    if (!model.ok) throw new DownloadError(`${model.url}: the server answered ${model.status}`, model.url, model.status);
    model = await model.blob();
  }
  if (model instanceof ArrayBuffer || ArrayBuffer.isView(model)) model = new Blob([model]);
  if (model instanceof Blob) return { file: model };
  if (typeof model === "string") model = models.find(({ name }) => name === model) ?? model;
  if (typeof model === "string" || model instanceof URL) model = { url: model };
  if (name === "model" && model === undefined) throw new RequestError('no model is given, and none came with the code: give one, or install dit8-emoji and import "dit8-emoji"', name);
  const { kept, url, sha256, bytes, name: called, vae } = model ?? {};
  if (kept && !url) return { kept, vae };
  checkHash(sha256, `${name}.sha256`);
  try {
    if (url) return { url: host.address(url).href, sha256: sha256?.toLowerCase(), bytes, name: called, vae };
  } catch {} // no address
  throw new RequestError(`${name} is ${show(model)}, allowed: a name, an address, {url}, a Blob, a Response or bytes`, name);
}

const fileOf = (url) => url && (new URL(url).pathname.split("/").at(-1) || url);

// listed reads a host's list of models, a JSON file.
async function listed(url) {
  const response = await host.fetch(url, { cache: "no-cache" }).catch(({ message }) => { throw new DownloadError(`${url}: ${message}`, url.href); });
  if (!response.ok) throw new DownloadError(`${url}: the server answered ${response.status}`, url.href, response.status);
  const list = await response.json().catch(({ message }) => { throw new RequestError(`${url}: ${message}`, "list"); });
  if (!Array.isArray(list)) throw new RequestError(`${url} holds ${show(list)}, allowed: a list of models`, "list");
  return list.map((model, i) => {
    const at = `list[${i}]`, text = (value) => value === undefined || typeof value === "string";
    if (typeof model?.name !== "string" || !text(model.url) || !model.url || !text(model.draws)) throw new RequestError(`${url}: ${at} is ${show(model)}, allowed: an object with the texts name, url and perhaps draws`, at);
    checkHash(model.sha256, `${at}.sha256`, `${url}: `);
    if (model.bytes !== undefined && !whole(model.bytes, 1, 2 ** 53)) throw new RequestError(`${url}: ${at}.bytes is ${show(model.bytes)}, allowed: the length of the file`, `${at}.bytes`);
    const absolute = ({ url: address, sha256, ...rest }) => ({ ...rest, url: new URL(address, url).href, ...(sha256 && { sha256: sha256.toLowerCase() }) });
    return { ...absolute(model), ...(model.vae && { vae: absolute(typeof model.vae === "string" ? { url: model.vae } : model.vae) }) };
  });
}

function checkHash(sha256, field, of = "") {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) throw new RequestError(`${of}${field} is ${show(sha256)}, allowed: 64 hexadecimal digits`, field);
}

const whole = (n, min, max) => Number.isInteger(n) && n >= min && n <= max;
const show = (value) => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

// prepared has a number in place of a seed that is to be random, and accents in names as
// the model has them: é may be one sign or two.
function prepared(request, classes) {
  const random = () => Number(crypto.getRandomValues(new BigUint64Array(1))[0] >> 11n);
  const named = (name) => (typeof name !== "string" || classes.includes(name) ? name : classes.find((c) => c.normalize() === name.normalize()) ?? name);
  const made = { ...request };
  for (const key of ["seed", "seed_to"]) if (made[key] === -1 || /^(-1|random)$/i.test(made[key])) made[key] = random();
  for (const key of ["class", "negative"]) if (made[key]) made[key] = named(made[key]);
  if (Array.isArray(made.classes)) made.classes = made.classes.map((share) => (share?.class ? { ...share, class: named(share.class) } : share));
  return made;
}

// typed is an error of the worker as one of ours.
function typed({ name, message, field, url, status }) {
  switch (name) {
    case "AbortError": return new DOMException("the request was cancelled", "AbortError");
    case "ModelError": return new ModelError(message);
    case "MemoryError": return new MemoryError(message);
    case "DownloadError": return new DownloadError(message, url, status);
  }
  return field ? new RequestError(message, field) : new Error(message);
}
