/**
 * dit8 in Node, 20 or later: what "dit8" has, in a thread with as many helpers as there are cores, and the same pixels. A model
 * is a path, a file: URL or an address; nothing is kept on the device. Images are plain objects with ImageData's data, width and
 * height. A program ends when it has nothing else to do, also without dispose().
 */
export * from "./sampler.js";
