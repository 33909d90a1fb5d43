//go:build js

package kernels

import (
	"math"
	"slices"
	"testing"
	"time"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/profile"
	"dit8/core/dit"
)

// shapes are the networks that other runtimes are compared on.
var shapes = []struct {
	name  string
	batch int
	cfg   dit.Config
}{
	{"d256_b2", 2, dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 256, Depth: 8, NumHeads: 4, MLPHidden: 1024, NumClasses: 100}},
	{"s4_b2", 2, dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
	{"s2_b1", 1, dit.Config{InputSize: 32, PatchSize: 2, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
}

// BenchmarkForward times forward passes of int8 networks, conditioning included,
// once their first output equals that of the generic device.
func BenchmarkForward(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			d, err := New()
			if err != nil {
				b.Fatal(err)
			}
			x := make([]float32, s.batch*s.cfg.ImageLen())
			for i := range x {
				x[i] = 0.3
			}
			forward := func(dev compute.Device) func() []float32 {
				m, err := dit.Load(dev, s.cfg, dit.Random(s.cfg, 1, true))
				if err != nil {
					b.Fatal(err)
				}
				conds := make([]dit.Cond, s.batch)
				for i := range conds {
					conds[i] = dit.Cond{T: 0.5, Label: i}
				}
				out := make([]float32, len(x))
				return func() []float32 {
					c, err := m.Condition(conds)
					if err != nil {
						b.Fatal(err)
					}
					defer c.Free()
					if err := m.Forward(out, x, s.batch, c, 0, s.batch); err != nil {
						b.Fatal(err)
					}
					return out
				}
			}
			timed := profile.New(d)
			run := forward(timed)
			if !slices.Equal(run(), forward(generic.New())()) {
				b.Fatal("the output differs from the generic device's")
			}
			for range 3 { // until the engine has optimised the kernels
				run()
			}
			timed.Reset()
			best := time.Duration(math.MaxInt64)
			for b.Loop() {
				start := time.Now()
				run()
				best = min(best, time.Since(start))
			}
			for _, e := range timed.Entries() {
				b.Logf("%-24s %4d %7.3f ms %7.3f best call %5.1f GMAC/s", e.Name, e.Calls/b.N, float64(e.Time.Microseconds())/1000/float64(b.N), float64(e.Best.Microseconds())/1000, float64(e.MACs)/float64(e.Calls)/float64(e.Best))
			}
			b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
		})
	}
}
