package main

import (
	"fmt"
	"slices"

	"dit8/core"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
)

// evaluation says how far a model's outputs are from those of another, its float32
// one.
type evaluation struct {
	Steps    int     `json:"steps"`
	Guidance float32 `json:"guidance"`
	Images   int     `json:"images"`
	// ByStep are the relative errors of the network's output for the reference's
	// state at each step.
	ByStep []stepError `json:"by_step"`
	Output spread      `json:"output_error"` // over all steps and images
	PSNR   spread      `json:"psnr_db"`      // of the images, from the same noise
	ByCase []float64   `json:"psnr_db_by_image"`
}

type stepError struct {
	T float32 `json:"t"`
	spread
}

// spread sums values up.
type spread struct {
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

func spreadOf(v []float64) spread {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return spread{}
	}
	return spread{(s[(n-1)/2] + s[n/2]) / 2, s[0], s[n-1]}
}

// trial is what images a model is tried on.
type trial struct {
	images, steps int
	guidance      float32
	firstSeed     uint64
}

// cases are the trial's labels and seeds: classes spread evenly over all, several
// seeds where there are fewer classes than images.
func (tr trial) cases(classes int) (labels []int, seeds []uint64) {
	n := min(classes, (tr.images+1)/2)
	for i := range tr.images {
		labels = append(labels, i%n*classes/n)
		seeds = append(seeds, tr.firstSeed+uint64(i/n))
	}
	return labels, seeds
}

func (tr trial) plan() flow.Plan { return flow.NewPlan(flow.Euler, flow.Schedule{}, tr.steps, 1) }

// forEach walks w along the trial's ways. ready is told of a walk's end.
func (tr trial) forEach(w walker, see visit, ready func(p way, noise, z []float32) error) error {
	labels, seeds := tr.cases(w.m.Config().NumClasses)
	for i, label := range labels {
		noise := make([]float32, w.m.Config().ImageLen())
		flow.Noise(noise, seeds[i], 0)
		z := slices.Clone(noise)
		p := way{label, tr.guidance, tr.plan()}
		if err := w.walk(z, p, see); err != nil {
			return err
		}
		if err := ready(p, noise, z); err != nil {
			return err
		}
	}
	return nil
}

// walked is one image of the reference: its noise, what the network was given and
// gave at each step, and where it ended.
type walked struct {
	way
	noise, final []float32
	ins, outs    [][]float32
}

// reference walks the float32 model, once for all that is compared with it.
func (tr trial) reference(ref walker) (all []walked, err error) {
	var one walked
	see := func(k int, _, in, out []float32) error {
		if slices.ContainsFunc(out, func(v float32) bool { return v-v != 0 }) {
			return fmt.Errorf("the network's output at step %d is not finite: its weights are no good", k+1)
		}
		one.ins, one.outs = append(one.ins, slices.Clone(in)), append(one.outs, slices.Clone(out))
		return nil
	}
	err = tr.forEach(ref, see, func(p way, noise, z []float32) error {
		one.way, one.noise, one.final = p, noise, z
		all = append(all, one)
		one = walked{}
		return nil
	})
	return all, err
}

// evaluate compares w with the reference.
func (tr trial) evaluate(ref []walked, w walker, pixels core.Pixels) (evaluation, error) {
	e := evaluation{Steps: tr.steps, Guidance: tr.guidance, Images: tr.images}
	var all []float64
	byStep := make([][]float64, tr.steps)
	for _, r := range ref {
		var conds []dit.Cond
		for k := range r.ins {
			conds = append(conds, w.conds(r.way, k)...)
		}
		cond, err := w.m.Condition(conds)
		if err != nil {
			return e, err
		}
		groups := len(conds) / len(r.ins)
		for k, want := range r.outs {
			out := make([]float32, len(want))
			if err := w.m.Forward(out, r.ins[k], groups, cond, k*groups, groups); err != nil {
				cond.Free()
				return e, err
			}
			x := compare("", out, want).rel
			byStep[k], all = append(byStep[k], x), append(all, x)
		}
		cond.Free()
		z := slices.Clone(r.noise)
		if err := w.walk(z, r.way, nil); err != nil {
			return e, err
		}
		if pixels.Std > 0 {
			e.ByCase = append(e.ByCase, levelPSNR(z, r.final, pixels))
		} else {
			e.ByCase = append(e.ByCase, rangePSNR(z, r.final))
		}
	}
	for k, v := range byStep {
		e.ByStep = append(e.ByStep, stepError{tr.plan().Evals[k].T, spreadOf(v)})
	}
	e.Output, e.PSNR = spreadOf(all), spreadOf(e.ByCase)
	return e, nil
}

// loadWalker puts a model on all cores.
func loadWalker(cfg dit.Config, conv flow.Convention, tensors tensorSeq) (walker, error) {
	dev, err := native.New("", 0)
	if err != nil {
		return walker{}, err
	}
	m, err := dit.Load(dev, cfg, tensors)
	if err != nil {
		return walker{}, fmt.Errorf("the model does not load: %w", err)
	}
	return walker{m, conv}, nil
}
