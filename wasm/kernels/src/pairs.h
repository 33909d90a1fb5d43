// Products of int16 pairs: four rows, whose pairs (k, k+1) stand side by side, with a
// panel's weights, of which a pair takes 16 values.
enum { FOUR = 4 };

// STEP adds the products of four rows and eight outputs with a pair of inputs to acc.
#define STEP(acc, q, w0, w1) \
	do { \
		v128_t a_ = w0, b_ = w1; \
		_Pragma("clang loop unroll(full)") for (int i = 0; i < 4; i++) { \
			v128_t v = wasm_v128_load32_splat(q + 2 * i); \
			acc[2 * i] = wasm_i32x4_add(acc[2 * i], wasm_i32x4_dot_i16x8(v, a_)); \
			acc[2 * i + 1] = wasm_i32x4_add(acc[2 * i + 1], wasm_i32x4_dot_i16x8(v, b_)); \
		} \
	} while (0)

// dot adds the products of four rows and eight outputs over n inputs to acc.
INLINE void dot(v128_t acc[8], const int16_t *q, const int16_t *w, int n) {
	const int16_t *end = w + n * PANEL;
#pragma clang loop unroll(disable)
	for (; w < end; w += 16, q += 8) STEP(acc, q, LD(w), LD(w + 8));
}
