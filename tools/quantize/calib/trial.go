package calib

import (
	"context"
	"fmt"
	"slices"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/sampling"
)

// Trial is what images a model is tried on.
type Trial struct {
	Images, Steps int
	Guidance      float32
	FirstSeed     uint64
}

// MaxSteps bounds the steps that a trial of many-step models needs: what int8 costs does
// not depend on how fine they are.
const MaxSteps = 20

// TrialOf is one of so many images with a model's own way of sampling, in few steps.
func TrialOf(m core.Info, images int) Trial {
	t := Trial{Images: images, Steps: m.Defaults.Steps, Guidance: m.Defaults.Guidance}
	if !m.Convention.Average {
		t.Steps = min(t.Steps, MaxSteps)
	}
	return t
}

// cases are the trial's labels and seeds: classes spread evenly over all, several
// seeds where there are fewer classes than images.
func (tr Trial) cases(classes int) (labels []int, seeds []uint64) {
	n := min(classes, (tr.Images+1)/2)
	for i := range tr.Images {
		labels = append(labels, i%n*classes/n)
		seeds = append(seeds, tr.FirstSeed+uint64(i/n))
	}
	return labels, seeds
}

// Way is how one image goes from noise to data.
type Way struct {
	Plan  flow.Plan
	Conds [][]dit.Cond // of each evaluation
	Scale float32      // of guidance
}

// way is that of an image of a class: the model's own, but for Euler's solver in place
// of others, which goes with all velocities.
func (tr Trial) way(n sampling.Network, m core.Info, label int) Way {
	req := m.Request()
	req.Class, req.Steps, req.Guidance = m.Classes[label], tr.Steps, tr.Guidance
	if styles := m.Words().Styles; len(styles) > 0 {
		req.Style = styles[label%len(styles)]
	}
	if !m.Convention.Average {
		req.Solver, req.Schedule = flow.Euler, flow.Uniform
	}
	w := Way{Plan: req.Plan(m.Convention), Scale: req.Guidance}
	for _, e := range w.Plan.Evals {
		w.Conds = append(w.Conds, n.Conds(e, req.Conditions(e, m)...))
	}
	return w
}

// Visit is told of an evaluation: its number, the state z before it, and the
// network's inputs and outputs, an image for each condition.
type Visit func(k int, z, in, out []float32) error

// Walk moves the noise z of one image to the data. see may be nil.
func (w Way) Walk(n sampling.Network, z []float32, see Visit) error {
	s := sampling.Sampler{Network: n, Plan: w.Plan, Conds: w.Conds, Scale: w.Scale, See: see}
	defer s.Free()
	run := flow.Run{Noise: func(dst []float32, k int) {
		flow.StepNoise(dst, 0, 0, uint32(k+1))
		widen(dst, n.Convention)
	}}
	return s.Integrate(context.Background(), z, run)
}

// widen gives noise the model's deviation.
func widen(noise []float32, c flow.Convention) {
	for i, v := range noise {
		noise[i] = float32(v * c.Deviation())
	}
}

// Each walks the trial's ways with a network, of a model m. ready is told of a walk's
// end.
func (tr Trial) Each(n sampling.Network, m core.Info, see Visit, ready func(w Way, noise, z []float32) error) error {
	labels, seeds := tr.cases(n.Config().NumClasses)
	for i, label := range labels {
		noise := make([]float32, n.Config().ImageLen())
		flow.Noise(noise, seeds[i], 0)
		widen(noise, n.Convention)
		z := slices.Clone(noise)
		w := tr.way(n, m, label)
		if err := w.Walk(n, z, see); err != nil {
			return err
		}
		if err := ready(w, noise, z); err != nil {
			return err
		}
	}
	return nil
}

// Device is one with all cores, whose memory is Go's.
func Device() (compute.Device, error) { return native.New("", 0) }

// Load puts a model on all cores.
func Load(cfg dit.Config, conv flow.Convention, tensors Tensors) (n sampling.Network, err error) {
	dev, err := Device()
	if err != nil {
		return n, err
	}
	m, err := dit.Load(dev, cfg, tensors)
	if err != nil {
		return n, fmt.Errorf("the model does not load: %w", err)
	}
	return sampling.Network{Model: m, Convention: conv}, nil
}
