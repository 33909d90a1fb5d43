import type { LoadOptions, Progress, Request, Result, Step } from "./sampler.js";

export interface Drawn {
  /** What there is to see: after each step, and at the end. */
  image: ImageData | undefined;
  /** Of a PNG of the finished picture, for an <img>; the page's img-src must allow blob:. */
  url: string | undefined;
  result: Result | undefined;
  /** News of the model's load, then the last step; undefined when it is done. */
  progress: Progress | Step | undefined;
  error: Error | undefined;
  busy: boolean;
  /** For a <canvas ref={canvas}> that shows image. */
  canvas: (element: HTMLCanvasElement | null) => void;
}

/**
 * Draws a request, anew when it changes: the newest wins. null draws nothing. Components with the same options have one Sampler in
 * common.
 */
export function useDit8(request: (Request & Pick<LoadOptions, "model" | "vae" | "threads" | "device" | "storage">) | null | undefined): Drawn;
