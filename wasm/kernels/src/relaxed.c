// The int8 product with i32x4.relaxed_dot_i8x16_i7x16_add_s, in place of int8.c. The
// instruction multiplies signed bytes by others of 0 to 127; what it does with others
// is up to the engine. probe.c finds out whether this one reads them as signed bytes
// (ARM: sdot) or as unsigned ones (x86: vpdpbusd), without saturating. Where they are
// unsigned, weights are stored with 128 added, and sums start from -128·Σq.
//
// Rows lie by ROWS, the last ones filled up with anything, and for each four inputs of
// a row four bytes; a word for each row follows, its -Σq. Weights lie in panels; for
// each four inputs 32 bytes, four of an output.
#include "linear.h"
#include "quantize.h"
#include "relaxed.h"

enum { SPLIT = 4 }; // what inputs are filled up to a multiple of

int offset;

// weights_offset says what the engine takes weights for; before any are packed.
EXPORT(weights_offset)
void weights_offset(int n) { offset = n; }

EXPORT(packed_i8) // bytes that pack_i8 writes to
int packed_i8(int in, int out) { return up(out, PANEL) * up(in, SPLIT); }

EXPORT(quantized) // bytes that quantize writes to
int quantized(int rows, int in) { return up(rows, ROWS) * (up(in, SPLIT) + 4); }

EXPORT(scratch_i8) // bytes that linear_i8 needs for each thread
int scratch_i8(int in) { return (void)in, 0; }

EXPORT(pack_i8)
void pack_i8(int8_t *dst, const int8_t *w, int first, int rows, int in) {
	int width = up(in, SPLIT);
	v128_t more = wasm_i8x16_splat((int8_t)offset);
	for (int j = first; j < first + rows; j++) {
		const int8_t *row = w + (j - first) * in;
		int8_t *panel = dst + (j / PANEL) * width * PANEL + (j % PANEL) * 4;
		int k = 0;
		for (; k + 16 <= in; k += 16) {
			v128_t v = wasm_i8x16_add(LD(row + k), more);
			int8_t *to = panel + 8 * k;
			wasm_v128_store32_lane(to, v, 0);
			wasm_v128_store32_lane(to + 32, v, 1);
			wasm_v128_store32_lane(to + 64, v, 2);
			wasm_v128_store32_lane(to + 96, v, 3);
		}
		for (; k < in; k++) panel[(k / 4) * 32 + k % 4] = (int8_t)(row[k] + offset);
	}
}

// sixteen gives values from p·inv as bytes.
INLINE v128_t sixteen(const float *p, f32x4 inv) {
	v128_t v[4];
	for (int i = 0; i < 4; i++) v[i] = rounded(p + 4 * i, 4, inv);
	return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(v[0], v[1]), wasm_i16x8_narrow_i32x4(v[2], v[3]));
}

static void quantize_part(const void *args, int part, int thread) {
	(void)thread;
	quantize_args a = *(const quantize_args *)args;
	int in = a.in, width = up(in, SPLIT);
	int32_t *sums = (int32_t *)((int8_t *)a.q + up(a.rows, ROWS) * width);
	int r = part * QUANTIZE_ROWS, end = r + QUANTIZE_ROWS < a.rows ? r + QUANTIZE_ROWS : a.rows;
	for (; r < end; r++) {
		const float *x = a.x + r * in;
		int8_t *dst = (int8_t *)a.q + r / ROWS * ROWS * width + r % ROWS * 4;
		f32x4 inv = inverse(x, in, a.scale + r);
		v128_t sum = wasm_i32x4_const_splat(0);
		int k = 0;
#pragma clang loop unroll(disable)
		for (; k + 16 <= in; k += 16, dst += 16 * ROWS) {
			v128_t v = sixteen(x + k, inv);
			sum = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v, wasm_i8x16_const_splat(1), sum);
			wasm_v128_store32_lane(dst, v, 0);
			wasm_v128_store32_lane(dst + 4 * ROWS, v, 1);
			wasm_v128_store32_lane(dst + 8 * ROWS, v, 2);
			wasm_v128_store32_lane(dst + 12 * ROWS, v, 3);
		}
		for (; k < width; k += 4, dst += 4 * ROWS) {
			v128_t v = rounded(x + k, in - k, inv);
			sum = wasm_i32x4_add(sum, v);
			v = wasm_i16x8_narrow_i32x4(v, v);
			wasm_v128_store32_lane(dst, wasm_i8x16_narrow_i16x8(v, v), 0);
		}
		sums[r] = -(wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) + wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3));
	}
}

EXPORT(quantize)
void quantize(int8_t *q, float *scale, const float *x, int rows, int in) {
	quantize_rows(quantize_part, q, scale, x, rows, in);
}

// product computes c = offset·sums + q·w over n inputs.
INLINE void product(int32_t *c, const int32_t *sums, const int8_t *q, const int8_t *w, int n) {
	v128_t acc[2 * ROWS];
	for (int i = 0; i < 2 * ROWS; i++) acc[i] = wasm_i32x4_splat(offset * sums[i / 2]);
	const int8_t *end = w + n * PANEL;
#pragma clang loop unroll(disable)
	for (; w < end; w += 32, q += 4 * ROWS) {
		v128_t a = LD(w), b = LD(w + 16);
#pragma clang loop unroll(full)
		for (int i = 0; i < ROWS; i++) {
			v128_t v = wasm_v128_load32_splat(q + 4 * i);
			acc[2 * i] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v, a, acc[2 * i]);
			acc[2 * i + 1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v, b, acc[2 * i + 1]);
		}
	}
	for (int i = 0; i < 2 * ROWS; i++) ST(c + 4 * i, acc[i]);
}

void linear_i8_part(const void *args, int part, int thread) {
	(void)thread;
	const linear_args own = *(const linear_args *)args, *a = &own; // the other lies beside what its thread writes
	int width = up(a->in, SPLIT);
	area p = part_area(a, part);
	const int32_t *sums = (const int32_t *)((const int8_t *)a->x + up(a->rows, ROWS) * width);
	for (int j = p.j; j < p.out_end; j += PANEL)
		for (int r = p.r; r < p.row_end; r += ROWS) {
			int32_t c[ROWS * PANEL];
			product(c, sums + r, (const int8_t *)a->x + r * width, (const int8_t *)a->w + j * width, width);
			finish_i8(a, c, ROWS, r, j);
		}
}
