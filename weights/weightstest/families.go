package weightstest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/flow"
)

// family is a small network of random weights with the switches of a published one.
type family struct {
	name       string
	config     dit.Config
	convention flow.Convention
	defaults   core.Defaults
}

// guided are the context tokens of iMF and pMF.
var guided = dit.Context{Class: 3, Omega: 2, TMin: 1, TMax: 1, Time: 2}

// families have widths that no block size divides.
var families = []family{
	{"JiT", dit.Config{PatchSize: 4, HiddenSize: 40, NumHeads: 2, MLPHidden: 53, Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Context: dit.Context{Class: 5, Start: 1}},
		flow.Convention{Prediction: flow.X0, Clock: flow.SiTClock, Floor: 0.05, NoiseScale: 2, Interval: flow.OpenInterval},
		core.Defaults{Steps: 7, Guidance: 2.5, Solver: flow.Heun, GuidanceInterval: []float32{0, 0.9}}},
	{"LightningDiT", dit.Config{PatchSize: 2, HiddenSize: 48, NumHeads: 3, MLPHidden: 65, Norm: dit.RMSNorm, MLP: dit.SwiGLU, Rope: dit.AxialRope},
		flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 2}, core.Defaults{Steps: 5, Guidance: 4, Shift: 10.0 / 3}},
	{"REPA", dit.Config{PatchSize: 4, HiddenSize: 28, NumHeads: 2, MLPHidden: 112},
		flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Interval: flow.StepInterval},
		core.Defaults{Steps: 6, Guidance: 1.8, Solver: flow.SDE, Schedule: flow.Tail, Diffusion: 2, GuidanceInterval: []float32{0, 0.7}}},
	{"DMF", dit.Config{PatchSize: 4, HiddenSize: 28, NumHeads: 2, MLPHidden: 112, QKNorm: true, Times: dit.TimesSplit, TimesStart: 2},
		flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Average: true}, core.Defaults{Steps: 4, Guidance: 1, Shift: 1.5}},
	{"SoFlow", dit.Config{PatchSize: 4, HiddenSize: 44, NumHeads: 2, MLPHidden: 176, Times: dit.TimesSum},
		flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Average: true}, core.Defaults{Steps: 2, Guidance: 1, Solver: flow.Restart}},
	{"iMF", dit.Config{PatchSize: 4, HiddenSize: 40, NumHeads: 2, MLPHidden: 106, Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.SequenceRope,
		Modulation: dit.StaticModulation, Times: dit.TimesToken, Context: guided},
		flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Average: true, GuidanceInput: true},
		core.Defaults{Steps: 2, Guidance: 8, GuidanceInterval: []float32{0.4, 0.65}}},
	{"pMF", dit.Config{PatchSize: 4, HiddenSize: 40, NumHeads: 2, MLPHidden: 106, Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope,
		Modulation: dit.StaticModulation, Times: dit.TimesToken, Context: guided},
		flow.Convention{Prediction: flow.X0, Clock: flow.FlowClock, Average: true, GuidanceInput: true, Floor: 0.05},
		core.Defaults{Steps: 1, Guidance: 7.5, GuidanceInterval: []float32{0.1, 0.8}}},
}

// Families checks that a device gives the known pixels for networks of each family,
// with weights in int8 and in float32, at the family's own way of sampling.
func Families(t *testing.T, open func() compute.Device) {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	path := filepath.Join(filepath.Dir(file), "../../testdata/golden/families.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for kind, int8s := range map[string]bool{"int8": true, "float32": false} {
			name := f.name + " " + kind
			if got := f.pixels(t, open(), int8s); got != want[name] {
				t.Errorf("%s: pixels are %s, want %s", name, got, want[name])
			}
		}
	}
}

// pixels hashes two images.
func (f family) pixels(t *testing.T, dev compute.Device, int8s bool) string {
	t.Helper()
	cfg := f.config
	cfg.InputSize, cfg.InChannels, cfg.Depth, cfg.NumClasses = 20, 3, 3, 4
	info := core.Info{Name: f.name, Convention: f.convention, Defaults: f.defaults, Classes: []string{"a", "b", "c", "d"}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5}}
	g, err := core.NewGenerator(dev, "random", info, cfg, dit.Random(cfg, 1, int8s))
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	defer g.Free()
	req := g.Defaults()
	req.Class, req.Seed, req.Count = "c", 5, 2
	res, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return res.Metadata.SHA256
}
