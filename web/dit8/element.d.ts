import type { LoadOptions, Progress, Request, Result, Schedule, Solver, Step } from "./sampler.js";

/** What the element tells of; nothing of it bubbles. */
export interface Dit8ImageEventMap extends Omit<HTMLElementEventMap, "progress" | "load" | "error"> {
  /** News of the model's load, then each step. */
  progress: CustomEvent<Progress | Step>;
  load: CustomEvent<Result>;
  error: ErrorEvent;
}

/**
 * `<dit8-image prompt="fox" seed="1">`. It draws what its attributes ask for, anew when they change: the newest wins. Properties are the
 * attributes'; elements with the same model, vae, device and threads have one Sampler in common. What is in the element shows until
 * there is a picture, or where there can't be one. Parts to style: image, error.
 */
export class Dit8Image extends HTMLElement {
  prompt: string | null;
  /** Request's class: HTML has a class of its own. Attribute image-class. */
  imageClass: string | null;
  /** Request's style, as the attribute image-style. */
  imageStyle: string | null;
  negative: string | null;
  solver: Solver | null;
  schedule: Schedule | null;
  /** Numbers are text where the attribute is no number; the error then says what is allowed. */
  seed: number | string | null;
  first: number | string | null;
  steps: number | string | null;
  guidance: number | string | null;
  shift: number | string | null;
  /** What Sampler.load takes; as an attribute a name or an address. */
  model: LoadOptions["model"] | null;
  vae: LoadOptions["vae"] | null;
  device: LoadOptions["device"] | null;
  threads: number | string | null;
  /** What the picture shows, for who can't see it: the prompt or class, if nothing is said; "" where it says nothing. */
  alt: string | null;
  /** Of the element, in CSS pixels. */
  size: number | string | null;
  /** lazy draws when the element comes near what is seen of the page. */
  loading: "lazy" | "eager" | null;
  /** A whole request, as of a mix or an edit; attributes go first. Of several images the element shows the first. */
  request: Request | undefined;
  /** Of the picture that shows. */
  readonly result: Result | undefined;
  /** Why there is none. */
  readonly error: Error | undefined;
  /** Whether nothing is being drawn. */
  readonly complete: boolean;
  /** A PNG of the picture. */
  toBlob(options?: { scale?: number }): Promise<Blob>;
  addEventListener<K extends keyof Dit8ImageEventMap>(type: K, listener: (this: Dit8Image, event: Dit8ImageEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof Dit8ImageEventMap>(type: K, listener: (this: Dit8Image, event: Dit8ImageEventMap[K]) => unknown, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "dit8-image": Dit8Image;
  }
}
