package core

import (
	"context"
	"time"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/sampling"
)

// sampler runs the batches of one request, or of several that are alike.
type sampler struct {
	sampling.Sampler
	g      *Generator
	ctx    context.Context
	req    Request
	all    []Request // req, and those that are alike
	edit   *editor   // nil where no image is edited
	onStep func(Event)
	total  int // steps of all batches, those of decoding too
	done   int
	clean  []float32

	evaluations int           // of all batches
	decoding    time.Duration // that it took
}

// newSampler plans a request that was checked, or several that are alike.
func newSampler(ctx context.Context, g *Generator, all ...Request) *sampler {
	req := all[0]
	s := &sampler{g: g, ctx: ctx, req: req, all: all, Sampler: sampling.Sampler{
		Network: g.network(), Plan: req.Plan(g.info.Convention), Sets: len(all), Scale: req.Guidance, Rescale: req.GuidanceRescale, Rows: g.conditioningRows(),
		Condition: func(conds []dit.Cond) (*dit.Conditioning, error) { return g.condition(req, conds) },
	}}
	if g.again != nil {
		s.Again = func() (*dit.Model, error) { err := g.move(); return g.model, err }
	}
	for _, e := range s.Plan.Evals {
		var conds, away []dit.Cond
		for _, r := range all {
			c := r.Conditions(e, g.info)
			conds, away = append(conds, c[0]), append(away, c[1:]...)
		}
		s.Conds = append(s.Conds, s.Network.Conds(e, append(conds, away...)...))
	}
	return s
}

// follow has the sampler go on with the generator's network, where that is on another device by now.
func (s *sampler) follow() {
	if s.Model != s.g.model {
		s.Free()
		s.Model = s.g.model
	}
}

// image is the request of image i of all, and the image's number, of which its noise is.
func (s *sampler) image(i int) (r *Request, number uint32) {
	r = &s.all[i/s.req.Count]
	return r, uint32(r.First + i%s.req.Count)
}

// Plan is the times and evaluations of a request that was checked.
func (r Request) Plan(conv flow.Convention) flow.Plan {
	t0 := float32(1)
	if r.Edit != nil {
		t0 = r.Edit.start()
	}
	p := flow.NewPlan(r.Solver, flow.Schedule{Spacing: r.Schedule, Shift: r.Shift}, r.Steps, t0)
	if conv.Average { // what is corrected is an estimate of the data
		return p.Average(r.Edit != nil && r.Edit.Task.linear())
	}
	return p
}

// run samples images first to first+n-1 of the request and returns them, [n, C, H, W].
func (s *sampler) run(first, n int) ([]float32, error) {
	size := s.Config().ImageLen()
	z := make([]float32, n*size)
	var other []float32
	for i := range n {
		noise := z[i*size : (i+1)*size]
		r, number := s.image(first + i)
		flow.Noise(noise, r.Seed, number)
		if r.SeedMix > 0 {
			if other == nil {
				other = make([]float32, size)
			}
			flow.Noise(other, r.SeedTo, number)
			flow.Blend(noise, other, r.SeedMix)
		}
	}
	t := s.Plan.Times[0]
	if s.req.Schedule == flow.DDIM { // which starts from noise on the network's own scale
		scale := s.Convention.At(t).Scale
		for i := range z {
			z[i] = z[i] / scale
		}
	}
	s.widen(z)
	if s.edit != nil {
		s.edit.begin(z, t)
	}
	return z, s.integrate(z, first)
}

// widen gives standard normal noise the model's deviation.
func (s *sampler) widen(noise []float32) {
	if by := s.Convention.Deviation(); by != 1 {
		for i, v := range noise {
			noise[i] = float32(v * by)
		}
	}
}

// integrate moves the noise z of images first and on to clean images, in place.
func (s *sampler) integrate(z []float32, first int) error {
	size := s.Config().ImageLen()
	n := len(z) / size
	if len(s.clean) < len(z) {
		s.clean = make([]float32, len(z))
	}
	clean := s.clean[:len(z)]
	run := flow.Run{Diffusion: s.req.Diffusion}
	if run.Diffusion == 0 {
		run.Diffusion = 1
	}
	run.Step = func(k int, v, z []float32) error {
		s.done++
		if s.onStep != nil {
			t := s.Plan.Evals[k].T
			flow.Clean(clean, z, v, t)
			s.onStep(Event{Step: s.done, Steps: s.total, First: first, Images: n, T: t, g: s.g, ctx: s.ctx, clean: clean, state: z})
		}
		return nil
	}
	run.Noise = func(dst []float32, k int) {
		for i := range n {
			r, number := s.image(first + i)
			flow.StepNoise(dst[i*size:(i+1)*size], r.Seed, number, uint32(k+1))
		}
		s.widen(dst)
	}
	if s.edit != nil && s.edit.Task.linear() {
		run.Correct = func(clean []float32, i int) {
			if i < len(s.Plan.Times)-2 {
				s.edit.correct(clean)
			} else {
				s.edit.finish(clean)
			}
		}
	}
	return s.Integrate(s.ctx, z, run)
}

// conditioningRows is how many conditions fit the memory set aside for them, at
// least one.
func (g *Generator) conditioningRows() int {
	return max(1, maxConditioningValues/max(1, g.model.Config().ConditioningLen()))
}
