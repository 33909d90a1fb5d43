// Pictures are rows [h·w, c], one pixel after another.

// What a convolution takes: compute.ConvInput.
typedef struct {
	const float *x;
	int h, w, c, up;
	const float *affine; // what group_affine made, or 0
} picture;

INLINE int seen_height(const picture *p) { return p->up ? 2 * p->h : p->h; }
INLINE int seen_width(const picture *p) { return p->up ? 2 * p->w : p->w; }

// normed writes n pixels of c channels of x, normalised by their affine form.
void normed(float *dst, const float *x, int n, int c, const float *affine);

// seen_row writes row y of the picture that a convolution sees, after norm and SiLU, with a pixel of zeros on both sides.
// It may write three values past the end.
void seen_row(float *row, const picture *p, int y);
