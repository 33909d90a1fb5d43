package report

import (
	"fmt"
	"slices"

	"dit8/core"
	"dit8/core/sampling"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/proof"
)

// Evaluation says how far a model's outputs are from those of another, its float32
// one.
type Evaluation struct {
	Steps    int     `json:"steps"`
	Guidance float32 `json:"guidance"`
	Images   int     `json:"images"`
	// ByStep are the relative errors of the network's output for the reference's
	// state at each step.
	ByStep []StepError `json:"by_step"`
	Output Spread      `json:"output_error"` // over all steps and images
	PSNR   Spread      `json:"psnr_db"`      // of the images, from the same noise
	ByCase []float64   `json:"psnr_db_by_image"`
}

// StepError is that of the outputs at one step.
type StepError struct {
	T float32 `json:"t"`
	Spread
}

// Spread sums values up.
type Spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// SpreadOf sums up v.
func SpreadOf(v []float64) Spread {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return Spread{}
	}
	return Spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// Walked is one image of the reference: its noise, what the network was given and
// gave at each step, and where it ended.
type Walked struct {
	calib.Way
	noise, final []float32
	ins, outs    [][]float32
}

// Reference walks the float32 model, once for all that is compared with it.
func Reference(f calib.Floats, tr calib.Trial) (all []Walked, err error) {
	n, err := calib.Load(f.Config, f.Info.Convention, f.Tensors())
	if err != nil {
		return nil, err
	}
	var one Walked
	see := func(k int, _, in, out []float32) error {
		if slices.ContainsFunc(out, func(v float32) bool { return v-v != 0 }) {
			return fmt.Errorf("the network's output at step %d is not finite: its weights are no good", k+1)
		}
		one.ins, one.outs = append(one.ins, slices.Clone(in)), append(one.outs, slices.Clone(out))
		return nil
	}
	err = tr.Each(n, f.Info, see, func(w calib.Way, noise, z []float32) error {
		one.Way, one.noise, one.final = w, noise, z
		all = append(all, one)
		one = Walked{}
		return nil
	})
	return all, err
}

// evaluate compares a network with the reference, which was made by the same trial.
func evaluate(ref []Walked, n sampling.Network, tr calib.Trial, pixels core.Pixels) (Evaluation, error) {
	e := Evaluation{Steps: tr.Steps, Guidance: tr.Guidance, Images: tr.Images}
	var all []float64
	byStep := make([][]float64, len(ref[0].Plan.Evals))
	for _, r := range ref {
		errs, err := r.outputErrors(n)
		if err != nil {
			return e, err
		}
		for k, x := range errs {
			byStep[k], all = append(byStep[k], x), append(all, x)
		}
		z := slices.Clone(r.noise)
		if err := r.Walk(n, z, nil); err != nil {
			return e, err
		}
		if pixels.Std > 0 {
			e.ByCase = append(e.ByCase, proof.LevelPSNR(z, r.final, pixels))
		} else {
			e.ByCase = append(e.ByCase, proof.RangePSNR(z, r.final))
		}
	}
	for k, v := range byStep {
		e.ByStep = append(e.ByStep, StepError{ref[0].Plan.Evals[k].T, SpreadOf(v)})
	}
	e.Output, e.PSNR = SpreadOf(all), SpreadOf(e.ByCase)
	return e, nil
}

// outputErrors are the relative errors of a network's outputs for the states at each
// step.
func (r Walked) outputErrors(n sampling.Network) (errs []float64, err error) {
	cond, err := n.Condition(slices.Concat(r.Conds...))
	if err != nil {
		return nil, err
	}
	defer cond.Free()
	at := 0
	for k, want := range r.outs {
		out, groups := make([]float32, len(want)), len(r.Conds[k])
		if err := n.Forward(out, r.ins[k], groups, cond, at, groups); err != nil {
			return nil, err
		}
		at += groups
		errs = append(errs, proof.Compare("", out, want).Rel)
	}
	return errs, nil
}
