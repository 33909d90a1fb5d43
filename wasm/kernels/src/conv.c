// Convolutions in float32. Outputs are computed in panels of eight, as in linear.h, of
// blocks of rows of pixels: a panel's weights of one of the kernel's rows stay in the
// nearest cache while all pixels of a block pass by. In between, their sums are in memory.
#include "linear.h"
#include "picture.h"

enum { MAX_KERNEL = 3, BLOCK_PIXELS = 128 };

typedef struct {
	float *dst;
	const float *residual; // or 0
	int relu;
	picture in;
	const float *w, *b; // packed as a linear layer's, [kernel, kernel, c] its inputs
	int out, kernel, stride, pad;
	int rows, cols;    // of the result
	int block, bands;  // rows that are computed at a time, and parts
	float *scratch;
} conv_args;

// block_rows is how many rows of the result are computed at a time.
static int block_rows(int cols) { return cols < BLOCK_PIXELS ? BLOCK_PIXELS / cols : 1; }

// seen_rows is how many rows that many of the result need.
INLINE int seen_rows(int block, int kernel, int stride) { return (block - 1) * stride + kernel; }

// thread_values is the scratch of a thread: rows, and the sums of a block.
static int thread_values(int cols, int seen, int c, int kernel, int stride) {
	int block = block_rows(cols);
	return seen_rows(block, kernel, stride) * up((seen + 2) * c + 3, 4) + block * up(cols, ROWS) * PANEL;
}

EXPORT(conv_scratch) // bytes that conv_f32 needs, for results and seen pictures of these widths
int conv_scratch(int cols, int seen, int c, int kernel, int stride) { return 4 * threads() * thread_values(cols, seen, c, kernel, stride); }

// add_row adds the products of n values of four pixels with a panel to the sums of theirs.
INLINE void add_row(float *sums, const float *const x[ROWS], const float *w, int n) {
	f32x4 acc[ROWS][2];
	for (int i = 0; i < ROWS; i++) acc[i][0] = LD(sums + i * PANEL), acc[i][1] = LD(sums + i * PANEL + 4);
#pragma clang loop unroll(disable)
	for (int k = 0; k < n; k++, w += PANEL) {
		f32x4 w0 = LD(w), w1 = LD(w + 4);
#pragma clang loop unroll(full)
		for (int i = 0; i < ROWS; i++) {
			f32x4 v = wasm_v128_load32_splat(x[i] + k);
			acc[i][0] = ADD(acc[i][0], MUL(v, w0));
			acc[i][1] = ADD(acc[i][1], MUL(v, w1));
		}
	}
	for (int i = 0; i < ROWS; i++) ST(sums + i * PANEL, acc[i][0]), ST(sums + i * PANEL + 4, acc[i][1]);
}

// line adds what one row of the kernel sees of one row to the sums of a row of pixels. The last four are filled up with the last.
static __attribute__((noinline)) void line(float *sums, const float *row, const float *w, int cols, int n, int step) {
	for (int p = 0; p < cols; p += ROWS) {
		const float *x[ROWS];
		for (int i = 0; i < ROWS; i++) x[i] = row + least(p + i, cols - 1) * step;
		add_row(sums + p * PANEL, x, w, n);
	}
}

// finish_line writes sums, with bias, residual and ReLU, to pixels of the result at outputs from j on.
static void finish_line(const conv_args *a, const float *sums, int at, int j) {
	int n = least(a->out - j, PANEL);
	for (int p = 0; p < a->cols; p++, at += a->out, sums += PANEL)
		for (int k = 0; k < n; k += 4) {
			f32x4 v = ADD(LD(sums + k), LD(a->b + j + k));
			if (a->residual) v = ADD(v, load_some(a->residual + at + j + k, n - k));
			if (a->relu) v = wasm_v128_and(v, wasm_f32x4_gt(v, SPLAT(0.0f)));
			store_some(a->dst + at + j + k, v, n - k);
		}
}

// conv_part computes a band of rows, block by block. The rows that a block sees go to slots by their number, so that the next block
// finds those that both see.
static void conv_part(const void *args, int part, int thread) {
	conv_args a = *(const conv_args *)args;
	int c = a.in.c, seen = seen_width(&a.in), height = seen_height(&a.in), slots = seen_rows(a.block, a.kernel, a.stride);
	int size = up((seen + 2) * c + 3, 4), all = a.kernel * a.kernel * c, taps = a.kernel * c, width = up(a.cols, ROWS) * PANEL;
	float *rows = a.scratch + thread * thread_values(a.cols, seen, c, a.kernel, a.stride), *sums = rows + slots * size;
	int blocks = up(a.rows, a.block) / a.block, first = part * blocks / a.bands * a.block, end = least((part + 1) * blocks / a.bands * a.block, a.rows);
	int next = 0; // the first row that is not there yet
	for (int y = first; y < end; y += a.block) {
		int n = least(a.block, end - y), from = y * a.stride - a.pad, to = from + seen_rows(n, a.kernel, a.stride);
		if (next < from) next = from;
		if (next < 0) next = 0;
		for (; next < to && next < height; next++) seen_row(rows + next % slots * size, &a.in, next);
		for (int j = 0; j < a.out; j += PANEL) {
			__builtin_memset(sums, 0, 4 * n * width);
			for (int ky = 0; ky < a.kernel; ky++)
				for (int i = 0; i < n; i++) {
					int r = from + i * a.stride + ky;
					if (r >= 0 && r < height)
						line(sums + i * width, rows + r % slots * size + (1 - a.pad) * c, a.w + j * all + ky * taps * PANEL, a.cols, taps, a.stride * c);
				}
			for (int i = 0; i < n; i++) finish_line(&a, sums + i * width, (y + i) * a.cols * a.out, j);
		}
	}
}

// conv_f32 computes dst = act(convolution + b + residual). affine is the input's norm, or 0. b is filled up to whole panels.
EXPORT(conv_f32)
void conv_f32(float *dst, const float *residual, int relu, const float *x, int h, int w, int c, int twice, const float *affine, const float *weights,
              const float *b, int out, int kernel, int stride, int pad, float *scratch) {
	conv_args a = {dst, residual, relu, {x, h, w, c, twice, affine}, weights, b, out, kernel, stride, pad, 0, 0, 0, 0, scratch};
	a.rows = seen_height(&a.in), a.cols = seen_width(&a.in);
	if (stride == 2) a.rows = (a.rows + pad) / 2, a.cols = (a.cols + pad) / 2;
	a.block = block_rows(a.cols ? a.cols : 1);
	int blocks = up(a.rows, a.block) / a.block;
	a.bands = threads() == 1 ? 1 : least(blocks, 4 * threads());
	if (a.rows > 0 && a.cols > 0) run(conv_part, &a, a.bands);
}
