// Attention in exact integers: the comment of compute.AttentionBlock is its definition.
// Compiled for SIMD128 and for relaxed SIMD, whose products need other layouts.
#include "kernels.h"
#include "run.h"
#include "quantize.h"
#ifdef __wasm_relaxed_simd__
#include "attention_relaxed.h"
#else
#include "attention_strict.h"
#endif

// INPUTS: of a step of a product; GROUP: that are filled up.
enum { INPUTS = 4 / VALUE, GROUP = 8, BLOCK = 1024, CACHE_LINE = 64 };

// One head of an image. Tokens are filled up to whole groups: keys by copies of the
// last one, which leave the maximum of scores as it is, values by zeros; queries to
// whole tiles, by copies too. Channels are filled up by zeros.
typedef struct {
	char *q, *k, *v;
	float *qs, *ks, *vs; // scales of queries, keys and channels of values
	float *inv;          // what channels of values are multiplied by
	float *row;          // the keys' mean, then room for four tokens
	int32_t *first;      // what sums with a key start from
	float *s;            // scores of ROWS queries, eight of each
	char *p;             // the weights that they become
	int tokens, hd, keys, width;
} head;

// carve gives the next n bytes of scratch and moves at behind them.
INLINE void *carve(uintptr_t *at, int n) {
	uintptr_t p = *at;
	*at += up(n, CACHE_LINE);
	return (void *)p;
}

// new_head lays a head out in scratch and returns its end.
static uintptr_t new_head(head *h, uintptr_t at, int tokens, int hd) {
	int keys = up(tokens, GROUP), queries = up(tokens, ROWS), width = up(hd, GROUP);
	*h = (head){.tokens = tokens, .hd = hd, .keys = keys, .width = width};
	h->q = carve(&at, queries * width * VALUE);
	h->k = carve(&at, keys * width * VALUE);
	h->v = carve(&at, keys * width * VALUE);
	h->qs = carve(&at, queries * 4);
	h->ks = carve(&at, keys * 4);
	h->first = carve(&at, keys * 4);
	h->vs = carve(&at, width * 4);
	h->inv = carve(&at, width * 4);
	h->row = carve(&at, 5 * width * 4);
	h->s = carve(&at, keys * ROWS * 4);
	h->p = carve(&at, keys / INPUTS * WEIGHTS_STEP);
	return at;
}

// attention_int8_scratch is the number of bytes that attention_int8 needs for a thread.
EXPORT(attention_int8_scratch)
int attention_int8_scratch(int tokens, int hd) {
	head h;
	return (int)new_head(&h, 0, tokens, hd);
}

// filled_up copies n of width channels to row.
static __attribute__((noinline)) const float *filled_up(float *row, const float *x, int n, int width) {
#pragma clang loop vectorize(disable) unroll(disable)
	for (int i = 0; i < width; i++) row[i] = i < n ? x[i] : 0;
	return row;
}

// whole gives width channels of a token: those at x, or a copy that is filled up, in
// the last row of room.
INLINE const float *whole(const head *h, const float *x) {
	return h->hd == h->width ? x : filled_up(h->row + 4 * h->width, x, h->hd, h->width);
}

// survey finds the mean of keys and the scales of values; k and v are the first
// token's, the others follow at a distance of stride.
static void survey(const head *args, const float *k, const float *v, int stride) {
	head h = *args;
	for (int i = 0; i < h.width; i += 4) ST(h.row + i, SPLAT(0.0f)), ST(h.vs + i, SPLAT(0.0f));
	for (int t = 0; t < h.tokens; t++, k += stride, v += stride) {
		const float *x = whole(&h, k);
		for (int i = 0; i < h.width; i += 4) ST(h.row + i, ADD(LD(h.row + i), LD(x + i)));
		x = whole(&h, v);
		for (int i = 0; i < h.width; i += 4) ST(h.vs + i, wasm_f32x4_pmax(LD(h.vs + i), wasm_f32x4_abs(LD(x + i))));
	}
	for (int i = 0; i < h.width; i += 4) {
		f32x4 top = LD(h.vs + i), large = wasm_f32x4_ge(top, SPLAT(1e-30f));
		ST(h.row + i, DIV(LD(h.row + i), SPLAT((float)h.tokens)));
		ST(h.vs + i, wasm_v128_and(large, DIV(top, SPLAT(127.0f))));
		ST(h.inv + i, wasm_v128_and(large, DIV(SPLAT(127.0f), top)));
	}
}

static void pack_query(const head *args, int t, const float *q) {
	head h = *args;
	q = whole(&h, q);
	f32x4 inv = inverse(q, h.width, h.qs + t);
	char *dst = h.q + t / ROWS * ROWS * h.width * VALUE + t % ROWS * 4;
	for (int i = 0; i < h.width; i += GROUP, dst += GROUP / INPUTS * STEP)
		put_query(dst, wasm_i16x8_narrow_i32x4(rounded(q + i, 4, inv), rounded(q + i + 4, 4, inv)));
}

// pack_keys packs keys t to t+3; k is the first token's.
static void pack_keys(const head *args, int t, const float *k, int stride) {
	head h = *args;
	float *row = h.row + h.width;
	const float *x[4];
	f32x4 inv[4];
	v128_t sum[4];
	for (int l = 0; l < 4; l++) {
		x[l] = k + least(t + l, h.tokens - 1) * stride;
		if (h.hd < h.width) x[l] = filled_up(row + l * h.width, x[l], h.hd, h.width);
		inv[l] = SPLAT(0.0f), sum[l] = wasm_i32x4_const_splat(0);
	}
	for (int i = 0; i < h.width; i += 4) {
		f32x4 mean = LD(h.row + i);
		for (int l = 0; l < 4; l++) {
			f32x4 v = SUB(LD(x[l] + i), mean);
			ST(row + l * h.width + i, v);
			inv[l] = wasm_f32x4_pmax(inv[l], wasm_f32x4_abs(v));
		}
	}
	for (int l = 0; l < 4; l++) inv[l] = inverse_of(inv[l], h.ks + t + l);
	char *dst = h.k + t / GROUP * GROUP * h.width * VALUE + t % GROUP * 4;
	for (int i = 0; i < h.width; i += 4) {
		v128_t v[4];
		for (int l = 0; l < 4; l++) {
			v[l] = rounded(row + l * h.width + i, 4, inv[l]);
			sum[l] = wasm_i32x4_add(sum[l], v[l]);
		}
		put_keys(dst, i, v);
	}
	transpose(sum);
	v128_t all = wasm_i32x4_add(wasm_i32x4_add(sum[0], sum[1]), wasm_i32x4_add(sum[2], sum[3]));
	ST(h.first + t, wasm_i32x4_mul(all, wasm_i32x4_splat(-added())));
}

// pack_values packs values t to t+3; v is the first token's.
static void pack_values(const head *args, int t, const float *v, int stride) {
	head h = *args;
	float *row = h.row + h.width;
	const float *x[4];
	for (int l = 0; l < 4; l++, row += h.width) {
		int n = t + l < h.tokens ? h.hd : 0;
		x[l] = v + (t + l) * stride;
		if (n < h.width) x[l] = filled_up(row, x[l], n, h.width);
	}
	for (int i = 0; i < h.width; i += 4) {
		f32x4 inv = LD(h.inv + i), r[4];
		for (int l = 0; l < 4; l++) r[l] = rounded(x[l] + i, 4, inv);
		put_values(h.v + i / GROUP * GROUP * h.keys * VALUE + i % GROUP * 4, t, r);
	}
}

static void pack(const head *h, const float *q, int dim) {
	const float *k = q + dim, *v = k + dim;
	int stride = 3 * dim;
	survey(h, k, v, stride);
	for (int t = 0; t < up(h->tokens, ROWS); t++) pack_query(h, t, q + least(t, h->tokens - 1) * stride);
	for (int t = 0; t < h->keys; t += 4) pack_keys(h, t, k, stride);
	for (int t = 0; t < h->keys; t += 4) pack_values(h, t, v, stride);
}

// scores computes those of the queries at q and the largest of each.
static __attribute__((noinline)) void scores(const head *args, float top[ROWS], const char *q) {
	head h = *args; // a copy, which no store can change
	f32x4 m[ROWS];
	for (int r = 0; r < ROWS; r++) m[r] = SPLAT(-__builtin_inff());
	float *s = h.s;
	for (int j = 0; j < h.keys; j += GROUP, s += ROWS * GROUP) {
		v128_t acc[2 * ROWS];
		for (int r = 0; r < 2 * ROWS; r++) acc[r] = LD(h.first + j + r % 2 * 4);
		product(acc, q, h.k + j * h.width * VALUE, h.width);
		f32x4 k[2] = {LD(h.ks + j), LD(h.ks + j + 4)};
#pragma clang loop unroll(full)
		for (int r = 0; r < 2 * ROWS; r++) {
			f32x4 v = MUL(wasm_f32x4_convert_i32x4(acc[r]), k[r % 2]);
			ST(s + 4 * r, v);
			m[r / 2] = wasm_f32x4_pmax(m[r / 2], v);
		}
	}
	for (int r = 0; r < ROWS; r++) {
		f32x4 v = wasm_f32x4_pmax(m[r], wasm_i32x4_shuffle(m[r], m[r], 2, 3, 0, 1));
		top[r] = wasm_f32x4_extract_lane(wasm_f32x4_pmax(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2)), 0);
	}
	for (int j = h.tokens; j < h.keys; j++)
		for (int r = 0; r < ROWS; r++) s[(r - ROWS) * GROUP + j % GROUP] = -__builtin_inff();
}

INLINE int add_lanes(v128_t v) {
	v = wasm_i32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
	return wasm_i32x4_extract_lane(v, 0) + wasm_i32x4_extract_lane(v, 1);
}

// steps is compute.ExpSteps, but at most 61439: the weight is zero from there on.
INLINE v128_t steps(f32x4 top, f32x4 s, f32x4 scale) {
	f32x4 x = wasm_f32x4_pmin(SPLAT(61439.0f), MUL(SUB(top, s), scale)); // also what is not a number
	return wasm_i32x4_sub(ADD(x, SPLAT(ROUND)), SPLAT(ROUND));
}

// exp2_steps is compute.Exp2Steps for up to 61439. The bytes of 16384>>n are entries
// n-7 and n+1 of a table, and zero where n-7 is negative.
INLINE v128_t exp2_steps(v128_t d) {
	v128_t powers = wasm_u8x16_const(128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0);
	v128_t f = wasm_u16x8_shr(wasm_i16x8_shl(d, 4), 1);
	v128_t n = wasm_i16x8_mul(wasm_u16x8_shr(d, 12), wasm_i16x8_const_splat(257));
	v128_t r = wasm_i16x8_add(MUL_ROUND(f, wasm_i16x8_const_splat(-1272)), wasm_i16x8_const_splat(7494));
	r = wasm_i16x8_sub(MUL_ROUND(f, r), wasm_i16x8_const_splat(22478));
	r = wasm_i16x8_add(MUL_ROUND(f, r), wasm_i16x8_const_splat(32512));
	return MUL_ROUND(r, SWIZZLE(powers, wasm_i8x16_add(n, wasm_i16x8_const_splat(0x01f9))));
}

// weights turns the scores of rows of queries into weights and finds one over the sum
// of each row. Two loops, so that chains of dependent steps are short.
static __attribute__((noinline)) void weights(const head *args, float inv[ROWS], int rows, const float top[ROWS], const float *qs, float scale) {
	head h = *args;
	for (int r = 0; r < rows; r++) {
		float *s = h.s + r * GROUP, *end = s + h.keys * ROWS;
		f32x4 m = SPLAT(top[r]), c = SPLAT(qs[r] * scale);
#pragma clang loop unroll(disable)
		for (float *d = s; d < end; d += ROWS * GROUP)
			ST(d, wasm_u16x8_narrow_i32x4(steps(m, LD(d), c), steps(m, LD(d + 4), c)));
		char *p = h.p + 4 * r;
		v128_t sum = wasm_i32x4_const_splat(0);
#pragma clang loop unroll(disable)
		for (float *d = s; d < end; d += ROWS * GROUP, p += GROUP / INPUTS * WEIGHTS_STEP) {
			v128_t e = exp2_steps(LD(d));
			sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(e, wasm_i16x8_const_splat(1)));
			put_weights(p, e);
		}
		inv[r] = 1 / (float)add_lanes(sum);
	}
}

// mix writes the sums of values with their weights, times inv, to rows of dst.
static __attribute__((noinline)) void mix(const head *args, float *dst, int dim, int rows, const float inv[ROWS]) {
	head h = *args;
	for (int i = 0; i < h.hd; i += GROUP) {
		f32x4 total[2 * ROWS];
		for (int b = 0; b < h.keys; b += BLOCK) {
			v128_t acc[2 * ROWS];
			int n = least(h.keys - b, BLOCK);
			mixed(acc, h.p + b / INPUTS * WEIGHTS_STEP, h.v + (i * h.keys + b * GROUP) * VALUE, n);
			for (int r = 0; r < 2 * ROWS; r++) {
				f32x4 v = wasm_f32x4_convert_i32x4(acc[r]);
				total[r] = b ? ADD(total[r], v) : v;
			}
		}
		for (int r = 0; r < 2 * rows; r++) {
			int at = i + r % 2 * 4;
			if (at < h.hd) store_some(dst + r / 2 * dim + at, MUL(total[r], MUL(LD(h.vs + at), SPLAT(inv[r / 2]))), h.hd - at);
		}
	}
}

typedef struct {
	float *dst;
	const float *qkv;
	int tokens, heads, hd;
	char *scratch;
} attention_args;

// attention_part computes one head of one image.
static void attention_part(const void *args, int part, int thread) {
	attention_args a = *(const attention_args *)args;
	int hd = a.hd, tokens = a.tokens, dim = a.heads * hd, first = part / a.heads * tokens * dim, at = part % a.heads * hd;
	float scale = 1 / __builtin_sqrtf((float)hd) * 1.44269504088896341f * 4096; // compute.AttentionScale
	head h;
	new_head(&h, (uintptr_t)a.scratch + thread * attention_int8_scratch(tokens, hd), tokens, hd);
	pack(&h, a.qkv + 3 * first + at, dim);
	for (int t = 0; t < tokens; t += ROWS) {
		int rows = least(tokens - t, ROWS);
		float top[ROWS], inv[ROWS];
		scores(&h, top, h.q + t * h.width * VALUE);
		weights(&h, inv, rows, top, h.qs + t, scale);
		mix(&h, a.dst + first + at + t * dim, dim, rows, inv);
	}
}

// attention_int8 computes attention for each of n images and each head. scratch has
// attention_int8_scratch bytes for each thread.
EXPORT(attention_int8)
void attention_int8(float *dst, const float *qkv, int n, int tokens, int heads, int hd, char *scratch) {
	attention_args a = {dst, qkv, tokens, heads, hd, scratch};
	run(attention_part, &a, n * heads);
}
