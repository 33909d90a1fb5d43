#include "linear.h"
#include "pairs.h"
#include "quantize.h"

// The int8 product multiplies blocks of rows and outputs with Winograd's form of
// Strassen's algorithm (S. Winograd, On multiplication of 2×2 matrices, 1971): the
// quarters of a block are its first and last rows, outputs and inputs, and seven
// products of sums of quarters take the place of eight. In integers that is exact,
// also where a sum wraps around.
//
//	A, rows:                        B, outputs:                     products
//	s1 = a21+a22   s2 = s1-a11      t1 = b12-b11   t2 = b22-t1      p1 = a11·b11  p2 = a12·b21
//	s3 = a11-a21   s4 = a12-s2      t3 = b22-b12   t4 = t2-b21      p3 = s4·b22   p4 = a22·t4
//	                                                                p5 = s1·t1    p6 = s2·t2   p7 = s3·t3
//	u2 = p1+p6   u3 = u2+p7
//	c11 = p1+p2   c12 = u2+p5+p3   c21 = u3-p4   c22 = u3+p5
//
// The factors, of up to ±508, lie as streams in this order,
// a11 a12 s2 s3 s1 a22 s4 and b11 b21 t2 t3 t1 -t4 b22. A stream of four rows has for
// each pair of inputs (k, k+1) of the four; one of weights of eight outputs. Rows that
// fill no block follow: by four, all inputs, the last four filled up with anything.
//
// A second level would do with seven eighths of the products again, but with streams
// of twice the size it gained nothing.

enum { SPLIT = 4, STREAMS = 7, TILE = ROWS * PANEL, BLOCK_ROWS = 2 * ROWS, BLOCK_OUT = 2 * PANEL }; // SPLIT: what inputs are filled up to a multiple of

EXPORT(packed_i8) // bytes that pack_i8 writes to
int packed_i8(int in, int out) { return up(out, BLOCK_OUT) * up(in, SPLIT); }

EXPORT(quantized) // bytes that quantize writes to
int quantized(int rows, int in) {
	return 2 * up(in, SPLIT) * (rows / BLOCK_ROWS * STREAMS * ROWS / 2 + up(rows % BLOCK_ROWS, ROWS));
}

EXPORT(scratch_i8) // bytes that linear_i8 needs for each thread
int scratch_i8(int in) { return 2 * STREAMS * PANEL * up(in, SPLIT) / 2; }

// pack_i8 packs weights in panels; for each pair of inputs 16 bytes, (k, k+1) of a
// panel's outputs.
EXPORT(pack_i8)
void pack_i8(int8_t *dst, const int8_t *w, int first, int rows, int in) {
	int width = up(in, SPLIT);
	for (int j = first; j < first + rows; j++) {
		const int8_t *row = w + (j - first) * in;
		int8_t *panel = dst + (j / PANEL) * width * PANEL + (j % PANEL) * 2;
		int k = 0;
		for (; k + 16 <= in; k += 16) {
			v128_t v = LD(row + k);
			int8_t *to = panel + 8 * k;
			wasm_v128_store16_lane(to, v, 0);
			wasm_v128_store16_lane(to + 16, v, 1);
			wasm_v128_store16_lane(to + 32, v, 2);
			wasm_v128_store16_lane(to + 48, v, 3);
			wasm_v128_store16_lane(to + 64, v, 4);
			wasm_v128_store16_lane(to + 80, v, 5);
			wasm_v128_store16_lane(to + 96, v, 6);
			wasm_v128_store16_lane(to + 112, v, 7);
		}
		for (; k < in; k++) panel[(k / 2) * 16 + k % 2] = row[k];
	}
}

// factors of four quarters, in the order of their streams.
INLINE void factors_a(v128_t s[7], v128_t a11, v128_t a12, v128_t a21, v128_t a22) {
	v128_t s1 = wasm_i16x8_add(a21, a22), s2 = wasm_i16x8_sub(s1, a11);
	s[0] = a11, s[1] = a12, s[2] = s2, s[3] = wasm_i16x8_sub(a11, a21), s[4] = s1, s[5] = a22, s[6] = wasm_i16x8_sub(a12, s2);
}
INLINE void factors_b(v128_t t[7], v128_t b11, v128_t b12, v128_t b21, v128_t b22) {
	v128_t t1 = wasm_i16x8_sub(b12, b11), t2 = wasm_i16x8_sub(b22, t1);
	t[0] = b11, t[1] = b21, t[2] = t2, t[3] = wasm_i16x8_sub(b22, b12), t[4] = t1, t[5] = wasm_i16x8_sub(b21, t2), t[6] = b22;
}

// spread writes the factors to streams that are n apart.
INLINE void spread(int16_t *dst, int n, const v128_t f[7]) {
	for (int m = 0; m < 7; m++) ST(dst + m * n, f[m]);
}

// Four rows of four values, as two vectors of pairs (k, k+1) of each row.
INLINE void four_rows(v128_t to[2], const float *x, int in, int n, const f32x4 inv[4]) {
	v128_t a = wasm_i16x8_narrow_i32x4(rounded(x, n, inv[0]), rounded(x + in, n, inv[1]));
	v128_t b = wasm_i16x8_narrow_i32x4(rounded(x + 2 * in, n, inv[2]), rounded(x + 3 * in, n, inv[3]));
	to[0] = wasm_i32x4_shuffle(a, b, 0, 2, 4, 6);
	to[1] = wasm_i32x4_shuffle(a, b, 1, 3, 5, 7);
}

static void quantize_part(const void *args, int part, int thread) {
	(void)thread;
	quantize_args a = *(const quantize_args *)args;
	int in = a.in, width = up(in, SPLIT), half = width / 2, whole = a.rows / BLOCK_ROWS * BLOCK_ROWS;
	int r = part * QUANTIZE_ROWS, end = r + QUANTIZE_ROWS < a.rows ? r + QUANTIZE_ROWS : a.rows;
	for (; r + BLOCK_ROWS <= end; r += BLOCK_ROWS) {
		const float *x = a.x + r * in;
		int16_t *dst = (int16_t *)a.q + r / BLOCK_ROWS * STREAMS * ROWS * half;
		f32x4 inv[BLOCK_ROWS];
		for (int i = 0; i < BLOCK_ROWS; i++) inv[i] = inverse(x + i * in, in, a.scale + r + i);
		for (int k = 0; k < half; k += 4) {
			v128_t a11[2], a12[2], a21[2], a22[2], f[7];
			four_rows(a11, x + k, in, in - k, inv);
			four_rows(a12, x + half + k, in, in - half - k, inv);
			four_rows(a21, x + ROWS * in + k, in, in - k, inv + ROWS);
			four_rows(a22, x + ROWS * in + half + k, in, in - half - k, inv + ROWS);
			for (int i = 0; i < 2 && k + 2 * i < half; i++, dst += 8) {
				factors_a(f, a11[i], a12[i], a21[i], a22[i]);
				spread(dst, half * ROWS, f);
			}
		}
	}
	for (; r < end; r++) {
		const float *x = a.x + r * in;
		int16_t *dst = (int16_t *)a.q + whole / BLOCK_ROWS * STREAMS * ROWS * half + (r - whole) / ROWS * ROWS * width + r % ROWS * 2;
		f32x4 inv = inverse(x, in, a.scale + r);
		for (int k = 0; k < width; k += 4, dst += 16) {
			v128_t v = rounded(x + k, in - k, inv);
			v = wasm_i16x8_narrow_i32x4(v, v);
			wasm_v128_store32_lane(dst, v, 0);
			wasm_v128_store32_lane(dst + 8, v, 1);
		}
	}
}

// quantize turns rows of x into int16 values of up to ±127 and a scale each:
// compute.QuantizeRow.
EXPORT(quantize)
void quantize(int16_t *q, float *scale, const float *x, int rows, int in) {
	quantize_rows(quantize_part, q, scale, x, rows, in);
}

INLINE void put(int32_t *c, const v128_t acc[8]) { EIGHT(ST(c + 4 * i, acc[i])) }

// narrow_product computes c = q·w over n inputs of packed weights.
static __attribute__((noinline)) void narrow_product(int32_t *c, const int16_t *q, const int8_t *w, int n) {
	v128_t acc[8];
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	const int8_t *end = w + n * PANEL;
#pragma clang loop unroll(disable)
	for (; w < end; w += 16, q += 8) STEP(acc, q, wasm_i16x8_load8x8(w), wasm_i16x8_load8x8(w + 8));
	put(c, acc);
}

// block computes c = q·w, two by two tiles, from streams of n inputs: c[0] is the first
// panel's. Sums that are needed later wait in memory: an engine has too few registers
// for more than acc.
static __attribute__((noinline)) void block(int32_t c[2][2][TILE], const int16_t *q, const int16_t *w, int n) {
	v128_t acc[8];
	int32_t p1[TILE], u2[TILE], u3[TILE];
	int a = n * ROWS, b = n * PANEL;
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	dot(acc, q, w, n);
	put(p1, acc);
	dot(acc, q + a, w + b, n);
	put(c[0][0], acc);
	EIGHT(acc[i] = LD(p1 + 4 * i))
	dot(acc, q + 2 * a, w + 2 * b, n);
	put(u2, acc);
	dot(acc, q + 3 * a, w + 3 * b, n);
	put(u3, acc);
	dot(acc, q + 5 * a, w + 5 * b, n);
	put(c[0][1], acc);
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	dot(acc, q + 4 * a, w + 4 * b, n);
	EIGHT(ST(c[1][1] + 4 * i, wasm_i32x4_add(acc[i], LD(u3 + 4 * i))))
	EIGHT(acc[i] = wasm_i32x4_add(acc[i], LD(u2 + 4 * i)))
	dot(acc, q + 6 * a, w + 6 * b, n);
	put(c[1][0], acc);
}

void linear_i8_part(const void *args, int part, int thread) {
	const linear_args own = *(const linear_args *)args, *a = &own; // the other lies beside what its thread writes
	int width = up(a->in, SPLIT), half = width / 2;
	int16_t *wide = (int16_t *)(a->scratch + thread * scratch_i8(a->in));
	int32_t c[2][2][TILE];
	area p = part_area(a, part);
	for (int j = p.j; j < p.out_end; j += BLOCK_OUT) {
		const int8_t *w = (const int8_t *)a->w + j * width, *next = w + width * PANEL; // two panels
		int r = p.r, n = half * PANEL;
		const int16_t *q = (const int16_t *)a->x + r / BLOCK_ROWS * STREAMS * ROWS * half;
		for (int k = 0; r + BLOCK_ROWS <= p.row_end && k < n; k += 8) {
			v128_t f[7];
			factors_b(f, wasm_i16x8_load8x8(w + k), wasm_i16x8_load8x8(next + k), wasm_i16x8_load8x8(w + n + k), wasm_i16x8_load8x8(next + n + k));
			spread(wide + k, n, f);
		}
		for (; r + BLOCK_ROWS <= p.row_end; r += BLOCK_ROWS, q += STREAMS * ROWS * half) {
			block(c, q, wide, half);
			for (int i = 0; i < 2 && j + i * PANEL < a->out; i++) finish_i8(a, c[i][0], BLOCK_ROWS, r, j + i * PANEL);
		}
		for (; r < p.row_end; r += ROWS, q += ROWS * width) {
			for (int i = 0; i < 2 && j + i * PANEL < a->out; i++) {
				narrow_product(c[0][0], q, w + i * width * PANEL, width);
				finish_i8(a, c[0][0], ROWS, r, j + i * PANEL);
			}
		}
	}
}
