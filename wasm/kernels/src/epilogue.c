#include "linear.h"

enum { MOST = 8 * PANEL }; // values that are finished at a time

// over_exp divides n values of y by 1 + e^r. Several loops, so that the constants of
// each fit the registers and its chains of dependent steps are short.
static __attribute__((noinline)) void over_exp(float *y, float *r, int n) {
	float power[MOST];
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) {
		f32x4 p;
		ST(r + i, exp_reduce(LD(r + i), &p));
		ST(power + i, p);
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(r + i, exp_finish(LD(r + i), LD(power + i)));
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(y + i, DIV(LD(y + i), ADD(SPLAT(1.0f), LD(r + i))));
}

static __attribute__((noinline)) void gelu(float *y, int n) { // compute.GELU
	float r[MOST];
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) {
		f32x4 x = LD(y + i), x3 = MUL(MUL(x, x), x);
		f32x4 u = MUL(SPLAT(0.7978845608028654f), ADD(x, MUL(SPLAT(0.044715f), x3)));
		ST(r + i, MUL(SPLAT(-2.0f), u));
	}
	over_exp(y, r, n);
}

static __attribute__((noinline)) void fast_gelu(float *y, int n) { // compute.FastGELU
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) {
		f32x4 x = LD(y + i), u = wasm_f32x4_abs(x), zero = SPLAT(0.0f);
		f32x4 t = wasm_f32x4_pmax(zero, SUB(SPLAT(4.5f), u)), t2 = MUL(t, t), t4 = MUL(t2, t2);
		f32x4 p = ADD(MUL(SPLAT(6.731011e-8f), t2), SPLAT(-6.656136e-6f));
		p = ADD(MUL(p, t), SPLAT(2.6406511e-5f));
		p = ADD(MUL(p, t4), SPLAT(1.5827673e-4f));
		ST(y + i, SUB(wasm_f32x4_pmax(zero, x), MUL(u, MUL(p, t4))));
	}
}

static __attribute__((noinline)) void silu(float *y, int n) { // compute.SiLU
	float r[MOST];
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(r + i, wasm_f32x4_neg(LD(y + i)));
	over_exp(y, r, n);
}

void silu_row(float *y, int n) {
	for (; n > 0; n -= MOST, y += MOST) silu(y, least(n, MOST));
}

// put_some is put for m outputs of fewer than a panel.
static __attribute__((noinline)) void put_some(const linear_args *a, const float *y, int rows, int r, int j, int m) {
	for (int i = 0; i < rows; i++, y += PANEL) {
		float *dst = a->dst + (r + i) * a->out + j;
		for (int k = 0; k < m; k++) {
			float v = y[k];
			if (a->act == GATE) v = dst[k] + vector(a->gate, r + i)[j + k] * v;
			if (a->act == MULTIPLY) v *= dst[k];
			dst[k] = v;
		}
	}
}

// put writes n rows of y where they go, or adds or multiplies them.
INLINE void put(const linear_args *a, const float *y, int n, int r, int j) {
	int out = a->out, act = a->act;
	if (out - j < PANEL) {
		put_some(a, y, n, r, j, out - j);
		return;
	}
	float *dst = a->dst + r * out + j;
	const float *end = y + n * PANEL;
	if (act == GATE) {
		per_group g = a->gate;
		const float *gate = vector(g, r) + j;
#pragma clang loop unroll(disable)
		for (int left = g.rows - r % g.rows; y < end; y += PANEL, dst += out, left--) {
			if (left == 0) left = g.rows, gate += g.stride;
			ST(dst, ADD(LD(dst), MUL(LD(gate), LD(y))));
			ST(dst + 4, ADD(LD(dst + 4), MUL(LD(gate + 4), LD(y + 4))));
		}
		return;
	}
#pragma clang loop unroll(disable)
	for (; y < end; y += PANEL, dst += out) {
		f32x4 y0 = LD(y), y1 = LD(y + 4);
		if (act == MULTIPLY) y0 = MUL(LD(dst), y0), y1 = MUL(LD(dst + 4), y1);
		ST(dst, y0);
		ST(dst + 4, y1);
	}
}

void finish(const linear_args *a, float *y, int rows, int r, int j) {
	int n = least(rows, a->rows - r);
	if (a->act == GELU) gelu(y, n * PANEL);
	if (a->act == SILU) silu(y, n * PANEL);
	put(a, y, n, r, j);
}

void finish_i8(const linear_args *a, int32_t *c, int rows, int r, int j) {
	f32x4 ws0 = LD(a->ws + j), ws1 = LD(a->ws + j + 4), b0 = LD(a->b + j), b1 = LD(a->b + j + 4);
	const float *scale = a->s + r;
	int n = least(rows, a->rows - r);
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i++) {
		f32x4 s = wasm_v128_load32_splat(scale + i);
		int32_t *p = c + i * PANEL;
		ST(p, ADD(MUL(wasm_f32x4_convert_i32x4(LD(p)), MUL(s, ws0)), b0));
		ST(p + 4, ADD(MUL(wasm_f32x4_convert_i32x4(LD(p + 4)), MUL(s, ws1)), b1));
	}
	float *y = (float *)c;
	if (a->act == GELU) fast_gelu(y, n * PANEL);
	if (a->act == SILU) silu(y, n * PANEL);
	put(a, y, n, r, j);
}
