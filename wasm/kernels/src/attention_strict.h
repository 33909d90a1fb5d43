// What attention_int8.c multiplies by: i32x4.dot_i16x8_s, pairs of inputs in int16.
//
// Rows lie by ROWS, for each pair four bytes of each. Columns lie in panels of eight,
// for each pair 32 bytes, four of each.
enum { ROWS = 4, VALUE = 2, STEP = 4 * ROWS, WEIGHTS_STEP = STEP }; // VALUE: bytes of an input; STEP: of a pair of rows, of weights

#define MUL_ROUND wasm_i16x8_q15mulr_sat
#define SWIZZLE wasm_i8x16_swizzle

INLINE int added(void) { return 0; } // to queries

// put_weights stores eight inputs of a row.
INLINE void put_weights(char *dst, v128_t v) {
	wasm_v128_store32_lane(dst, v, 0);
	wasm_v128_store32_lane(dst + STEP, v, 1);
	wasm_v128_store32_lane(dst + 2 * STEP, v, 2);
	wasm_v128_store32_lane(dst + 3 * STEP, v, 3);
}
INLINE void put_query(char *dst, v128_t v) { put_weights(dst, v); }

// put_keys stores inputs i to i+3 of four columns, v; put_values those of the first
// column in the lanes that come first.
INLINE void put_keys(char *dst, int i, const v128_t v[4]) {
	v128_t a = wasm_i16x8_narrow_i32x4(v[0], v[1]), b = wasm_i16x8_narrow_i32x4(v[2], v[3]);
	ST(dst + i / 2 * 32, wasm_i32x4_shuffle(a, b, 0, 2, 4, 6));
	ST(dst + i / 2 * 32 + 32, wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
}
INLINE void put_values(char *dst, int i, const v128_t v[4]) {
	for (int k = 0; k < 4; k += 2) {
		v128_t low = wasm_v128_and(v[k], wasm_i32x4_const_splat(65535));
		ST(dst + (i + k) / 2 * 32, wasm_v128_or(low, wasm_i32x4_shl(v[k + 1], 16)));
	}
}

// product adds those of rows and eight columns over n inputs to acc.
INLINE void product(v128_t acc[2 * ROWS], const char *a, const char *b, int n) {
	const char *end = b + 16 * n;
#pragma clang loop unroll(disable)
	for (; b < end; b += 32, a += STEP) {
		v128_t w0 = LD(b), w1 = LD(b + 16);
#pragma clang loop unroll(full)
		for (int r = 0; r < ROWS; r++) {
			v128_t v = wasm_v128_load32_splat(a + 4 * r);
			acc[2 * r] = wasm_i32x4_add(acc[2 * r], wasm_i32x4_dot_i16x8(v, w0));
			acc[2 * r + 1] = wasm_i32x4_add(acc[2 * r + 1], wasm_i32x4_dot_i16x8(v, w1));
		}
	}
}

// mixed is the sum of n values with their weights.
INLINE void mixed(v128_t acc[2 * ROWS], const char *p, const char *v, int n) {
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_const_splat(0);
	product(acc, p, v, n);
}
