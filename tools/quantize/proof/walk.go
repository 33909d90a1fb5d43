package proof

import (
	"math"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Walker runs a model along trajectories as core's sampler does, with its states and
// predictions laid open.
type Walker struct {
	*dit.Model
	Convention flow.Convention
}

// Way is one image's way from noise to data.
type Way struct {
	Label    int
	Guidance float32 // NaN: without a null class
	Plan     flow.Plan
}

func (p Way) guided() bool { return !math.IsNaN(float64(p.Guidance)) }

// Conds are the conditions of evaluation k: the class, and the null class where
// there is guidance.
func (w Walker) Conds(p Way, k int) []dit.Cond {
	t := w.Convention.At(p.Plan.Evals[k]).Time
	c := []dit.Cond{{T: t, Label: p.Label}}
	if p.guided() {
		c = append(c, dit.Cond{T: t, Label: w.Model.NullClass()})
	}
	return c
}

// Visit is told of an evaluation: its number, the state z before it, and the
// network's inputs and outputs, an image for each condition.
type Visit func(k int, z, in, out []float32) error

// Walk moves z, one image, from the plan's first time to its last. see may be nil.
func (w Walker) Walk(z []float32, p Way, see Visit) error {
	var conds []dit.Cond
	for k := range p.Plan.Evals {
		conds = append(conds, w.Conds(p, k)...)
	}
	cond, err := w.Model.Condition(conds)
	if err != nil {
		return err
	}
	defer cond.Free()
	groups := len(conds) / len(p.Plan.Evals)
	cfg := w.Model.Config()
	size, pixels := cfg.ImageLen(), cfg.InputSize*cfg.InputSize
	in, out := make([]float32, groups*size), make([]float32, groups*cfg.OutChannels()*pixels)
	return p.Plan.Integrate(z, flow.Run{Velocity: func(v, z []float32, k int) error {
		at := w.Convention.At(p.Plan.Evals[k])
		for i := range in {
			in[i] = float32(z[i%size] * at.Scale)
		}
		if err := w.Model.Forward(out, in, groups, cond, k*groups, groups); err != nil {
			return err
		}
		if see != nil {
			if err := see(k, z, in, out); err != nil {
				return err
			}
		}
		copy(v, out[:size])
		if groups > 1 {
			flow.Guide(v, out[len(out)/2:][:size], p.Guidance, w.Convention.GuidedChannels, pixels)
		}
		w.Convention.ToVelocity(v, z, at)
		return nil
	}})
}
