//go:build (amd64 || arm64) && !purego

package native

import (
	"math"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

func TestFewRows(t *testing.T) {
	for _, k := range supported() {
		t.Run(k.name, func(t *testing.T) { testFewRows(t, k) })
	}
}

// testFewRows tries every number of rows up to more than a tile has, with everything
// that may become of them and gates of few rows each.
func testFewRows(t *testing.T, k *kernels) {
	dev, ref := newDevice(k, 1), generic.New()
	for _, shape := range [][2]int{{40, 33}, {64, 32}, {130, 70}} {
		in, out := shape[0], shape[1]
		w := int8Weights(in, out)
		l, _ := dev.NewLinear(w)
		lr, _ := ref.NewLinear(w)
		for rows := 1; rows <= 40; rows++ {
			x, _ := ref.Alloc(rows * in)
			ramp(x.Host)
			got, _ := dev.Alloc(rows * out)
			want, _ := ref.Alloc(rows * out)
			for act := compute.NoActivation; act <= compute.WithSiLU; act++ {
				dev.Linear(got, x, rows, l, act)
				ref.Linear(want, x, rows, lr, act)
				mustBeSame(t, got.Host, want.Host)
			}
			for _, per := range []int{1, 3, rows} {
				gate, _ := ref.Alloc((rows + per - 1) / per * out)
				ramp(gate.Host)
				g := compute.PerGroup{V: gate, Stride: out, Rows: per}
				dev.LinearGate(got, x, rows, l, g)
				ref.LinearGate(want, x, rows, lr, g)
				mustBeSame(t, got.Host, want.Host)
			}
		}
	}
}

func TestLargeLayers(t *testing.T) {
	for _, k := range supported() {
		t.Run(k.name, func(t *testing.T) { testLargeLayers(t, k) })
	}
}

// testLargeLayers has more weights, and more inputs of a part, than near caches hold.
func testLargeLayers(t *testing.T, k *kernels) {
	for _, shape := range [][3]int{{140, 1024, 1040}, {1300, 1024, 8}} {
		rows, in, out := shape[0], shape[1], shape[2]
		w := int8Weights(in, out)
		ref := generic.New()
		lr, _ := ref.NewLinear(w)
		x, _ := ref.Alloc(rows * in)
		ramp(x.Host)
		want, _ := ref.Alloc(rows * out)
		ref.Linear(want, x, rows, lr, compute.WithGELU)
		for threads := 1; threads <= 3; threads += 2 {
			dev := newDevice(k, threads)
			l, _ := dev.NewLinear(w)
			got, _ := dev.Alloc(rows * out)
			dev.Linear(got, x, rows, l, compute.WithGELU)
			mustBeSame(t, got.Host, want.Host)
		}
	}
}

func TestNotNumbers(t *testing.T) {
	for _, k := range supported() {
		t.Run(k.name, func(t *testing.T) { testNotNumbers(t, k) })
	}
}

// testNotNumbers wants the contract's results of rows beside some that hold what is not
// a number or not finite: whose own results are anything.
func testNotNumbers(t *testing.T, k *kernels) {
	for _, in := range []int{8, 20, 64, 136, 200} {
		const rows, out = 37, 40
		w := int8Weights(in, out)
		x := compute.F32{Host: make([]float32, rows*in), Len: rows * in}
		ramp(x.Host)
		want := product(t, k, w, x, rows)
		bad := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -float32(math.NaN())}
		spoilt := func(r int) bool { return r%3 == 1 }
		for r := range rows {
			if spoilt(r) {
				for i := r % 5; i < in; i += 1 + r%7 {
					x.Host[r*in+i] = bad[(r+i)%len(bad)]
				}
			}
		}
		got := product(t, k, w, x, rows)
		for r := range rows {
			if !spoilt(r) {
				mustBeSame(t, got[r*out:(r+1)*out], want[r*out:(r+1)*out])
			}
		}
	}
}

// product is a layer's, on one thread.
func product(t testing.TB, k *kernels, w compute.Weights, x compute.F32, rows int) []float32 {
	t.Helper()
	d := newDevice(k, 1)
	l, err := d.NewLinear(w)
	if err != nil {
		t.Error(err)
		return nil
	}
	y, _ := d.Alloc(rows * w.Out)
	d.Linear(y, x, rows, l, compute.WithGELU)
	return y.Host
}

func int8Weights(in, out int) compute.Weights {
	w := compute.Weights{In: in, Out: out, I8: make([]int8, in*out), Scale: make([]float32, out), Bias: make([]float32, out)}
	for i := range w.I8 {
		w.I8[i] = int8(i*i%255 - 127)
	}
	for j := range w.Scale {
		w.Scale[j] = 1.0 / 128
	}
	return w
}

// ramp fills x with values of about unit size.
func ramp(x []float32) {
	for i := range x {
		x[i] = float32(i%1009-500) / 500
	}
}

func mustBeSame(b testing.TB, got, want []float32) {
	b.Helper()
	for i, v := range got {
		if math.Float32bits(v) != math.Float32bits(want[i]) {
			b.Fatalf("value %d is %v, want %v", i, v, want[i])
		}
	}
}
