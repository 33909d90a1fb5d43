package dit_test

import (
	"fmt"
	"slices"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
)

// macs is the number of multiply-adds of one forward pass of one image, without
// the conditioning.
func macs(c dit.Config) float64 {
	t, d, f := float64(c.Tokens()), float64(c.HiddenSize), float64(c.MLPHidden)
	patch := float64(c.PatchSize * c.PatchSize * (c.InChannels + c.OutChannels()))
	return t * (float64(c.Depth)*(4*d*d+2*d*f+2*t*d) + patch*d)
}

// BenchmarkForward times the network of the default model's shape on the generic
// device, once it has seen that two equal images in a batch give equal outputs.
func BenchmarkForward(b *testing.B) {
	cfg := dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 192, Depth: 8, NumHeads: 3, MLPHidden: 768, NumClasses: 128}
	for _, int8s := range []bool{true, false} {
		name := map[bool]string{true: "int8", false: "float32"}[int8s]
		b.Run(fmt.Sprintf("%s/batch=2", name), func(b *testing.B) {
			m, err := dit.Load(generic.New(), cfg, dit.Random(cfg, 1, int8s))
			if err != nil {
				b.Fatal(err)
			}
			cond, err := m.Condition([]dit.Cond{{T: 0.5, Label: 3}})
			if err != nil {
				b.Fatal(err)
			}
			n := cfg.ImageLen()
			x, out := make([]float32, 2*n), make([]float32, 2*n)
			for i := range x {
				x[i] = float32(i%n%17) / 8
			}
			run := func() {
				if err := m.Forward(out, x, 2, cond, 0, 1); err != nil {
					b.Fatal(err)
				}
			}
			run()
			if !slices.Equal(out[:n], out[n:]) || out[0] == 0 {
				b.Fatal("equal images in a batch give different outputs, or nothing")
			}
			for b.Loop() {
				run()
			}
			b.ReportMetric(2*macs(cfg)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
