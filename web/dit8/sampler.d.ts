/** A model's file that Sampler.load reads. */
export interface Model {
  /** What Sampler.load accepts in place of the object. */
  name?: string;
  /** What it draws, for people. */
  draws?: string;
  url?: string | URL;
  /** Of a model that is kept on this device: what names it there. It needs no url. */
  kept?: string;
  /** Of the whole file, in hex: what arrives is checked against it, and found by it where it is kept. Without it the host is asked
   *  whether it has another version, if there is a connection. */
  sha256?: string;
  /** Length of the file. */
  bytes?: number;
  /** The file of the autoencoder that makes images of the model's latents, where it is another one. */
  vae?: string | URL | Model;
}

/** The models that came with the code, or were put there by importing a package such as dit8-emoji; the first is the default. `file` is what it was called where it was served from. */
export const models: readonly (Model & { name: string; url: string; sha256: string; bytes: number; file?: string })[];

/** News while a model is loaded. */
export type Progress =
  /** Bytes of the file so far, total being 0 where it is not known. */
  | { loaded: number; total: number; from: "network" | "storage" | "file"; note?: undefined }
  /** Something did not go as it should and does not matter, such as a device without room to keep it. */
  | { note: string; loaded?: undefined };

export interface EngineOptions {
  /** Threads to compute with, 1 to 64. By default one for each core, up to 8; without cross-origin isolation there is one. */
  threads?: number;
  /** auto is the fastest that works here and is exact: large networks are tried on the GPU, where there is one. webgpu is the GPU, or, where
   *  that can't be or errs, the processor, and `info.deviceNote` says why; wasm is the processor, simd128 the same without relaxed SIMD,
   *  generic without SIMD. webgpu-software takes a GPU that a processor plays, for tests. The images are the same. */
  device?: "auto" | "webgpu" | "wasm" | "simd128" | "generic" | "webgpu-software";
  signal?: AbortSignal;
}

export interface LoadOptions extends EngineOptions {
  /** A name in `models`, an address, a Model, or a .dit8 file: a Blob, a Response or its bytes. By default the first of `models`. */
  model?: string | URL | Model | Blob | Response | ArrayBuffer | ArrayBufferView;
  /** The .dit8 file of the autoencoder that makes images of the model's latents, where it is another one; in the same forms. */
  vae?: string | URL | Model | Blob | Response | ArrayBuffer | ArrayBufferView;
  /** Whether a model that is downloaded is kept on the device, in the Origin Private File System or, where there is none, the Cache
   *  API; true by default. A download that was cut goes on the next time. Where there is no room older ones make it. */
  storage?: boolean;
  onProgress?(progress: Progress): void;
}

/** What a loaded model is, and what it runs on. */
export interface Info {
  name: string;
  /** Identifies the file. */
  id: string;
  source: string;
  license: string;
  classes: readonly string[];
  /** Of a model that is told words in place of a class: those that a prompt may have; else empty. */
  words: readonly string[];
  /** Styles of such a model. */
  styles: readonly string[];
  /** Other words that a prompt may have: each stands for one or more of words. */
  synonyms: readonly string[];
  /** Prompts to begin with. */
  examples: readonly string[];
  /** Numbers of steps that a model of few steps is made for; else empty. */
  stepCounts: readonly number[];
  /** Pixels in a row of an image; images are square. */
  size: number;
  depth: number;
  hiddenSize: number;
  /** Patches in a row of an image. */
  patches: number;
  /** Defaults of the model; a shift of 0 is none. */
  steps: number;
  guidance: number;
  shift: number;
  /** Whether guidance means something: not with a model that was trained without a null class. */
  guided: boolean;
  /** Whether it makes latents, of which an autoencoder makes images. */
  latents: boolean;
  /** The tasks of edits that it can do. */
  edits: readonly Edit["task"][];
  solvers: readonly Solver[];
  schedules: readonly Schedule[];
  maxSteps: number;
  maxGuidance: number;
  maxCount: number;
  maxSeed: number;
  maxShares: number;
  /** What computes, such as "simd128 ×2". */
  device: string;
  /** Why the GPU does not compute where it was asked for, or not the autoencoder; else empty. */
  deviceNote: string;
  threads: number;
  /** Why there are fewer threads than were asked for, or no SIMD; else empty. */
  note: string;
}

export type Solver = "euler" | "heun" | "midpoint" | "ab2" | "sde" | "restart";
export type Schedule = "uniform" | "cosine" | "logit-normal" | "tail" | "ddim";

/** What to make. All that is left out is the model's default: its first class, seed 0, one image. */
export interface Request {
  /** A class's name, or its index in decimal. */
  class?: string;
  /** In place of class: a mix of 1 to 16. */
  classes?: ClassShare[];
  /** In place of both, of a model with words: what the picture is of, up to 1000 bytes. Words in any order; "fox:2" has twice the
   *  weight of others, "no hat" leads away from hats. Classes are such texts too, there. */
  prompt?: string;
  /** One of the model's styles, if the prompt names none. */
  style?: string;
  /** Leaves words of the prompt that the model does not know out, in place of an error. */
  skip_unknown?: boolean;
  /** 0 to 2^53 - 1. */
  /** -1 or "random" for one that is made up, which the metadata say. */
  seed?: number | "random";
  /** Evaluations of the model, 1 to 1000. */
  steps?: number;
  /** Images, 1 to 64. */
  count?: number;
  /** Index of the first image, 0 to 1000000: image n of a request is image 0 of the same one with first n more. */
  first?: number;
  /** Classifier-free guidance scale, 0 to 100; 1 is none. */
  guidance?: number;
  /** Times t, [low, high], at which guidance applies; by default all. */
  guidance_interval?: [number, number];
  /** 0 to 1, against over-saturation. */
  guidance_rescale?: number;
  /** A class to guide away from, in place of none. */
  negative?: string;
  solver?: Solver;
  schedule?: Schedule;
  /** Above 1 more steps near the noise, below 1 near the data; 0.01 to 100. */
  shift?: number;
  /** Of solver sde, 0 to 10. */
  diffusion?: number;
  /** A second seed, whose noise is blended in by seed_mix, 0 to 1. */
  seed_to?: number | "random";
  seed_mix?: number;
  /** AdaLN made stronger or weaker: how far γ, β or α (all of them) of a branch (both) is from neutral, times scale, -10 to 10, in
   *  some blocks and channels (all), each [first, last] from 0. */
  modulation?: { quantity?: "gamma" | "beta" | "alpha"; branch?: "msa" | "mlp"; blocks?: [number, number]; channels?: [number, number]; scale: number }[];
  edit?: Edit;
}

/** What a prompt says in the words of a model. */
export interface Said {
  /** The words that are known, in the text's order, with the model's words that each stands for. A weight below 0 leads away. */
  words: { text: string; words: string[]; weight: number }[];
  /** The style that the text names. */
  style?: string;
  /** Words that are not known, and what may be meant. */
  unknown: { text: string; near?: string }[];
}

/** A class's part in a mix, while from ≥ t > to. */
export interface ClassShare {
  class: string;
  /** Against those that act at the same time, -1000 to 1000. */
  weight: number;
  from?: number;
  to?: number;
}

/** Starts from an image, or keeps to what is known of one. Bytes are in base64, row by row. */
export interface Edit {
  task: "image" | "inpaint" | "super-resolution" | "colorize";
  /** Red, green, blue; for colorize only luma. */
  image: string;
  /** Of image in pixels. */
  width: number;
  /** For inpaint, a byte a pixel: 0 keeps it. */
  mask?: string;
  /** For super-resolution, 2 to 64: what the image's size is divided by. */
  factor?: number;
  /** The time t to start from: how much is made anew. */
  strength?: number;
  /** For inpaint: what is not painted comes out byte for byte as it was. A model of latents else decodes it anew. */
  keep?: boolean;
}

/** How images were made; the request in it makes them again. */
export interface Metadata {
  request: Request;
  model: string;
  model_id: string;
  /** The version of the numeric contract: another one may give other pixels. */
  contract: number;
  /** Identifies the file of the autoencoder, where it is another one than the model's. */
  autoencoder_id?: string;
  device: string;
  /** Words of the prompt that were left out. */
  skipped?: string[];
  /** SHA-256, in hex, of the pixels of all images. */
  sha256: string;
  /** SHA-256 of each image's pixels. */
  images: string[];
  /** Of each image of an edit: the root mean square of how far it is from what was given, 1 being full scale. */
  measurement_error?: number[];
  seconds: number;
  ms_per_step: number;
}

/** The images as they are after a step. Many images are made in batches: these are images[0], … from number first on. */
export interface Step {
  type: "step";
  /** 1 to steps, over all batches; of models of latents, the parts of decoding too. */
  step: number;
  steps: number;
  first: number;
  /** Whether it was a part of decoding. */
  decoding: boolean;
  /** Time of the evaluation, from 1 (noise) to 0 (image). */
  t: number;
  /** Estimates of the finished images. */
  images: ImageData[];
  /** The noisy images that the step began with, where they were asked for; empty of models of latents. */
  states: ImageData[];
}

export interface Result {
  images: ImageData[];
  metadata: Metadata;
  sha256: string;
  /** A PNG of all images in a grid, which says how they were made; each pixel is drawn as scale×scale. */
  toBlob(options?: { scale?: number }): Promise<Blob>;
}

/** What AdaLN does in each layer at each time: x + α·f(γ·LN(x) + β). */
export interface Modulation {
  model: string;
  model_id: string;
  device: string;
  class: string;
  /** Flow time of each evaluation, from 1 (noise) to 0 (data). */
  times: number[];
  branches: Branch[];
}

export interface Branch {
  /** blocks.0, …, final_layer. */
  layer: string;
  /** Missing in the final layer, as is alpha. */
  branch?: "msa" | "mlp";
  gamma: Series;
  beta: Series;
  alpha?: Series;
}

/** A vector over time. */
export interface Series {
  /** The value that changes nothing. */
  neutral: number;
  mean: number[];
  /** Root mean square of value - neutral. */
  rms: number[];
  min: number[];
  max: number[];
  /** [times, hiddenSize]. */
  values: Float32Array;
}

/** How long a network with random weights takes. */
export interface BenchRequest {
  /** d256, s4, s2, pmfb16, imfb2, jitb16 or lightningxl1, or the network's sizes. */
  config: string | Record<string, number | boolean>;
  batch?: number;
  passes?: number;
}

export interface BenchResult {
  name: string;
  parameters: number;
  batch: number;
  passes: number;
  device: string;
  /** Why the GPU did not compute, where it was asked for; else empty. */
  deviceNote: string;
  threads: number;
  note: string;
  best_ms: number;
  median_ms: number;
  gmac_per_s: number;
  /** SHA-256 of the output, the same on every device. */
  output: string;
  /** Of a pass; none where the GPU computed, which runs them while others are issued. */
  operations: { name: string; calls: number; ms: number; share: number; gmac_per_s: number }[];
}

/**
 * A model in a worker of its own. Calls are answered one after the other. A signal
 * that is aborted rejects with its reason; a call after dispose() with an AbortError.
 */
export class Sampler {
  private constructor();

  /**
   * Loads a model.
   * @throws {DownloadError} where the file can't be had
   * @throws {ModelError} where the file is not what it should be
   * @throws {MemoryError} where it is too large for this device
   */
  static load(options?: LoadOptions): Promise<Sampler>;

  /**
   * The models that there are: those of a host's list, those of `models` and those that are kept on this device, of which
   * kept is set. Each is what load takes. A list is the address of a JSON file with an array of Models, whose url is relative to it.
   * @throws {DownloadError} where the list can't be had
   * @throws {RequestError} where it is none
   */
  static models(options?: { list?: string | URL }): Promise<(Model & { name: string; url?: string })[]>;

  /** Deletes what is kept of a model; one that is being loaded, also in another tab, throws a BusyError. */
  static remove(model: Model): Promise<void>;

  /** Measures a network, without a model. onProgress is called after each pass. */
  static bench(request: BenchRequest, options?: EngineOptions & { onProgress?(passes: { done: number; total: number }): void }): Promise<BenchResult>;

  readonly info: Info;
  readonly classes: readonly string[];
  /** Bytes that the worker has taken for the model and its work, at most. */
  readonly memory: number;

  /**
   * Makes images, and shows them after each step, with states where they are asked for (they double what is sent). Leaving the loop cancels.
   * @throws {RequestError}
   */
  sample(request: Request, options?: { signal?: AbortSignal; states?: boolean }): AsyncGenerator<Step | ({ type: "result" } & Result), void, void>;

  /**
   * Makes images. onStep is shown each step, with states where they are asked for (they double what is sent).
   * @throws {RequestError}
   */
  generate(request: Request, options?: { signal?: AbortSignal; onStep?(step: Step): void; states?: boolean }): Promise<Result>;

  /** Reads a prompt in the model's words, for who shows which count. */
  read(text: string, options?: { signal?: AbortSignal }): Promise<Said>;

  /** The modulation that a request leads to, for its classes. */
  inspect(request: Request, options?: { signal?: AbortSignal }): Promise<Modulation>;

  /** Ends the worker and frees its memory. Calls that are not answered are rejected with an AbortError. */
  dispose(): void;
}

/** A wrong request, or option. */
export class RequestError extends Error {
  /** Name of the field, such as "steps" or "classes[1].weight". */
  readonly field: string;
}

/** A file that is no model, or is damaged. */
export class ModelError extends Error {}

/** A model that is too large for the memory of this device, as far as the browser tells; thrown before the download. */
export class MemoryError extends Error {}

/** A file that can't be downloaded. */
export class DownloadError extends Error {
  readonly url: string;
  /** HTTP status, where the server answered. */
  readonly status?: number;
}

/** How the images of a PNG of ours, or of the command line, were made. */
export function readMetadata(png: Blob): Promise<Metadata>;
