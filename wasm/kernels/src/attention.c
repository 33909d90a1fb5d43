#include "kernels.h"

// attention_scratch is the number of floats that attention needs.
EXPORT(attention_scratch)
int attention_scratch(int tokens, int hd) { return up(tokens, 8) * hd + tokens * up(hd, 8) + 4 * up(tokens, 16) + 4 * up(hd, 8); }

// softmax replaces n scores by e^(s-max) and returns one over their sum.
INLINE float softmax(float *s, int n) {
	float top = s[0];
	for (int i = 1; i < n; i++) top = s[i] > top ? s[i] : top;
	f32x4 m = SPLAT(top), p[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
	int i = 0;
	for (; i + 16 <= n; i += 16)
		for (int l = 0; l < 4; l++) {
			f32x4 e = exp4(SUB(LD(s + i + 4 * l), m));
			ST(s + i + 4 * l, e);
			p[l] = ADD(p[l], e);
		}
	float tail[16];
	for (int l = 0; l < 4; l++) ST(tail + 4 * l, p[l]);
	for (; i < n; i += 4) {
		f32x4 e = exp4(SUB(LD(s + i), m)); // rows of scores have room for whole vectors
		ST(s + i, e);
		for (int k = i; k < n && k < i + 4; k++) tail[k & 15] += s[k];
	}
	for (int l = 0; l < 4; l++) p[l] = LD(tail + 4 * l);
	return 1 / fold(p);
}

// queries computes R queries of one head: q and dst of the first, rows of 3·dim and
// dim apart.
INLINE void queries(int R, float *dst, const float *q, const float *kt, const float *v, float *s, float *qs, int tokens, int dim, int hd,
                    float scale) {
	int tp = up(tokens, 8), sp = up(tokens, 16), hp = up(hd, 8);
	for (int r = 0; r < R; r++)
		for (int i = 0; i < hd; i++) qs[r * hp + i] = q[3 * r * dim + i] * scale;
	for (int j = 0; j < tp; j += 8) {
		f32x4 acc[4][2];
		for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
		for (int i = 0; i < hd; i++) {
			f32x4 k0 = LD(kt + i * tp + j), k1 = LD(kt + i * tp + j + 4);
#pragma clang loop unroll(full)
			for (int r = 0; r < R; r++) {
				f32x4 a = wasm_v128_load32_splat(qs + r * hp + i);
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
	for (int r = 0; r < R; r++) inv[r] = softmax(s + r * sp, tokens);
	for (int i = 0; i < hd; i += 8) {
		f32x4 acc[4][2];
		for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = SPLAT(0.0f);
		for (int j = 0; j < tokens; j++) {
			f32x4 v0 = LD(v + j * hp + i), v1 = LD(v + j * hp + i + 4);
#pragma clang loop unroll(full)
			for (int r = 0; r < R; r++) {
				f32x4 a = wasm_v128_load32_splat(s + r * sp + j);
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

// attention computes softmax(q·hd^-½·kᵀ)·v for each of n images and each head.
EXPORT(attention)
void attention(float *dst, const float *qkv, int n, int tokens, int heads, int hd, float *scratch) {
	int dim = heads * hd, tp = up(tokens, 8), hp = up(hd, 8);
	float *kt = scratch, *vp = kt + tp * hd, *s = vp + tokens * hp, *qs = s + 4 * up(tokens, 16);
	float scale = 1 / __builtin_sqrtf((float)hd);
	for (int img = 0; img < n; img++)
		for (int h = 0; h < heads; h++) {
			const float *q = qkv + (long)img * tokens * 3 * dim + h * hd, *k = q + dim, *v = k + dim;
			for (int j = 0; j < tokens; j++)
				for (int i = 0; i < hd; i++) {
					kt[i * tp + j] = k[3 * j * dim + i];
					vp[j * hp + i] = v[3 * j * dim + i];
				}
			for (int i = 0; i < hd; i++)
				for (int j = tokens; j < tp; j++) kt[i * tp + j] = 0;
			for (int j = 0; j < tokens; j++)
				for (int i = hd; i < hp; i++) vp[j * hp + i] = 0;
			float *o = dst + img * tokens * dim + h * hd;
			int t = 0;
			for (; t + 4 <= tokens; t += 4) queries(4, o + t * dim, q + 3 * t * dim, kt, vp, s, qs, tokens, dim, hd, scale);
			for (; t < tokens; t++) queries(1, o + t * dim, q + 3 * t * dim, kt, vp, s, qs, tokens, dim, hd, scale);
		}
}
