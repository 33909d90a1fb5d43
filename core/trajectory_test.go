package core

import (
	"context"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/internal/golden"
)

// The whole sampling loop equals that of the official SiT code, whose time runs
// the other way.
func TestSiTEulerGolden(t *testing.T) {
	for _, name := range []string{"sit_tiny", "sit_rgb"} {
		c := golden.ReadCase(t, name)
		m, err := dit.Load(generic.New(), c.Config.Config, golden.Tensors(golden.Read(t, name+"/model.safetensors")))
		if err != nil {
			t.Fatal(err)
		}
		g := &Generator{model: m, info: Info{Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 3}}}
		ran := 0
		for _, f := range c.Goldens {
			if len(f.File) < 12 || f.File[:12] != "sample_euler" {
				continue
			}
			ran++
			ref := golden.Read(t, name+"/"+f.File)
			size, n := m.Config().ImageLen(), len(ref["y"].V)
			for i := range n { // the labels differ, so one at a time
				req := Request{Steps: f.Steps, Guidance: 1}
				labels := []int{int(ref["y"].V[i])}
				if f.CFGScale != nil {
					req.Guidance = *f.CFGScale
					labels = append(labels, m.NullClass())
				}
				s := &sampler{g: g, ctx: context.Background(), req: req, labels: labels, times: flow.Times(req.Steps), total: req.Steps}
				z := append([]float32(nil), ref["noise"].V[i*size:(i+1)*size]...)
				if err := s.integrate(z, 0); err != nil {
					t.Fatal(err)
				}
				s.free()
				e := golden.RelErr(z, ref["final"].V[i*size:(i+1)*size])
				t.Logf("%s/%s image %d: relative error %.2e", name, f.File, i, e)
				if !(e < 1e-5) {
					t.Errorf("%s/%s image %d: relative error %.2e", name, f.File, i, e)
				}
			}
		}
		if ran == 0 {
			t.Errorf("%s: no trajectory was compared", name)
		}
	}
}
