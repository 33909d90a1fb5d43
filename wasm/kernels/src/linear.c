#include "kernels.h"
#include "run.h"

// Packed weights lie in panels of eight outputs; the last panel is filled up with
// zeros. int8: for each pair of inputs 16 bytes, (k, k+1) of outputs 0 to 7.
// float32: for each input the weights of eight outputs.

EXPORT(pack_i8)
void pack_i8(int8_t *dst, const int8_t *w, int first, int rows, int in) {
	int pairs = up(in, 2) / 2;
	for (int j = first; j < first + rows; j++) {
		const int8_t *row = w + (j - first) * in;
		int8_t *panel = dst + (j / PANEL) * pairs * 16 + (j % PANEL) * 2;
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

// Rows of int16 activations are interleaved by four, pair by pair: value k of row
// r is at q[r/4·4·width + k/2·8 + r%4·2 + k%2], width being up(in, 2). So the
// product reads one stream. Rows up to the next multiple of four may hold anything.
typedef struct {
	int16_t *q;
	float *scale;
	const float *x;
	int rows, in;
} quantize_args;

enum { QUANTIZE_ROWS = 16 }; // of a part

static void quantize_part(const void *args, int part, int thread) {
	(void)thread;
	quantize_args a = *(const quantize_args *)args;
	int width = up(a.in, 2), r = part * QUANTIZE_ROWS, end = r + QUANTIZE_ROWS < a.rows ? r + QUANTIZE_ROWS : a.rows;
	for (; r < end; r++) {
		const float *x = a.x + r * a.in;
		int16_t *dst = a.q + r / 4 * 4 * width + r % 4 * 2;
		f32x4 m = SPLAT(0.0f);
		for (int k = 0; k < a.in; k += 4) m = wasm_f32x4_pmax(m, wasm_f32x4_abs(load_some(x + k, a.in - k)));
		m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 2, 3, 0, 1));
		m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 1, 0, 3, 2));
		float top = wasm_f32x4_extract_lane(m, 0);
		int small = !(top >= 1e-30f);
		f32x4 inv = SPLAT(small ? 0 : 127 / top);
		for (int k = 0; k < a.in; k += 4, dst += 16) {
			// |x|·(127/top) is below 127.5, so the contract's clamp has nothing to do.
			v128_t v = ADD(MUL(load_some(x + k, a.in - k), inv), SPLAT(ROUND));
			v = wasm_i32x4_sub(v, SPLAT(ROUND));
			v = wasm_i16x8_narrow_i32x4(v, v);
			wasm_v128_store32_lane(dst, v, 0);
			if (k + 2 < a.in) wasm_v128_store32_lane(dst + 8, v, 1);
		}
		a.scale[r] = small ? 0 : top / 127;
	}
}

// quantize turns rows of x into int16 values of up to ±127 and a scale each:
// compute.QuantizeRow.
EXPORT(quantize)
void quantize(int16_t *q, float *scale, const float *x, int rows, int in) {
	quantize_args a = {q, scale, x, rows, in};
	run(quantize_part, &a, up(rows, QUANTIZE_ROWS) / QUANTIZE_ROWS);
}

// finish writes the two vectors of one row and panel: act, or gate and residual.
INLINE void finish(float *dst, f32x4 y0, f32x4 y1, int n, int act, const float *gate) {
	if (act == GELU) {
		y0 = gelu4(y0);
		y1 = gelu4(y1);
	} else if (act == SILU) {
		y0 = silu4(y0);
		y1 = silu4(y1);
	} else if (act == GATE) {
		y0 = ADD(load_some(dst, n), MUL(load_some(gate, n), y0));
		if (n > 4) y1 = ADD(load_some(dst + 4, n - 4), MUL(load_some(gate + 4, n - 4), y1));
	}
	store_some(dst, y0, n);
	if (n > 4) store_some(dst + 4, y1, n - 4);
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

enum { PART_PANELS = 4 }; // of a part: threads seldom write to the same cache line

// linear runs part over all panels.
INLINE void linear(part *f, const linear_args *a) { run(f, a, up(a->out, PANEL * PART_PANELS) / (PANEL * PART_PANELS)); }

// PANELS is a loop over the panels of a part: j is the first output.
#define PANELS(a, part, j) \
	for (int j = (part)*PART_PANELS * PANEL; j < (a).out && j < ((part) + 1) * PART_PANELS * PANEL; j += PANEL)

// panel_i8 computes one panel of outputs from weights widened to int16.
static __attribute__((noinline)) void panel_i8(const linear_args *args, const int16_t *w, int j) {
	linear_args a = *args;
	int width = up(a.in, 2), n = a.out - j;
	const int16_t *q = a.x, *end = w + width * PANEL;
	f32x4 ws0 = LD(a.ws + j), ws1 = LD(a.ws + j + 4), b0 = LD(a.b + j), b1 = LD(a.b + j + 4);
	for (int r = 0; r < a.rows; r += 4) {
		v128_t acc[4][2];
		for (int i = 0; i < 4; i++) acc[i][0] = acc[i][1] = wasm_i32x4_const_splat(0);
#pragma clang loop unroll(disable)
		for (const int16_t *p = w; p < end; p += 16, q += 8) {
			v128_t w0 = LD(p), w1 = LD(p + 8);
#pragma clang loop unroll(full)
			for (int i = 0; i < 4; i++) {
				v128_t v = wasm_v128_load32_splat(q + 2 * i);
				acc[i][0] = wasm_i32x4_add(acc[i][0], wasm_i32x4_dot_i16x8(v, w0));
				acc[i][1] = wasm_i32x4_add(acc[i][1], wasm_i32x4_dot_i16x8(v, w1));
			}
		}
		f32x4 y[4][2];
#pragma clang loop unroll(full)
		for (int i = 0; i < 4; i++) {
			f32x4 s = SPLAT(a.s[r + i < a.rows ? r + i : r]);
			y[i][0] = ADD(MUL(wasm_f32x4_convert_i32x4(acc[i][0]), MUL(s, ws0)), b0);
			y[i][1] = ADD(MUL(wasm_f32x4_convert_i32x4(acc[i][1]), MUL(s, ws1)), b1);
		}
		for (int i = 0; i < 4 && r + i < a.rows; i++)
			finish(a.dst + (r + i) * a.out + j, y[i][0], y[i][1], n, a.act, a.act == GATE ? vector(a.gate, r + i) + j : 0);
	}
}

static void linear_i8_part(const void *args, int part, int thread) {
	const linear_args *a = args;
	int width = up(a->in, 2);
	int16_t *wide = a->wide + thread * width * PANEL;
	PANELS(*a, part, j) {
		const int8_t *w = (const int8_t *)a->w + j * width;
		for (int k = 0; k < width * PANEL; k += 8) ST(wide + k, wasm_i16x8_load8x8(w + k));
		panel_i8(a, wide, j);
	}
}

// linear_i8 computes rows of dst = epilogue(q·Wᵀ·scales + b). ws and b are filled
// up to whole panels. wide has room for a panel of int16 weights for each thread.
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
#pragma clang loop unroll(full)
	for (int r = 0; r < R; r++)
		finish(a->dst + (row + r) * a->out + j, ADD(acc[r][0], LD(a->b + j)), ADD(acc[r][1], LD(a->b + j + 4)), a->out - j, a->act,
		       a->act == GATE ? vector(a->gate, row + r) + j : 0);
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
