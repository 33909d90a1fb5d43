// Group norms and the rows that convolutions see: compute.Affine and compute.ConvRows.
#include "kernels.h"
#include "run.h"
#include "picture.h"

// The affine form of a group norm is three vectors: mean, scale and shift of each channel.

typedef struct {
	const float *x;
	int h, w, c, groups;
	float *mean, *square; // [h, groups]
	float *sums;          // for each thread, [2, c]
} statistics_args;

enum { BLOCK = 16 }; // channels that are summed at a time

// column_sums adds up n ≤ BLOCK channels over the pixels of a row: their values, or where means are given their squares about those.
INLINE void column_sums(float *to, const float *x, int w, int c, int n, const float *means) {
	f32x4 s[4], m[4];
	int v = up(n, 4) / 4;
	for (int i = 0; i < 4; i++) s[i] = m[i] = SPLAT(0.0f);
	if (means)
		for (int i = 0; i < v; i++) m[i] = load_some(means + 4 * i, n - 4 * i);
	if (n == BLOCK) {
#pragma clang loop unroll(disable)
		for (int p = 0; p < w; p++, x += c) {
#pragma clang loop unroll(full)
			for (int i = 0; i < 4; i++) {
				f32x4 d = LD(x + 4 * i);
				if (means) d = SUB(d, m[i]), d = MUL(d, d);
				s[i] = ADD(s[i], d);
			}
		}
	} else
		for (int p = 0; p < w; p++, x += c)
			for (int i = 0; i < v; i++) {
				f32x4 d = load_some(x + 4 * i, n - 4 * i);
				if (means) d = SUB(d, m[i]), d = MUL(d, d);
				s[i] = ADD(s[i], d);
			}
	for (int i = 0; i < v; i++) store_some(to + 4 * i, s[i], n - 4 * i);
}

static float sum(const float *v, int n) {
	float s = 0;
	for (int i = 0; i < n; i++) s += v[i];
	return s;
}

// statistics_part computes the means of row y and the sums of squares about them.
static void statistics_part(const void *args, int y, int thread) {
	statistics_args a = *(const statistics_args *)args;
	int c = a.c, n = c / a.groups;
	const float *x = a.x + y * a.w * c;
	float *sums = a.sums + 2 * thread * c, *means = sums + c, *mean = a.mean + y * a.groups, *square = a.square + y * a.groups;
	for (int k = 0; k < c; k += BLOCK) column_sums(sums + k, x + k, a.w, c, least(c - k, BLOCK), 0);
	for (int g = 0; g < a.groups; g++) {
		mean[g] = sum(sums + g * n, n) / (float)(a.w * n);
		for (int i = 0; i < n; i++) means[g * n + i] = mean[g];
	}
	for (int k = 0; k < c; k += BLOCK) column_sums(sums + k, x + k, a.w, c, least(c - k, BLOCK), means + k);
	for (int g = 0; g < a.groups; g++) square[g] = sum(sums + g * n, n);
}

// fold_partials is compute.FoldSum.
static float fold_partials(float p[16]) {
	for (int step = 8; step > 0; step /= 2)
		for (int l = 0; l < step; l++) p[l] += p[l + step];
	return p[0];
}

EXPORT(group_scratch) // bytes that group_affine needs
int group_scratch(int h, int c, int groups) { return 4 * (2 * h * groups + 2 * threads() * c); }

// group_affine makes the affine form of a group norm of the picture x.
EXPORT(group_affine)
void group_affine(float *affine, const float *x, int h, int w, int c, int groups, const float *weight, const float *bias, float *scratch) {
	statistics_args a = {x, h, w, c, groups, scratch, scratch + h * groups, scratch + 2 * h * groups};
	run(statistics_part, &a, h);
	int n = c / groups;
	float per = (float)(w * n);
	for (int g = 0; g < groups; g++) {
		float p[16] = {0}, q[16] = {0};
		for (int y = 0; y < h; y++) p[y & 15] += a.mean[y * groups + g];
		float mean = fold_partials(p) / (float)h;
		for (int y = 0; y < h; y++) {
			float e = a.mean[y * groups + g] - mean;
			q[y & 15] += a.square[y * groups + g] + e * e * per;
		}
		float rstd = 1 / __builtin_sqrtf(fold_partials(q) / (float)(h * w * n) + 1e-6f);
		for (int i = g * n; i < (g + 1) * n; i++) affine[i] = mean, affine[c + i] = rstd * weight[i], affine[2 * c + i] = bias[i];
	}
}

void normed(float *dst, const float *x, int n, int c, const float *affine) {
	const float *mean = affine, *scale = affine + c, *shift = affine + 2 * c;
	for (; n > 0; n--, dst += c, x += c) {
		int i = 0;
		for (; i + 4 <= c; i += 4) ST(dst + i, ADD(MUL(SUB(LD(x + i), LD(mean + i)), LD(scale + i)), LD(shift + i)));
		for (; i < c; i++) dst[i] = (x[i] - mean[i]) * scale[i] + shift[i];
	}
}

typedef struct {
	float *dst;
	const float *x;
	int n, c;
	const float *affine;
} group_norm_args;

enum { NORM_PIXELS = 64 }; // of a part

static void group_norm_part(const void *args, int part, int thread) {
	(void)thread;
	const group_norm_args *a = args;
	int p = part * NORM_PIXELS;
	normed(a->dst + p * a->c, a->x + p * a->c, least(a->n - p, NORM_PIXELS), a->c, a->affine);
}

// group_norm computes dst = norm(x) for n pixels. dst may be x.
EXPORT(group_norm)
void group_norm(float *dst, const float *x, int n, int c, const float *affine) {
	group_norm_args a = {dst, x, n, c, affine};
	run(group_norm_part, &a, up(n, NORM_PIXELS) / NORM_PIXELS);
}

void seen_row(float *row, const picture *p, int y) {
	int c = p->c, n = p->w * c;
	float *inside = row + c;
	const float *x = p->x + (p->up ? y / 2 : y) * n;
	if (p->affine) {
		normed(inside, x, p->w, c, p->affine);
		silu_row(inside, n);
	} else
		__builtin_memcpy(inside, x, 4 * n);
	if (p->up)
		for (int i = p->w - 1; i >= 0; i--) { // from the end, so that none is lost
			__builtin_memmove(inside + (2 * i + 1) * c, inside + i * c, 4 * c);
			__builtin_memmove(inside + 2 * i * c, inside + i * c, 4 * c);
		}
	__builtin_memset(row, 0, 4 * c);
	__builtin_memset(inside + seen_width(p) * c, 0, 4 * c);
}
