//go:build js

package kernels

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/generic"
)

// Bytes of weights from 0 to 127 have one meaning in every engine, so that the
// products of relaxed SIMD are tested also where it is not exact for others:
// weights from 0 to 127, or from -127 to -1 where the host said DIT8_RELAXED=2.
func TestRelaxed(t *testing.T) {
	mode := os.Getenv("DIT8_RELAXED")
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if relaxed() == 0 && mode != "" {
		t.Fatalf("the host runs %s, DIT8_RELAXED is %s", d.Name(), mode)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {4, 8, 8}, {9, 63, 33}, {16, 384, 40}, {64, 1021, 100}} {
		rows, in, out := s[0], s[1], s[2]
		w := compute.Weights{In: in, Out: out, I8: make([]int8, in*out), Scale: make([]float32, out), Bias: make([]float32, out)}
		for i := range w.I8 {
			w.I8[i] = int8(r.IntN(128))
			if mode == "2" {
				w.I8[i] = -1 - int8(r.IntN(127))
			}
		}
		x := make([]float32, rows*in)
		for _, v := range [][]float32{w.Scale, w.Bias, x} {
			for i := range v {
				v[i] = r.Float32()*2 - 1
			}
		}
		if got, want := product(t, d, w, x, rows), product(t, generic.New(), w, x, rows); !slices.Equal(got, want) {
			t.Errorf("%d×%d×%d differs from the generic device", rows, in, out)
		}
	}
}

func product(t *testing.T, d compute.Device, w compute.Weights, x []float32, rows int) []float32 {
	t.Helper()
	l, err := d.NewLinear(w)
	if err != nil {
		t.Fatal(err)
	}
	var f [2]compute.F32
	for i, n := range []int{len(x), rows * w.Out} {
		if f[i], err = d.Alloc(n); err != nil {
			t.Fatal(err)
		}
		defer d.Free(f[i])
	}
	d.Write(f[0], x)
	d.Linear(f[1], f[0], rows, l, compute.NoActivation)
	out := make([]float32, rows*w.Out)
	d.Read(out, f[1])
	return out
}

// The host starts as many threads as DIT8_THREADS says.
func TestConformance(t *testing.T) {
	want := "simd128"
	if relaxed() != 0 {
		want = "relaxed simd128"
	}
	if n := os.Getenv("DIT8_THREADS"); n != "" && n != "1" {
		want += " ×" + n
	}
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	computetest.Run(t, want, func() compute.Device { return d })
}
