// Convolutions in integers, as compute's documentation defines them, by Winograd's F(2×2, 3×3) (A. Lavin and S. Gray,
// arXiv 1509.09308): a tile of two by two outputs sees four by four inputs d, and is Aᵀ(U∘V)A/4 of
//
//	V = BᵀdB, up to ±8188      Bᵀ = 1  0 -1  0      2G = 2  0  0      Aᵀ = 1  1  1  0
//	U = (2G)w(2G)ᵀ, ±1143           0  1  1  0           1  1  1           0  1 -1 -1
//	                                0 -1  1  0           1 -1  1
//	                                0  1  0 -1           0  0  2
//
// where ∘ is sixteen products of matrices, one for each of these numbers, with the tiles as rows and the channels as inputs. They are
// exact, for four times a sum fits an int32 (compute.MaxConvSum); in between sums may wrap around.
//
// The tile of a picture that is doubled sees d with two equal rows and columns in its middle: the third row and column of V are zeros
// and left out, and the others come from three by three pixels.
#include "linear.h"
#include "pairs.h"
#include "picture.h"

enum {
	TAPS = 9,
	PLANES = 16,
	TILE = FOUR * PANEL, // sums of four tiles and a panel
	WIDTH = 8,          // what channels are filled up to a multiple of in rows and in V
	V_BYTES = 1 << 19,  // of a run of tiles: about half of a second cache
	MAX_TILES = 256,    // of a run
	U_BYTES = 16 << 20, // of the outputs that are computed at a time
};

EXPORT(packed_conv) // bytes that pack_conv writes to
int packed_conv(int in, int out) { return up(out, PANEL) * up(in, 2) * TAPS; }

// pack_conv packs weights [rows, 3, 3, in] of outputs from first on in panels: for each pair of inputs nine times 16 bytes, (c, c+1) of a
// panel's outputs.
EXPORT(pack_conv)
void pack_conv(int8_t *dst, const int8_t *w, int first, int rows, int in) {
	for (int j = first; j < first + rows; j++) {
		int8_t *panel = dst + j / PANEL * PANEL * up(in, 2) * TAPS + j % PANEL * 2;
		for (int t = 0; t < TAPS; t++)
			for (int c = 0; c < in; c++) panel[(c / 2 * TAPS + t) * 16 + c % 2] = *w++;
	}
}

typedef struct {
	float *dst;
	const float *residual; // or 0
	int relu;
	picture in;
	const float *inverse; // what values are multiplied by, for each channel
	float s;              // what a step of theirs is
	const int8_t *w;      // packed
	const float *ws, *b;  // filled up to whole panels
	int out, first, end;  // outputs in all, and those to compute
	int16_t *u;           // U of those
	int cols;             // of the result
	int across, down, band; // tiles in a row, rows of tiles, of these in a band
	int parts;
	char *scratch;
	int size; // of a thread's
} conv_args;

// The pixels of a row that tiles see: one in front, and behind as many as the last one wants.
INLINE int row_values(const conv_args *a) { return ((a->in.up ? a->in.w : 2 * a->across) + 2) * up(a->in.c, WIDTH); }

// seen_rows is how many rows that many rows of tiles see.
INLINE int seen_rows(const conv_args *a, int tile_rows) { return (a->in.up ? tile_rows : 2 * tile_rows) + 2; }

INLINE int run_tiles(int c) {
	int n = V_BYTES / (2 * PLANES * c) / FOUR * FOUR;
	return n < FOUR ? FOUR : least(n, MAX_TILES);
}

// What a thread has in scratch: rows in integers, one of zeros, values of a pixel, V, and sums.
typedef struct {
	int16_t *rows, *zeros;
	float *pixel;
	int16_t *v;
	int32_t *sums;
	char *end;
} thread_scratch;

INLINE void *take(char **at, int bytes) {
	char *p = *at;
	*at += up(bytes, 64);
	return p;
}

static thread_scratch scratch_of(const conv_args *a, int thread) {
	int c = up(a->in.c, WIDTH), tiles = run_tiles(c);
	char *at = a->scratch + thread * a->size;
	thread_scratch t;
	t.rows = take(&at, 2 * seen_rows(a, a->band) * row_values(a));
	t.zeros = take(&at, 2 * row_values(a));
	t.pixel = take(&at, 4 * c);
	t.v = take(&at, 2 * PLANES * tiles * c);
	t.sums = take(&at, 4 * PLANES * tiles * PANEL);
	t.end = at;
	return t;
}

// rounded gives four values, which are rounded in the lowest bits of a float32.
INLINE v128_t rounded(const float *u, const float *inverse) { return wasm_i32x4_sub(ADD(MUL(LD(u), LD(inverse)), SPLAT(ROUND)), SPLAT(ROUND)); }

// quantise_row is seen_row in integers, for the picture as it is before it is doubled.
static void quantise_row(const conv_args *a, int16_t *row, float *u, int y) {
	int c = a->in.c, width = up(c, WIDTH);
	const float *x = a->in.x + y * a->in.w * c;
	__builtin_memset(row, 0, 2 * width);
	row += width;
	for (int p = 0; p < a->in.w; p++, x += c, row += width) {
		const float *from = x;
		if (a->in.affine) {
			normed(u, x, 1, c, a->in.affine);
			silu_row(u, c);
			from = u;
		}
		int k = 0;
		for (; k + 8 <= c; k += 8) ST(row + k, wasm_i16x8_narrow_i32x4(rounded(from + k, a->inverse + k), rounded(from + k + 4, a->inverse + k + 4)));
		if (k == c) continue;
		float last[2][8] = {0};
		for (int i = 0; k + i < c; i++) last[0][i] = from[k + i], last[1][i] = a->inverse[k + i];
		ST(row + k, wasm_i16x8_narrow_i32x4(rounded(last[0], last[1]), rounded(last[0] + 4, last[1] + 4)));
	}
	__builtin_memset(row, 0, 2 * (row_values(a) - (a->in.w + 1) * width));
}

// factors of eight (output, channel) pairs from their nine weights.
INLINE void weight_factors(v128_t u[PLANES], const v128_t w[TAPS]) {
	v128_t r[4][3];
	for (int x = 0; x < 3; x++) {
		v128_t s = wasm_i16x8_add(w[x], w[6 + x]);
		r[0][x] = wasm_i16x8_shl(w[x], 1), r[1][x] = wasm_i16x8_add(s, w[3 + x]), r[2][x] = wasm_i16x8_sub(s, w[3 + x]), r[3][x] = wasm_i16x8_shl(w[6 + x], 1);
	}
	for (int y = 0; y < 4; y++) {
		v128_t s = wasm_i16x8_add(r[y][0], r[y][2]);
		u[4 * y] = wasm_i16x8_shl(r[y][0], 1), u[4 * y + 1] = wasm_i16x8_add(s, r[y][1]), u[4 * y + 2] = wasm_i16x8_sub(s, r[y][1]), u[4 * y + 3] = wasm_i16x8_shl(r[y][2], 1);
	}
}

// weights_part makes the planes of U of a panel.
static void weights_part(const void *args, int part, int thread) {
	(void)thread;
	const conv_args *a = args;
	int n = up(a->in.c, 2) * PANEL;
	int16_t *u = a->u + part * PLANES * n;
	const int8_t *w = a->w + (a->first / PANEL + part) * n * TAPS;
	for (int k = 0; k < n; k += 8, w += k % 16 ? 8 : TAPS * 16 - 8) {
		v128_t t[TAPS], f[PLANES];
#pragma clang loop unroll(full)
		for (int i = 0; i < TAPS; i++) t[i] = wasm_i16x8_load8x8(w + 16 * i);
		weight_factors(f, t);
#pragma clang loop unroll(full)
		for (int i = 0; i < PLANES; i++) ST(u + i * n + k, f[i]);
	}
}

// input_factors of eight channels from the four by four pixels that a tile sees, or from three by three where the picture is doubled.
INLINE void input_factors(v128_t v[PLANES], const int16_t *const row[4], int k, int width, int twice) {
	v128_t r[4][4];
#pragma clang loop unroll(full)
	for (int y = 0; y < 4; y++) {
		if (twice && y == 3) break;
		const int16_t *p = row[y] + k;
		v128_t a = LD(p), b = LD(p + width), c = LD(p + 2 * width);
		if (twice) {
			r[y][0] = wasm_i16x8_sub(a, b), r[y][1] = wasm_i16x8_add(b, b), r[y][3] = wasm_i16x8_sub(b, c);
			continue;
		}
		v128_t d = LD(p + 3 * width);
		r[y][0] = wasm_i16x8_sub(a, c), r[y][1] = wasm_i16x8_add(b, c), r[y][2] = wasm_i16x8_sub(c, b), r[y][3] = wasm_i16x8_sub(b, d);
	}
#pragma clang loop unroll(full)
	for (int x = 0; x < 4; x++) {
		if (twice && x == 2) continue;
		v128_t a = r[0][x], b = r[1][x], c = r[2][x];
		if (twice) {
			v[x] = wasm_i16x8_sub(a, b), v[4 + x] = wasm_i16x8_add(b, b), v[12 + x] = wasm_i16x8_sub(b, c);
			continue;
		}
		v[x] = wasm_i16x8_sub(a, c), v[4 + x] = wasm_i16x8_add(b, c), v[8 + x] = wasm_i16x8_sub(c, b), v[12 + x] = wasm_i16x8_sub(b, r[3][x]);
	}
}

// left_out tells whether a plane is zeros where the picture is doubled.
INLINE int left_out(int plane) { return plane % 4 == 2 || plane / 4 == 2; }

// inputs makes the planes of V, n values apart, of four tiles: of each pair of channels the four side by side. rows are each tile's, from its first pixel.
INLINE void inputs(int16_t *v, int n, const int16_t *const rows[FOUR][4], int width, int twice) {
	for (int k = 0; k < width; k += 8, v += 32) {
		v128_t f[PLANES], all[PLANES][FOUR];
		for (int i = 0; i < FOUR; i++) {
			input_factors(f, rows[i], k, width, twice);
#pragma clang loop unroll(full)
			for (int p = 0; p < PLANES; p++)
				if (!twice || !left_out(p)) all[p][i] = f[p];
		}
		for (int p = 0; p < PLANES; p++) {
			if (twice && left_out(p)) continue;
			v128_t r[FOUR] = {all[p][0], all[p][1], all[p][2], all[p][3]};
			transpose(r);
			for (int i = 0; i < FOUR; i++) ST(v + p * n + 8 * i, r[i]);
		}
	}
}
static __attribute__((noinline)) void plain_inputs(int16_t *v, int n, const int16_t *const rows[FOUR][4], int width) { inputs(v, n, rows, width, 0); }
static __attribute__((noinline)) void doubled_inputs(int16_t *v, int n, const int16_t *const rows[FOUR][4], int width) { inputs(v, n, rows, width, 1); }

// products computes the sums of a plane for blocks of four tiles and a panel, from n inputs. They are PLANES tiles apart, the blocks of V are width·FOUR.
static __attribute__((noinline)) void products(int32_t *sums, const int16_t *v, const int16_t *u, int blocks, int n, int width) {
	for (; blocks > 0; blocks--, sums += PLANES * TILE, v += width * FOUR) {
		v128_t acc[8];
		EIGHT(acc[i] = wasm_i32x4_const_splat(0))
		dot(acc, v, u, n);
		EIGHT(ST(sums + 4 * i, acc[i]))
	}
}

// outputs are the four sums of a tile and four outputs, from those of its planes.
INLINE void outputs(v128_t y[4], const int32_t *m, int twice) {
	v128_t r[2][4];
#pragma clang loop unroll(full)
	for (int x = 0; x < 4; x++) {
		if (twice && x == 2) continue;
		v128_t a = LD(m + x * TILE), b = LD(m + (4 + x) * TILE), d = LD(m + (12 + x) * TILE);
		r[0][x] = wasm_i32x4_add(a, b), r[1][x] = wasm_i32x4_sub(b, d);
		if (twice) continue;
		v128_t c = LD(m + (8 + x) * TILE);
		r[0][x] = wasm_i32x4_add(r[0][x], c), r[1][x] = wasm_i32x4_sub(r[1][x], c);
	}
#pragma clang loop unroll(full)
	for (int i = 0; i < 2; i++) {
		v128_t a = wasm_i32x4_add(r[i][0], r[i][1]), b = wasm_i32x4_sub(r[i][1], r[i][3]);
		if (!twice) a = wasm_i32x4_add(a, r[i][2]), b = wasm_i32x4_sub(b, r[i][2]);
		y[2 * i] = wasm_i32x4_shr(a, 2), y[2 * i + 1] = wasm_i32x4_shr(b, 2);
	}
}

// finish_four writes four outputs of a pixel, finish_some n of them.
INLINE void finish_four(const conv_args *a, f32x4 v, int at) {
	if (a->residual) v = ADD(v, LD(a->residual + at));
	if (a->relu) v = wasm_v128_and(v, wasm_f32x4_gt(v, SPLAT(0.0f)));
	ST(a->dst + at, v);
}
static __attribute__((noinline)) void finish_some(const conv_args *a, f32x4 v, int at, int n) {
	if (a->residual) v = ADD(v, load_some(a->residual + at, n));
	if (a->relu) v = wasm_v128_and(v, wasm_f32x4_gt(v, SPLAT(0.0f)));
	store_some(a->dst + at, v, n);
}

// finish_tiles writes the outputs of a run of tiles and a panel, from tile first of the picture on.
INLINE void finish_tiles(const conv_args *args, const int32_t *sums, int first, int n, int j, int rows, int twice) {
	conv_args a = *args;
	int y = first / a.across * 2, x = first % a.across * 2, m = least(a.out - j, PANEL);
	f32x4 scale[2], b[2];
	for (int h = 0; h < 2; h++) scale[h] = MUL(SPLAT(a.s), LD(a.ws + j + 4 * h)), b[h] = LD(a.b + j + 4 * h);
	for (int t = 0; t < n; t++) {
		int at = (y * a.cols + x) * a.out + j, line = a.cols * a.out, whole = m == PANEL && y + 1 < rows && x + 1 < a.cols;
		for (int h = 0; h < 2 && 4 * h < m; h++, at += 4) {
			v128_t sum[4];
			outputs(sum, sums + t / FOUR * PLANES * TILE + t % FOUR * PANEL + 4 * h, twice);
#pragma clang loop unroll(full)
			for (int i = 0; i < 4; i++) sum[i] = ADD(MUL(wasm_f32x4_convert_i32x4(sum[i]), scale[h]), b[h]);
			if (whole) {
				finish_four(&a, sum[0], at);
				finish_four(&a, sum[1], at + a.out);
				finish_four(&a, sum[2], at + line);
				finish_four(&a, sum[3], at + line + a.out);
				continue;
			}
			for (int i = 0; i < 4; i++)
				if (y + i / 2 < rows && x + i % 2 < a.cols) finish_some(args, sum[i], at + i / 2 * line + i % 2 * a.out, m - 4 * h);
		}
		if ((x += 2) >= a.cols) x = 0, y += 2;
	}
}
static __attribute__((noinline)) void plain_finish(const conv_args *a, const int32_t *sums, int first, int n, int j) {
	finish_tiles(a, sums, first, n, j, a->in.h, 0);
}
static __attribute__((noinline)) void doubled_finish(const conv_args *a, const int32_t *sums, int first, int n, int j) {
	finish_tiles(a, sums, first, n, j, 2 * a->in.h, 1);
}

// tile_run computes n tiles from the first on, whose rows are in t.rows by their numbers.
static void tile_run(const conv_args *a, const thread_scratch *t, int first, int n) {
	int c = a->in.c, width = up(c, WIDTH), slots = seen_rows(a, a->band), size = row_values(a), blocks = up(n, FOUR) / FOUR, twice = a->in.up;
	int plane = blocks * FOUR * width, step = twice ? 1 : 2, pairs = up(c, 2);
	for (int b = 0; b < blocks; b++) {
		const int16_t *rows[FOUR][4];
		for (int i = 0; i < FOUR; i++) {
			int tile = first + least(b * FOUR + i, n - 1), y = tile / a->across * step - 1, x = tile % a->across * step;
			for (int k = 0; k < 4; k++) rows[i][k] = (y + k < 0 || y + k >= a->in.h ? t->zeros : t->rows + (y + k) % slots * size) + x * width;
		}
		(twice ? doubled_inputs : plain_inputs)(t->v + b * FOUR * width, plane, rows, width);
	}
	const int16_t *u = a->u;
	for (int j = a->first; j < a->end; j += PANEL, u += PLANES * pairs * PANEL) {
		for (int p = 0; p < PLANES; p++)
			if (!twice || !left_out(p)) products(t->sums + p * TILE, t->v + p * plane, u + p * pairs * PANEL, blocks, pairs, width);
		(twice ? doubled_finish : plain_finish)(a, t->sums, first, n, j);
	}
}

// conv_part computes rows of tiles, band by band. Rows of pixels go to slots by their number, so that the next band finds those that both see.
static void conv_part(const void *args, int part, int thread) {
	conv_args a = *(const conv_args *)args;
	thread_scratch t = scratch_of(&a, thread);
	int slots = seen_rows(&a, a.band), size = row_values(&a), bands = up(a.down, a.band) / a.band, most = run_tiles(up(a.in.c, WIDTH)), step = a.in.up ? 1 : 2;
	int first = part * bands / a.parts * a.band, end = least((part + 1) * bands / a.parts * a.band, a.down);
	int next = 0; // the first row that is not there yet
	__builtin_memset(t.zeros, 0, 2 * size);
	for (int y = first; y < end; y += a.band) {
		int n = least(a.band, end - y), from = y * step - 1, to = from + seen_rows(&a, n);
		if (next < from) next = from;
		if (next < 0) next = 0;
		for (; next < to && next < a.in.h; next++) quantise_row(&a, t.rows + next % slots * size, t.pixel, next);
		int tiles = n * a.across;
		for (int i = 0; i < tiles; i += most) tile_run(&a, &t, y * a.across + i, least(most, tiles - i));
	}
}

// shape fills in what follows from the picture.
static void shape(conv_args *a) {
	const picture *p = &a->in;
	a->cols = seen_width(p);
	a->across = (a->cols + 1) / 2;
	a->down = (seen_height(p) + 1) / 2;
	int most = run_tiles(up(p->c, WIDTH));
	a->band = a->across < most ? most / a->across : 1;
	a->parts = threads() == 1 ? 1 : least(up(a->down, a->band) / a->band, 4 * threads());
	a->size = 0;
	a->scratch = 0;
	a->size = scratch_of(a, 0).end - a->scratch;
}

// u_bytes is U's of n outputs, and some_outputs how many are computed at a time.
INLINE int u_bytes(int c, int n) { return 2 * PLANES * up(c, 2) * up(n, PANEL); }
static int some_outputs(int c, int out) {
	int n = U_BYTES / u_bytes(c, PANEL) * PANEL;
	return least(n < PANEL ? PANEL : n, out);
}

EXPORT(conv_int8_scratch) // bytes that conv_int8 needs
int conv_int8_scratch(int h, int w, int c, int twice, int out) {
	conv_args a = {.in = {0, h, w, c, twice, 0}};
	shape(&a);
	return up(4 * c, 64) + up(u_bytes(c, some_outputs(c, out)), 64) + threads() * (a.size + up(8 * c, 64));
}

// least_and_greatest is compute.Ranges, for each thread's rows.
typedef struct {
	const picture *p;
	float *ranges; // for each thread, [2, c]
} range_args;

static void range_part(const void *args, int y, int thread) {
	const range_args *a = args;
	int c = a->p->c, w = a->p->w;
	const float *x = a->p->x + y * w * c;
	float *low = a->ranges + thread * up(2 * c, 16), *high = low + c;
	for (int k = 0; k < c; k += 4) {
		int n = c - k;
		f32x4 l = load_some(low + k, n), g = load_some(high + k, n);
		if (n >= 4)
			for (int p = 0; p < w; p++) {
				f32x4 v = LD(x + p * c + k);
				l = wasm_f32x4_pmin(l, v), g = wasm_f32x4_pmax(g, v);
			}
		else
			for (int p = 0; p < w; p++) {
				f32x4 v = load_some(x + p * c + k, n);
				l = wasm_f32x4_pmin(l, v), g = wasm_f32x4_pmax(g, v);
			}
		store_some(low + k, l, n);
		store_some(high + k, g, n);
	}
}

// scale is compute.ConvScale: it fills inverse and returns the scale. ranges is scratch.
static float scale(float *inverse, float *ranges, const picture *p, const float *smooth) {
	int c = p->c, each = up(2 * c, 16);
	for (int t = 0; t < threads(); t++)
		for (int i = 0; i < c; i++) ranges[t * each + i] = ranges[t * each + c + i] = p->x[i];
	range_args r = {p, ranges};
	run(range_part, &r, p->h);
	for (int t = 1; t < threads(); t++)
		for (int i = 0; i < c; i++) {
			float low = ranges[t * each + i], high = ranges[t * each + c + i];
			if (low < ranges[i]) ranges[i] = low;
			if (high > ranges[c + i]) ranges[c + i] = high;
		}
	float *bounds = inverse; // for a while
	for (int i = 0; i < c; i++) {
		float low = ranges[i], high = ranges[c + i];
		if (p->affine) {
			const float *f = p->affine + i;
			low = (low - f[0]) * f[c] + f[2 * c], high = (high - f[0]) * f[c] + f[2 * c];
		} else
			low = -low;
		bounds[i] = low > high ? low : high;
	}
	if (p->affine) silu_row(bounds, c);
	float top = 0;
	for (int i = 0; i < c; i++) {
		float b = bounds[i];
		if (p->affine && !(b > 0.2784646f)) b = 0.2784646f;
		b *= smooth[i];
		if (b > top) top = b;
	}
	int small = !(top >= 1e-30f);
	float inv = small ? 0 : 2047 / top;
	for (int i = 0; i < c; i++) inverse[i] = inv * smooth[i];
	return small ? 0 : top / 2047;
}

// conv_int8 computes dst = act(convolution + b + residual) of a picture that is not empty.
EXPORT(conv_int8)
void conv_int8(float *dst, const float *residual, int relu, const float *x, int h, int w, int c, int twice, const float *affine, const float *smooth,
               const int8_t *weights, const float *ws, const float *b, int out, char *scratch) {
	conv_args a = {.dst = dst, .residual = residual, .relu = relu, .in = {x, h, w, c, twice, affine}, .w = weights, .ws = ws, .b = b, .out = out};
	shape(&a);
	float *inverse = take(&scratch, 4 * c);
	a.inverse = inverse;
	a.s = scale(inverse, take(&scratch, threads() * up(8 * c, 64)), &a.in, smooth);
	int some = some_outputs(c, out);
	a.u = take(&scratch, u_bytes(c, some));
	a.scratch = scratch;
	for (; a.first < out; a.first += some) {
		a.end = least(a.first + some, out);
		run(weights_part, &a, up(a.end - a.first, PANEL) / PANEL);
		run(conv_part, &a, a.parts);
	}
}
