//go:build js

package kernels

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"dit8/core/autoencoder"
	"dit8/core/bench"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/profile"
	"dit8/core/param"
)

// BenchmarkForward times forward passes of the int8 networks that other runtimes are
// compared on, conditioning included, once their first output equals that of the
// generic device, which takes long and is left out with -short. d256_b2 is the network
// d256 with a batch of two.
func BenchmarkForward(b *testing.B) {
	for _, s := range bench.Presets() {
		b.Run(fmt.Sprintf("%s_b%d", s.Name, s.Batch), func(b *testing.B) {
			d, err := New()
			if err != nil {
				b.Fatal(err)
			}
			timed := profile.New(d)
			n, err := bench.Load(timed, s)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(n.Free)
			pass := func(n *bench.Network) []float32 {
				if err := n.Pass(); err != nil {
					b.Fatal(err)
				}
				return n.Out
			}
			if !testing.Short() {
				want, err := bench.Load(generic.New(), s)
				if err != nil {
					b.Fatal(err)
				}
				if !slices.Equal(pass(n), pass(want)) {
					b.Fatal("the output differs from the generic device's")
				}
			}
			for range 3 { // until the engine has optimised the kernels
				pass(n)
			}
			timed.Reset()
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				start := time.Now()
				pass(n)
				best = min(best, time.Since(start))
			}
			for _, e := range timed.Entries() {
				b.Logf("%-24s %4d %7.3f ms %7.3f best call %5.1f GMAC/s", e.Name, e.Calls/b.N, float64(e.Time.Microseconds())/1000/float64(b.N), float64(e.Best.Microseconds())/1000, float64(e.MACs)/float64(e.Calls)/float64(e.Best))
			}
			b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
		})
	}
}

// BenchmarkDecode times the decoders of Stable Diffusion and TAESD with random weights,
// to 256×256 pixels, once the output of a smaller picture equals that of the generic
// device.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name string
		autoencoder.Config
		random func(autoencoder.Config, uint64) iter.Seq2[param.Tensor, error]
	}{
		{"sd/int8", autoencoder.SDDecoder(), autoencoder.RandomInt8}, {"sd/float32", autoencoder.SDDecoder(), autoencoder.Random},
		{"taesd/int8", autoencoder.TAESDDecoder(), autoencoder.RandomInt8}, {"taesd/float32", autoencoder.TAESDDecoder(), autoencoder.Random},
	} {
		b.Run(c.name, func(b *testing.B) {
			d, err := New()
			if err != nil {
				b.Fatal(err)
			}
			decode := func(dev compute.Convolver) func(size int) []float32 {
				m, err := autoencoder.Load(dev, c.Config, c.random(c.Config, 1))
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(m.Free)
				return func(size int) []float32 {
					z, out := random(rand.New(rand.NewPCG(1, 2)), 4*size*size), make([]float32, 3*64*size*size)
					if err := m.Decode(context.Background(), out, z, size, size, nil); err != nil {
						b.Fatal(err)
					}
					return out
				}
			}
			run := decode(d)
			if !testing.Short() && !slices.Equal(run(2), decode(generic.New())(2)) {
				b.Fatal("the output differs from the generic device's")
			}
			weights := d.mem.end
			run(4) // until the engine has optimised the kernels
			b.ReportMetric(fastest(b, func() { run(32) })[0], "best-ms")
			b.ReportMetric(float64(d.mem.end-weights)/1e6, "MB-beside")
		})
	}
}

// BenchmarkSwiGLU times the pair of layers of a network of 768 channels on the 276
// tokens of an image, and the two layers by themselves.
func BenchmarkSwiGLU(b *testing.B) {
	const rows, in, out = 276, 768, 2048
	d, err := New()
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	weights := [2]compute.Weights{randomInt8(r, in, out), randomInt8(r, in, out)}
	run := func(dev compute.Device) (fused, plain func(), result func() []float32) {
		var l [2]compute.Linear
		for i, w := range weights {
			if l[i], err = dev.NewLinear(w); err != nil {
				b.Fatal(err)
			}
		}
		x, y, z := values(b, dev, rows*in), values(b, dev, rows*out), values(b, dev, rows*out)
		fused = func() { dev.LinearSwiGLU(y, x, rows, l[0], l[1]) }
		plain = func() {
			dev.Linear(y, x, rows, l[0], compute.NoActivation)
			dev.Linear(z, x, rows, l[1], compute.NoActivation)
		}
		return fused, plain, reader(dev, y)
	}
	fused, plain, got := run(d)
	want, _, reference := run(generic.New())
	fused()
	want()
	if !slices.Equal(got(), reference()) {
		b.Fatal("the output differs from the generic device's")
	}
	times := best(b, fused, plain)
	b.ReportMetric(times[0], "fused-ms")
	b.ReportMetric(times[1], "two-layers-ms")
	b.ReportMetric(2*rows*in*out/times[0]/1e6, "GMAC/s")
}

// BenchmarkNormRotate times 12 heads of 64 channels of 276 tokens.
func BenchmarkNormRotate(b *testing.B) {
	h := compute.Heads{N: 1, Tokens: 276, Heads: 12, Dim: 64}
	d, err := New()
	if err != nil {
		b.Fatal(err)
	}
	run := func(dev compute.Device) (do func(), result func() []float32) {
		qkv, w, rope := values(b, dev, 3*h.Rows()*h.Width()), values(b, dev, h.Dim), values(b, dev, h.Tokens*h.Dim)
		dev.Write(w, slices.Repeat([]float32{1}, w.Len))                // with others some values would shrink from run to run,
		dev.Write(rope, slices.Repeat([]float32{0.6, 0.8}, rope.Len/2)) // until they are subnormal and slow
		return func() { dev.NormRotate(qkv, h, w, w, rope) }, reader(dev, qkv)
	}
	do, got := run(d)
	want, reference := run(generic.New())
	do()
	want()
	if !slices.Equal(got(), reference()) {
		b.Fatal("the output differs from the generic device's")
	}
	b.ReportMetric(best(b, do)[0], "best-ms")
}

// BenchmarkAttention times the heads of an image, float32 and int8.
func BenchmarkAttention(b *testing.B) {
	for _, h := range []compute.Heads{
		{N: 1, Tokens: 256, Heads: 6, Dim: 64}, {N: 1, Tokens: 256, Heads: 4, Dim: 72},
		{N: 1, Tokens: 1024, Heads: 6, Dim: 64}, {N: 1, Tokens: 276, Heads: 12, Dim: 64},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", h.Tokens, h.Dim, h.Heads), func(b *testing.B) {
			d, err := New()
			if err != nil {
				b.Fatal(err)
			}
			run := func(dev compute.Device) (floats, ints func(), result func() []float32) {
				qkv, out := values(b, dev, 3*h.Rows()*h.Width()), values(b, dev, h.Rows()*h.Width())
				attention := func(int8 bool) func() {
					h := h
					h.Int8 = int8
					return func() { dev.Attention(out, qkv, h) }
				}
				return attention(false), attention(true), reader(dev, out)
			}
			floats, ints, got := run(d)
			if !testing.Short() {
				_, want, reference := run(generic.New())
				ints()
				want()
				if !slices.Equal(got(), reference()) {
					b.Fatal("the output differs from the generic device's")
				}
			}
			times := best(b, floats, ints)
			b.ReportMetric(times[0], "float32-ms")
			b.ReportMetric(times[1], "int8-ms")
			b.ReportMetric(times[0]/times[1], "float32/int8")
			b.ReportMetric(float64(2*h.Tokens*h.Rows()*h.Width())/times[1]/1e6, "GMAC/s")
		})
	}
}

// values are n random numbers in dev's memory, the same for every n.
func values(b *testing.B, dev compute.Device, n int) compute.F32 {
	f, err := dev.Alloc(n)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { dev.Free(f) })
	dev.Write(f, random(rand.New(rand.NewPCG(3, 4)), n))
	return f
}

func reader(dev compute.Device, f compute.F32) func() []float32 {
	return func() []float32 {
		v := make([]float32, f.Len)
		dev.Read(v, f)
		return v
	}
}

// best gives the milliseconds of each function's fastest run of many, by turns.
func best(b *testing.B, run ...func()) []float64 {
	for _, f := range run {
		for range 3 { // until the engine has optimised the kernels
			f()
		}
	}
	return fastest(b, run...)
}

// fastest is best without runs that do not count.
func fastest(b *testing.B, run ...func()) []float64 {
	least := slices.Repeat([]float64{math.Inf(1)}, len(run))
	for b.Loop() {
		for i, f := range run {
			start := time.Now()
			f()
			least[i] = min(least[i], float64(time.Since(start).Microseconds())/1000)
		}
	}
	return least
}
