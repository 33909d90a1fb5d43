package core

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
)

// handMade is a generator of all-zero weights but for what set fills in.
func handMade(t *testing.T, cfg dit.Config, info Info, set func(name string, v []float32)) *Generator {
	t.Helper()
	tensors := func(yield func(param.Tensor, error) bool) {
		for x := range dit.Random(cfg, 1, false) {
			clear(x.F32)
			set(x.Name, x.F32)
			if !yield(x, nil) {
				return
			}
		}
	}
	g, err := NewGenerator(generic.New(), "hand-made", info, cfg, tensors)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func inspect(t *testing.T, g *Generator, class string, steps int) *Modulation {
	t.Helper()
	req := g.Defaults()
	req.Class, req.Steps = class, steps
	m, err := g.Inspect(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Biases of the heads alone: the same modulation at all times.
func TestInspectBiases(t *testing.T) {
	d := tiny.HiddenSize
	g := handMade(t, tiny, info, func(name string, v []float32) {
		if name == "blocks.1.adaLN_modulation.1.bias" {
			for chunk := range 6 {
				for i := range d {
					v[chunk*d+i] = float32(chunk+1) / 4
				}
			}
			v[4*d] = -2 // scale_mlp of channel 0
		}
		if name == "final_layer.adaLN_modulation.1.bias" {
			v[0], v[d+1] = 3, 5
		}
	})
	m := inspect(t, g, "1", 4)
	if m.Model != "tiny" || m.ModelID != "hand-made" || m.Device != "generic" || m.Class != "red-apple" || m.ReferenceID != "" ||
		!reflect.DeepEqual(m.Times, []float32{1, 0.75, 0.5, 0.25}) || len(m.Branches) != 5 {
		t.Fatalf("%+v", m)
	}
	for i, want := range []struct {
		layer, name        string
		beta, gamma, alpha float32 // of channel 2
	}{
		{"blocks.0", "msa", 0, 1, 0}, {"blocks.0", "mlp", 0, 1, 0},
		{"blocks.1", "msa", 0.25, 1.5, 0.75}, {"blocks.1", "mlp", 1, 2.25, 1.5},
		{"final_layer", "", 0, 1, 0},
	} {
		b := m.Branches[i]
		if b.Layer != want.layer || b.Name != want.name || (b.Alpha == nil) != (b.Name == "") {
			t.Fatalf("branch %d is %s %s", i, b.Layer, b.Name)
		}
		for _, q := range b.Quantities() {
			value := map[string]float32{"gamma": want.gamma, "beta": want.beta, "alpha": want.alpha}[q.Name]
			for k := range m.Times {
				if q.Values[k][2] != value {
					t.Errorf("%s %s %s at %v: %v, want %v", b.Layer, b.Name, q.Name, m.Times[k], q.Values[k][2], value)
				}
			}
		}
	}
	// 23 channels of γ are 2.25 and one is -1.
	s := m.Branches[3].Gamma
	rms := math.Sqrt((23*1.25*1.25 + 2*2) / 24)
	if s.Neutral != 1 || s.Min[3] != -1 || s.Max[3] != 2.25 || s.Mean[3] != float32((23*2.25-1)/24) || s.RMS[3] != float32(rms) {
		t.Errorf("summary %v %v %v %v %v", s.Neutral, s.Min[3], s.Max[3], s.Mean[3], s.RMS[3])
	}
	f := m.Branches[4]
	if f.Beta.Values[1][0] != 3 || f.Gamma.Values[1][1] != 6 || f.Gamma.Values[1][0] != 1 {
		t.Errorf("final layer: %v", f)
	}
}

// One channel follows the first cosine of the time embedding and the label:
// scale_mlp = 2·SiLU(SiLU(cos t) + y) + ½.
func TestInspectTime(t *testing.T) {
	d, labels := tiny.HiddenSize, []float32{0.25, -1, 0.5, 8}
	silu := func(x float64) float64 { return x / (1 + math.Exp(-x)) }
	for clock, own := range map[flow.Clock]func(t float64) float64{
		flow.FlowClock: func(t float64) float64 { return t },
		flow.SiTClock:  func(t float64) float64 { return 1 - t },
	} {
		i := info
		i.Convention.Clock = clock
		g := handMade(t, tiny, i, func(name string, v []float32) {
			switch name {
			case "t_embedder.mlp.0.weight", "t_embedder.mlp.2.weight":
				v[0] = 1
			case "y_embedder.embedding_table.weight":
				for k, y := range labels {
					v[k*d] = y
				}
			case "blocks.1.adaLN_modulation.1.weight":
				v[(4*d+5)*d] = 2
			case "blocks.1.adaLN_modulation.1.bias":
				v[4*d+5] = 0.5
			}
		})
		for class, y := range labels[:3] {
			m := inspect(t, g, i.Classes[class], 8)
			for k, time := range m.Times {
				want := 1 + 2*silu(silu(math.Cos(own(float64(time))))+float64(y)) + 0.5
				got := m.Branches[3].Gamma.Values[k]
				if !(math.Abs(float64(got[5])-want) < 1e-6) || got[4] != 1 {
					t.Errorf("%s clock, class %d, t=%v: γ %v and %v, want %v and 1", clock, class, time, got[5], got[4], want)
				}
			}
		}
	}
}

// What one go computes is what several do.
func TestInspectGoes(t *testing.T) {
	g := generator(t, tiny, info)
	whole := inspect(t, g, "fox", inspectRows+3)
	defer func(n int) { maxConditioningValues = n }(maxConditioningValues)
	maxConditioningValues = 5 * tiny.ConditioningLen()
	if !reflect.DeepEqual(whole, inspect(t, g, "fox", inspectRows+3)) {
		t.Error("the result depends on the goes")
	}
}

func TestInspectRefuses(t *testing.T) {
	g := generator(t, tiny, info)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := g.Inspect(ctx, g.Defaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	defer func(n int) { maxModulationValues = n }(maxModulationValues)
	maxModulationValues = 5*tiny.ConditioningLen() + 1
	for want, change := range map[string]func(*Request){
		`did you mean "fox"`: func(r *Request) { r.Class = "fxo" },
		"count is 0":         func(r *Request) { r.Count = 0 },
		"steps is 6, allowed: 1 to 5: the modulation of this network takes 336 values": func(r *Request) { r.Steps = 6 },
	} {
		req := g.Defaults()
		change(&req)
		_, err := g.Inspect(context.Background(), req)
		var f *FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	nan := handMade(t, tiny, info, func(name string, v []float32) {
		if name == "blocks.0.adaLN_modulation.1.bias" {
			v[7] = float32(math.NaN())
		}
	})
	if _, err := nan.Inspect(context.Background(), nan.Defaults()); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("a model with NaN: %v", err)
	}
	latent, i := tiny, info
	latent.InChannels, i.Pixels = 4, Pixels{}
	inspect(t, generator(t, latent, i), "fox", 2)
}

func TestInspectDifference(t *testing.T) {
	float := func(cfg dit.Config) *Generator {
		tensors := func(yield func(param.Tensor, error) bool) {
			for x := range dit.Random(cfg, 1, true) {
				if !yield(param.Tensor{Name: x.Name, Shape: x.Shape, F32: x.Floats()}, nil) {
					return
				}
			}
		}
		g, err := NewGenerator(generic.New(), "float", info, cfg, tensors)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	m, ref := inspect(t, generator(t, tiny, info), "fox", 4), inspect(t, float(tiny), "fox", 4)
	diff, err := m.Sub(ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff.ModelID != "id" || diff.ReferenceID != "float" {
		t.Errorf("%s from %s", diff.ModelID, diff.ReferenceID)
	}
	for i := range diff.Branches {
		a, b, q := m.Branches[i].Quantities(), ref.Branches[i].Quantities(), diff.Branches[i].Quantities()
		for k, s := range q {
			if s.Neutral != 0 || !(s.RMS[1] > 0 && s.RMS[1] < 0.05*a[k].RMS[1]) || s.Values[1][3] != a[k].Values[1][3]-b[k].Values[1][3] {
				t.Errorf("branch %d %s: rms %v of %v", i, s.Name, s.RMS[1], a[k].RMS[1])
			}
		}
	}
	zero, err := m.Sub(m)
	if err != nil || zero.Branches[0].Gamma.RMS[0] != 0 {
		t.Errorf("a model and itself: %v", err)
	}
	deep, wide := tiny, tiny
	deep.Depth, wide.HiddenSize = 3, 48
	for want, ref := range map[string]*Modulation{
		`class "fox" and of class "2"`:               inspect(t, float(tiny), "2", 4),
		"at 4 times and at 5":                        inspect(t, float(tiny), "fox", 5),
		"5 branches and of 7":                        inspect(t, float(deep), "fox", 4),
		"24 channels in one model, 48 in the other":  inspect(t, float(wide), "fox", 4),
		"blocks.0 msa gamma: the values are missing": m.Summary(),
	} {
		if _, err := m.Sub(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	later := *ref
	later.Times = []float32{1, 0.7, 0.5, 0.2}
	if _, err := m.Sub(&later); err == nil || !strings.Contains(err.Error(), "different times") {
		t.Errorf("other times: %v", err)
	}
}

func TestModulationParts(t *testing.T) {
	m := inspect(t, generator(t, tiny, info), "fox", 3)
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back Modulation
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(m, &back) {
		t.Errorf("JSON does not give the modulation back: %v", err)
	}
	s := m.Summary()
	if b, _ := json.Marshal(s); strings.Contains(string(b), "values") {
		t.Error("a summary has values")
	}
	if m.Branches[0].Alpha.Values == nil || m.Branches[0].Gamma.Values == nil || !reflect.DeepEqual(s.Branches[1].Alpha.RMS, m.Branches[1].Alpha.RMS) {
		t.Error("a summary changes its source")
	}
	for name, n := range map[string]int{BlockLayer(1): 2, FinalLayer: 1} {
		l, err := m.Layer(name)
		if err != nil || len(l.Branches) != n || l.Branches[0].Layer != name {
			t.Errorf("%s: %v, %+v", name, err, l)
		}
	}
	if _, err := m.Layer("blocks.2"); err == nil {
		t.Error("a layer that is not there")
	}
}
