package core

import (
	"context"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/internal/golden"
	"dit8/core/sampling"
)

// The whole sampling loop equals that of the official SiT code with Euler's and
// Heun's solver. Its time runs the other way.
func TestSiTGolden(t *testing.T) {
	for _, name := range []string{"sit_tiny", "sit_rgb"} {
		c := golden.ReadCase(t, name)
		m, err := dit.Load(generic.New(), c.Config.Config, golden.Tensors(golden.Read(t, name+"/model.safetensors")))
		if err != nil {
			t.Fatal(err)
		}
		g := &Generator{model: m, info: Info{Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 3}}}
		ran := 0
		for _, f := range c.Goldens {
			kind, _, _ := strings.Cut(strings.TrimPrefix(f.File, "sample_"), "_")
			solver, per := map[string]flow.Solver{"euler": flow.Euler, "heun2": flow.Heun}[kind], map[string]int{"euler": 1, "heun2": 2}[kind]
			if per == 0 || !strings.HasPrefix(f.File, "sample_") {
				continue
			}
			ran++
			req := Request{Steps: f.Steps * per, Guidance: 1, Solver: solver}
			sampleGolden(t, g, name+"/"+f.File, f.CFGScale, req.Plan(g.info.Convention), 1, 1e-5)
		}
		if ran == 0 {
			t.Errorf("%s: no trajectory was compared", name)
		}
	}
}

// sampleGolden compares final states with those of a file, from its noise divided
// by scale. The labels differ, so it samples one image at a time.
func sampleGolden(t *testing.T, g *Generator, file string, guidance *float32, plan flow.Plan, scale float32, bound float64) {
	t.Helper()
	ref := golden.Read(t, file)
	m := g.model
	size, n := m.Config().ImageLen(), len(ref["y"].V)
	for i := range n {
		conds := []dit.Cond{{Label: int(ref["y"].V[i])}}
		s := &sampling.Sampler{Network: g.network(), Plan: plan}
		if guidance != nil {
			s.Scale = *guidance
			conds = append(conds, dit.Cond{Label: m.NullClass()})
		}
		for _, e := range plan.Evals {
			s.Conds = append(s.Conds, s.Network.Conds(e, slices.Clone(conds)...))
		}
		z := make([]float32, size)
		for j := range z {
			z[j] = ref["noise"].V[i*size+j] / scale
		}
		if err := s.Integrate(context.Background(), z, flow.Run{}); err != nil {
			t.Fatal(err)
		}
		s.Free()
		e := golden.RelErr(z, ref["final"].V[i*size:(i+1)*size])
		t.Logf("%s image %d: relative error %.2e", file, i, e)
		if !(e < bound) {
			t.Errorf("%s image %d: relative error %.2e", file, i, e)
		}
	}
}

// DDIM on the DDPM schedule is Euler's solver on the flow, at the times of the
// schedule's steps: the official DiT's samples, with both of its spacings.
func TestDDIMGolden(t *testing.T) {
	c := golden.ReadCase(t, "dit_tiny")
	m, err := dit.Load(generic.New(), c.Config.Config, golden.Tensors(golden.Read(t, "dit_tiny/model.safetensors")))
	if err != nil {
		t.Fatal(err)
	}
	conv := flow.Convention{Prediction: flow.Epsilon, Clock: flow.DDPMClock, GuidedChannels: 3}
	g := &Generator{model: m, info: Info{Convention: conv}}
	// Its first step multiplies by √(1/ᾱ) = 158: float32's rounding, 6e-8, shows as 1e-5.
	const bound = 3e-5
	guidance := float32(4)
	req := Request{Steps: 20, Schedule: flow.DDIM}
	spaced := req.Plan(conv)
	steps := make([]int, 20)
	for i := range steps {
		steps[i] = 950 - 50*i
	}
	times := flow.DDPMTimes(steps)
	for file, plan := range map[string]flow.Plan{
		"dit_tiny/sample_ddim_20_cfg4.safetensors":     spaced,
		"dit_tiny/sample_ddim_ddim20_cfg4.safetensors": {Times: times, Evals: flow.Follow(flow.Euler, times, 20).Evals},
	} {
		sampleGolden(t, g, file, &guidance, plan, conv.At(plan.Times[0]).Scale, bound)
	}
}
