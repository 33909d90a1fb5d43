#include "linear.h"

enum { MOST = 4 * TILE }; // values that are finished at a time

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

static __attribute__((noinline)) void silu(float *y, int n) { // compute.SiLU
	float r[MOST];
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(r + i, wasm_f32x4_neg(LD(y + i)));
	over_exp(y, r, n);
}

void silu_row(float *y, int n) {
	for (; n > 0; n -= MOST, y += MOST) silu(y, least(n, MOST));
}

// multiply replaces values by their products with those where they go. Not in finish's
// loop, which it would slow down.
static __attribute__((noinline)) void multiply(const linear_args *args, float *y, int n, int r, int j) {
	linear_args a = *args;
	int m = least(a.out - j, least(n, 2) * PANEL);
#pragma clang loop unroll(disable)
	for (int i = 0; i < up(n, 2) / 2 * ROWS && r + i < a.rows; i++) {
		float *v = y + i / ROWS * 2 * TILE + i % ROWS * PANEL;
		const float *dst = a.dst + (r + i) * a.out + j;
#pragma clang loop unroll(disable)
		for (int k = 0; k < m; k += 4) {
			float *u = v + k / PANEL * TILE + k % PANEL;
			ST(u, MUL(load_some(dst + k, m - k), LD(u)));
		}
	}
}

void finish(const linear_args *args, float *y, int n, int r, int j) {
	linear_args a = *args; // a copy, which no store can change
	if (a.act == GELU) gelu(y, n * TILE);
	if (a.act == SILU) silu(y, n * TILE);
	if (a.act == MULTIPLY) multiply(args, y, n, r, j);
	for (int t = 0; t < n; t += 2) // a panel, or two side by side
		for (int i = 0; i < ROWS; i++) {
			int row = r + t / 2 * ROWS + i, m = a.out - j < 2 * PANEL ? a.out - j : 2 * PANEL;
			if (row == a.rows) return;
			const float *v = y + t * TILE + i * PANEL;
			float *dst = a.dst + row * a.out + j;
			const float *gate = a.act == GATE ? vector(a.gate, row) + j : 0;
			for (int k = 0; k < m && k < n * PANEL; k += 4) {
				f32x4 u = LD(v + k / PANEL * TILE + k % PANEL);
				if (gate) u = ADD(load_some(dst + k, m - k), MUL(load_some(gate + k, m - k), u));
				store_some(dst + k, u, m - k);
			}
		}
}

void finish_i8(const linear_args *args, tile *c, int n, int r, int j) {
	linear_args a = *args;
	f32x4 ws[4], b[4];
	for (int k = 0; k < 2 * n && k < 4; k++) ws[k] = LD(a.ws + j + 4 * k), b[k] = LD(a.b + j + 4 * k);
	for (int t = 0; t < n; t++)
		for (int i = 0; i < ROWS; i++) {
			int row = r + t / 2 * ROWS + i, k = t % 2 * 2;
			f32x4 s = SPLAT(row < a.rows ? a.s[row] : 0.0f);
			int32_t *p = c[t].v + i * PANEL;
			ST(p, ADD(MUL(wasm_f32x4_convert_i32x4(LD(p)), MUL(s, ws[k])), b[k]));
			ST(p + 4, ADD(MUL(wasm_f32x4_convert_i32x4(LD(p + 4)), MUL(s, ws[k + 1])), b[k + 1]));
		}
	finish(args, (float *)c, n, r, j);
}
