#include "kernels.h"
#include "run.h"

// Floats of the keys and values of a head in panels, and of what a thread computes with.
INLINE int packed_values(int tokens, int hd) { return up(tokens, 8) * hd + tokens * up(hd, 8); }
INLINE int thread_values(int tokens, int hd) { return 8 * up(tokens, 16) + 4 * up(hd, 8); }

// attention_scratch is the number of floats that attention needs for so many heads of all images.
EXPORT(attention_scratch)
int attention_scratch(int heads, int tokens, int hd) { return least(heads, threads()) * packed_values(tokens, hd) + threads() * thread_values(tokens, hd); }

// softmax replaces n scores by e^(s-max) and returns one over their sum. Rows of
// scores and of power have room for whole vectors.
static __attribute__((noinline)) float softmax(float *s, float *power, int n) {
	f32x4 m = SPLAT(s[0]);
	for (int i = 0; i + 4 <= n; i += 4) m = wasm_f32x4_pmax(m, LD(s + i));
	for (int i = n & ~3; i < n; i++) m = wasm_f32x4_pmax(m, SPLAT(s[i]));
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 2, 3, 0, 1));
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 1, 0, 3, 2));
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) {
		f32x4 p;
		ST(s + i, exp_reduce(SUB(LD(s + i), m), &p));
		ST(power + i, p);
	}
#pragma clang loop unroll(disable)
	for (int i = 0; i < n; i += 4) ST(s + i, exp_finish(LD(s + i), LD(power + i)));
	f32x4 p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
	int i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 4; l++) p[l] = ADD(p[l], LD(s + i + 4 * l));
	float t[16];
	spill(t, p);
	for (; i < n; i++) t[i & 15] += s[i];
	return 1 / fold_spilled(t);
}

// interleave turns four rows of n scores, sp apart, into n groups of four.
INLINE void interleave(float *dst, const float *s, int sp, int n) {
	for (int j = 0; j < n; j += 4, s += 4, dst += 16) {
		f32x4 r[4] = {LD(s), LD(s + sp), LD(s + 2 * sp), LD(s + 3 * sp)};
		transpose(r);
		for (int l = 0; l < 4; l++) ST(dst + 4 * l, r[l]);
	}
}

// queries computes R queries of one head from its keys and values in panels of
// eight, kt[j/8][i][j%8] and v[i/8][j][i%8], which lie in the cache side by side:
// q and dst of the first, rows of 3·dim and dim apart.
INLINE void queries(int R, float *dst, const float *q, const float *kt, const float *v, float *s, float *qs, int tokens, int dim, int hd,
                    float scale) {
	int tp = up(tokens, 8), sp = up(tokens, 16);
	for (int r = 0; r < R; r++)
		for (int i = 0; i < hd; i++) qs[4 * i + r] = q[3 * r * dim + i] * scale;
	for (int j = 0; j < tp; j += 8) {
		f32x4 acc[4][2];
		for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
		const float *k = kt + j * hd, *a4 = qs, *end = qs + 4 * hd;
#pragma clang loop unroll(disable)
		for (; a4 < end; a4 += 4, k += 8) {
			f32x4 k0 = LD(k), k1 = LD(k + 4);
#pragma clang loop unroll(full)
			for (int r = 0; r < R; r++) {
				f32x4 a = wasm_v128_load32_splat(a4 + r);
				acc[r][0] = ADD(acc[r][0], MUL(a, k0));
				acc[r][1] = ADD(acc[r][1], MUL(a, k1));
			}
		}
#pragma clang loop unroll(full)
		for (int r = 0; r < R; r++) {
			ST(s + r * sp + j, acc[r][0]);
			ST(s + r * sp + j + 4, acc[r][1]);
		}
	}
	float inv[4];
	float *e = s + 4 * sp;
	for (int r = 0; r < R; r++) inv[r] = softmax(s + r * sp, e, tokens);
	// e: the scores, interleaved; rows beyond R hold what was there
	interleave(e, s, sp, tokens);
	for (int i = 0; i < hd; i += 8) {
		f32x4 acc[4][2];
		for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
		const float *vj = v + i * tokens, *a4 = e, *end = e + 4 * tokens;
#pragma clang loop unroll(disable)
		for (; a4 < end; a4 += 4, vj += 8) {
			f32x4 v0 = LD(vj), v1 = LD(vj + 4);
#pragma clang loop unroll(full)
			for (int r = 0; r < R; r++) {
				f32x4 a = wasm_v128_load32_splat(a4 + r);
				acc[r][0] = ADD(acc[r][0], MUL(a, v0));
				acc[r][1] = ADD(acc[r][1], MUL(a, v1));
			}
		}
#pragma clang loop unroll(full)
		for (int r = 0; r < R; r++) {
			f32x4 m = SPLAT(inv[r]);
			store_some(dst + r * dim + i, MUL(acc[r][0], m), hd - i);
			if (hd - i > 4) store_some(dst + r * dim + i + 4, MUL(acc[r][1], m), hd - i - 4);
		}
	}
}

typedef struct {
	float *dst;
	const float *qkv;
	int tokens, heads, hd;
	int pieces, piece; // of a head, and how many queries each has
	float *packed, *scratch;
} attention_args;

// pack writes the keys and values of a head in panels, which are filled up with zeros.
static void pack(const attention_args *a, float *kt, int head) {
	int hd = a->hd, tokens = a->tokens, dim = a->heads * hd, tp = up(tokens, 8), hp = up(hd, 8);
	float *vp = kt + tp * hd;
	const float *k = a->qkv + head / a->heads * tokens * 3 * dim + head % a->heads * hd + dim, *v = k + dim;
	for (int j = 0; j < tp; j += 4)
		for (int i = 0; i < hd; i += 4) {
			f32x4 r[4];
			for (int l = 0; l < 4; l++) r[l] = j + l < tokens ? load_some(k + 3 * (j + l) * dim + i, hd - i) : SPLAT(0.0f);
			transpose(r);
			for (int l = 0; l < 4 && i + l < hd; l++) ST(kt + (j / 8 * hd + i + l) * 8 + j % 8, r[l]);
		}
	for (int j = 0; j < tokens; j++)
		for (int i = 0; i < hp; i += 4) ST(vp + (i / 8 * tokens + j) * 8 + i % 8, i < hd ? load_some(v + 3 * j * dim + i, hd - i) : SPLAT(0.0f));
}

static void pack_part(const void *args, int head, int thread) {
	(void)thread;
	const attention_args *a = args;
	pack(a, a->packed + head * packed_values(a->tokens, a->hd), head);
}

// attention_part computes a piece of one head of one image. A head in one piece is packed here.
static void attention_part(const void *args, int part, int thread) {
	attention_args a = *(const attention_args *)args;
	int hd = a.hd, tokens = a.tokens, dim = a.heads * hd, head = part / a.pieces, t = part % a.pieces * a.piece, end = least(t + a.piece, tokens);
	float *kt = a.packed + (a.pieces > 1 ? head : thread) * packed_values(tokens, hd), *vp = kt + up(tokens, 8) * hd;
	float *s = a.scratch + thread * thread_values(tokens, hd), *qs = s + 8 * up(tokens, 16);
	float scale = 1 / __builtin_sqrtf((float)hd);
	if (a.pieces == 1) pack(&a, kt, head);
	const float *q = a.qkv + head / a.heads * tokens * 3 * dim + head % a.heads * hd;
	float *o = a.dst + head / a.heads * tokens * dim + head % a.heads * hd;
	for (; t + 4 <= end; t += 4) queries(4, o + t * dim, q + 3 * t * dim, kt, vp, s, qs, tokens, dim, hd, scale);
	for (; t < end; t++) queries(1, o + t * dim, q + 3 * t * dim, kt, vp, s, qs, tokens, dim, hd, scale);
}

// attention computes softmax(q·hd^-½·kᵀ)·v for each of n images and each head. Where there are fewer heads than threads (an
// autoencoder's is one wide head over all pixels) each is packed first, then cut into pieces.
// scratch has room for attention_scratch values.
EXPORT(attention)
void attention(float *dst, const float *qkv, int n, int tokens, int heads, int hd, float *scratch) {
	int all = n * heads, pieces = all < threads() ? threads() : 1, piece = up(up(tokens, pieces) / pieces, 4);
	attention_args a = {dst, qkv, tokens, heads, hd, pieces, piece, scratch, scratch + least(all, threads()) * packed_values(tokens, hd)};
	if (pieces > 1) run(pack_part, &a, all);
	run(attention_part, &a, all * pieces);
}
