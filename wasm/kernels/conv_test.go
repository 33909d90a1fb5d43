//go:build js

package kernels

import (
	"math/rand/v2"
	"slices"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Convolutions whose weights do not fit the scratch memory at once, and rows of tiles
// that do not fit a run.
func TestLargeConv(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][4]int{{2, 3, 2048, 264}, {3, 71, 512, 9}} {
		h, w, in, out := s[0], s[1], s[2], s[3]
		r := rand.New(rand.NewPCG(1, 2))
		k := compute.ConvWeights{In: in, Out: out, Kernel: 3, Stride: 1, Pad: 1, I8: make([]int8, out*9*in), Scale: random(r, out), Bias: random(r, out), Smooth: slices.Repeat([]float32{1}, in)}
		for i := range k.I8 {
			k.I8[i] = int8(r.IntN(21) - 10)
		}
		x := random(r, h*w*in)
		for _, up := range []bool{false, true} {
			if got, want := convolved(t, d, k, x, h, w, up), convolved(t, generic.New(), k, x, h, w, up); !slices.Equal(got, want) {
				t.Errorf("%d×%d, %d→%d, doubled %v, differs from the generic device", h, w, in, out, up)
			}
		}
	}
}

func convolved(t *testing.T, d compute.Convolver, w compute.ConvWeights, x []float32, rows, cols int, up bool) []float32 {
	t.Helper()
	c, err := d.NewConv(w)
	if err != nil {
		t.Fatal(err)
	}
	defer compute.FreeConv(c)
	n := rows * cols * w.Out
	if up {
		n *= 4
	}
	f, err := d.Alloc(len(x) + n)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Free(f)
	from, to := f.Slice(0, len(x)), f.Slice(len(x), f.Len)
	d.Write(from, x)
	d.Conv(compute.ConvOutput{Dst: to}, compute.ConvInput{X: from, H: rows, W: cols, Up: up}, c)
	got := make([]float32, n)
	d.Read(got, to)
	return got
}
