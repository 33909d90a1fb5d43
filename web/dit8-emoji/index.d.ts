import type { Model } from "dit8";

/** The model of emoji. Importing it makes it the one that Sampler.load takes where it is told no other. */
declare const emoji: Model & { name: string; url: string; sha256: string; bytes: number };
export default emoji;
