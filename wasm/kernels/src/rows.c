#include "kernels.h"
#include "run.h"

// average is the mean of n values.
static __attribute__((noinline)) float average(const float *x, int n) {
	f32x4 p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
	float t[16];
	int i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 4; l++) p[l] = ADD(p[l], LD(x + i + 4 * l));
	spill(t, p);
	for (; i < n; i++) t[i & 15] += x[i];
	return fold_spilled(t) / (float)n;
}

// reciprocal is one over the root of the mean square of n values x - mean.
static __attribute__((noinline)) float reciprocal(const float *x, int n, float mean) {
	f32x4 p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)}, m = SPLAT(mean);
	float t[16];
	int i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 4; l++) {
			f32x4 c = SUB(LD(x + i + 4 * l), m);
			p[l] = ADD(p[l], MUL(c, c));
		}
	spill(t, p);
	for (; i < n; i++) {
		float c = x[i] - mean;
		t[i & 15] += c * c;
	}
	return 1 / __builtin_sqrtf(fold_spilled(t) / (float)n + 1e-6f);
}

enum { NORM_ROWS = 16 }; // of a part

typedef struct {
	float *dst;
	const float *x;
	int rows, dim, rms;
	per_group shift, scale;
} norm_args;

static void norm_part(const void *args, int part, int thread) {
	(void)thread;
	norm_args a = *(const norm_args *)args;
	int dim = a.dim, r = part * NORM_ROWS, end = r + NORM_ROWS < a.rows ? r + NORM_ROWS : a.rows;
	for (; r < end; r++) {
		const float *x = a.x + r * dim, *scale = vector(a.scale, r), *shift = vector(a.shift, r);
		float *dst = a.dst + r * dim, mean = a.rms ? 0 : average(x, dim);
		f32x4 m = SPLAT(mean), rstd = SPLAT(reciprocal(x, dim, mean)), one = SPLAT(1.0f);
		int i = 0;
		for (; i + 4 <= dim; i += 4) {
			f32x4 h = MUL(SUB(LD(x + i), m), rstd);
			ST(dst + i, ADD(MUL(h, ADD(one, LD(scale + i))), LD(shift + i)));
		}
		if (i == dim) continue;
		f32x4 h = MUL(SUB(load_some(x + i, dim - i), m), rstd);
		store_some(dst + i, ADD(MUL(h, ADD(one, load_some(scale + i, dim - i))), load_some(shift + i, dim - i)), dim - i);
	}
}

// norm_modulate computes dst = norm(x)·(1+scale) + shift, where rms is 0 a layer norm,
// else an RMS norm. dst may be x.
EXPORT(norm_modulate)
void norm_modulate(float *dst, const float *x, int rows, int dim, int rms, const float *shift, int shift_stride, int shift_rows,
                   const float *scale, int scale_stride, int scale_rows) {
	norm_args a = {dst, x, rows, dim, rms, {shift, shift_stride, shift_rows}, {scale, scale_stride, scale_rows}};
	run(norm_part, &a, up(rows, NORM_ROWS) / NORM_ROWS);
}

typedef struct {
	float *qkv;
	int rows, tokens, heads, hd;
	const float *norm[2], *rope; // norm: q's and k's, or 0
} rotate_args;

// turned turns pairs (a, b) by t, (cos, sin) of each. Adding what has its sign changed
// is a subtraction, to the bit.
INLINE f32x4 turned(f32x4 v, f32x4 t) {
	f32x4 c = MUL(v, wasm_i32x4_shuffle(t, t, 0, 0, 2, 2));
	f32x4 s = MUL(wasm_i32x4_shuffle(v, v, 1, 0, 3, 2), wasm_i32x4_shuffle(t, t, 1, 1, 3, 3));
	return ADD(c, wasm_v128_xor(s, wasm_i32x4_const(INT32_MIN, 0, INT32_MIN, 0)));
}

// rotate normalises a head, where there are weights, and turns its pairs of values.
static void rotate(float *x, int n, const float *weights, const float *turn) {
	f32x4 rstd = SPLAT(weights ? reciprocal(x, n, 0) : 0);
	int i = 0;
	if (weights)
		for (; i + 4 <= n; i += 4) ST(x + i, turned(MUL(MUL(LD(x + i), rstd), LD(weights + i)), LD(turn + i)));
	else
		for (; i + 4 <= n; i += 4) ST(x + i, turned(LD(x + i), LD(turn + i)));
	if (i == n) return;
	f32x4 v = load_some(x + i, 2);
	if (weights) v = MUL(MUL(v, rstd), load_some(weights + i, 2));
	store_some(x + i, turned(v, load_some(turn + i, 2)), 2);
}

static void rotate_part(const void *args, int part, int thread) {
	(void)thread;
	rotate_args a = *(const rotate_args *)args;
	int r = part * NORM_ROWS, end = r + NORM_ROWS < a.rows ? r + NORM_ROWS : a.rows;
	for (; r < end; r++) {
		float *x = a.qkv + 3 * r * a.heads * a.hd;
		for (int i = 0; i < 2 * a.heads; i++, x += a.hd) rotate(x, a.hd, a.norm[i >= a.heads], a.rope + r % a.tokens * a.hd);
	}
}

// norm_rotate changes the queries and keys of rows of qkv, [3, heads, hd] each.
EXPORT(norm_rotate)
void norm_rotate(float *qkv, int rows, int tokens, int heads, int hd, const float *q_norm, const float *k_norm, const float *rope) {
	rotate_args a = {qkv, rows, tokens, heads, hd, {q_norm, k_norm}, rope};
	run(rotate_part, &a, up(rows, NORM_ROWS) / NORM_ROWS);
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

EXPORT(copy)
void copy(char *dst, const char *src, int n) { __builtin_memcpy(dst, src, n); }
