//go:build amd64 && !purego

package native

import (
	"math"
	"testing"
	"time"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// BenchmarkInt8 measures the int8 linear layer alone, quantising included, on one
// thread, beside the most that the core can do: the same instructions on registers.
func BenchmarkInt8(b *testing.B) {
	for _, k := range supported() {
		b.Run(k.name, func(b *testing.B) {
			for _, s := range []struct {
				name          string
				rows, in, out int
			}{{"256x384x1536", 256, 384, 1536}, {"64x1536x384", 64, 1536, 384}} {
				b.Run(s.name, func(b *testing.B) { benchmarkInt8(b, k, s.rows, s.in, s.out) })
			}
		})
	}
}

func benchmarkInt8(b *testing.B, k *kernels, rows, in, out int) {
	d := newDevice(k, 1)
	w := compute.Weights{In: in, Out: out, I8: make([]int8, in*out), Scale: make([]float32, out), Bias: make([]float32, out)}
	for i := range w.I8 {
		w.I8[i] = int8(i*i%255 - 127)
	}
	for j := range w.Scale {
		w.Scale[j] = 1.0 / 128
	}
	l, err := d.NewLinear(w)
	if err != nil {
		b.Fatal(err)
	}
	x, _ := d.Alloc(rows * in)
	for i := range x.Host {
		x.Host[i] = float32(i%1009-500) / 500
	}
	y, _ := d.Alloc(rows * out)
	d.Linear(y, x, rows, l, compute.NoActivation)
	ref := generic.New()
	lr, _ := ref.NewLinear(w)
	want, _ := ref.Alloc(rows * out)
	ref.Linear(want, x, rows, lr, compute.NoActivation)
	for i, v := range y.Host {
		if math.Float32bits(v) != math.Float32bits(want.Host[i]) {
			b.Fatalf("value %d is %v, want %v", i, v, want.Host[i])
		}
	}
	macs := float64(rows * in * out)
	const n = 2000
	peak, best := math.Inf(1), math.Inf(1)
	for b.Loop() {
		start := time.Now()
		d.Linear(y, x, rows, l, compute.NoActivation)
		best = min(best, float64(time.Since(start)))
		start = time.Now()
		k.peak(n)
		peak = min(peak, float64(time.Since(start)))
	}
	atPeak := float64(4*k.rows*k.panel*4*n) / peak
	b.ReportMetric(macs/best, "GMAC/s")
	b.ReportMetric(atPeak, "peak-GMAC/s")
	b.ReportMetric(100*macs/best/atPeak, "%of-peak")
}
