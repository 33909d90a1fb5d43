// The kernels keep the numeric contract of package core/compute: every float
// operation is rounded by itself, sums run in the order of k, reductions over a
// row use sixteen partial sums. SIMD lanes are outputs, never parts of a sum.
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))
#define INLINE static inline __attribute__((always_inline))

typedef v128_t f32x4;

#define LD(p) wasm_v128_load(p)
#define ST(p, v) wasm_v128_store(p, v)
#define SPLAT(x) wasm_f32x4_splat(x)
#define ADD wasm_f32x4_add
#define SUB wasm_f32x4_sub
#define MUL wasm_f32x4_mul
#define DIV wasm_f32x4_div

// Adding ROUND, 1.5·2²³, rounds |x| < 2²² to an integer that stands in the lowest
// bits: compute.RoundEven.
#define ROUND 12582912.0f

INLINE int up(int n, int to) { return (n + to - 1) / to * to; }
INLINE int least(int a, int b) { return a < b ? a : b; }

// A vector for each group of rows: compute.PerGroup.
typedef struct {
	const float *v;
	int stride, rows;
} per_group;

INLINE const float *vector(per_group g, int row) { return g.v + (row / g.rows) * g.stride; }

// compute.Exp in two halves, for loops of their own: so the constants of a loop fit
// the registers, and chains of dependent steps are short. exp_reduce gives r and
// 2ⁿ with x = n·ln 2 + r, exp_finish gives e^r·2ⁿ. pmin and pmax are single
// instructions on x86, min and max are not.
INLINE f32x4 exp_reduce(f32x4 x, f32x4 *power) {
	x = wasm_f32x4_pmin(wasm_f32x4_pmax(x, SPLAT(-87.0f)), SPLAT(88.0f));
	f32x4 round = SPLAT(ROUND);
	f32x4 bits = ADD(MUL(x, SPLAT(1.44269504088896341f)), round); // n in the lowest bits
	f32x4 n = SUB(bits, round);
	*power = wasm_i32x4_add(wasm_i32x4_shl(bits, 23), SPLAT(1.0f));
	return SUB(SUB(x, MUL(n, SPLAT(0.693359375f))), MUL(n, SPLAT(-2.12194440e-4f)));
}
INLINE f32x4 exp_finish(f32x4 r, f32x4 power) {
	f32x4 p = SPLAT(1.9875691500e-4f);
	p = ADD(MUL(p, r), SPLAT(1.3981999507e-3f));
	p = ADD(MUL(p, r), SPLAT(8.3334519073e-3f));
	p = ADD(MUL(p, r), SPLAT(4.1665795894e-2f));
	p = ADD(MUL(p, r), SPLAT(1.6666665459e-1f));
	p = ADD(MUL(p, r), SPLAT(5.0000001201e-1f));
	p = ADD(MUL(p, MUL(r, r)), r);
	return MUL(ADD(p, SPLAT(1.0f)), power);
}

// compute.FoldSum of sixteen partial sums.
INLINE float fold(f32x4 p[4]) {
	f32x4 s = ADD(ADD(p[0], p[2]), ADD(p[1], p[3]));
	float a = wasm_f32x4_extract_lane(s, 0) + wasm_f32x4_extract_lane(s, 2);
	float b = wasm_f32x4_extract_lane(s, 1) + wasm_f32x4_extract_lane(s, 3);
	return a + b;
}

// Sixteen partial sums in memory, for the elements that fill no vector.
INLINE void spill(float t[16], const f32x4 p[4]) {
	for (int l = 0; l < 4; l++) ST(t + 4 * l, p[l]);
}
INLINE float fold_spilled(const float t[16]) {
	f32x4 p[4] = {LD(t), LD(t + 4), LD(t + 8), LD(t + 12)};
	return fold(p);
}

// transpose turns four rows of four values into four columns.
INLINE void transpose(f32x4 r[4]) {
	f32x4 ab0 = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), ab1 = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7);
	f32x4 cd0 = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5), cd1 = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
	r[0] = wasm_i64x2_shuffle(ab0, cd0, 0, 2);
	r[1] = wasm_i64x2_shuffle(ab0, cd0, 1, 3);
	r[2] = wasm_i64x2_shuffle(ab1, cd1, 0, 2);
	r[3] = wasm_i64x2_shuffle(ab1, cd1, 1, 3);
}

// One lane or a whole vector of up to four values at p.
INLINE f32x4 load_some(const float *p, int n) {
	if (n >= 4) return LD(p);
	float t[4] = {0, 0, 0, 0};
	for (int i = 0; i < n; i++) t[i] = p[i];
	return LD(t);
}
INLINE void store_some(float *p, f32x4 v, int n) {
	if (n >= 4) {
		ST(p, v);
		return;
	}
	float t[4];
	ST(t, v);
	for (int i = 0; i < n; i++) p[i] = t[i];
}

// silu_row replaces n values by compute.SiLU's; up to three behind them may change.
void silu_row(float *y, int n);
