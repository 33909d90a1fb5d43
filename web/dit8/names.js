// isCheckpoint tells files of weights, or of what lists them, by their names.
export const isCheckpoint = (name) => /\.(safetensors|pt|pth|ckpt|bin|index(\.\w+)?\.json)$/i.test(name);
