#include "kernels.h"
#include "run.h"

// Packed weights lie in panels of eight outputs; the last panel is filled up with
// zeros. int8: an even number of panels; for each pair of inputs 16 bytes,
// (k, k+1) of outputs 0 to 7. float32: for each input the weights of eight outputs.

EXPORT(pack_i8)
void pack_i8(int8_t *dst, const int8_t *w, int first, int rows, int in) {
	int width = up(in, 4);
	for (int j = first; j < first + rows; j++) {
		const int8_t *row = w + (j - first) * in;
		int8_t *panel = dst + (j / PANEL) * width * PANEL + (j % PANEL) * 2;
		for (int k = 0; k < in; k++) panel[(k / 2) * 16 + k % 2] = row[k];
	}
}

EXPORT(pack_f32)
void pack_f32(float *dst, const float *w, int first, int rows, int in) {
	for (int j = first; j < first + rows; j++) {
		const float *row = w + (j - first) * in;
		float *panel = dst + (j / PANEL) * in * PANEL + j % PANEL;
		for (int k = 0; k < in; k++) panel[k * PANEL] = row[k];
	}
}

// The int8 product multiplies blocks of eight rows and sixteen outputs as two by two
// quarters, the first four and the last four rows, the first and the last eight
// outputs, the first and the second half of the inputs, with Winograd's form of
// Strassen's algorithm (S. Winograd, On multiplication of 2×2 matrices, 1971): seven
// products in place of eight. In integers that is exact.
//
//	A, rows:                        B, outputs:                     products
//	s1 = a21+a22   s2 = s1-a11      t1 = b12-b11   t2 = b22-t1      p1 = a11·b11  p2 = a12·b21
//	s3 = a11-a21   s4 = a12-s2      t3 = b22-b12   t4 = t2-b21      p3 = s4·b22   p4 = a22·t4
//	                                                                p5 = s1·t1    p6 = s2·t2   p7 = s3·t3
//	u2 = p1+p6   u3 = u2+p7
//	c11 = p1+p2   c12 = u2+p5+p3   c21 = u3-p4   c22 = u3+p5
//
// The factors, of up to ±508, lie as streams in the order in which block uses them,
// a11 a12 s2 s3 s1 s4 a22 and b11 b21 t2 t3 t1 b22 -t4. A stream of four rows has
// for each pair of inputs (k, k+1) of the four; one of weights of eight outputs.
// Rows that fill no block follow: by four, all inputs, the last four filled up with
// anything.
//
// width is the number of inputs, filled up to a multiple of four with zeros.
typedef struct {
	int16_t *q;
	float *scale;
	const float *x;
	int rows, in;
} quantize_args;

// inverse returns 127 over the largest of n values and stores the row's scale.
INLINE f32x4 inverse(const float *x, int n, float *scale) {
	f32x4 m = SPLAT(0.0f);
	for (int k = 0; k < n; k += 4) m = wasm_f32x4_pmax(m, wasm_f32x4_abs(load_some(x + k, n - k)));
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 2, 3, 0, 1));
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 1, 0, 3, 2));
	float top = wasm_f32x4_extract_lane(m, 0);
	int small = !(top >= 1e-30f);
	*scale = small ? 0 : top / 127;
	return SPLAT(small ? 0 : 127 / top);
}

// rounded gives n values from p·inv. |x|·(127/top) is below 127.5, so the contract's
// clamp has nothing to do.
INLINE v128_t rounded(const float *p, int n, f32x4 inv) {
	return wasm_i32x4_sub(ADD(MUL(n > 0 ? load_some(p, n) : SPLAT(0.0f), inv), SPLAT(ROUND)), SPLAT(ROUND));
}

enum { QUANTIZE_ROWS = 16 }; // of a part

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
	int in = a.in, width = up(in, 4), half = width / 2;
	int r = part * QUANTIZE_ROWS, end = r + QUANTIZE_ROWS < a.rows ? r + QUANTIZE_ROWS : a.rows;
	for (; r + 8 <= end; r += 8) {
		const float *x = a.x + r * in;
		int16_t *dst = a.q + r / 8 * 14 * width;
		f32x4 inv[8];
		for (int i = 0; i < 8; i++) inv[i] = inverse(x + i * in, in, a.scale + r + i);
		for (int k = 0; k < half; k += 4, dst += 16) {
			v128_t a11[2], a12[2], a21[2], a22[2];
			four_rows(a11, x + k, in, in - k, inv);
			four_rows(a12, x + half + k, in, in - half - k, inv);
			four_rows(a21, x + 4 * in + k, in, in - k, inv + 4);
			four_rows(a22, x + 4 * in + half + k, in, in - half - k, inv + 4);
			for (int i = 0; i < 2 && k + 2 * i < half; i++) {
				v128_t s1 = wasm_i16x8_add(a21[i], a22[i]), s2 = wasm_i16x8_sub(s1, a11[i]);
				v128_t s[7] = {a11[i], a12[i], s2, wasm_i16x8_sub(a11[i], a21[i]), s1, wasm_i16x8_sub(a12[i], s2), a22[i]};
				for (int m = 0; m < 7; m++) ST(dst + m * 4 * half + 8 * i, s[m]);
			}
		}
	}
	for (; r < end; r++) {
		const float *x = a.x + r * in;
		int16_t *dst = a.q + a.rows / 8 * 14 * width + (r % 8) / 4 * 4 * width + r % 4 * 2;
		f32x4 inv = inverse(x, in, a.scale + r);
		for (int k = 0; k < in; k += 4, dst += 16) {
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
	quantize_args a = {q, scale, x, rows, in};
	run(quantize_part, &a, up(rows, QUANTIZE_ROWS) / QUANTIZE_ROWS);
}

typedef struct {
	float *dst;
	const void *x; // int16 or float32 rows
	const float *s;
	int rows;
	const void *w; // int8 or float32 panels
	const float *ws, *b;
	int in, out, act;
	per_group gate;
	int16_t *wide; // with int8, a widened panel for each thread
} linear_args;

enum { SOME = 8 * 16 }; // values that are finished at a time

static __attribute__((noinline)) void gelu(float *y, int n) { // compute.GELU
	float r[SOME], power[SOME];
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) {
		f32x4 x = LD(y + i), x3 = MUL(MUL(x, x), x), p;
		f32x4 u = MUL(SPLAT(0.7978845608028654f), ADD(x, MUL(SPLAT(0.044715f), x3)));
		ST(r + i, exp_reduce(MUL(SPLAT(-2.0f), u), &p));
		ST(power + i, p);
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(y + i, DIV(LD(y + i), ADD(SPLAT(1.0f), exp_finish(LD(r + i), LD(power + i)))));
}

static __attribute__((noinline)) void silu(float *y, int n) { // compute.SiLU
	for (int i = 0; i < n; i += 4) {
		f32x4 x = LD(y + i), p, r = exp_reduce(wasm_f32x4_neg(x), &p);
		ST(y + i, DIV(x, ADD(SPLAT(1.0f), exp_finish(r, p))));
	}
}

// finish writes rows of y, stride apart, to outputs from j on: act, or gate and residual.
static __attribute__((noinline)) void finish(const linear_args *args, float *y, int stride, int r, int rows, int j) {
	linear_args a = *args;
	if (a.act == GELU) gelu(y, rows * stride);
	if (a.act == SILU) silu(y, rows * stride);
	int n = a.out - j < stride ? a.out - j : stride;
	for (int i = 0; i < rows; i++, y += stride) {
		float *dst = a.dst + (r + i) * a.out + j;
		const float *gate = a.act == GATE ? vector(a.gate, r + i) + j : 0;
		for (int k = 0; k < n; k += 4) {
			f32x4 v = LD(y + k);
			if (gate) v = ADD(load_some(dst + k, n - k), MUL(load_some(gate + k, n - k), v));
			store_some(dst + k, v, n - k);
		}
	}
}

enum { PART_PANELS = 4 }; // of a part: threads seldom write to the same cache line

// linear runs part over all panels.
INLINE void linear(part *f, const linear_args *a) { run(f, a, up(a->out, PANEL * PART_PANELS) / (PANEL * PART_PANELS)); }

// PANELS is a loop over the panels of a part: j is the first output.
#define PANELS(a, part, j) \
	for (int j = (part)*PART_PANELS * PANEL; j < (a).out && j < ((part) + 1) * PART_PANELS * PANEL; j += PANEL)

// dot adds the products of four rows and eight outputs over n inputs to acc.
INLINE void dot(v128_t acc[8], const int16_t **q, const int16_t **w, int n) {
	const int16_t *a = *q, *b = *w, *end = b + n * PANEL;
#pragma clang loop unroll(disable)
	for (; b < end; b += 16, a += 8) {
		v128_t w0 = LD(b), w1 = LD(b + 8);
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			v128_t v = wasm_v128_load32_splat(a + 2 * i);
			acc[2 * i] = wasm_i32x4_add(acc[2 * i], wasm_i32x4_dot_i16x8(v, w0));
			acc[2 * i + 1] = wasm_i32x4_add(acc[2 * i + 1], wasm_i32x4_dot_i16x8(v, w1));
		}
	}
	*q = a;
	*w = b;
}

#define EIGHT(...) \
	_Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i++) { __VA_ARGS__; }

// put stores four rows and eight columns of c [8, 16].
INLINE void put(int32_t *c, const v128_t acc[8]) { EIGHT(ST(c + i / 2 * 16 + i % 2 * 4, acc[i])) }

// block computes the sums c [8, 16] from the streams of eight rows and sixteen outputs.
static __attribute__((noinline)) void block(int32_t *c, const int16_t *q, const int16_t *w, int half) {
	v128_t acc[8], p1[8], u2[8], u3[8], p5[8];
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	dot(acc, &q, &w, half);
	EIGHT(p1[i] = acc[i])
	dot(acc, &q, &w, half);
	put(c, acc);
	EIGHT(acc[i] = p1[i])
	dot(acc, &q, &w, half);
	EIGHT(u2[i] = acc[i])
	dot(acc, &q, &w, half);
	EIGHT(u3[i] = acc[i])
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	dot(acc, &q, &w, half);
	EIGHT(p5[i] = acc[i])
	EIGHT(acc[i] = wasm_i32x4_add(u3[i], p5[i]))
	put(c + 4 * 16 + 8, acc);
	EIGHT(acc[i] = wasm_i32x4_add(u2[i], p5[i]))
	dot(acc, &q, &w, half);
	put(c + 8, acc);
	EIGHT(acc[i] = u3[i])
	dot(acc, &q, &w, half);
	put(c + 4 * 16, acc);
}

// tile computes four rows and eight columns of c from all inputs of a panel.
static __attribute__((noinline)) void tile(int32_t *c, const int16_t *q, const int8_t *w, int width) {
	v128_t acc[8];
	EIGHT(acc[i] = wasm_i32x4_const_splat(0))
	const int8_t *end = w + width * PANEL;
#pragma clang loop unroll(disable)
	for (; w < end; w += 16, q += 8) {
		v128_t w0 = wasm_i16x8_load8x8(w), w1 = wasm_i16x8_load8x8(w + 8);
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			v128_t v = wasm_v128_load32_splat(q + 2 * i);
			acc[2 * i] = wasm_i32x4_add(acc[2 * i], wasm_i32x4_dot_i16x8(v, w0));
			acc[2 * i + 1] = wasm_i32x4_add(acc[2 * i + 1], wasm_i32x4_dot_i16x8(v, w1));
		}
	}
	put(c, acc);
}

// epilogue of rows sums of up to sixteen outputs.
static void epilogue_i8(const linear_args *args, int32_t *c, int r, int rows, int j) {
	linear_args a = *args;
	f32x4 ws[4], b[4];
	for (int k = 0; k < 4; k++) {
		ws[k] = LD(a.ws + j + 4 * k);
		b[k] = LD(a.b + j + 4 * k);
	}
	for (int i = 0; i < rows; i++) {
		f32x4 s = SPLAT(a.s[r + i]);
#pragma clang loop unroll(full)
		for (int k = 0; k < 4; k++) {
			int32_t *p = c + i * 16 + 4 * k;
			ST(p, ADD(MUL(wasm_f32x4_convert_i32x4(LD(p)), MUL(s, ws[k])), b[k]));
		}
	}
	finish(args, (float *)c, 16, r, rows, j);
}

// widen writes the seven streams of two panels.
static void widen(int16_t *dst, const int8_t *w, int half) {
	int width = 2 * half, n = half * PANEL;
	for (int k = 0; k < n; k += 8) {
		const int8_t *p = w + k;
		v128_t b11 = wasm_i16x8_load8x8(p), b21 = wasm_i16x8_load8x8(p + n);
		v128_t b12 = wasm_i16x8_load8x8(p + width * PANEL), b22 = wasm_i16x8_load8x8(p + width * PANEL + n);
		v128_t t1 = wasm_i16x8_sub(b12, b11), t2 = wasm_i16x8_sub(b22, t1);
		v128_t t[7] = {b11, b21, t2, wasm_i16x8_sub(b22, b12), t1, b22, wasm_i16x8_sub(b21, t2)};
		for (int m = 0; m < 7; m++) ST(dst + m * n + k, t[m]);
	}
}

static void linear_i8_part(const void *args, int part, int thread) {
	const linear_args *a = args;
	int width = up(a->in, 4);
	int16_t *wide = a->wide + thread * 28 * width;
	int32_t c[8 * 16];
	for (int j = part * PART_PANELS * PANEL; j < a->out && j < (part + 1) * PART_PANELS * PANEL; j += 2 * PANEL) {
		const int8_t *w = (const int8_t *)a->w + j * width;
		const int16_t *q = a->x;
		int r = 0;
		if (a->rows >= 8) widen(wide, w, width / 2);
		for (; r + 8 <= a->rows; r += 8, q += 14 * width) {
			block(c, q, wide, width / 2);
			epilogue_i8(a, c, r, 8, j);
		}
		for (; r < a->rows; r += 4, q += 4 * width) {
			tile(c, q, w, width);
			tile(c + 8, q, w + width * PANEL, width);
			epilogue_i8(a, c, r, a->rows - r < 4 ? a->rows - r : 4, j);
		}
	}
}

// linear_i8 computes rows of dst = epilogue(q·Wᵀ·scales + b). ws and b are filled
// up to sixteen outputs. wide has room for seven streams of weights, of sixteen
// outputs by two, for each thread: 28 int16 for every input.
EXPORT(linear_i8)
void linear_i8(float *dst, const int16_t *q, const float *s, int rows, const int8_t *w, const float *ws, const float *b, int in, int out,
               int act, const float *gate, int gate_stride, int gate_rows, int16_t *wide) {
	linear_args a = {dst, q, s, rows, w, ws, b, in, out, act, {gate, gate_stride, gate_rows}, wide};
	linear(linear_i8_part, &a);
}

INLINE void tile_f32(int R, const linear_args *a, const float *w, int row, int j) {
	const float *x = (const float *)a->x + row * a->in;
	f32x4 acc[4][2];
	for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
#pragma clang loop unroll(disable)
	for (int k = 0; k < a->in; k++, w += PANEL) {
		f32x4 w0 = LD(w), w1 = LD(w + 4);
#pragma clang loop unroll(full)
		for (int r = 0; r < R; r++) {
			f32x4 v = wasm_v128_load32_splat(x + r * a->in + k);
			acc[r][0] = ADD(acc[r][0], MUL(v, w0));
			acc[r][1] = ADD(acc[r][1], MUL(v, w1));
		}
	}
	float y[4 * PANEL];
#pragma clang loop unroll(full)
	for (int r = 0; r < R; r++) {
		ST(y + r * PANEL, ADD(acc[r][0], LD(a->b + j)));
		ST(y + r * PANEL + 4, ADD(acc[r][1], LD(a->b + j + 4)));
	}
	finish(a, y, PANEL, row, R, j);
}

static void linear_f32_part(const void *args, int part, int thread) {
	(void)thread;
	const linear_args *a = args;
	PANELS(*a, part, j) {
		const float *w = (const float *)a->w + j * a->in;
		int r = 0;
		for (; r + 4 <= a->rows; r += 4) tile_f32(4, a, w, r, j);
		for (; r < a->rows; r++) tile_f32(1, a, w, r, j);
	}
}

EXPORT(linear_f32)
void linear_f32(float *dst, const float *x, int rows, const float *w, const float *b, int in, int out, int act, const float *gate,
                int gate_stride, int gate_rows) {
	linear_args a = {dst, x, 0, rows, w, 0, b, in, out, act, {gate, gate_stride, gate_rows}, 0};
	linear(linear_f32_part, &a);
}
