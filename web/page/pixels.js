// Pixels as an edit has them: bytes in base64.
export const base64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));

// rgb is the bytes of an image without its alpha.
export const rgb = ({ data }) => data.filter((_, i) => i % 4 < 3);

// luma is its brightness (ITU-R BT.601), as core.Luma.
export const luma = ({ data }) => Uint8Array.from({ length: data.length / 4 }, (_, i) => Math.floor((299 * data[4 * i] + 587 * data[4 * i + 1] + 114 * data[4 * i + 2] + 500) / 1000));
