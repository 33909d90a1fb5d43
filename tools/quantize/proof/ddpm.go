package proof

import (
	"fmt"
	"math"

	"dit8/core/dit"
	"dit8/core/flow"
)

// ddpmSchedule is the schedule of the official DiT with some of its 1000 steps kept
// (DiT/diffusion: gaussian_diffusion.py, respace.py): ᾱ at the kept steps, rising, and
// what follows from it.
type ddpmSchedule struct {
	bar, before []float64 // ᾱ of a step, and of the one kept before it
	beta        []float64
	logVar      []float64 // of the posterior, clipped
}

func newDDPM(steps []int) (s ddpmSchedule) {
	last := 1.0
	for _, k := range steps {
		bar := flow.DDPMAlphaBar(k)
		s.bar, s.before = append(s.bar, bar), append(s.before, last)
		s.beta = append(s.beta, 1-bar/last)
		last = bar
	}
	for i := range steps {
		j := min(max(i, 1), len(steps)-1) // the first step's is zero
		s.logVar = append(s.logVar, math.Log(s.beta[j]*(1-s.before[j])/(1-s.bar[j])))
	}
	return s
}

// ancestral samples image i of the record from x by DDPM with the variance that the
// network learned, adding the steps' noise, and records the states.
func (v verifier) ancestral(x []float32, c course, r *record, i int) error {
	cfg := v.Config()
	if !cfg.LearnSigma {
		return fmt.Errorf("ddpm needs a network that learned its variance")
	}
	s := newDDPM(c.steps)
	size, n := cfg.ImageLen(), len(r.labels)
	keep := func(point int) {
		if r.traj != nil {
			copy(r.states[(point*n+i)*size:], x)
		}
	}
	keep(0)
	for call := range c.steps {
		k := len(c.steps) - 1 - call
		out, err := v.predict(x, float32(c.steps[k]), r.labels[i], c.scale)
		if err != nil {
			return err
		}
		s.step(x, out, r.drawn[(call*n+i)*size:][:size], k)
		keep(call + 1)
	}
	return nil
}

// predict is the network's output for one image, guided where there is a scale.
func (v verifier) predict(x []float32, t float32, label int, scale float64) ([]float32, error) {
	conds := []dit.Cond{{T: t, Label: label}}
	in := x
	if !math.IsNaN(scale) {
		conds = append(conds, dit.Cond{T: t, Label: v.NullClass()})
		in = append(append([]float32(nil), x...), x...)
	}
	out, err := v.forward(inputs{x: in, conds: conds})
	if err != nil {
		return nil, err
	}
	if len(conds) > 1 {
		cfg := v.Config()
		half := len(out) / 2
		flow.Guide(out[:cfg.ImageLen()], out[half:half+cfg.ImageLen()], float32(scale), v.Convention.GuidedChannels, cfg.InputSize*cfg.InputSize)
	}
	return out, nil
}

// step goes from step i to the one kept before it. out is the noise, then what the
// network says of the variance, in size values each.
func (s ddpmSchedule) step(x, out, add []float32, i int) {
	a, prev, beta := s.bar[i], s.before[i], s.beta[i]
	toX0, toMean := beta*math.Sqrt(prev)/(1-a), (1-prev)*math.Sqrt(1-beta)/(1-a)
	for j, v := range x {
		x0 := math.Sqrt(1/a)*float64(v) - math.Sqrt(1/a-1)*float64(out[j])
		y := toX0*x0 + toMean*float64(v)
		if i > 0 {
			f := (float64(out[len(x)+j]) + 1) / 2
			y += math.Exp(0.5*(f*math.Log(beta)+(1-f)*s.logVar[i])) * float64(add[j])
		}
		x[j] = float32(y)
	}
}
