// What attention_int8.c multiplies by: i32x4.relaxed_dot_i8x16_i7x16_add_s, fours of
// inputs, exact as in relaxed.c. Queries are its second factor and take the place of
// weights there: where an engine reads them as unsigned bytes, 128 is added to them,
// and sums start from -128 times the sum of a key. The weights of values are two
// digits of 0 to 127, which mean the same in every engine.
//
// Rows lie by ROWS, for each four inputs four bytes of each; high digits are followed
// by the low ones. Columns lie in panels of eight, for each four inputs 32 bytes,
// four of each.
#include "relaxed.h"

// Twelve sums: as many as the registers hold, more than the instruction takes to add.
enum { ROWS = 6, VALUE = 1, STEP = 4 * ROWS, WEIGHTS_STEP = 2 * STEP }; // VALUE: bytes of an input; STEP: of four of rows, of weights

#define MUL_ROUND wasm_i16x8_relaxed_q15mulr
#define SWIZZLE wasm_i8x16_relaxed_swizzle

INLINE int added(void) { return offset; } // to queries

// put_query stores eight inputs of a row, put_weights their digits.
INLINE void put_query(char *dst, v128_t v) {
	v = wasm_i8x16_add(wasm_i8x16_narrow_i16x8(v, v), wasm_i8x16_splat((int8_t)offset));
	wasm_v128_store32_lane(dst, v, 0);
	wasm_v128_store32_lane(dst + STEP, v, 1);
}
INLINE void put_weights(char *dst, v128_t v) {
	v = wasm_i8x16_narrow_i16x8(wasm_u16x8_shr(v, 7), wasm_v128_and(v, wasm_i16x8_const_splat(127)));
	wasm_v128_store32_lane(dst, v, 0);
	wasm_v128_store32_lane(dst + WEIGHTS_STEP, v, 1);
	wasm_v128_store32_lane(dst + STEP, v, 2);
	wasm_v128_store32_lane(dst + STEP + WEIGHTS_STEP, v, 3);
}

// put_keys stores inputs i to i+3 of four columns, v; put_values those of the first
// column in the lanes that come first.
INLINE v128_t bytes(const v128_t v[4]) {
	return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(v[0], v[1]), wasm_i16x8_narrow_i32x4(v[2], v[3]));
}
INLINE void put_keys(char *dst, int i, const v128_t v[4]) { ST(dst + i / 4 * 32, bytes(v)); }
INLINE void put_values(char *dst, int i, const v128_t v[4]) {
	v128_t b = bytes(v);
	ST(dst + i / 4 * 32, wasm_i8x16_shuffle(b, b, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
}

// add_product adds those of rows, whose fours are step bytes apart, and eight columns
// over n inputs to acc.
INLINE void add_product(v128_t acc[2 * ROWS], const char *a, int step, const char *b, int n) {
	const char *end = b + 8 * n;
#pragma clang loop unroll(disable)
	for (; b < end; b += 32, a += step) {
		v128_t w0 = LD(b), w1 = LD(b + 16);
#pragma clang loop unroll(full)
		for (int r = 0; r < ROWS; r++) {
			v128_t v = wasm_v128_load32_splat(a + 4 * r);
			acc[2 * r] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w0, v, acc[2 * r]);
			acc[2 * r + 1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w1, v, acc[2 * r + 1]);
		}
	}
}

INLINE void product(v128_t acc[2 * ROWS], const char *a, const char *b, int n) { add_product(acc, a, STEP, b, n); }

// mixed is the sum of n values with their weights.
INLINE void mixed(v128_t acc[2 * ROWS], const char *p, const char *v, int n) {
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_const_splat(0);
	add_product(acc, p, WEIGHTS_STEP, v, n);
	for (int r = 0; r < 2 * ROWS; r++) acc[r] = wasm_i32x4_shl(acc[r], 7);
	add_product(acc, p + STEP, WEIGHTS_STEP, v, n);
}
