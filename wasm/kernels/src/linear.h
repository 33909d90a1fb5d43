#include "kernels.h"
#include "run.h"

// Outputs are computed in panels of eight; the last one is filled up.
enum { PANEL = 8 };

// The rows of a panel that one inner loop computes, a tile: with relaxed SIMD twelve
// sums, as many as the registers hold and more than a product takes to come out.
#ifdef __wasm_relaxed_simd__
enum { ROWS = 6 };
#else
enum { ROWS = 4 };
#endif

// Epilogues: compute's activations, then GATE, dst + gate·y, and MULTIPLY, dst·y.
enum { NONE, GELU, SILU, GATE, MULTIPLY };

// What a linear layer works on: dst = epilogue(x·Wᵀ + b).
typedef struct {
	float *dst;
	const void *x;  // rows: float32, or quantised
	const float *s; // quantised: their scales
	int rows;
	const void *w;  // packed weights
	const float *ws, *b; // a scale for each output (int8, or else 0), a bias, filled up to whole panels
	int in, out, act;
	per_group gate;
	char *scratch; // for each thread
	int part_rows;
} linear_args;

// A part is a block of rows, one for each thread where there are many, and of outputs:
// threads seldom write to the same cache line.
enum { PART_OUT = 4 * PANEL, MIN_PART_ROWS = 32, PART_ROWS = 2 * ROWS }; // PART_ROWS: what rows are a multiple of

// What computes a part of a layer with float32 weights or with int8 ones; int8.c and
// relaxed.c each have the latter.
part linear_f32_part, linear_i8_part;

// The rows [r, row_end) and outputs [j, out_end) of a part.
typedef struct {
	int r, row_end, j, out_end;
} area;

INLINE area part_area(const linear_args *a, int part) {
	int blocks = up(a->out, PART_OUT) / PART_OUT, r = part / blocks * a->part_rows, j = part % blocks * PART_OUT;
	return (area){r, least(r + a->part_rows, a->rows), j, least(j + PART_OUT, a->out)};
}

// finish writes y [rows, PANEL] to rows from r and outputs from j on, by the epilogue,
// as far as there are any. It changes y.
void finish(const linear_args *a, float *y, int rows, int r, int j);

// finish_i8 rescales sums of int8 products, then finishes them.
void finish_i8(const linear_args *a, int32_t *c, int rows, int r, int j);

#define EIGHT(...) \
	_Pragma("clang loop unroll(full)") for (int i = 0; i < 8; i++) { __VA_ARGS__; }
