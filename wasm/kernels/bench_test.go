//go:build js

package kernels

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"dit8/core/bench"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/profile"
	"dit8/core/dit"
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
			x := make([]float32, s.Batch*s.Config.ImageLen())
			for i := range x {
				x[i] = 0.3
			}
			forward := func(dev compute.Device) func() []float32 {
				m, err := dit.Load(dev, s.Config, dit.Random(s.Config, 1, true))
				if err != nil {
					b.Fatal(err)
				}
				conds := s.Conds()
				out := make([]float32, len(x))
				return func() []float32 {
					c, err := m.Condition(conds)
					if err != nil {
						b.Fatal(err)
					}
					defer c.Free()
					if err := m.Forward(out, x, s.Batch, c, 0, s.Batch); err != nil {
						b.Fatal(err)
					}
					return out
				}
			}
			timed := profile.New(d)
			run := forward(timed)
			if !testing.Short() && !slices.Equal(run(), forward(generic.New())()) {
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
