// Linear layers, alone and in pairs.
#include "linear.h"

// linear runs f over all blocks of n layers of one shape.
static void linear(part *f, linear_args *a, int n) {
	int part_rows = (a->rows + threads() - 1) / threads();
	part_rows = up(part_rows < MIN_PART_ROWS ? MIN_PART_ROWS : part_rows, PART_ROWS);
	for (int i = 0; i < n; i++) a[i].part_rows = part_rows;
	run(f, a, up(a->rows, part_rows) / part_rows * (up(a->out, PART_OUT) / PART_OUT));
}

// linear_i8 computes rows of dst = epilogue(q·Wᵀ·scales + b). ws and b are filled up
// to whole blocks of outputs.
EXPORT(linear_i8)
void linear_i8(float *dst, const void *q, const float *s, int rows, const void *w, const float *ws, const float *b, int in, int out, int act,
               const float *gate, int gate_stride, int gate_rows, char *scratch) {
	linear_args a = {dst, q, s, rows, w, ws, b, in, out, act, {gate, gate_stride, gate_rows}, scratch, 0};
	linear(linear_i8_part, &a, 1);
}

EXPORT(linear_f32)
void linear_f32(float *dst, const float *x, int rows, const float *w, const float *b, int in, int out, int act, const float *gate,
                int gate_stride, int gate_rows) {
	linear_args a = {.dst = dst, .x = x, .rows = rows, .w = w, .b = b, .in = in, .out = out, .act = act, .gate = {gate, gate_stride, gate_rows}};
	linear(linear_f32_part, &a, 1);
}

// The gate's values are still in the cache when the other layer's are multiplied onto
// them.
static void swiglu_part(const void *args, int part, int thread) {
	const linear_args *a = args;
	for (int i = 0; i < 2; i++) (a[i].ws ? linear_i8_part : linear_f32_part)(a + i, part, thread);
}

// linear_swiglu computes dst = SiLU(x·Wgᵀ + bg)·(x·Wᵀ + b). A layer whose scales are
// not 0 is int8 and takes x from q and s.
EXPORT(linear_swiglu)
void linear_swiglu(float *dst, const float *x, const void *q, const float *s, int rows, int in, int out, const void *gate_w,
                   const float *gate_ws, const float *gate_b, const void *w, const float *ws, const float *b, char *scratch) {
	linear_args a[2] = {
		{dst, gate_ws ? q : x, s, rows, gate_w, gate_ws, gate_b, in, out, SILU, {0, 0, 1}, scratch, 0},
		{dst, ws ? q : x, s, rows, w, ws, b, in, out, MULTIPLY, {0, 0, 1}, scratch, 0},
	};
	linear(swiglu_part, a, 2);
}
