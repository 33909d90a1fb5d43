// CRC-32C (RFC 3720) of bytes at a multiple of four, eight at a time (M. Kounavis, F. Berry, A systematic approach to building high
// performance, software-based, CRC generators, 2005): a number from 0.
const tables = Array.from({ length: 8 }, () => new Int32Array(256));
for (let i = 0; i < 256; i++) {
  let c = i;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? c >>> 1 ^ 0x82f63b78 : c >>> 1;
  tables[0][i] = c;
}
for (let i = 0; i < 256; i++) for (let k = 1; k < 8; k++) tables[k][i] = tables[k - 1][i] >>> 8 ^ tables[0][tables[k - 1][i] & 255];
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;

export function crc32c(bytes) {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3 << 1);
  let c = -1;
  for (let i = 0; i < words.length; i += 2) {
    const a = words[i] ^ c, b = words[i + 1];
    c = t7[a & 255] ^ t6[a >>> 8 & 255] ^ t5[a >>> 16 & 255] ^ t4[a >>> 24] ^ t3[b & 255] ^ t2[b >>> 8 & 255] ^ t1[b >>> 16 & 255] ^ t0[b >>> 24];
  }
  for (let i = words.length * 4; i < bytes.length; i++) c = t0[(c ^ bytes[i]) & 255] ^ c >>> 8;
  return ~c >>> 0;
}
