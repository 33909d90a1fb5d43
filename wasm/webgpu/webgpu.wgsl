// The operations of compute.Device in WGSL, to the bits of core/compute's numeric contract.
//
// Compilers may fuse, reorder and approximate floats. So every product and every sum passes
// keep(): an exclusive or with a zero that is known only when the shader runs, which they can't see
// through. Division, square root and int-to-float are done in integers, as WGSL leaves their last bits
// open. Processors may take what is smaller than a normal float for zero: where such values can come up in
// a network, exactMul and exactAdd work in integers too.
// Offsets and strides are in values of 4 bytes.

@group(0) @binding(7) var<uniform> zero: vec4u;
fn keep(t: f32) -> f32 { return bitcast<f32>(bitcast<u32>(t) ^ zero.x); }
fn keep4(t: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(t) ^ vec4u(zero.x)); }
fn magnitude(t: f32) -> u32 { return bitcast<u32>(t) & 0x7fffffffu; }

fn mul(a: f32, b: f32) -> f32 { return keep(a * b); }
fn add(a: f32, b: f32) -> f32 { return keep(a + b); }

fn exactMul(a: f32, b: f32) -> f32 {
  let r = mul(a, b);
  if (magnitude(r) > 0x800000u || magnitude(a) == 0u || magnitude(b) == 0u) { return r; }
  return smallProduct(a, b);
}

// Only sums of two values below 2⁻¹⁰¹ can show that one was taken for zero.
fn exactAdd(a: f32, b: f32) -> f32 {
  if (max(magnitude(a), magnitude(b)) >= 0xd000000u) { return add(a, b); }
  return down(add(up(a), up(b)));
}

// up is t·2⁶⁴ for a t below 2⁻¹⁰⁰, down undoes it.
fn up(t: f32) -> f32 {
  let b = bitcast<u32>(t);
  if (magnitude(t) >= 0x800000u) { return bitcast<f32>(b + (64u << 23u)); }
  return bitcast<f32>(bitcast<u32>(f32(magnitude(t)) * 0x1p-85) | (b & 0x80000000u));
}
fn down(t: f32) -> f32 {
  let b = bitcast<u32>(t);
  if (magnitude(t) >= 65u << 23u) { return bitcast<f32>(b - (64u << 23u)); }
  return bitcast<f32>(u32(abs(t) * 0x1p85) | (b & 0x80000000u));
}

// parts are a value's mantissa, with its leading bit at 2²³, and its exponent.
struct Parts { m: u32, e: i32 }
fn parts(t: f32) -> Parts {
  let e = i32(magnitude(t) >> 23u);
  let m = bitcast<u32>(t) & 0x7fffffu;
  if (e > 0) { return Parts(m | 0x800000u, e); }
  let shift = countLeadingZeros(m) - 8u; // subnormal
  return Parts(m << shift, 1 - i32(shift));
}

// smallProduct is a·b of values that are not zero, by long multiplication.
fn smallProduct(a: f32, b: f32) -> f32 {
  let pa = parts(a);
  let pb = parts(b);
  let sign = (bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u;
  // The product has 47 or 48 bits: low 24, and the rest.
  let a0 = pa.m & 0xfffu;
  let a1 = pa.m >> 12u;
  let b0 = pb.m & 0xfffu;
  let b1 = pb.m >> 12u;
  let low = a0 * b0 + (((a0 * b1 + a1 * b0) & 0xfffu) << 12u);
  var n = a1 * b1 + ((a0 * b1 + a1 * b0) >> 12u) + (low >> 24u);
  var rest = low & 0xffffffu;
  var e = pa.e + pb.e - 126;
  if (n < 0x800000u) { n = (n << 1u) | (rest >> 23u); rest = (rest << 1u) & 0xffffffu; e = e - 1; }
  n = (n << 1u) | (rest >> 23u);
  return assemble(sign, e, n, (rest & 0x7fffffu) != 0u);
}

// Operands: what an operation writes, some of them read it too, and what it reads.
@group(0) @binding(1) var<storage, read_write> dst: array<f32>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>; // dst, where it holds integers as well
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<u32>; // x, in integers
@group(0) @binding(3) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> wq: array<u32>; // w, in integers
@group(0) @binding(4) var<storage, read> u: array<f32>;

// ---- arithmetic

// divide is a/b, correctly rounded, for a normal b above zero. The mantissas' quotient is estimated and
// then corrected by its remainder, an integer.
fn divide(a: f32, b: f32) -> f32 {
  let ua = bitcast<u32>(a);
  let ub = bitcast<u32>(b);
  let sign = ua & 0x80000000u;
  if ((ua & 0x7fffffffu) == 0u || (ua & 0x7f800000u) == 0x7f800000u) { return a; }
  let pa = parts(a);
  var ma = pa.m;
  let mb = (ub & 0x7fffffu) | 0x800000u;
  var e = pa.e - i32((ub >> 23u) & 255u) + 127;
  if (ma < mb) { ma = ma << 1u; e = e - 1; }
  // n = floor(ma·2²⁴/mb) has 25 bits: 24 and one to round by.
  let f = clamp(f32(ma) / f32(mb), 1.0, 1.99999988);
  var n = ((bitcast<u32>(f) & 0x7fffffu) << 1u) | 0x1000000u;
  var r = bitcast<i32>((ma << 24u) - n * mb); // small, so that it is right though the products wrap
  for (var i = 0; i < 32 && r < 0; i++) { n = n - 1u; r = r + i32(mb); }
  for (var i = 0; i < 32 && r >= i32(mb); i++) { n = n + 1u; r = r - i32(mb); }
  return assemble(sign, e, n, r != 0);
}

// assemble rounds n, which has 25 bits, to the 24 of a float, ties to even; sticky says that there is
// more below.
fn assemble(sign: u32, e: i32, n: u32, sticky: bool) -> f32 {
  if (e >= 255) { return bitcast<f32>(sign | 0x7f800000u); }
  var drop = 1u;
  if (e <= 0) { drop = u32(min(2 - e, 27)); } // the result is subnormal
  let rest = n & ((1u << drop) - 1u);
  let half = 1u << (drop - 1u);
  var m = n >> drop;
  if (rest > half || (rest == half && (sticky || (m & 1u) == 1u))) { m = m + 1u; }
  // A carry out of the mantissa counts the exponent up, as it should.
  if (e <= 0) { return bitcast<f32>(sign | m); }
  return bitcast<f32>(sign | ((u32(e - 1) << 23u) + m));
}

// root is √a, correctly rounded, of a positive normal a: digit by digit.
fn root(a: f32) -> f32 {
  let ua = bitcast<u32>(a);
  var e = i32(ua >> 23u) - 127;
  var m = (ua & 0x7fffffu) | 0x800000u;
  if ((e & 1) != 0) { m = m << 1u; e = e - 1; }
  var n = 0u; // floor(√(m·2²⁵))
  var r = 0u;
  for (var i = 0; i < 25; i++) {
    let at = 23 - 2 * i; // of the radicand's next two bits in m
    var two = 0u;
    if (at >= 0) { two = (m >> u32(at)) & 3u; } else if (at == -1) { two = (m << 1u) & 3u; }
    r = (r << 2u) | two;
    let t = (n << 2u) | 1u;
    n = n << 1u;
    if (r >= t) { r = r - t; n = n | 1u; }
  }
  return assemble(0u, e / 2 + 127, n, r != 0u);
}

// float is n to the nearest float, ties to even.
fn float(n: i32) -> f32 {
  let high = n >> 12u;
  return add(mul(f32(high), 4096.0), f32(n - (high << 12u)));
}

// exponential is compute.Exp.
fn exponential(argument: f32) -> f32 {
  let t = clamp(argument, -87.0, 88.0);
  let n = round(mul(t, 1.44269504088896341));
  var r = add(t, -mul(n, 0.693359375));
  r = add(r, -mul(n, -2.12194440e-4));
  var p = 1.9875691500e-4f;
  p = add(mul(p, r), 1.3981999507e-3);
  p = add(mul(p, r), 8.3334519073e-3);
  p = add(mul(p, r), 4.1665795894e-2);
  p = add(mul(p, r), 1.6666665459e-1);
  p = add(mul(p, r), 5.0000001201e-1);
  p = add(mul(p, mul(r, r)), r);
  p = add(p, 1.0);
  return mul(p, bitcast<f32>(u32(i32(n) + 127) << 23u));
}

fn silu(t: f32) -> f32 { return divide(t, add(1.0, exponential(-t))); }

fn gelu(t: f32) -> f32 {
  let cube = mul(mul(t, t), t);
  let s = mul(0.7978845608028654, add(t, mul(0.044715, cube)));
  return divide(t, add(1.0, exponential(mul(-2.0, s))));
}

fn fastGELU(t: f32) -> f32 {
  var a = t;
  var relu = t;
  if (!(t > 0.0)) { a = -t; relu = 0.0; }
  var s = add(4.5, -a);
  if (!(s > 0.0)) { s = 0.0; }
  let s2 = mul(s, s);
  let s4 = mul(s2, s2);
  var p = add(mul(6.731011e-8, s2), -6.656136e-6);
  p = add(mul(p, s), 2.6406511e-5);
  p = add(mul(p, s4), 1.5827673e-4);
  return add(relu, -mul(a, mul(p, s4)));
}

// quantised is compute.QuantizeRow's step for one value.
fn quantised(t: f32, by: f32) -> i32 { return i32(clamp(round(mul(t, by)), -127.0, 127.0)); }

fn pack(a: vec4i) -> u32 {
  let b = bitcast<vec4u>(a) & vec4u(255u);
  return b.x | (b.y << 8u) | (b.z << 16u) | (b.w << 24u);
}
fn unpack(a: u32) -> vec4i { return bitcast<vec4i>(vec4u(a << 24u, a << 16u, a << 8u, a)) >> vec4u(24u); }
fn byHand(a: u32, b: u32) -> i32 {
  let s = unpack(a) * unpack(b);
  return s.x + s.y + s.z + s.w;
}
// dot is a product of four int8s with four. webgpu.js puts the builtin here where it is there and faster.
fn dot4(a: u32, b: u32) -> i32 { return byHand(a, b); }

fn dots(a: u32, b: vec4u) -> vec4i { return vec4i(dot4(a, b.x), dot4(a, b.y), dot4(a, b.z), dot4(a, b.w)); }

const lanes = 64u; // threads of a workgroup, everywhere
// number is a workgroup's where there may be more of them than a dimension has.
fn number(group: vec3u) -> u32 { return group.x + group.y * 65535u; }
const least = 1e-30f; // compute.MinAbsMax

var<workgroup> shares: array<f32, 64>;
// largest is the largest of the lanes' values.
fn largest(lane: u32, t: f32) -> f32 {
  shares[lane] = t;
  workgroupBarrier();
  for (var s = 32u; s > 0u; s >>= 1u) {
    if (lane < s) { shares[lane] = max(shares[lane], shares[lane + s]); }
    workgroupBarrier();
  }
  let m = shares[0];
  workgroupBarrier();
  return m;
}
// folded is compute.FoldSum of the sixteen partial sums that the lanes of a team have: 16 lanes.
fn folded(lane: u32, t: f32) -> f32 {
  let l = lane & 15u;
  shares[lane] = t;
  workgroupBarrier();
  for (var s = 8u; s > 0u; s >>= 1u) {
    if (l < s) { shares[lane] = add(shares[lane], shares[lane + s]); }
    workgroupBarrier();
  }
  let sum = shares[lane & 48u];
  workgroupBarrier();
  return sum;
}

// ---- linear layers

// quantize: rows of x to words of four int8s, perRow of them, and their scales.
struct Quantize { rows: u32, x: u32, n: u32, perRow: u32, scales: u32 }
@group(0) @binding(0) var<uniform> quantizing: Quantize;
@compute @workgroup_size(64) fn quantize(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = quantizing;
  let row = number(group);
  if (row >= p.rows) { return; }
  let at = p.x + row * p.n;
  var m = 0.0;
  for (var i = lane; i < p.n; i += lanes) { m = max(m, abs(x[at + i])); }
  m = largest(lane, m);
  var by = 0.0;
  var scale = 0.0;
  if (m >= least) { by = divide(127.0, m); scale = divide(m, 127.0); }
  if (lane == 0u) { words[p.scales + row] = bitcast<u32>(scale); }
  for (var j = lane; j < p.perRow; j += lanes) {
    var four = vec4i();
    for (var i = 0u; i < 4u; i++) {
      if (4u * j + i < p.n) { four[i] = quantised(x[at + 4u * j + i], by); }
    }
    words[row * p.perRow + j] = pack(four);
  }
}

// What a layer does with its sums, Go's epilogue.
struct Linear {
  rows: u32, columns: u32, inner: u32, // inner: words or values of a row
  dst: u32, x: u32, scales: u32, // scales: of x
  params: u32, // in w: the layer's scales, where it is int8, and biases, each columns values
  act: u32, other: u32, stride: u32, perGroup: u32, first: u32, // first row of this dispatch
}
@group(0) @binding(0) var<uniform> linear: Linear;

const tile = 32u; // rows and columns that a workgroup computes; a thread 4×4 of them
const pitch = 9u; // of a tile's rows of 8 in workgroup memory, for the banks' sake
var<workgroup> left: array<u32, 288>;
var<workgroup> right: array<u32, 288>;

fn finish(sum: f32, row: u32, column: u32, int8: bool) {
  let p = linear;
  let at = p.dst + row * p.columns + column;
  switch p.act {
    case 1u: { dst[at] = select(gelu(sum), fastGELU(sum), int8); }
    case 2u: { dst[at] = silu(sum); }
    case 3u: { dst[at] = add(dst[at], mul(u[p.other + row / p.perGroup * p.stride + column], sum)); } // gate
    case 4u: { dst[at] = add(sum, u[p.other + row % p.perGroup * p.stride + column]); } // position
    case 5u: { dst[at] = exactMul(u[p.other + row * p.stride + column], sum); } // product
    default: { dst[at] = sum; }
  }
}

// linearI8: q [rows, inner] and the layer's wq [columns, inner], whose rows are filled up to whole tiles.
@compute @workgroup_size(8, 8) fn linearI8(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = linear;
  let row0 = p.first + group.y * tile;
  let column0 = group.x * tile;
  var acc = array<vec4i, 4>();
  for (var t = 0u; t < p.inner; t += 8u) {
    for (var i = lane; i < 256u; i += lanes) {
      left[i / 8u * pitch + i % 8u] = q[(row0 + i / 8u) * p.inner + t + i % 8u];
      right[i / 8u * pitch + i % 8u] = wq[(column0 + i / 8u) * p.inner + t + i % 8u];
    }
    workgroupBarrier();
    for (var j = 0u; j < 8u; j++) {
      let b = at.x * pitch + j;
      let a = at.y * pitch + j;
      let bs = vec4u(right[b], right[b + 8u * pitch], right[b + 16u * pitch], right[b + 24u * pitch]);
      acc[0] += dots(left[a], bs);
      acc[1] += dots(left[a + 8u * pitch], bs);
      acc[2] += dots(left[a + 16u * pitch], bs);
      acc[3] += dots(left[a + 24u * pitch], bs);
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = row0 + at.y + 8u * r;
      let column = column0 + at.x + 8u * c;
      if (row < p.rows && column < p.columns) {
        let scale = mul(bitcast<f32>(q[p.scales + row]), bitcast<f32>(wq[p.params + column]));
        finish(add(mul(float(acc[r][c]), scale), bitcast<f32>(wq[p.params + p.columns + column])), row, column, true);
      }
    }
  }
}

// linearF32: x [rows, inner] and w [columns, inner]. Zeros behind the last input change no bit of a sum.
@compute @workgroup_size(8, 8) fn linearF32(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = linear;
  let row0 = p.first + group.y * tile;
  let column0 = group.x * tile;
  var acc = array<vec4f, 4>();
  for (var t = 0u; t < p.inner; t += 8u) {
    for (var i = lane; i < 256u; i += lanes) {
      let row = row0 + i / 8u;
      let column = column0 + i / 8u;
      let k = t + i % 8u;
      var a = 0.0;
      var b = 0.0;
      if (row < p.rows && k < p.inner) { a = x[p.x + row * p.inner + k]; }
      if (column < p.columns && k < p.inner) { b = w[column * p.inner + k]; }
      left[i / 8u * pitch + i % 8u] = bitcast<u32>(a);
      right[i / 8u * pitch + i % 8u] = bitcast<u32>(b);
    }
    workgroupBarrier();
    for (var j = 0u; j < 8u; j++) {
      let b = at.x * pitch + j;
      let a = at.y * pitch + j;
      let bs = bitcast<vec4f>(vec4u(right[b], right[b + 8u * pitch], right[b + 16u * pitch], right[b + 24u * pitch]));
      acc[0] = keep4(acc[0] + keep4(bitcast<f32>(left[a]) * bs));
      acc[1] = keep4(acc[1] + keep4(bitcast<f32>(left[a + 8u * pitch]) * bs));
      acc[2] = keep4(acc[2] + keep4(bitcast<f32>(left[a + 16u * pitch]) * bs));
      acc[3] = keep4(acc[3] + keep4(bitcast<f32>(left[a + 24u * pitch]) * bs));
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = row0 + at.y + 8u * r;
      let column = column0 + at.x + 8u * c;
      if (row < p.rows && column < p.columns) { finish(add(acc[r][c], w[p.params + column]), row, column, false); }
    }
  }
}

// ---- norms: teams of 16 lanes, each with a row

fn mean(lane: u32, at: u32, n: u32) -> f32 {
  var s = 0.0;
  for (var i = lane & 15u; i < n; i += 16u) { s = add(s, x[at + i]); }
  return divide(folded(lane, s), f32(n));
}

struct Norm {
  rows: u32, n: u32, kind: u32, dst: u32, x: u32,
  shift: u32, shiftStride: u32, shiftRows: u32, scale: u32, scaleStride: u32, scaleRows: u32,
}
@group(0) @binding(0) var<uniform> norming: Norm;
// norm: x·(1 + scale) + shift, of w and u, behind a layer norm (kind 0) or an RMS norm.
@compute @workgroup_size(64) fn norm(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = norming;
  let row = 4u * number(group) + lane / 16u;
  let at = p.x + min(row, p.rows - 1u) * p.n;
  var middle = 0.0;
  if (p.kind == 0u) { middle = mean(lane, at, p.n); }
  var s = 0.0;
  for (var i = lane & 15u; i < p.n; i += 16u) {
    let c = add(x[at + i], -middle);
    s = add(s, mul(c, c));
  }
  let by = divide(1.0, root(add(divide(folded(lane, s), f32(p.n)), 1e-6)));
  if (row >= p.rows) { return; }
  let shift = p.shift + row / p.shiftRows * p.shiftStride;
  let scale = p.scale + row / p.scaleRows * p.scaleStride;
  for (var i = lane & 15u; i < p.n; i += 16u) {
    let h = mul(add(x[at + i], -middle), by);
    dst[p.dst + row * p.n + i] = add(mul(h, add(1.0, u[scale + i])), w[shift + i]);
  }
}

struct Rotate { rows: u32, tokens: u32, heads: u32, n: u32, dst: u32, q: u32, k: u32, rope: u32, normed: u32 }
@group(0) @binding(0) var<uniform> rotating: Rotate;
// rotate: norms and turns the heads of queries and keys, in place. x are the turns, w and u the weights.
@compute @workgroup_size(64) fn rotate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = rotating;
  let all = 2u * p.heads * p.rows;
  let which = 4u * number(group) + lane / 16u;
  let i = min(which, all - 1u);
  let row = i / (2u * p.heads);
  let head = i % (2u * p.heads);
  let at = p.dst + 3u * row * p.heads * p.n + head * p.n;
  let turn = p.rope + row % p.tokens * p.n;
  var by = 1.0;
  if (p.normed != 0u) {
    var s = 0.0;
    for (var j = lane & 15u; j < p.n; j += 16u) { s = add(s, mul(dst[at + j], dst[at + j])); }
    by = divide(1.0, root(add(divide(folded(lane, s), f32(p.n)), 1e-6)));
  }
  storageBarrier();
  if (which >= all) { return; }
  for (var j = 2u * (lane & 15u); j < p.n; j += 32u) {
    var a = dst[at + j];
    var b = dst[at + j + 1u];
    if (p.normed != 0u) {
      if (head < p.heads) { a = mul(mul(a, by), w[p.q + j]); b = mul(mul(b, by), w[p.q + j + 1u]); }
      else { a = mul(mul(a, by), u[p.k + j]); b = mul(mul(b, by), u[p.k + j + 1u]); }
    }
    let cos = x[turn + j];
    let sin = x[turn + j + 1u];
    dst[at + j] = add(mul(a, cos), -mul(b, sin));
    dst[at + j + 1u] = add(mul(b, cos), mul(a, sin));
  }
}

// ---- patches

struct Image { values: u32, channels: u32, height: u32, width: u32, edge: u32, dst: u32, x: u32 }
@group(0) @binding(0) var<uniform> image: Image;
// place is where value i of the patches lies in the images. Vectors of a patch are (channel, row, column), or, with
// inner channels, (row, column, channel).
fn place(i: u32, inner: bool) -> u32 {
  let p = image;
  let each = p.channels * p.edge * p.edge;
  let across = p.width / p.edge;
  let tokens = p.height / p.edge * across;
  let token = i / each % tokens;
  let k = i % each;
  var c = k / (p.edge * p.edge);
  var dot = k % (p.edge * p.edge);
  if (inner) { c = k % p.channels; dot = k / p.channels; }
  let row = token / across * p.edge + dot / p.edge;
  let column = token % across * p.edge + dot % p.edge;
  return ((i / each / tokens * p.channels + c) * p.height + row) * p.width + column;
}
@compute @workgroup_size(64) fn patches(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = number(group) * lanes + lane;
  if (i < image.values) { dst[image.dst + i] = x[image.x + place(i, false)]; }
}
@compute @workgroup_size(64) fn unpatchify(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = number(group) * lanes + lane;
  if (i < image.values) { dst[image.dst + place(i, true)] = x[image.x + i]; }
}

// ---- convolutions: the norm of a picture x [height, width, channels], what a convolution sees of it, its products

// In scratch memory, beginning with values of rows and channels, or rows and groups, or channels:
struct Picture {
  height: u32, width: u32, channels: u32, groups: u32, // groups: 0 where there is no norm
  x: u32, dst: u32, kind: u32,
  means: u32, squares: u32, // of rows and groups, behind the sums, least and largest values of rows and channels
  affine: u32, // mean, scale, shift, bound and inverse of each channel, and the scale of the integers
  factors: u32, weight: u32, bias: u32, // factors: in w, where the convolution has integers; weight in x, bias in u
  inner: u32, // words of a pixel's channels
}
@group(0) @binding(0) var<uniform> picture: Picture;

// rowSums: Σ x of a row of pixels and a channel, its least and its largest value, or, of kind 1, Σ (x - mean)².
@compute @workgroup_size(64) fn rowSums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = picture;
  let all = p.height * p.channels;
  let i = number(group) * lanes + lane;
  if (i >= all) { return; }
  let c = i % p.channels;
  let y = i / p.channels;
  let at = p.x + y * p.width * p.channels + c;
  var s = 0.0;
  if (p.kind == 1u) {
    let middle = dst[p.means + y * p.groups + c * p.groups / p.channels];
    for (var t = 0u; t < p.width; t++) {
      let d = add(x[at + t * p.channels], -middle);
      s = add(s, mul(d, d));
    }
    dst[i] = s;
    return;
  }
  var low = x[at];
  var high = low;
  for (var t = 0u; t < p.width; t++) {
    let v = x[at + t * p.channels];
    s = add(s, v);
    low = min(low, v);
    high = max(high, v);
  }
  dst[i] = s;
  dst[all + i] = low;
  dst[2u * all + i] = high;
}

// groupSums: of the sums of a row's channels, over the number of values to means, or, of kind 1, as they are to squares.
@compute @workgroup_size(64) fn groupSums(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = picture;
  let i = number(group) * lanes + lane;
  if (i >= p.height * p.groups) { return; }
  let n = p.channels / p.groups;
  var s = 0.0;
  for (var c = 0u; c < n; c++) { s = add(s, dst[i * n + c]); }
  if (p.kind == 1u) { dst[p.squares + i] = s; } else { dst[p.means + i] = divide(s, float(i32(p.width * n))); }
}

var<private> partials: array<f32, 16>;
// foldedPartials is compute.FoldSum.
fn foldedPartials() -> f32 {
  for (var step = 8u; step > 0u; step >>= 1u) {
    for (var l = 0u; l < step; l++) { partials[l] = add(partials[l], partials[l + step]); }
  }
  return partials[0];
}
fn normed(t: f32, at: u32) -> f32 { return add(mul(add(t, -dst[at]), dst[at + picture.channels]), dst[at + 2u * picture.channels]); }

// affine: what the norm does to a channel, compute.GroupSums.Affine, and how large what a convolution sees of it can be,
// compute.Ranges.
@compute @workgroup_size(64) fn affine(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = picture;
  let c = group.x * lanes + lane;
  if (c >= p.channels) { return; }
  let at = p.affine + c;
  if (p.groups > 0u) {
    let g = c * p.groups / p.channels;
    let n = p.channels / p.groups;
    partials = array<f32, 16>();
    for (var y = 0u; y < p.height; y++) { partials[y & 15u] = add(partials[y & 15u], dst[p.means + y * p.groups + g]); }
    let middle = divide(foldedPartials(), float(i32(p.height)));
    partials = array<f32, 16>();
    let per = float(i32(p.width * n));
    for (var y = 0u; y < p.height; y++) {
      let e = add(dst[p.means + y * p.groups + g], -middle);
      partials[y & 15u] = add(partials[y & 15u], add(dst[p.squares + y * p.groups + g], mul(mul(e, e), per)));
    }
    let variance = divide(foldedPartials(), float(i32(p.height * p.width * n)));
    dst[at] = middle;
    dst[at + p.channels] = mul(divide(1.0, root(add(variance, 1e-6))), x[p.weight + c]);
    dst[at + 2u * p.channels] = u[p.bias + c];
  }
  if (p.kind == 0u) { return; } // no integers
  let all = p.height * p.channels;
  var low = dst[all + c];
  var high = dst[2u * all + c];
  for (var y = 1u; y < p.height; y++) {
    low = min(low, dst[all + y * p.channels + c]);
    high = max(high, dst[2u * all + y * p.channels + c]);
  }
  var bound = max(-low, high);
  if (p.groups > 0u) { bound = max(silu(max(normed(low, at), normed(high, at))), 0.2784646); }
  dst[at + 3u * p.channels] = mul(bound, w[p.factors + c]);
}

// rounding: compute.ConvScale, by one workgroup.
@compute @workgroup_size(64) fn rounding(@builtin(local_invocation_index) lane: u32) {
  let p = picture;
  var top = 0.0;
  for (var c = lane; c < p.channels; c += lanes) { top = max(top, dst[p.affine + 3u * p.channels + c]); }
  top = largest(lane, top);
  var scale = 0.0;
  var by = 0.0;
  if (top >= least) { scale = divide(top, 2047.0); by = divide(2047.0, top); }
  for (var c = lane; c < p.channels; c += lanes) { dst[p.affine + 4u * p.channels + c] = mul(by, w[p.factors + c]); }
  if (lane == 0u) { dst[p.affine + 5u * p.channels] = scale; }
}

// value is what a convolution sees of channel c of a pixel, or, of kind 1, what a norm makes of it. w has the statistics.
fn value(pixel: u32, c: u32) -> f32 {
  let p = picture;
  let v = x[p.x + pixel * p.channels + c];
  if (p.groups == 0u) { return v; }
  let at = p.affine + c;
  let n = add(mul(add(v, -w[at]), w[at + p.channels]), w[at + 2u * p.channels]);
  if (p.kind == 1u) { return n; }
  return silu(n);
}
// see: a picture behind its norm.
@compute @workgroup_size(64) fn see(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = picture;
  let i = number(group) * lanes + lane;
  if (i < p.height * p.width * p.channels) { dst[p.dst + i] = value(i / p.channels, i % p.channels); }
}
// seeI8: the same in integers of 12 bits, 128·h + l. A pixel is words of four h, then as many of four l.
@compute @workgroup_size(64) fn seeI8(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = picture;
  let i = number(group) * lanes + lane;
  let pixel = i / p.inner;
  let j = i % p.inner;
  if (pixel >= p.height * p.width) { return; }
  var four = vec4i();
  for (var k = 0u; k < 4u; k++) {
    let c = 4u * j + k;
    if (c < p.channels) { four[k] = i32(round(mul(value(pixel, c), w[p.affine + 4u * p.channels + c]))); }
  }
  let high = (four + vec4i(64)) >> vec4u(7u);
  words[2u * pixel * p.inner + j] = pack(high);
  words[(2u * pixel + 1u) * p.inner + j] = pack(four - (high << vec4u(7u)));
}

struct Conv {
  rows: u32, columns: u32, inner: u32, // rows: pixels of the result; inner: words or values of a pixel that is seen
  dst: u32, x: u32, scale: u32, // scale: in u, that of the integers that are seen
  params: u32, first: u32, // as Linear's
  across: u32, height: u32, width: u32, // across: the result's width; height and width of what is seen
  kernel: u32, stride: u32, pad: u32, up: u32, // up: 1 where a pixel stands for four
  flags: u32, // 1: ReLU, 2: adds what is there
}
@group(0) @binding(0) var<uniform> conv: Conv;

// tap is the pixel that a tap of the kernel sees, -1 outside of the picture.
fn tap(row: u32, i: u32) -> i32 {
  let p = conv;
  let y = i32(row / p.across * p.stride + i / p.kernel) - i32(p.pad);
  let t = i32(row % p.across * p.stride + i % p.kernel) - i32(p.pad);
  if (row >= p.rows || y < 0 || t < 0 || y >= i32(p.height) || t >= i32(p.width)) { return -1; }
  return i32((u32(y) >> p.up) * (p.width >> p.up) + (u32(t) >> p.up));
}

fn settle(sum: f32, row: u32, column: u32) {
  let p = conv;
  let at = p.dst + row * p.columns + column;
  var v = sum;
  if ((p.flags & 2u) != 0u) { v = add(v, dst[at]); }
  if ((p.flags & 1u) != 0u && !(v > 0.0)) { v = 0.0; }
  dst[at] = v;
}

var<workgroup> low: array<u32, 288>;
// convI8: q [pixels, 2, inner] and wq [columns, 9, inner], rows of both as in linearI8.
@compute @workgroup_size(8, 8) fn convI8(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = conv;
  let row0 = p.first + group.y * tile;
  let column0 = group.x * tile;
  var high = array<vec4i, 4>();
  var acc = array<vec4i, 4>();
  for (var k = 0u; k < 9u; k++) {
    for (var t = 0u; t < p.inner; t += 8u) {
      for (var i = lane; i < 256u; i += lanes) {
        let to = i / 8u * pitch + i % 8u;
        let pixel = tap(row0 + i / 8u, k);
        var h = 0u;
        var l = 0u;
        if (pixel >= 0) {
          let near = 2u * u32(pixel) * p.inner + t + i % 8u;
          h = q[near];
          l = q[near + p.inner];
        }
        left[to] = h;
        low[to] = l;
        right[to] = wq[((column0 + i / 8u) * 9u + k) * p.inner + t + i % 8u];
      }
      workgroupBarrier();
      for (var j = 0u; j < 8u; j++) {
        let b = at.x * pitch + j;
        let a = at.y * pitch + j;
        let bs = vec4u(right[b], right[b + 8u * pitch], right[b + 16u * pitch], right[b + 24u * pitch]);
        high[0] += dots(left[a], bs);
        high[1] += dots(left[a + 8u * pitch], bs);
        high[2] += dots(left[a + 16u * pitch], bs);
        high[3] += dots(left[a + 24u * pitch], bs);
        acc[0] += dots(low[a], bs);
        acc[1] += dots(low[a + 8u * pitch], bs);
        acc[2] += dots(low[a + 16u * pitch], bs);
        acc[3] += dots(low[a + 24u * pitch], bs);
      }
      workgroupBarrier();
    }
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = row0 + at.y + 8u * r;
      let column = column0 + at.x + 8u * c;
      if (row < p.rows && column < p.columns) {
        let scale = mul(u[p.scale], bitcast<f32>(wq[p.params + column]));
        settle(add(mul(float((high[r][c] << 7u) + acc[r][c]), scale), bitcast<f32>(wq[p.params + p.columns + column])), row, column);
      }
    }
  }
}

// convF32: x [pixels, inner] and w [columns, taps, inner].
@compute @workgroup_size(8, 8) fn convF32(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) at: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = conv;
  let row0 = p.first + group.y * tile;
  let column0 = group.x * tile;
  let taps = p.kernel * p.kernel;
  var acc = array<vec4f, 4>();
  for (var k = 0u; k < taps; k++) {
    for (var t = 0u; t < p.inner; t += 8u) {
      for (var i = lane; i < 256u; i += lanes) {
        let column = column0 + i / 8u;
        let c = t + i % 8u;
        let pixel = tap(row0 + i / 8u, k);
        var a = 0.0;
        var b = 0.0;
        if (pixel >= 0 && c < p.inner) { a = x[p.x + u32(pixel) * p.inner + c]; }
        if (column < p.columns && c < p.inner) { b = w[(column * taps + k) * p.inner + c]; }
        left[i / 8u * pitch + i % 8u] = bitcast<u32>(a);
        right[i / 8u * pitch + i % 8u] = bitcast<u32>(b);
      }
      workgroupBarrier();
      for (var j = 0u; j < 8u; j++) {
        let b = at.x * pitch + j;
        let a = at.y * pitch + j;
        let bs = bitcast<vec4f>(vec4u(right[b], right[b + 8u * pitch], right[b + 16u * pitch], right[b + 24u * pitch]));
        acc[0] = keep4(acc[0] + keep4(bitcast<f32>(left[a]) * bs));
        acc[1] = keep4(acc[1] + keep4(bitcast<f32>(left[a + 8u * pitch]) * bs));
        acc[2] = keep4(acc[2] + keep4(bitcast<f32>(left[a + 16u * pitch]) * bs));
        acc[3] = keep4(acc[3] + keep4(bitcast<f32>(left[a + 24u * pitch]) * bs));
      }
      workgroupBarrier();
    }
  }
  for (var r = 0u; r < 4u; r++) {
    for (var c = 0u; c < 4u; c++) {
      let row = row0 + at.y + 8u * r;
      let column = column0 + at.x + 8u * c;
      if (row < p.rows && column < p.columns) { settle(add(acc[r][c], w[p.params + column]), row, column); }
    }
  }
}

// ---- attention; group.y is a head of an image, all the heads of the first image first

struct Attention {
  tokens: u32, heads: u32, n: u32, words: u32, // n channels of a head, in so many words
  dst: u32, x: u32, scale: f32, fours: u32, // fours: of tokens
  // in scratch memory: integers and scales of queries, keys and values, and the means of keys
  q: u32, k: u32, v: u32, qs: u32, ks: u32, vs: u32, mean: u32,
  first: u32, // query of this dispatch
}
@group(0) @binding(0) var<uniform> attention: Attention;

// row is where the query of a token begins in x; keys and values follow, a width apart.
fn row(group: u32, token: u32) -> u32 {
  let p = attention;
  let width = p.heads * p.n;
  return p.x + (group / p.heads * p.tokens + token) * 3u * width + group % p.heads * p.n;
}

// columns: the mean of each channel of the keys, and the values in integers, four tokens to a word.
@compute @workgroup_size(64) fn columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = attention;
  let c = group.x * lanes + lane;
  if (c >= p.n) { return; }
  let width = p.heads * p.n;
  let at = row(group.y, 0u) + width + c;
  var s = 0.0;
  var m = 0.0;
  for (var t = 0u; t < p.tokens; t++) {
    s = add(s, x[at + 3u * width * t]);
    m = max(m, abs(x[at + 3u * width * t + width]));
  }
  words[p.mean + group.y * p.n + c] = bitcast<u32>(divide(s, f32(p.tokens)));
  var by = 0.0;
  var scale = 0.0;
  if (m >= least) { by = divide(127.0, m); scale = divide(m, 127.0); }
  words[p.vs + group.y * p.n + c] = bitcast<u32>(scale);
  for (var j = 0u; j < p.fours; j++) {
    var four = vec4i();
    for (var i = 0u; i < 4u; i++) {
      let t = 4u * j + i;
      if (t < p.tokens) { four[i] = quantised(x[at + 3u * width * t + width], by); }
    }
    words[p.v + (group.y * p.fours + j) * p.n + c] = pack(four);
  }
}

// heads: a token's query (group.z 0) or its key less the mean, in integers.
@compute @workgroup_size(64) fn heads(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = attention;
  let t = group.x * lanes + lane;
  if (t >= p.tokens) { return; }
  let key = group.z == 1u;
  let at = row(group.y, t) + group.z * p.heads * p.n;
  let middle = p.mean + group.y * p.n;
  var m = 0.0;
  for (var i = 0u; i < p.n; i++) {
    var a = x[at + i];
    if (key) { a = add(a, -bitcast<f32>(words[middle + i])); }
    m = max(m, abs(a));
  }
  var by = 0.0;
  var scale = 0.0;
  if (m >= least) { by = divide(127.0, m); scale = divide(m, 127.0); }
  let to = group.y * p.tokens + t;
  words[select(p.qs, p.ks, key) + to] = bitcast<u32>(scale);
  for (var j = 0u; j < p.words; j++) {
    var four = vec4i();
    for (var i = 0u; i < 4u; i++) {
      if (4u * j + i < p.n) {
        var a = x[at + 4u * j + i];
        if (key) { a = add(a, -bitcast<f32>(words[middle + 4u * j + i])); }
        four[i] = quantised(a, by);
      }
    }
    words[select(p.q, p.k, key) + to * p.words + j] = pack(four);
  }
}

const block = 1024u; // compute.AttentionBlock
var<workgroup> weights: array<u32, 1024>; // of a block's keys
var<workgroup> query: array<u32, 512>; // a query in words or values
var<workgroup> total: atomic<i32>;

fn mulRound(a: i32, b: i32) -> i32 { return (a * b + 16384) >> 15u; }
fn exp2Steps(d: i32) -> i32 {
  let f = (d & 4095) << 3u;
  var r = mulRound(f, -1272) + 7494;
  r = mulRound(f, r) - 22478;
  r = mulRound(f, r) + 32512;
  return mulRound(r, 16384 >> u32(d >> 12u));
}

// scoreI8 is s[j] of core/compute/attention.go.
fn scoreI8(group: u32, j: u32) -> f32 {
  let p = attention;
  let at = p.k + (group * p.tokens + j) * p.words;
  var acc = 0;
  for (var i = 0u; i < p.words; i++) { acc += dot4(query[i], q[at + i]); }
  return mul(float(acc), bitcast<f32>(q[p.ks + group * p.tokens + j]));
}

// attentionI8: a workgroup for each query, which makes the weights of a block of keys at a time.
@compute @workgroup_size(64) fn attentionI8(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = attention;
  let token = p.first + group.x;
  let to = group.y * p.tokens + token;
  for (var i = lane; i < p.words; i += lanes) { query[i] = q[p.q + to * p.words + i]; }
  if (lane == 0u) { atomicStore(&total, 0); }
  workgroupBarrier();
  var m = -3.4e38;
  for (var j = lane; j < p.tokens; j += lanes) { m = max(m, scoreI8(group.y, j)); }
  m = largest(lane, m);
  let c = mul(bitcast<f32>(q[p.qs + to]), p.scale);
  var sum = 0;
  var acc: array<f32, 8>; // of channels lane, lane + 64, …
  for (var b = 0u; b < p.tokens; b += block) {
    let n = min(block, p.tokens - b);
    for (var j = lane; j < (n + 3u) / 4u * 4u; j += lanes) {
      var weight = 0;
      if (j < n) {
        let d = mul(add(m, -scoreI8(group.y, b + j)), c);
        weight = exp2Steps(i32(select(65535.0, round(d), d < 65535.0)));
      }
      weights[j] = u32(weight);
      sum += weight;
    }
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let channel = lane + k * lanes;
      if (channel < p.n) {
        var s = 0;
        for (var j = 0u; j < n; j += 4u) {
          let four = unpack(q[p.v + (group.y * p.fours + (b + j) / 4u) * p.n + channel]);
          let weight = vec4i(i32(weights[j]), i32(weights[j + 1u]), i32(weights[j + 2u]), i32(weights[j + 3u]));
          let part = four * weight;
          s += part.x + part.y + part.z + part.w;
        }
        acc[k] = select(add(acc[k], float(s)), float(s), b == 0u);
      }
    }
    workgroupBarrier();
  }
  atomicAdd(&total, sum);
  workgroupBarrier();
  let by = divide(1.0, float(atomicLoad(&total)));
  let width = p.heads * p.n;
  let at = p.dst + (group.y / p.heads * p.tokens + token) * width + group.y % p.heads * p.n;
  for (var k = 0u; k < 8u; k++) {
    let channel = lane + k * lanes;
    if (channel < p.n) { dst[at + channel] = mul(acc[k], mul(bitcast<f32>(q[p.vs + group.y * p.n + channel]), by)); }
  }
}

fn scoreF32(group: u32, j: u32) -> f32 {
  let p = attention;
  let at = row(group, j) + p.heads * p.n;
  var s = 0.0;
  for (var i = 0u; i < p.n; i++) { s = add(s, mul(bitcast<f32>(query[i]), x[at + i])); }
  return s;
}

// attentionF32 is the same in float32: exponentials of a block at a time, summed in sixteen parts.
@compute @workgroup_size(64) fn attentionF32(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let p = attention;
  let token = p.first + group.x;
  let own = row(group.y, token);
  for (var i = lane; i < p.n; i += lanes) { query[i] = bitcast<u32>(mul(x[own + i], p.scale)); }
  workgroupBarrier();
  var m = -3.4e38;
  for (var j = lane; j < p.tokens; j += lanes) { m = max(m, scoreF32(group.y, j)); }
  m = largest(lane, m);
  let width = p.heads * p.n;
  var sum = 0.0; // a partial sum, of the first 16 lanes
  var acc: array<f32, 8>;
  for (var b = 0u; b < p.tokens; b += block) {
    let n = min(block, p.tokens - b);
    for (var j = lane; j < n; j += lanes) { weights[j] = bitcast<u32>(exponential(add(scoreF32(group.y, b + j), -m))); }
    workgroupBarrier();
    if (lane < 16u) {
      for (var j = lane; j < n; j += 16u) { sum = add(sum, bitcast<f32>(weights[j])); }
    }
    for (var k = 0u; k < 8u; k++) {
      let channel = lane + k * lanes;
      if (channel < p.n) {
        let at = row(group.y, b) + 2u * width + channel;
        for (var j = 0u; j < n; j++) { acc[k] = exactAdd(acc[k], exactMul(bitcast<f32>(weights[j]), x[at + 3u * width * j])); }
      }
    }
    workgroupBarrier();
  }
  shares[lane] = sum;
  workgroupBarrier();
  for (var s = 8u; s > 0u; s >>= 1u) {
    if (lane < s) { shares[lane] = add(shares[lane], shares[lane + s]); }
    workgroupBarrier();
  }
  let by = divide(1.0, shares[0]);
  let at = p.dst + (group.y / p.heads * p.tokens + token) * width + group.y % p.heads * p.n;
  for (var k = 0u; k < 8u; k++) {
    let channel = lane + k * lanes;
    if (channel < p.n) { dst[at + channel] = exactMul(acc[k], by); }
  }
}
