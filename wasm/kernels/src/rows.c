#include "kernels.h"

// norm_modulate computes dst = LN(x)·(1+scale) + shift. dst may be x.
EXPORT(norm_modulate)
void norm_modulate(float *dst, const float *x, int rows, int dim, const float *shift, int shift_stride, int shift_rows, const float *scale,
                   int scale_stride, int scale_rows) {
	per_group sh = {shift, shift_stride, shift_rows}, sc = {scale, scale_stride, scale_rows};
	for (int r = 0; r < rows; r++, x += dim, dst += dim) {
		f32x4 p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
		int i = 0;
		for (; i + 16 <= dim; i += 16)
			for (int l = 0; l < 4; l++) p[l] = ADD(p[l], LD(x + i + 4 * l));
		float tail[16];
		for (int l = 0; l < 4; l++) ST(tail + 4 * l, p[l]);
		for (int k = i; k < dim; k++) tail[k & 15] += x[k];
		for (int l = 0; l < 4; l++) p[l] = LD(tail + 4 * l);
		float mean = fold(p) / (float)dim;

		f32x4 m = SPLAT(mean);
		for (int l = 0; l < 4; l++) p[l] = SPLAT(0.0f);
		for (i = 0; i + 16 <= dim; i += 16)
			for (int l = 0; l < 4; l++) {
				f32x4 c = SUB(LD(x + i + 4 * l), m);
				p[l] = ADD(p[l], MUL(c, c));
			}
		for (int l = 0; l < 4; l++) ST(tail + 4 * l, p[l]);
		for (int k = i; k < dim; k++) {
			float c = x[k] - mean;
			tail[k & 15] += c * c;
		}
		for (int l = 0; l < 4; l++) p[l] = LD(tail + 4 * l);
		float variance = fold(p) / (float)dim;
		f32x4 rstd = SPLAT(1 / __builtin_sqrtf(variance + 1e-6f));

		const float *a = vector(sc, r), *b = vector(sh, r);
		for (i = 0; i < dim; i += 4) {
			int n = dim - i;
			f32x4 h = MUL(SUB(load_some(x + i, n), m), rstd);
			store_some(dst + i, ADD(MUL(h, ADD(SPLAT(1.0f), load_some(a + i, n))), load_some(b + i, n)), n);
		}
	}
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
