package computetest

import (
	"fmt"
	"testing"

	"dit8/core/compute"
)

// convolvers are the two devices, of which Run has seen that they have convolutions.
func (b *bench) convolvers() (dev, ref compute.Convolver) {
	return b.dev.(compute.Convolver), b.ref.(compute.Convolver)
}

// convCase is a convolution and its picture.
type convCase struct {
	h, w, in, out, kernel, stride, pad int
	up, int8                           bool
	groups                             int
}

// convKinds are the cases of a shape.
const convKinds = 11

// convCases have pictures and channels around the block sizes of devices, one pixel
// and one row, and every kind of convolution that the autoencoders have.
func convCases() (all []convCase) {
	for _, s := range [][4]int{
		{1, 1, 1, 1}, {1, 2, 3, 4}, {2, 1, 4, 3}, {3, 3, 5, 7}, {4, 5, 8, 8}, {5, 4, 15, 17}, {7, 9, 16, 16}, {8, 8, 17, 33}, {9, 6, 32, 3},
		{2, 17, 4, 64}, {33, 2, 12, 20}, {17, 19, 6, 5}, {3, 31, 64, 65}, {1, 33, 96, 130},
	} {
		groups := 0
		for g := min(s[2], 4); g > 0 && groups == 0; g-- {
			if s[2]%g == 0 {
				groups = g
			}
		}
		for _, c := range []convCase{
			{kernel: 3, stride: 1, pad: 1},
			{kernel: 3, stride: 1, pad: 1, groups: groups},
			{kernel: 3, stride: 1, pad: 1, up: true},
			{kernel: 3, stride: 1, pad: 1, up: true, groups: groups},
			{kernel: 3, stride: 2, pad: 0},
			{kernel: 3, stride: 2, pad: 1, groups: groups},
			{kernel: 1, stride: 1},
			{kernel: 3, stride: 1, pad: 1, int8: true},
			{kernel: 3, stride: 1, pad: 1, int8: true, groups: groups},
			{kernel: 3, stride: 1, pad: 1, int8: true, up: true},
			{kernel: 3, stride: 1, pad: 1, int8: true, up: true, groups: groups},
		} {
			c.h, c.w, c.in, c.out = s[0], s[1], s[2], s[3]
			all = append(all, c)
		}
	}
	return all
}

func convolution(t *testing.T, b *bench) {
	cases := convCases()
	for i := 0; i < len(cases); i += convKinds {
		c := cases[i]
		t.Run(fmt.Sprintf("%d×%d, %d to %d channels", c.h, c.w, c.in, c.out), func(t *testing.T) {
			for j, c := range cases[i : i+convKinds] {
				b.convolution(t, c, (i+j)%4) // eleven for each shape, so that every kind meets every form
			}
		})
	}
	t.Run("large pictures", b.largePictures)
	t.Run("largest sums", b.largestSums)
	t.Run("no picture", b.noPicture)
}

// size is the height and width of the result.
func (c convCase) size() (h, w int) {
	h, w = c.h, c.w
	if c.up {
		h, w = 2*h, 2*w
	}
	k := compute.ConvWeights{Stride: c.stride, Pad: c.pad}
	return k.Size(h), k.Size(w)
}

// convolution tries one, of kind 1 with ReLU, of kind 2 with a residual, of kind 3 with
// dst as the residual and ReLU.
func (b *bench) convolution(t *testing.T, c convCase, kind int) {
	t.Helper()
	w := b.kernels(c)
	b.convolve(t, c, kind, w, b.r.values(c.h*c.w*c.in))
}

// kernels are random ones, int8 with all values that there are.
func (b *bench) kernels(c convCase) compute.ConvWeights {
	w := compute.ConvWeights{In: c.in, Out: c.out, Kernel: c.kernel, Stride: c.stride, Pad: c.pad, Bias: b.r.values(c.out)}
	n := c.out * c.kernel * c.kernel * c.in
	if !c.int8 {
		w.F32 = b.r.values(n)
		return w
	}
	w.I8, w.Scale, w.Smooth = b.r.int8s(n), b.r.scales(c.out), make([]float32, c.in)
	for i := range w.Smooth {
		w.Smooth[i] = 0.25 + float32(i%7)/2
	}
	return w
}

// convolve runs one over x.
func (b *bench) convolve(t *testing.T, c convCase, kind int, w compute.ConvWeights, values []float32) {
	t.Helper()
	dev, ref := b.convolvers()
	cd, err := dev.NewConv(w)
	if err != nil {
		t.Fatal(err)
	}
	cr, err := ref.NewConv(w)
	if err != nil {
		t.Fatal(err)
	}
	h, wide := c.size()
	x, y, r := b.put(t, values), b.put(t, b.r.values(h*wide*c.out)), b.put(t, b.r.values(h*wide*c.out))
	weight, bias := b.put(t, b.r.values(c.in)), b.put(t, b.r.values(c.in))
	outD, outR := compute.ConvOutput{Dst: y.dev, ReLU: kind&1 != 0}, compute.ConvOutput{Dst: y.ref, ReLU: kind&1 != 0}
	switch kind {
	case 2:
		outD.Residual, outR.Residual = r.dev, r.ref
	case 3:
		outD.Residual, outR.Residual = y.dev, y.ref
	}
	dev.Conv(outD, compute.ConvInput{X: x.dev, H: c.h, W: c.w, Up: c.up, Norm: compute.GroupNorm{Groups: c.groups, Weight: weight.dev, Bias: bias.dev}}, cd)
	ref.Conv(outR, compute.ConvInput{X: x.ref, H: c.h, W: c.w, Up: c.up, Norm: compute.GroupNorm{Groups: c.groups, Weight: weight.ref, Bias: bias.ref}}, cr)
	what := fmt.Sprintf("convolution %+v, kind %d", c, kind)
	y.same(t, what)
	for _, o := range []operand{x, r, weight, bias} {
		o.same(t, what+": input")
		o.free()
	}
	y.free()
	compute.FreeConv(cd)
}

// largePictures are too wide and too high for a device to compute at once.
func (b *bench) largePictures(t *testing.T) {
	for i, c := range []convCase{
		{h: 3, w: 111, in: 256, out: 5, groups: 32}, {h: 2, w: 59, in: 256, out: 3, up: true}, {h: 21, w: 110, in: 64, out: 33}, {h: 17, w: 50, in: 32, out: 32, up: true, groups: 4},
	} {
		c.kernel, c.stride, c.pad, c.int8 = 3, 1, 1, true
		b.convolution(t, c, i)
	}
}

// largestSums has every input and as many weights as there may be at their largest, of
// both signs, and then inputs that are all zero, or nearly.
func (b *bench) largestSums(t *testing.T) {
	c := convCase{h: 5, w: 6, in: 230, out: 33, kernel: 3, stride: 1, pad: 1, int8: true}
	w := b.kernels(c)
	for o := range c.out {
		left := compute.MaxConvSum
		for i := range w.I8[:9*c.in] {
			v := min(127, left)
			left -= v
			if o%3 == 1 || o%3 == 2 && i%2 == 1 {
				v = -v
			}
			w.I8[o*9*c.in+i] = int8(v)
		}
	}
	for i := range w.Smooth {
		w.Smooth[i] = 1
	}
	for i, size := range []float32{3, -3, 1e-31, 0, 1e-30, 1e30} {
		x := make([]float32, c.h*c.w*c.in)
		for k := range x {
			x[k] = size
			if i > 1 && k%5 == 0 {
				x[k] = -size
			}
		}
		for _, up := range []bool{false, true} {
			c.up = up
			b.convolve(t, c, 0, w, x)
		}
	}
}

// noPicture has neither rows nor columns.
func (b *bench) noPicture(t *testing.T) {
	for _, int8 := range []bool{false, true} {
		b.convolution(t, convCase{h: 0, w: 3, in: 4, out: 5, kernel: 3, stride: 1, pad: 1, int8: int8}, 0)
		b.convolution(t, convCase{h: 3, w: 0, in: 4, out: 5, kernel: 3, stride: 1, pad: 1, int8: int8}, 0)
	}
}

func groupNorm(t *testing.T, b *bench) {
	for _, s := range [][4]int{
		{1, 1, 1, 1}, {1, 1, 4, 2}, {1, 3, 6, 3}, {2, 2, 8, 8}, {3, 5, 32, 32}, {15, 4, 16, 4}, {16, 16, 12, 4}, {17, 3, 64, 32}, {33, 7, 40, 8}, {40, 40, 128, 32},
	} {
		for _, mean := range []float32{0, 40} {
			b.groupNorm(t, s[0], s[1], s[2], s[3], mean)
		}
	}
}

// groupNorm normalises values about a mean, also in place.
func (b *bench) groupNorm(t *testing.T, h, w, c, groups int, mean float32) {
	t.Helper()
	dev, ref := b.convolvers()
	v := b.r.values(h * w * c)
	for i := range v {
		v[i] += mean
	}
	x, y, weight, bias := b.put(t, v), b.put(t, b.r.values(len(v))), b.put(t, b.r.values(c)), b.put(t, b.r.values(c))
	what := fmt.Sprintf("group norm %d×%d×%d in %d groups, mean %v", h, w, c, groups, mean)
	nd, nr := compute.GroupNorm{Groups: groups, Weight: weight.dev, Bias: bias.dev}, compute.GroupNorm{Groups: groups, Weight: weight.ref, Bias: bias.ref}
	dev.GroupNorm(y.dev, x.dev, h, w, nd)
	ref.GroupNorm(y.ref, x.ref, h, w, nr)
	y.same(t, what)
	x.same(t, what+": input")
	dev.GroupNorm(x.dev, x.dev, h, w, nd)
	ref.GroupNorm(x.ref, x.ref, h, w, nr)
	x.same(t, what+", in place")
	for _, o := range []operand{x, y, weight, bias} {
		o.free()
	}
}
