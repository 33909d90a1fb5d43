package calib_test

import (
	"math"
	"testing"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/calib"
)

// A trial samples what the sampler samples, pixel by pixel.
func TestTrialSamples(t *testing.T) {
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}
	info := core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 2, NoiseScale: 2}, Classes: []string{"a", "b", "c"},
		Defaults: core.Defaults{Steps: 6, Guidance: 2, Shift: 2, GuidanceInterval: []float32{0.1, 0.8}}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}
	n, err := calib.Load(cfg, info.Convention, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	tr := calib.TrialOf(info, 1)
	tr.FirstSeed = 9
	var z []float32
	if err := tr.Each(n, info, nil, func(_ calib.Way, _, end []float32) error { z = end; return nil }); err != nil {
		t.Fatal(err)
	}
	g, err := core.NewGenerator(n.Device(), "", info, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	req := g.Defaults()
	req.Seed = 9
	res, err := g.Generate(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	pix := res.Images[0].Pix
	plane := cfg.InputSize * cfg.InputSize
	for i := range plane {
		for c := range 3 {
			want := float64(pix[4*i+c])
			if got := math.Floor(float64(max(0, min(1, 0.5+0.5*z[c*plane+i])))*255 + 0.5); got != want {
				t.Fatalf("pixel %d, channel %d: %v, the sampler has %v", i, c, got, want)
			}
		}
	}
}
