#include "kernels.h"
#include "run.h"

typedef struct {
	float *dst;
	const float *x;
	int rows, dim;
	per_group shift, scale;
} norm_args;

enum { NORM_ROWS = 16 }; // of a part

static void norm_part(const void *args, int part, int thread) {
	(void)thread;
	norm_args a = *(const norm_args *)args;
	int dim = a.dim, r = part * NORM_ROWS, end = r + NORM_ROWS < a.rows ? r + NORM_ROWS : a.rows;
	for (; r < end; r++) {
		const float *x = a.x + r * dim;
		float *dst = a.dst + r * dim, t[16];
		f32x4 p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
		int i = 0;
		for (; i + 16 <= dim; i += 16)
			for (int l = 0; l < 4; l++) p[l] = ADD(p[l], LD(x + i + 4 * l));
		spill(t, p);
		for (int k = i; k < dim; k++) t[k & 15] += x[k];
		float mean = fold_spilled(t) / (float)dim;

		f32x4 m = SPLAT(mean);
		for (int l = 0; l < 4; l++) p[l] = SPLAT(0.0f);
		for (i = 0; i + 16 <= dim; i += 16)
			for (int l = 0; l < 4; l++) {
				f32x4 c = SUB(LD(x + i + 4 * l), m);
				p[l] = ADD(p[l], MUL(c, c));
			}
		spill(t, p);
		for (int k = i; k < dim; k++) {
			float c = x[k] - mean;
			t[k & 15] += c * c;
		}
		float variance = fold_spilled(t) / (float)dim;
		f32x4 rstd = SPLAT(1 / __builtin_sqrtf(variance + 1e-6f));

		const float *scale = vector(a.scale, r), *shift = vector(a.shift, r);
		for (i = 0; i < dim; i += 4) {
			int n = dim - i;
			f32x4 h = MUL(SUB(load_some(x + i, n), m), rstd);
			store_some(dst + i, ADD(MUL(h, ADD(SPLAT(1.0f), load_some(scale + i, n))), load_some(shift + i, n)), n);
		}
	}
}

// norm_modulate computes dst = LN(x)·(1+scale) + shift. dst may be x.
EXPORT(norm_modulate)
void norm_modulate(float *dst, const float *x, int rows, int dim, const float *shift, int shift_stride, int shift_rows, const float *scale,
                   int scale_stride, int scale_rows) {
	norm_args a = {dst, x, rows, dim, {shift, shift_stride, shift_rows}, {scale, scale_stride, scale_rows}};
	run(norm_part, &a, up(rows, NORM_ROWS) / NORM_ROWS);
}

// add adds n values of src to dst.
EXPORT(add)
void add(float *dst, const float *src, int n) {
	for (int i = 0; i < n; i += 4) store_some(dst + i, ADD(load_some(dst + i, n - i), load_some(src + i, n - i)), n - i);
}

// patches gathers patch vectors (c, row, column) of images [n, c, h, w].
EXPORT(patches)
void patches(float *dst, const float *img, int n, int c, int h, int w, int p) {
	for (int i = 0; i < n; i++)
		for (int y = 0; y < h; y += p)
			for (int x = 0; x < w; x += p)
				for (int k = 0; k < c; k++)
					for (int dy = 0; dy < p; dy++)
						for (int dx = 0; dx < p; dx++) *dst++ = img[((i * c + k) * h + y + dy) * w + x + dx];
}

// unpatchify moves vectors (row, column, c) to images [n, c, h, w].
EXPORT(unpatchify)
void unpatchify(float *img, const float *src, int n, int c, int h, int w, int p) {
	for (int i = 0; i < n; i++)
		for (int y = 0; y < h; y += p)
			for (int x = 0; x < w; x += p)
				for (int dy = 0; dy < p; dy++)
					for (int dx = 0; dx < p; dx++)
						for (int k = 0; k < c; k++) img[((i * c + k) * h + y + dy) * w + x + dx] = *src++;
}

EXPORT(zero)
void zero(char *p, int n) { __builtin_memset(p, 0, n); }
