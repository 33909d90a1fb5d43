package calib_test

import (
	"math"
	"testing"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
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

// Smoothing a network with a gated MLP and a stored modulation leaves what it computes,
// and helps.
func TestSmoothsFamilies(t *testing.T) {
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 17, NumClasses: 3,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Modulation: dit.StaticModulation, Times: dit.TimesToken,
		Context: dit.Context{Class: 2, Omega: 1, TMin: 1, TMax: 1, Time: 1}}
	info := core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.X0, Clock: flow.FlowClock, Average: true, GuidanceInput: true, Floor: 0.05}, Classes: []string{"a", "b", "c"},
		Defaults: core.Defaults{Steps: 2, Guidance: 4, GuidanceInterval: []float32{0.1, 0.8}}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}
	uneven := func(yield func(param.Tensor, error) bool) {
		for x, err := range dit.Random(cfg, 1, false) {
			if x.Name == "blocks.0.modulation" { // one channel of norms much larger than the others
				x.F32[cfg.HiddenSize+3], x.F32[4*cfg.HiddenSize+5] = 40, 40
			}
			if !yield(x, err) {
				return
			}
		}
	}
	f, err := calib.ReadFloats(cfg, info, uneven)
	if err != nil {
		t.Fatal(err)
	}
	sample := func(f calib.Floats) (z []float32) {
		n, err := calib.Load(cfg, info.Convention, f.Tensors())
		if err != nil {
			t.Fatal(err)
		}
		if err := calib.TrialOf(info, 1).Each(n, info, nil, func(_ calib.Way, _, end []float32) error { z = end; return nil }); err != nil {
			t.Fatal(err)
		}
		return z
	}
	want := sample(f)
	_, smoothed, err := calib.Improve(f, calib.Options{Smooth: true, Images: 2}, func(s param.Spec) bool { return s.Role.Int8() }, func(string, int, int) {})
	if err != nil || len(smoothed) != 4*cfg.Depth {
		t.Fatalf("%d layers smoothed, %v", len(smoothed), err)
	}
	better := 0
	for _, s := range smoothed {
		if s.After < 0.8*s.Before {
			better++
		}
	}
	if better < 2 {
		t.Errorf("few layers gained: %+v", smoothed)
	}
	for i, v := range sample(f) {
		if d := math.Abs(float64(v - want[i])); d > 1e-4 {
			t.Fatalf("value %d is %v, before smoothing %v", i, v, want[i])
		}
	}
}
