// What can go wrong with a model's file.

export class DownloadError extends Error {
  name = "DownloadError";
  constructor(message, url, status) { super(message); Object.assign(this, { url, status }); }
}

export class ModelError extends Error {
  name = "ModelError";
}

export class MemoryError extends Error {
  name = "MemoryError";
}
