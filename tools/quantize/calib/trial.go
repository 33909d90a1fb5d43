package calib

import (
	"fmt"
	"slices"

	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/proof"
)

// Trial is what images a model is tried on.
type Trial struct {
	Images, Steps int
	Guidance      float32
	FirstSeed     uint64
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

// Plan is how each image is sampled.
func (tr Trial) Plan() flow.Plan { return flow.NewPlan(flow.Euler, flow.Schedule{}, tr.Steps, 1) }

// Each walks w along the trial's ways. ready is told of a walk's end.
func (tr Trial) Each(w proof.Walker, see proof.Visit, ready func(p proof.Way, noise, z []float32) error) error {
	labels, seeds := tr.cases(w.Config().NumClasses)
	for i, label := range labels {
		noise := make([]float32, w.Config().ImageLen())
		flow.Noise(noise, seeds[i], 0)
		z := slices.Clone(noise)
		p := proof.Way{Label: label, Guidance: tr.Guidance, Plan: tr.Plan()}
		if err := w.Walk(z, p, see); err != nil {
			return err
		}
		if err := ready(p, noise, z); err != nil {
			return err
		}
	}
	return nil
}

// Device is one with all cores, whose memory is Go's.
func Device() (compute.Device, error) { return native.New("", 0) }

// Load puts a model on all cores.
func Load(cfg dit.Config, conv flow.Convention, tensors Tensors) (proof.Walker, error) {
	dev, err := Device()
	if err != nil {
		return proof.Walker{}, err
	}
	m, err := dit.Load(dev, cfg, tensors)
	if err != nil {
		return proof.Walker{}, fmt.Errorf("the model does not load: %w", err)
	}
	return proof.Walker{Model: m, Convention: conv}, nil
}
