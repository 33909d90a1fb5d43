package proof

import (
	"fmt"
	"math"

	"dit8/core/dit"
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
	bar := 1.0
	var all [1000]float64
	for i := range all {
		bar *= 1 - (1e-4 + float64(i)*(0.02-1e-4)/999)
		all[i] = bar
	}
	last := 1.0
	for _, k := range steps {
		s.bar, s.before = append(s.bar, all[k]), append(s.before, last)
		s.beta = append(s.beta, 1-all[k]/last)
		last = all[k]
	}
	for i := range steps {
		j := min(max(i, 1), len(steps)-1) // the first step's is zero
		s.logVar = append(s.logVar, math.Log(s.beta[j]*(1-s.before[j])/(1-s.bar[j])))
	}
	return s
}

// ancestral samples one image from x by DDPM with the variance that the network
// learned, adding the steps' noise, and tells see of each state.
func (w Walker) ancestral(x []float32, p Way, steps []int, noise func(call int) []float32, see func(point int, x []float32)) error {
	cfg := w.Model.Config()
	if !cfg.LearnSigma {
		return fmt.Errorf("ddpm needs a network that learned its variance")
	}
	s := newDDPM(steps)
	var conds []dit.Cond
	for i := len(steps) - 1; i >= 0; i-- {
		conds = append(conds, dit.Cond{T: float32(steps[i]), Label: p.Label})
		if p.guided() {
			conds = append(conds, dit.Cond{T: float32(steps[i]), Label: w.Model.NullClass()})
		}
	}
	cond, err := w.Model.Condition(conds)
	if err != nil {
		return err
	}
	defer cond.Free()
	groups := len(conds) / len(steps)
	size := cfg.ImageLen()
	in, out := make([]float32, groups*size), make([]float32, groups*2*size)
	guided := size
	if n := w.Convention.GuidedChannels; n > 0 && n < cfg.InChannels {
		guided = n * cfg.InputSize * cfg.InputSize
	}
	see(0, x)
	for call := range steps {
		i := len(steps) - 1 - call
		for g := range groups {
			copy(in[g*size:], x)
		}
		if err := w.Model.Forward(out, in, groups, cond, call*groups, groups); err != nil {
			return err
		}
		a, prev, beta := s.bar[i], s.before[i], s.beta[i]
		toX0, toMean := beta*math.Sqrt(prev)/(1-a), (1-prev)*math.Sqrt(1-beta)/(1-a)
		add := noise(call)
		for j, v := range x {
			eps := float64(out[j])
			if groups > 1 && j < guided {
				u := float64(out[2*size+j])
				eps = u + float64(p.Guidance)*(eps-u)
			}
			x0 := math.Sqrt(1/a)*float64(v) - math.Sqrt(1/a-1)*eps
			y := toX0*x0 + toMean*float64(v)
			if i > 0 {
				f := (float64(out[size+j]) + 1) / 2
				y += math.Exp(0.5*(f*math.Log(beta)+(1-f)*s.logVar[i])) * float64(add[j])
			}
			x[j] = float32(y)
		}
		see(call+1, x)
	}
	return nil
}
