// compute.QuantizeRow, in two steps.

// inverse_of returns 127 over the largest lane and stores the row's scale.
INLINE f32x4 inverse_of(f32x4 m, float *scale) {
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 2, 3, 0, 1));
	m = wasm_f32x4_pmax(m, wasm_i32x4_shuffle(m, m, 1, 0, 3, 2));
	float top = wasm_f32x4_extract_lane(m, 0);
	int small = !(top >= 1e-30f);
	*scale = small ? 0 : top / 127;
	return SPLAT(small ? 0 : 127 / top);
}

// inverse does so for the largest of n values. Four maxima, for one would be a chain of
// steps that wait for each other.
INLINE f32x4 inverse(const float *x, int n, float *scale) {
	f32x4 m[4] = {SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f), SPLAT(0.0f)};
	int k = 0;
#pragma clang loop unroll(disable)
	for (; k + 16 <= n; k += 16)
		for (int i = 0; i < 4; i++) m[i] = wasm_f32x4_pmax(m[i], wasm_f32x4_abs(LD(x + k + 4 * i)));
	for (; k < n; k += 4) m[0] = wasm_f32x4_pmax(m[0], wasm_f32x4_abs(load_some(x + k, n - k)));
	return inverse_of(wasm_f32x4_pmax(wasm_f32x4_pmax(m[0], m[1]), wasm_f32x4_pmax(m[2], m[3])), scale);
}

// rounded gives n values from p·inv. |x|·(127/top) is below 127.5, so the contract's
// clamp has nothing to do.
INLINE v128_t rounded(const float *p, int n, f32x4 inv) {
	return wasm_i32x4_sub(ADD(MUL(n > 0 ? load_some(p, n) : SPLAT(0.0f), inv), SPLAT(ROUND)), SPLAT(ROUND));
}

typedef struct {
	void *q; // in the layout of the product that reads it
	float *scale;
	const float *x;
	int rows, in;
} quantize_args;

enum { QUANTIZE_ROWS = 16 }; // of a part

// quantize_rows runs part over all rows.
INLINE void quantize_rows(part *f, void *q, float *scale, const float *x, int rows, int in) {
	quantize_args a = {q, scale, x, rows, in};
	run(f, &a, up(rows, QUANTIZE_ROWS) / QUANTIZE_ROWS);
}
