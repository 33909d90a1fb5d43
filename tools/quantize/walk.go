package main

import (
	"math"

	"dit8/core/dit"
	"dit8/core/flow"
)

// walker runs a model along trajectories as core's sampler does, with its states and
// predictions laid open.
type walker struct {
	m    *dit.Model
	conv flow.Convention
}

// way is one image's way from noise to data.
type way struct {
	label    int
	guidance float32 // NaN: without a null class
	plan     flow.Plan
}

func (p way) guided() bool { return !math.IsNaN(float64(p.guidance)) }

// conds are the conditions of evaluation k: the class, and the null class where
// there is guidance.
func (w walker) conds(p way, k int) []dit.Cond {
	t := w.conv.At(p.plan.Evals[k].T).Time
	c := []dit.Cond{{T: t, Label: p.label}}
	if p.guided() {
		c = append(c, dit.Cond{T: t, Label: w.m.NullClass()})
	}
	return c
}

// visit is told of an evaluation: its number, the state z before it, and the
// network's inputs and outputs, an image for each condition.
type visit func(k int, z, in, out []float32) error

// walk moves z, one image, from the plan's first time to its last. see may be nil.
func (w walker) walk(z []float32, p way, see visit) error {
	var conds []dit.Cond
	for k := range p.plan.Evals {
		conds = append(conds, w.conds(p, k)...)
	}
	cond, err := w.m.Condition(conds)
	if err != nil {
		return err
	}
	defer cond.Free()
	groups := len(conds) / len(p.plan.Evals)
	cfg := w.m.Config()
	size, pixels := cfg.ImageLen(), cfg.InputSize*cfg.InputSize
	in, out := make([]float32, groups*size), make([]float32, groups*cfg.OutChannels()*pixels)
	return p.plan.Integrate(z, flow.Run{Velocity: func(v, z []float32, k int) error {
		at := w.conv.At(p.plan.Evals[k].T)
		for i := range in {
			in[i] = float32(z[i%size] * at.Scale)
		}
		if err := w.m.Forward(out, in, groups, cond, k*groups, groups); err != nil {
			return err
		}
		if see != nil {
			if err := see(k, z, in, out); err != nil {
				return err
			}
		}
		copy(v, out[:size])
		if groups > 1 {
			flow.Guide(v, out[len(out)/2:][:size], p.guidance, w.conv.GuidedChannels, pixels)
		}
		w.conv.ToVelocity(v, z, at)
		return nil
	}})
}
