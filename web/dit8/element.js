// <dit8-image prompt="fox" seed="1">: a picture that the page's visitor makes. element.d.ts says what it has.
import { Drawing, paint } from "./drawing.js";

// What a request and the loading of a model take of attributes; HTML has its own class and style.
const texts = { prompt: "prompt", "image-class": "class", "image-style": "style", negative: "negative", solver: "solver", schedule: "schedule" };
const numbers = { seed: "seed", first: "first", steps: "steps", guidance: "guidance", shift: "shift" };
const loads = ["model", "vae", "device", "threads"];
const looks = ["alt", "size", "loading"];
const attributes = [...Object.keys(texts), ...Object.keys(numbers), ...loads, ...looks];

const camel = (attribute) => attribute.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
const number = (text) => (text.trim() && Number.isFinite(Number(text)) ? Number(text) : text); // what is none the request's check names

let sheet; // made where there is a document
const rules = ":host { display: inline-block } :host([hidden]), [hidden] { display: none !important } canvas { display: block; width: 100%; height: auto }";
const styled = (text) => { // a sheet of its own, which a Content-Security-Policy does not ask about
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
};

// says sets attributes, or takes away those that are null.
const says = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes)) value === null ? element.removeAttribute(name) : element.setAttribute(name, value);
};

// On a server, which imports it as well, there are no elements.
export class Dit8Image extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = attributes;

  #canvas = Object.assign(document.createElement("canvas"), { hidden: true });
  #slot = document.createElement("slot"); // what the page has in the element, until there is a picture
  #message = Object.assign(document.createElement("span"), { hidden: true });
  #drawing = new Drawing();
  #own = {}; // properties that are no text: models, and the request
  #result;
  #error;
  #due;
  #seen = false; // near enough to be looked at
  #watch;

  constructor() {
    super();
    says(this.#canvas, { part: "image", role: "img" });
    says(this.#message, { part: "error", role: "alert" });
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet ??= styled(rules)];
    root.append(this.#canvas, this.#slot, this.#message);
  }

  // The whole request, where attributes do not suffice; those that are there go first.
  get request() { return this.#own.request; }
  set request(request) { this.#set("request", request); }

  get result() { return this.#result; }
  get error() { return this.#error; }
  get complete() { return !this.#due && !this.#canvas.hasAttribute("aria-busy"); }

  async toBlob(options) {
    if (!this.#result) throw new DOMException("there is no picture yet", "InvalidStateError");
    return this.#result.toBlob(options);
  }

  connectedCallback() {
    for (const name of ["request", ...attributes.map(camel)]) { // set before the element was defined
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
    if (this.getAttribute("loading") === "lazy" && !this.#seen) {
      this.#watch = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        this.#unwatch();
        this.#seen = true;
        this.#later();
      }, { rootMargin: "200px" });
      this.#watch.observe(this);
    } else this.#seen = true;
    this.#later();
  }

  disconnectedCallback() {
    this.#unwatch();
    this.#drawing.end();
    this.#busy(false);
  }

  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (name === "alt") this.#describe();
    else if (name === "size") this.#room();
    else if (name === "loading") this.#seen ||= now !== "lazy" && this.isConnected;
    else delete this.#own[name]; // the newer one
    if (!["alt", "size"].includes(name)) this.#later();
  }

  // later draws once after all that a task of the page changes.
  #later() {
    if (!this.isConnected || !this.#seen || this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      if (this.isConnected) this.#draw();
    });
  }

  async #draw() {
    const request = this.#asked(), load = this.#load();
    if (!Object.keys(request).length) return this.#drawing.cancel();
    this.#error = undefined;
    this.#message.hidden = true;
    this.#busy(true);
    this.#describe();
    const tell = (detail) => this.dispatchEvent(new CustomEvent("progress", { detail }));
    const onStep = (step) => {
      this.#paint(step.images[0]);
      tell(step);
    };
    try {
      const result = this.#result = await this.#drawing.draw(load, request, { onProgress: tell, onStep });
      this.#paint(result.images[0]);
      this.#busy(false);
      this.dispatchEvent(new CustomEvent("load", { detail: result }));
    } catch (error) {
      if (error.name === "AbortError") return; // a newer one is drawn, or the element has gone
      this.#busy(false);
      this.#error = error;
      this.#result = undefined;
      Object.assign(this.#message, { textContent: error.message, hidden: false });
      this.#canvas.hidden = true;
      this.#slot.hidden = false;
      this.dispatchEvent(new ErrorEvent("error", { error, message: error.message }));
    }
  }

  #asked() {
    const request = { ...this.#own.request };
    for (const [attribute, field] of Object.entries(texts)) if (this.hasAttribute(attribute)) request[field] = this.getAttribute(attribute);
    for (const [attribute, field] of Object.entries(numbers)) if (this.hasAttribute(attribute)) request[field] = number(this.getAttribute(attribute));
    return request;
  }

  #load() {
    const options = {};
    for (const name of loads) {
      const value = this.#own[name] ?? this.getAttribute(name) ?? undefined;
      if (value !== undefined) options[name] = name === "threads" ? number(`${value}`) : value;
    }
    return options;
  }

  #paint(image) {
    paint(this.#canvas, image);
    this.#canvas.hidden = false;
    this.#slot.hidden = true;
  }

  #busy(is) { says(this.#canvas, { "aria-busy": is ? "true" : null }); }

  #describe() {
    const { prompt, class: name } = this.#asked();
    const alt = this.getAttribute("alt") ?? prompt ?? name ?? "";
    says(this.#canvas, { "aria-label": alt || null, "aria-hidden": alt ? null : "true" }); // as <img alt="">, where it says nothing
  }

  // room keeps the place of a picture of the size, before it is there.
  #room() {
    const size = Number(this.getAttribute("size"));
    this.shadowRoot.adoptedStyleSheets = [sheet, ...(size > 0 ? [styled(`:host { width: ${size}px; aspect-ratio: 1 }`)] : [])];
  }

  #unwatch() {
    this.#watch?.disconnect();
    this.#watch = undefined;
  }

  #set(name, value) {
    if (value === undefined || value === null) delete this.#own[name];
    else this.#own[name] = value;
    this.#later();
  }

  static {
    // Properties are the attributes', as HTML's own; models may be objects.
    for (const attribute of attributes) {
      const isNumber = attribute in numbers || attribute === "threads" || attribute === "size";
      Object.defineProperty(this.prototype, camel(attribute), {
        configurable: true,
        enumerable: true,
        get() {
          const text = this.#own[attribute] ?? this.getAttribute(attribute);
          return isNumber && text !== null ? number(text) : text;
        },
        set(value) {
          if (typeof value === "object" && value !== null) this.#set(attribute, value);
          else if (value === undefined || value === null) {
            this.#set(attribute);
            this.removeAttribute(attribute);
          } else this.setAttribute(attribute, value);
        },
      });
    }
  }
}

if (globalThis.customElements && !customElements.get("dit8-image")) customElements.define("dit8-image", Dit8Image);
