//go:build amd64 && !purego

package native

import (
	"fmt"
	"math"
	"slices"
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
			}{
				{"256x384x1536", 256, 384, 1536}, {"64x1536x384", 64, 1536, 384},
				{"512x1152x4608", 512, 1152, 4608}, {"512x4608x1152", 512, 4608, 1152}, // DiT-XL's
			} {
				b.Run(s.name, func(b *testing.B) { benchmarkInt8(b, k, s.rows, s.in, s.out) })
			}
		})
	}
}

func benchmarkInt8(b *testing.B, k *kernels, rows, in, out int) {
	d := newDevice(k, 1)
	w := int8Weights(in, out)
	l, err := d.NewLinear(w)
	if err != nil {
		b.Fatal(err)
	}
	x, _ := d.Alloc(rows * in)
	ramp(x.Host)
	y, _ := d.Alloc(rows * out)
	d.Linear(y, x, rows, l, compute.NoActivation)
	ref := generic.New()
	lr, _ := ref.NewLinear(w)
	want, _ := ref.Alloc(rows * out)
	ref.Linear(want, x, rows, lr, compute.NoActivation)
	mustBeSame(b, y.Host, want.Host)
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

// BenchmarkSwiGLU measures the fused product beside what it is made of: a plain
// product, taken twice, and what an activation adds to one.
func BenchmarkSwiGLU(b *testing.B) {
	onThreads(b, func(b *testing.B, d *Device) {
		const rows, in, out = 276, 768, 2048
		w, g := int8Weights(in, out), int8Weights(in, out)
		slices.Reverse(g.I8)
		up, _ := d.NewLinear(w)
		gate, _ := d.NewLinear(g)
		x, _ := d.Alloc(rows * in)
		ramp(x.Host)
		y, _ := d.Alloc(rows * out)
		ref := generic.New()
		upRef, _ := ref.NewLinear(w)
		gateRef, _ := ref.NewLinear(g)
		want, _ := ref.Alloc(rows * out)
		ref.LinearSwiGLU(want, x, rows, gateRef, upRef)
		d.LinearSwiGLU(y, x, rows, gate, up)
		mustBeSame(b, y.Host, want.Host)

		fused, plain, gelu := math.Inf(1), math.Inf(1), math.Inf(1)
		for b.Loop() {
			fused = min(fused, nanoseconds(func() { d.LinearSwiGLU(y, x, rows, gate, up) }))
			plain = min(plain, nanoseconds(func() { d.Linear(y, x, rows, up, compute.NoActivation) }))
			gelu = min(gelu, nanoseconds(func() { d.Linear(y, x, rows, up, compute.WithGELU) }))
		}
		b.ReportMetric(2*rows*in*out/fused, "GMAC/s")
		b.ReportMetric(rows*in*out/plain, "plain-GMAC/s")
		b.ReportMetric(100*fused/(plain+gelu), "%of-parts")
	})
}

// BenchmarkNormRotate measures the norm and turn of queries and keys.
func BenchmarkNormRotate(b *testing.B) {
	onThreads(b, func(b *testing.B, d *Device) {
		h := compute.Heads{N: 1, Tokens: 276, Heads: 12, Dim: 64}
		qkv, _ := d.Alloc(3 * h.Rows() * h.Width())
		ramp(qkv.Host)
		want := compute.F32{Host: slices.Clone(qkv.Host), Len: qkv.Len}
		w, _ := d.Alloc(h.Dim)
		for i := range w.Host {
			w.Host[i] = 1 // so that values keep their size
		}
		rope, _ := d.Alloc(h.Tokens * h.Dim)
		for i := 0; i < rope.Len; i += 2 {
			rope.Host[i], rope.Host[i+1] = 0.8, 0.6
		}
		d.NormRotate(qkv, h, w, w, rope)
		generic.New().NormRotate(want, h, w, w, rope)
		mustBeSame(b, qkv.Host, want.Host)
		best := math.Inf(1)
		for b.Loop() {
			best = min(best, nanoseconds(func() { d.NormRotate(qkv, h, w, w, rope) }))
		}
		b.ReportMetric(best/1e6, "best-ms")
		b.ReportMetric(float64(2*2*4*h.Rows()*h.Width())/best, "GB/s")
	})
}

// BenchmarkAttention measures attention in float32 and in integers.
func BenchmarkAttention(b *testing.B) {
	for _, h := range []compute.Heads{
		{N: 1, Tokens: 256, Heads: 6, Dim: 64}, {N: 1, Tokens: 256, Heads: 4, Dim: 72},
		{N: 1, Tokens: 1024, Heads: 6, Dim: 64}, {N: 1, Tokens: 276, Heads: 12, Dim: 64},
	} {
		values := make([]float32, 3*h.Rows()*h.Width())
		ramp(values)
		qkv := compute.F32{Host: values, Len: len(values)}
		want := [2][]float32{make([]float32, h.Rows()*h.Width()), make([]float32, h.Rows()*h.Width())}
		shape := func(i int) compute.Heads {
			h.Int8 = i == 1
			return h
		}
		for i, w := range want {
			generic.New().Attention(compute.F32{Host: w, Len: len(w)}, qkv, shape(i))
		}
		b.Run(fmt.Sprintf("%dx%dx%d", h.Tokens, h.Dim, h.Heads), func(b *testing.B) {
			onThreads(b, func(b *testing.B, d *Device) {
				y, _ := d.Alloc(h.Rows() * h.Width())
				for i, w := range want {
					d.Attention(y, qkv, shape(i))
					mustBeSame(b, y.Host, w)
				}
				best := [2]float64{math.Inf(1), math.Inf(1)}
				for b.Loop() {
					for i := range best {
						best[i] = min(best[i], nanoseconds(func() { d.Attention(y, qkv, shape(i)) }))
					}
				}
				b.ReportMetric(best[0]/1e6, "float32-ms")
				b.ReportMetric(best[1]/1e6, "int8-ms")
				b.ReportMetric(best[0]/best[1], "times")
			})
		})
	}
}

// onThreads runs a benchmark on every set of kernels, with one thread and with two.
func onThreads(b *testing.B, run func(b *testing.B, d *Device)) {
	for _, k := range supported() {
		for threads := 1; threads <= 2; threads++ {
			d := newDevice(k, threads)
			b.Run(d.Name(), func(b *testing.B) { run(b, d) })
		}
	}
}

func nanoseconds(do func()) float64 {
	start := time.Now()
	do()
	return float64(time.Since(start))
}
