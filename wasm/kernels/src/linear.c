#include "kernels.h"

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

// quantize turns rows of x into int16 values of up to ±127 and a scale each:
// compute.QuantizeRow. Four rows are interleaved, pair by pair: value k of row r is
// at q[r/4·4·width + k/2·8 + r%4·2 + k%2], width being up(in, 2). So the product
// reads one stream.
EXPORT(quantize)
void quantize(int16_t *q, float *scale, const float *x, int rows, int in) {
	int width = up(in, 2);
	for (int r = 0; r < rows; r++, x += in) {
		int16_t *dst = q + r / 4 * 4 * width + r % 4 * 2;
		f32x4 m = SPLAT(0.0f);
		for (int k = 0; k < in; k += 4) m = wasm_f32x4_max(m, wasm_f32x4_abs(load_some(x + k, in - k)));
		m = wasm_f32x4_max(m, wasm_i32x4_shuffle(m, m, 2, 3, 0, 1));
		m = wasm_f32x4_max(m, wasm_i32x4_shuffle(m, m, 1, 0, 3, 2));
		float a = wasm_f32x4_extract_lane(m, 0);
		int small = !(a >= 1e-30f);
		f32x4 inv = SPLAT(small ? 0 : 127 / a), lo = SPLAT(-127.0f), hi = SPLAT(127.0f);
		for (int k = 0; k < in; k += 4, dst += 16) {
			f32x4 v = wasm_f32x4_nearest(MUL(load_some(x + k, in - k), inv));
			v = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_min(wasm_f32x4_max(v, lo), hi));
			v = wasm_i16x8_narrow_i32x4(v, v);
			wasm_v128_store32_lane(dst, v, 0);
			if (k + 2 < in) wasm_v128_store32_lane(dst + 8, v, 1);
		}
		scale[r] = small ? 0 : a / 127;
	}
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

// tile_i8 computes R rows of one panel.
INLINE void tile_i8(int R, float *dst, const int16_t *q, const float *s, const int8_t *w, const float *ws, const float *b,
                    int in, int out, int n, int act, per_group gate, int row) {
	v128_t acc[4][2];
	for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = wasm_i32x4_const_splat(0);
	const int8_t *end = w + 8 * up(in, 2);
#pragma clang loop unroll(disable)
	for (; w < end; w += 16, q += 8) {
		v128_t w0 = wasm_i16x8_load8x8(w), w1 = wasm_i16x8_load8x8(w + 8);
#pragma clang loop unroll(full)
		for (int r = 0; r < R; r++) {
			v128_t a = wasm_v128_load32_splat(q + 2 * r);
			acc[r][0] = wasm_i32x4_add(acc[r][0], wasm_i32x4_dot_i16x8(a, w0));
			acc[r][1] = wasm_i32x4_add(acc[r][1], wasm_i32x4_dot_i16x8(a, w1));
		}
	}
#pragma clang loop unroll(full)
	for (int r = 0; r < R; r++) {
		f32x4 sr = SPLAT(s[r]);
		f32x4 y0 = ADD(MUL(wasm_f32x4_convert_i32x4(acc[r][0]), MUL(sr, LD(ws))), LD(b));
		f32x4 y1 = ADD(MUL(wasm_f32x4_convert_i32x4(acc[r][1]), MUL(sr, LD(ws + 4))), LD(b + 4));
		finish(dst + r * out, y0, y1, n, act, act == GATE ? vector(gate, row + r) : 0);
	}
}

INLINE void tile_f32(int R, float *dst, const float *x, const float *w, const float *b, int in, int out, int n, int act,
                     per_group gate, int row) {
	f32x4 acc[4][2];
	for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
#pragma clang loop unroll(disable)
	for (int k = 0; k < in; k++, w += PANEL) {
		f32x4 w0 = LD(w), w1 = LD(w + 4);
#pragma clang loop unroll(full)
		for (int r = 0; r < R; r++) {
			f32x4 a = wasm_v128_load32_splat(x + r * in + k);
			acc[r][0] = ADD(acc[r][0], MUL(a, w0));
			acc[r][1] = ADD(acc[r][1], MUL(a, w1));
		}
	}
#pragma clang loop unroll(full)
	for (int r = 0; r < R; r++)
		finish(dst + r * out, ADD(acc[r][0], LD(b)), ADD(acc[r][1], LD(b + 4)), n, act, act == GATE ? vector(gate, row + r) : 0);
}

// linear_i8 computes rows of dst = epilogue(q·Wᵀ·scales + b). ws and b are filled
// up to whole panels.
EXPORT(linear_i8)
void linear_i8(float *dst, const int16_t *q, const float *s, int rows, const int8_t *w, const float *ws, const float *b, int in, int out,
               int act, const float *gate, int gate_stride, int gate_rows) {
	per_group g = {gate, gate_stride, gate_rows};
	int width = up(in, 2);
	for (int j = 0; j < out; j += PANEL, w += width * PANEL) {
		int n = out - j;
		int r = 0;
		if (act == GATE) g.v = gate + j;
#define TILE(R) tile_i8(R, dst + r * out + j, q + r / 4 * 4 * width + r % 4 * 2, s + r, w, ws + j, b + j, in, out, n, act, g, r)
		// Only two sizes of tile: with a third, Node 20's V8 took twice the time.
		for (; r + 4 <= rows; r += 4) TILE(4);
		for (; r < rows; r++) TILE(1);
#undef TILE
	}
}

EXPORT(linear_f32)
void linear_f32(float *dst, const float *x, int rows, const float *w, const float *b, int in, int out, int act, const float *gate,
                int gate_stride, int gate_rows) {
	per_group g = {gate, gate_stride, gate_rows};
	for (int j = 0; j < out; j += PANEL, w += in * PANEL) {
		int n = out - j;
		int r = 0;
		if (act == GATE) g.v = gate + j;
#define TILE(R) tile_f32(R, dst + r * out + j, x + r * in, w, b + j, in, out, n, act, g, r)
		for (; r + 4 <= rows; r += 4) TILE(4);
		for (; r < rows; r++) TILE(1);
#undef TILE
	}
}
