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
		var w [2]compute.Weights
		for i := range w {
			w[i] = randomInt8(r, in, out)
			for k, v := range w[i].I8 {
				if w[i].I8[k] = max(v, -v); mode == "2" {
					w[i].I8[k] = min(v, -v, -1)
				}
			}
		}
		x := random(r, rows*in)
		if got, want := products(t, d, w, x, rows), products(t, generic.New(), w, x, rows); !slices.Equal(got, want) {
			t.Errorf("%d×%d×%d differs from the generic device", rows, in, out)
		}
	}
}

// Queries above zero, or below it where weights are, so that attention's products mean
// the same in every engine too.
func TestRelaxedAttention(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for _, h := range []compute.Heads{
		{N: 1, Tokens: 1, Heads: 1, Dim: 1}, {N: 2, Tokens: 7, Heads: 3, Dim: 12}, {N: 1, Tokens: 64, Heads: 2, Dim: 64},
		{N: 1, Tokens: 81, Heads: 1, Dim: 72}, {N: 1, Tokens: 1030, Heads: 1, Dim: 16},
	} {
		h.Int8 = true
		qkv := random(r, 3*h.Rows()*h.Width())
		for i, v := range qkv {
			if i/h.Width()%3 == 0 {
				if qkv[i] = max(v, -v) + 0.1; os.Getenv("DIT8_RELAXED") == "2" {
					qkv[i] = -qkv[i]
				}
			}
		}
		if got, want := attended(t, d, qkv, h), attended(t, generic.New(), qkv, h); !slices.Equal(got, want) {
			t.Errorf("%+v differs from the generic device", h)
		}
	}
}

func attended(t *testing.T, d compute.Device, qkv []float32, h compute.Heads) []float32 {
	t.Helper()
	f, err := d.Alloc(len(qkv) + len(qkv)/3)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Free(f)
	in, out := f.Slice(0, len(qkv)), f.Slice(len(qkv), f.Len)
	d.Write(in, qkv)
	d.Attention(out, in, h)
	got := make([]float32, out.Len)
	d.Read(got, out)
	return got
}

// randomInt8 is a layer with weights of -127 to 127.
func randomInt8(r *rand.Rand, in, out int) compute.Weights {
	w := compute.Weights{In: in, Out: out, I8: make([]int8, in*out), Scale: random(r, out), Bias: random(r, out)}
	for i := range w.I8 {
		w.I8[i] = int8(r.IntN(255) - 127)
	}
	return w
}

func random(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = r.Float32()*2 - 1
	}
	return v
}

// products are the outputs of the first layer, then of both as a SwiGLU.
func products(t *testing.T, d compute.Device, w [2]compute.Weights, x []float32, rows int) []float32 {
	t.Helper()
	var l [2]compute.Linear
	var err error
	for i := range l {
		if l[i], err = d.NewLinear(w[i]); err != nil {
			t.Fatal(err)
		}
		defer compute.FreeLinear(l[i])
	}
	n := rows * w[0].Out
	var f [2]compute.F32
	for i, n := range []int{len(x), 2 * n} {
		if f[i], err = d.Alloc(n); err != nil {
			t.Fatal(err)
		}
		defer d.Free(f[i])
	}
	d.Write(f[0], x)
	d.Linear(f[1].Slice(0, n), f[0], rows, l[0], compute.NoActivation)
	d.LinearSwiGLU(f[1].Slice(n, 2*n), f[0], rows, l[0], l[1])
	out := make([]float32, 2*n)
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
	defer computetest.Forget()
	computetest.Run(t, want, func() compute.Device { return d })
}
