package core

import (
	"context"

	"dit8/core/dit"
	"dit8/core/flow"
)

// sampler runs the batches of one request.
type sampler struct {
	g      *Generator
	ctx    context.Context
	req    Request
	labels []int     // the class, and the null class under guidance
	times  []float32 // steps+1 flow times
	onStep func(Event)
	total  int // evaluations of all batches
	done   int

	cond  *dit.Conditioning // of evaluations [from, from+Rows/len(labels))
	from  int
	in    []float32 // network input [len(labels)·n, C, H, W]
	out   []float32 // network output [len(labels)·n, Cout, H, W]
	clean []float32
}

// run samples images first to first+n-1 and returns them, [n, C, H, W].
func (s *sampler) run(first, n int) ([]float32, error) {
	size := s.g.model.Config().ImageLen()
	z := make([]float32, n*size)
	for i := range n {
		flow.Noise(z[i*size:(i+1)*size], s.req.Seed, uint32(first+i))
	}
	return z, s.integrate(z, first)
}

// integrate moves the noise z of images first and on to clean images, in place.
func (s *sampler) integrate(z []float32, first int) error {
	cfg, conv := s.g.model.Config(), s.g.info.Convention
	size := cfg.ImageLen()
	n, groups := len(z)/size, len(s.labels)
	s.in = resize(s.in, groups*n*size)
	s.out = resize(s.out, groups*n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
	s.clean = resize(s.clean, n*size)

	velocity := func(v, z []float32, i int) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.condition(i); err != nil {
			return err
		}
		in := conv.At(s.times[i])
		for j, x := range z {
			s.in[j] = float32(x * in.Scale)
		}
		for k := 1; k < groups; k++ {
			copy(s.in[k*n*size:], s.in[:n*size])
		}
		if err := s.g.model.Forward(s.out, s.in, groups*n, s.cond, (i-s.from)*groups, groups); err != nil {
			return err
		}
		s.guide(v, n)
		conv.ToVelocity(v, z, in)
		return nil
	}
	step := func(i int, v, z []float32) error {
		s.done++
		if s.onStep != nil {
			flow.Clean(s.clean, z, v, s.times[i])
			s.onStep(Event{Step: s.done, Steps: s.total, First: first, Images: n, T: s.times[i], g: s.g, clean: s.clean})
		}
		return nil
	}
	return flow.Euler(z, s.times, velocity, step)
}

// guide writes the guided prediction of each image to v, dropping the variance
// channels of models that have them.
func (s *sampler) guide(v []float32, n int) {
	cfg := s.g.model.Config()
	size, pixels := cfg.ImageLen(), cfg.InputSize*cfg.InputSize
	stride := cfg.OutChannels() * pixels
	for i := range n {
		dst := v[i*size : (i+1)*size]
		copy(dst, s.out[i*stride:])
		if len(s.labels) > 1 {
			at := (n + i) * stride
			flow.Guide(dst, s.out[at:at+size], s.req.Guidance, s.g.info.Convention.GuidedChannels, pixels)
		}
	}
}

// condition makes s.cond cover evaluation i. All steps' modulation vectors are
// computed in one go, unless a long schedule of a large model would not fit the
// memory set aside for them; then in as few goes as fit.
func (s *sampler) condition(i int) error {
	if s.cond != nil && i >= s.from && (i-s.from)*len(s.labels) < s.cond.Rows() {
		return nil
	}
	s.free()
	per := len(s.labels) * s.g.model.Config().ConditioningLen()
	steps := min(max(1, maxConditioningValues/per), len(s.times)-1-i)
	var conds []dit.Cond
	for _, t := range s.times[i : i+steps] {
		for _, l := range s.labels {
			conds = append(conds, dit.Cond{T: s.g.info.Convention.At(t).Time, Label: l})
		}
	}
	var err error
	s.cond, err = s.g.model.Condition(conds)
	s.from = i
	return err
}

func (s *sampler) free() {
	if s.cond != nil {
		s.cond.Free()
		s.cond = nil
	}
}

func resize(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
