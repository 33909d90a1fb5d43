// What attention_int8.c multiplies by: i32x4.relaxed_dot_i8x16_i7x16_add_s, fours of
// inputs, exact as in relaxed.c. Queries are its second factor and take the place of
// weights there: where an engine reads them as unsigned bytes, 128 is added to them,
// and sums start from -128 times the sum of a key. The weights of values are two
// digits of 0 to 127, which mean the same in every engine.
//
// A group is eight inputs. Rows lie by ROWS, for each group eight bytes of each query,
// or eight high digits and eight low ones. Columns lie in panels of eight; for each
// group two times 32 bytes, four inputs of each column.
#include "relaxed.h"

// Twelve sums: as many as the registers hold, more than the instruction takes to add.
enum { ROWS = 6, VALUE = 1, QUERY = 8, WEIGHT = 16 }; // bytes of a value, of a group of a query, of one of weights

#define MUL_ROUND wasm_i16x8_relaxed_q15mulr
#define SWIZZLE wasm_i8x16_relaxed_swizzle

INLINE int added(void) { return offset; } // to queries

INLINE v128_t bytes(const v128_t v[4]) {
	return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(v[0], v[1]), wasm_i16x8_narrow_i32x4(v[2], v[3]));
}

INLINE void put_query(char *dst, v128_t a, v128_t b) {
	v128_t v = wasm_i16x8_narrow_i32x4(a, b);
	wasm_v128_store64_lane(dst, wasm_i8x16_add(wasm_i8x16_narrow_i16x8(v, v), wasm_i8x16_splat((int8_t)offset)), 0);
}

// put_keys stores inputs i to i+3 of four columns, v; put_values those of the first
// column in the lanes that come first.
INLINE void put_keys(char *dst, int i, const v128_t v[4]) { ST(dst + i / 4 * 32, bytes(v)); }
INLINE void put_values(char *dst, int i, const v128_t v[4]) {
	v128_t b = bytes(v);
	ST(dst + i / 4 * 32, wasm_i8x16_shuffle(b, b, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}

INLINE void put_weights(char *dst, v128_t p) {
	ST(dst, wasm_i8x16_narrow_i16x8(wasm_u16x8_shr(p, 7), wasm_v128_and(p, wasm_i16x8_const_splat(127))));
}

// product adds those of n groups of rows, which have group bytes each, and of eight
// columns to acc.
INLINE void product(v128_t acc[2 * ROWS], const char *a, int group, const char *b, int n) {
	const char *end = b + 64 * n;
#pragma clang loop unroll(disable)
	for (; b < end; b += 64, a += ROWS * group)
#pragma clang loop unroll(full)
		for (int k = 0; k < 2; k++) {
			v128_t w0 = LD(b + 32 * k), w1 = LD(b + 32 * k + 16);
#pragma clang loop unroll(full)
			for (int r = 0; r < ROWS; r++) {
				v128_t v = wasm_v128_load32_splat(a + group * r + 4 * k);
				acc[2 * r] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w0, v, acc[2 * r]);
				acc[2 * r + 1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w1, v, acc[2 * r + 1]);
			}
		}
}

// mixed is the sum of n groups of values with their weights.
INLINE void mixed(v128_t acc[2 * ROWS], const char *p, const char *v, int n) {
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_const_splat(0);
	product(acc, p, WEIGHT, v, n);
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_shl(acc[r], 7);
	product(acc, p + 8, WEIGHT, v, n);
}
