// Pictures for the parts of a page: element.js and react.js draw by it.
//   const drawing = new Drawing();
//   const result = await drawing.draw(options, request, {onProgress, onStep});   // as Sampler.load and generate have them
//   drawing.end();
// A part's newest request wins: those before it are cancelled. Parts with the same options have one Sampler in common, which is
// kept for a while when nobody needs it.
import { models, RequestError, Sampler } from "./sampler.js";

const linger = 5000; // ms
const samplers = new Map(); // by their options

const names = new WeakMap(); // of models that are objects, as files
let named = 0;
const name = (value) => {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) === Object.prototype) return value;
  if (value instanceof URL) return value.href;
  if (!names.has(value)) names.set(value, `#${++named}`);
  return names.get(value);
};

// keyOf is the same for options that load the same.
export const keyOf = ({ model = models[0], vae, threads, device, storage }) => JSON.stringify([name(model), name(vae), threads, device, storage]);

// Shared is a Sampler that is loaded once and disposed of when it has no users.
class Shared {
  #users = new Set(); // what hears of the load
  #stop = new AbortController();
  #last; // news
  #leaving;

  constructor(key, options) {
    this.key = key;
    samplers.set(key, this);
    const onProgress = (event) => {
      this.#last = event;
      for (const user of this.#users) user.onProgress?.(event);
    };
    this.sampler = Sampler.load({ ...options, signal: this.#stop.signal, onProgress });
    this.sampler.catch(() => this.forget());
  }

  join(user) {
    clearTimeout(this.#leaving);
    this.#users.add(user);
    if (this.#last) user.onProgress?.(this.#last);
  }

  leave(user) {
    if (!this.#users.delete(user) || this.#users.size) return;
    this.#leaving = setTimeout(() => {
      this.forget();
      this.#stop.abort();
      this.sampler.then((sampler) => sampler.dispose(), () => {});
    }, linger);
  }

  // forget has the next who asks load anew.
  forget() { if (samplers.get(this.key) === this) samplers.delete(this.key); }
}

// paint shows an image on a canvas, which becomes as large.
export function paint(canvas, image) {
  Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

export class Drawing {
  #shared;
  #stop;

  async draw(options, request, { onProgress, onStep } = {}) {
    this.#stop?.abort();
    const stop = this.#stop = new AbortController(), { signal } = stop;
    this.onProgress = onProgress;
    const key = keyOf(options);
    const shared = samplers.get(key) ?? new Shared(key, options);
    if (shared !== this.#shared) {
      shared.join(this);
      this.#shared?.leave(this);
      this.#shared = shared;
    }
    try {
      const sampler = await shared.sampler;
      this.onProgress = undefined;
      return await sampler.generate(request, { signal, onStep });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RequestError)) shared.forget(); // it may have ended
      throw error;
    }
  }

  // cancel ends what is drawn; draw then throws an AbortError.
  cancel() { this.#stop?.abort(); }

  end() {
    this.cancel();
    this.#shared?.leave(this);
    this.#shared = undefined;
  }
}
