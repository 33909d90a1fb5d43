/**
 * Turns checkpoints into .dit8 models, in a worker of the page: `quantize`, the repository's tool, compiled to WebAssembly,
 * with the same messages and, from the same files, the same bytes. Nothing is uploaded. The program (`convert.wasm`) is
 * fetched when `convert` is first called.
 */

/** A file and where it stands beside the others, as `transformer/config.json`. */
export interface Entry { path: string; file: Blob }

/** What `convert` takes for granted unless it is told: the flags of `quantize`, which `quantize -h` explains. */
export interface ConvertOptions {
  /** The path of the checkpoint among the files: of a file, an index of shards, or a folder. Default: the only one, or the one that is not named like an autoencoder. */
  checkpoint?: string;
  /** The path of the latents' autoencoder, a file or folder. Default: what is named like one (vae, taesd, autoencoder), or the folder vae of a pipeline. */
  vae?: string;
  vaeConfig?: string;
  /** A TAESD of the same latents, for the pictures on the way. */
  preview?: string;
  /** int8 (the default), f16 or f32. */
  type?: "int8" | "f16" | "f32";
  /** As `final_layer.*=f32`: tensors that are stored otherwise. */
  keep?: string | string[];
  compress?: "small" | "fast";
  /** Which weights of a training checkpoint, as `ema`. */
  weights?: string;
  ignore?: string | string[];
  noNullClass?: boolean;
  numerics?: "diffusers" | "official";
  /** The path of a file of class names, or `imagenet`. */
  labels?: string;
  /** The path of a file of words and styles. */
  vocabulary?: string;
  /** The path of a config.json; default: the one beside the checkpoint. */
  config?: string;
  numHeads?: number;
  /** The official model's name, as `DiT-XL/2`. */
  model?: string;
  family?: string;
  convention?: "ours" | "sit" | "dit";
  guidedChannels?: number;
  name?: string;
  license?: string;
  source?: string;
  /** Defaults for sampling. */
  steps?: number;
  guidance?: number;
  /** More flags of `quantize`, as on a command line: `["-num-heads", "6"]`. */
  flags?: string[];
  /** How far it is: `part` from 0 to 1 and what it is at, or a note. */
  onProgress?: (event: { part: number; what: string } | { note: string }) => void;
  /** Ends it; nothing is left behind. The promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface Converted {
  name: string;
  /** The model: give it to `Sampler.load`, or save it. */
  file: Blob;
  sha256: string;
  bytes: number;
  /** What the file holds, in a line. */
  summary: string;
  /** What was chosen and assumed. */
  notes: string[];
  /** Under which it is kept in this browser, among `Sampler.models()`; none where nothing can be kept. */
  id?: string;
  /** Bytes of the program's memory, at most. */
  memory: number;
}

/** What is wrong with the files, or with the options, in the words of `quantize`. */
export class ConvertError extends Error {
  name: "ConvertError";
  notes: string[];
}

/**
 * Makes a model of a checkpoint: a .pt, .safetensors or .bin file, shards with their index, or a folder, as of diffusers.
 * @param files A file, those of an `<input>` (also with `webkitdirectory`), or files with paths.
 */
export function convert(files: Blob | Iterable<Blob | Entry>, options?: ConvertOptions): Promise<Converted>;
