#include "linear.h"

// Packed float32 weights: panels, in each for every input the weights of its outputs.
EXPORT(pack_f32)
void pack_f32(float *dst, const float *w, int first, int rows, int in) {
	for (int j = first; j < first + rows; j++) {
		const float *row = w + (j - first) * in;
		float *panel = dst + (j / PANEL) * in * PANEL + j % PANEL;
		for (int k = 0; k < in; k++) panel[k * PANEL] = row[k];
	}
}

enum { F32_ROWS = 4 }; // that are computed together: a product takes a register more

// rows_of_panel computes rows from r of a panel. Where fewer than four are left, it
// computes the last one again.
static void rows_of_panel(const linear_args *a, const float *w, int r, int j, int row_end) {
	const float *x[F32_ROWS];
	f32x4 acc[F32_ROWS][2];
	for (int i = 0; i < F32_ROWS; i++) {
		x[i] = (const float *)a->x + (r + i < a->rows ? r + i : a->rows - 1) * a->in;
		acc[i][0] = acc[i][1] = SPLAT(0.0f);
	}
#pragma clang loop unroll(disable)
	for (int k = 0; k < a->in; k++, w += PANEL) {
		f32x4 w0 = LD(w), w1 = LD(w + 4);
#pragma clang loop unroll(full)
		for (int i = 0; i < F32_ROWS; i++) {
			f32x4 v = wasm_v128_load32_splat(x[i] + k);
			acc[i][0] = ADD(acc[i][0], MUL(v, w0));
			acc[i][1] = ADD(acc[i][1], MUL(v, w1));
		}
	}
	float y[F32_ROWS * PANEL];
	for (int i = 0; i < F32_ROWS; i++) {
		ST(y + i * PANEL, ADD(acc[i][0], LD(a->b + j)));
		ST(y + i * PANEL + 4, ADD(acc[i][1], LD(a->b + j + 4)));
	}
	finish(a, y, least(F32_ROWS, row_end - r), r, j);
}

void linear_f32_part(const void *args, int part, int thread) {
	(void)thread;
	const linear_args own = *(const linear_args *)args, *a = &own; // the other lies beside what its thread writes
	area p = part_area(a, part);
	for (int j = p.j; j < p.out_end; j += PANEL)
		for (int r = p.r; r < p.row_end; r += F32_ROWS) rows_of_panel(a, (const float *)a->w + j * a->in, r, j, p.row_end);
}
