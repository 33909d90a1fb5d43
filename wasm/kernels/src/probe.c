// What i32x4.relaxed_dot_i8x16_i7x16_add_s means in this engine, and how fast it is.
// A module of its own: an engine without it can still run the others.
#include "linear.h"

static int8_t bytes[2][2048];

// meaning tells how the second factor's bytes are read, over pairs that hold the ends
// of the range beside random values: 1 signed, 2 unsigned, 0 neither exactly.
EXPORT(meaning)
int meaning(void) {
	uint32_t seed = 1;
	for (int i = 0; i < 2048; i++) {
		seed = seed * 1664525 + 1013904223;
		int v = (int)(seed >> 24) - 128;
		if (i / 8 % 4 == 0) v = seed >> 31 ? 127 : -127;
		if (i % 1024 < 256) v = i % 1024 < 128 ? 127 : -127;
		if (i == 1024 + 200) v = 127;
		bytes[i / 1024][i % 1024] = (int8_t)(v == -128 ? -127 : v);
	}
	int is_signed = 1, is_unsigned = 1;
	for (int i = 0; i + 16 <= 1024; i++) {
		const int8_t *a = bytes[0] + i, *b = bytes[1] + i;
		int32_t got[4];
		ST(got, wasm_i32x4_relaxed_dot_i8x16_i7x16_add(LD(a), LD(b), wasm_i32x4_splat(i * 1000003)));
		for (int l = 0; l < 4; l++) {
			int32_t s = i * 1000003, u = s;
			for (int k = 4 * l; k < 4 * l + 4; k++) s += a[k] * b[k], u += a[k] * (uint8_t)b[k];
			is_signed &= got[l] == s;
			is_unsigned &= got[l] == u;
		}
	}
	return is_signed ? 1 : is_unsigned ? 2 : 0;
}

// relaxed and strict multiply four rows by eight outputs over 128 inputs, n times, as
// relaxed.c and int8.c do; strict without the eighth of the steps that int8.c saves.
#define RACE(name, steps, first, second) \
	EXPORT(name) int name(int n) { \
		v128_t acc[8]; \
		EIGHT(acc[i] = wasm_i32x4_const_splat(0)) \
		for (; n > 0; n--) { \
			const int8_t *w = bytes[0], *q = bytes[1]; \
			_Pragma("clang loop unroll(disable)") for (; w < bytes[0] + 32 * (steps); w += 32, q += 16) { \
				v128_t a = LD(w), b = LD(w + 16); \
				_Pragma("clang loop unroll(full)") for (int i = 0; i < 4; i++) { \
					v128_t v = wasm_v128_load32_splat(q + 4 * i); \
					first; \
					second; \
				} \
			} \
		} \
		v128_t s = acc[0]; \
		EIGHT(s = wasm_v128_xor(s, acc[i])) \
		return wasm_i32x4_extract_lane(s, 0); \
	}
RACE(relaxed, 32, acc[2 * i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v, a, acc[2 * i]),
     acc[2 * i + 1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v, b, acc[2 * i + 1]))
RACE(strict, 64 * 7 / 8, acc[2 * i] = wasm_i32x4_add(acc[2 * i], wasm_i32x4_dot_i16x8(v, a)),
     acc[2 * i + 1] = wasm_i32x4_add(acc[2 * i + 1], wasm_i32x4_dot_i16x8(v, b)))
