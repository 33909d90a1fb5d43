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
	plan   flow.Plan
	conds  [][]dit.Cond // of each evaluation: one, or two under guidance
	edit   *editor      // nil where no image is edited
	onStep func(Event)
	total  int // evaluations of all batches
	done   int

	cond     *dit.Conditioning // of evaluations [from, to)
	from, to int
	in       []float32 // network input [groups·n, C, H, W]
	out      []float32 // network output [groups·n, Cout, H, W]
	alone    []float32 // predictions before guidance, for its rescaling
	clean    []float32
}

// newSampler plans a request that was checked.
func newSampler(ctx context.Context, g *Generator, req Request) *sampler {
	s := &sampler{g: g, ctx: ctx, req: req, plan: req.plan()}
	conv, classes, null := g.info.Convention, g.info.Classes, g.model.NullClass()
	for _, t := range s.plan.Evals {
		s.conds = append(s.conds, req.conditions(t, conv, classes, null))
	}
	return s
}

func (r Request) plan() flow.Plan {
	t0 := float32(1)
	if r.Edit != nil {
		t0 = r.Edit.start()
	}
	return flow.NewPlan(r.Solver, flow.Schedule{Spacing: r.Schedule, Shift: r.Shift}, r.Steps, t0)
}

// run samples images first to first+n-1 and returns them, [n, C, H, W].
func (s *sampler) run(first, n int) ([]float32, error) {
	size := s.g.model.Config().ImageLen()
	z := make([]float32, n*size)
	var other []float32
	for i := range n {
		noise := z[i*size : (i+1)*size]
		flow.Noise(noise, s.req.Seed, uint32(first+i))
		if s.req.SeedMix > 0 {
			other = resize(other, size)
			flow.Noise(other, s.req.SeedTo, uint32(first+i))
			flow.Blend(noise, other, s.req.SeedMix)
		}
	}
	t := s.plan.Times[0]
	if s.req.Schedule == flow.DDIM { // which starts from noise on the network's own scale
		scale := s.g.info.Convention.At(t).Scale
		for i := range z {
			z[i] = z[i] / scale
		}
	}
	if s.edit != nil {
		s.edit.begin(z, t)
	}
	return z, s.integrate(z, first)
}

// integrate moves the noise z of images first and on to clean images, in place.
func (s *sampler) integrate(z []float32, first int) error {
	cfg, conv := s.g.model.Config(), s.g.info.Convention
	size := cfg.ImageLen()
	n := len(z) / size
	s.clean = resize(s.clean, n*size)
	run := flow.Run{Diffusion: s.req.Diffusion}
	if run.Diffusion == 0 {
		run.Diffusion = 1
	}
	run.Velocity = func(v, z []float32, k int) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.condition(k); err != nil {
			return err
		}
		groups, at := len(s.conds[k]), 0
		for i := s.from; i < k; i++ {
			at += len(s.conds[i])
		}
		s.in = resize(s.in, groups*n*size)
		s.out = resize(s.out, groups*n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
		in := conv.At(s.plan.Evals[k])
		for j, x := range z {
			s.in[j] = float32(x * in.Scale)
		}
		if groups > 1 {
			copy(s.in[n*size:], s.in[:n*size])
		}
		if err := s.g.model.Forward(s.out, s.in, groups*n, s.cond, at, groups); err != nil {
			return err
		}
		s.guide(v, n, groups > 1)
		conv.ToVelocity(v, z, in)
		return nil
	}
	run.Step = func(k int, v, z []float32) error {
		s.done++
		if s.onStep != nil {
			t := s.plan.Evals[k]
			flow.Clean(s.clean, z, v, t)
			s.onStep(Event{Step: s.done, Steps: s.total, First: first, Images: n, T: t, g: s.g, clean: s.clean})
		}
		return nil
	}
	run.Noise = func(dst []float32, k int) {
		for i := range n {
			flow.StepNoise(dst[i*size:(i+1)*size], s.req.Seed, uint32(first+i), uint32(k+1))
		}
	}
	if s.edit != nil && s.edit.linear() {
		run.Correct = func(clean []float32, i int) {
			if i < len(s.plan.Times)-2 {
				s.edit.correct(clean)
			} else {
				s.edit.finish(clean)
			}
		}
	}
	return s.plan.Integrate(z, run)
}

// guide writes the guided prediction of each image to v, dropping the variance
// channels of models that have them.
func (s *sampler) guide(v []float32, n int, guided bool) {
	cfg := s.g.model.Config()
	size, pixels := cfg.ImageLen(), cfg.InputSize*cfg.InputSize
	stride := cfg.OutChannels() * pixels
	for i := range n {
		dst := v[i*size : (i+1)*size]
		copy(dst, s.out[i*stride:])
		if !guided {
			continue
		}
		at := (n + i) * stride
		if s.req.GuidanceRescale > 0 {
			s.alone = append(s.alone[:0], dst...)
		}
		flow.Guide(dst, s.out[at:at+size], s.req.Guidance, s.g.info.Convention.GuidedChannels, pixels)
		if s.req.GuidanceRescale > 0 {
			flow.Rescale(dst, s.alone, s.req.GuidanceRescale)
		}
	}
}

// condition makes s.cond cover evaluation k. All evaluations' modulation vectors
// are computed in one go, unless a long schedule of a large model would not fit the
// memory set aside for them; then in as few goes as fit.
func (s *sampler) condition(k int) error {
	if s.cond != nil && k >= s.from && k < s.to {
		return nil
	}
	s.free()
	rows := s.g.conditioningRows()
	s.from, s.to = k, k
	var conds []dit.Cond
	for s.to < len(s.conds) && (s.to == k || len(conds)+len(s.conds[s.to]) <= rows) {
		conds = append(conds, s.conds[s.to]...)
		s.to++
	}
	var err error
	s.cond, err = s.g.condition(s.req, conds)
	return err
}

// conditioningRows is how many conditions fit the memory set aside for them, at
// least one.
func (g *Generator) conditioningRows() int {
	return max(1, maxConditioningValues/g.model.Config().ConditioningLen())
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
