// What attention_int8.c multiplies by: i32x4.dot_i16x8_s, pairs of inputs.
//
// A group is eight inputs. Rows lie by ROWS, for each group eight int16 of each.
// Columns lie in panels of eight; for each group four times 32 bytes, a pair of
// each column.
enum { ROWS = 4, VALUE = 2, QUERY = 16, WEIGHT = 16 }; // bytes of a value, of a group of a query, of one of weights

#define MUL_ROUND wasm_i16x8_q15mulr_sat
#define SWIZZLE wasm_i8x16_swizzle

INLINE int added(void) { return 0; } // to queries

INLINE void put_query(char *dst, v128_t a, v128_t b) { ST(dst, wasm_i16x8_narrow_i32x4(a, b)); }

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

INLINE void put_weights(char *dst, v128_t p) { ST(dst, p); }

// product adds those of n groups of rows, which have group bytes each, and of eight
// columns to acc.
INLINE void product(v128_t acc[2 * ROWS], const char *a, int group, const char *b, int n) {
	const char *end = b + 128 * n;
#pragma clang loop unroll(disable)
	for (; b < end; b += 128, a += ROWS * group)
#pragma clang loop unroll(full)
		for (int k = 0; k < 4; k++) {
			v128_t w0 = LD(b + 32 * k), w1 = LD(b + 32 * k + 16);
#pragma clang loop unroll(full)
			for (int r = 0; r < ROWS; r++) {
				v128_t v = wasm_v128_load32_splat(a + group * r + 4 * k);
				acc[2 * r] = wasm_i32x4_add(acc[2 * r], wasm_i32x4_dot_i16x8(v, w0));
				acc[2 * r + 1] = wasm_i32x4_add(acc[2 * r + 1], wasm_i32x4_dot_i16x8(v, w1));
			}
		}
}

// mixed is the sum of n groups of values with their weights.
INLINE void mixed(v128_t acc[2 * ROWS], const char *p, const char *v, int n) {
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_const_splat(0);
	product(acc, p, WEIGHT, v, n);
}
