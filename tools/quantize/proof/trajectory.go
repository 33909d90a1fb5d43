package proof

import (
	"context"
	"fmt"
	"math"
	"slices"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/sampling"
)

// Trajectory samples the reference's images from its noise [N, C, H, W] and labels
// y [N] as its sampler did, and compares them with final, and the states on the way with
// traj [points, N, C, H, W]. The points are at grid_t on SiT's clock, at grid_t_noise1
// on ours, or, for DDIM and DDPM, at the steps timestep_map, rising, of the DDPM
// schedule. Samplers that draw noise find it in step_noise. dopri5, SiT's default,
// chooses its own steps; what it follows between the points within a tolerance is
// computed by many small ones. JiT's guided_v is compared at guided_x and guided_t.
func Trajectory(n sampling.Network, ref *Reference, o Options) ([]Comparison, error) {
	v := verifier{n, ref, o}
	c, err := v.course()
	if err != nil {
		return nil, err
	}
	r, err := v.record(c)
	if err != nil {
		return nil, err
	}
	for i := range r.labels {
		if err := v.replay(c, r, i); err != nil {
			return nil, err
		}
	}
	results := r.compare()
	if ref.has("guided_v") {
		c, err := v.guidedVelocity(c, r.labels)
		if err != nil {
			return nil, err
		}
		results = append(results, c)
	}
	if ref.has("decoder_input") && o.Latents.Std != nil {
		c, err := v.decoderInput(r)
		if err != nil {
			return nil, err
		}
		results = append(results, c)
	}
	if o.Autoencoder != nil && ref.has("image") {
		more, err := v.decoded(r)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	return results, nil
}

// decoded compares the pictures that come of what was sampled.
func (v verifier) decoded(r *record) ([]Comparison, error) {
	cfg := v.Config()
	b := batch{n: len(r.labels), channels: cfg.InChannels, h: cfg.InputSize, w: cfg.InputSize}
	return v.Autoencoder.compareDecoded(v.ref, r.got, b)
}

// record is what a reference's samples went through, and what they go through here.
type record struct {
	labels       []int
	size, points int       // values of an image; states of it
	noise, final []float32 // [N, C, H, W]
	traj         []float32 // [points, N, C, H, W], or nil
	drawn        []float32 // [draws, N, C, H, W]
	got, states  []float32 // as final and traj
}

func (v verifier) record(c course) (r *record, err error) {
	cfg := v.Config()
	r = &record{size: cfg.ImageLen(), points: (len(c.plan.Times)-1)/c.small + 1}
	if r.labels, err = v.ref.ints("y"); err != nil {
		return nil, err
	}
	n := len(r.labels)
	if n == 0 {
		return nil, fmt.Errorf("tensor y: no labels")
	}
	for i, label := range r.labels {
		if label < 0 || label > v.NullClass() {
			return nil, fmt.Errorf("y %d is %d, allowed 0 to %d", i, label, v.NullClass())
		}
	}
	images := []int{n, cfg.InChannels, cfg.InputSize, cfg.InputSize}
	if r.noise, err = v.ref.floats("noise", images...); err != nil {
		return nil, err
	}
	if r.final, err = v.ref.floats("final", images...); err != nil {
		return nil, err
	}
	if r.traj, err = v.ref.optional("traj", append([]int{r.points}, images...)...); err != nil {
		return nil, err
	}
	if draws := c.draws(); draws > 0 {
		if r.drawn, err = v.ref.floats("step_noise", append([]int{draws}, images...)...); err != nil {
			return nil, err
		}
	}
	r.got, r.states = make([]float32, len(r.final)), make([]float32, len(r.traj))
	return r, nil
}

// draws is how often the sampler draws noise.
func (c course) draws() int {
	switch c.solver {
	case "ddpm":
		return len(c.steps)
	case "sde", "restart":
		return len(c.plan.Times) - 2
	}
	return 0
}

// replay samples image i.
func (v verifier) replay(c course, r *record, i int) error {
	z := slices.Clone(r.noise[i*r.size : (i+1)*r.size])
	if c.solver == "ddpm" {
		if err := v.ancestral(z, c, r, i); err != nil {
			return err
		}
		copy(r.got[i*r.size:], z)
		return nil
	}
	v.start(z, c)
	s := sampling.Sampler{Network: v.Network, Plan: c.plan, Scale: float32(c.scale)}
	defer s.Free()
	for k := range c.plan.Evals {
		s.Conds = append(s.Conds, v.conds(c, k, r.labels[i]))
	}
	s.See = func(k int, z, _, _ []float32) error {
		e := c.plan.Evals[k]
		if step := slices.Index(c.plan.Times, e.T); e.T == e.Step && step%c.small == 0 {
			v.keep(r, i, step/c.small, z, e.T)
		}
		return nil
	}
	run := flow.Run{Diffusion: 2, Noise: func(dst []float32, k int) { // w(t) = 2t (REPA, samplers.py)
		copy(dst, r.drawn[(k*len(r.labels)+i)*r.size:][:r.size])
	}}
	if err := s.Integrate(context.Background(), z, run); err != nil {
		return err
	}
	v.keep(r, i, r.points-1, z, 0)
	copy(r.got[i*r.size:], z)
	return nil
}

// start brings noise to the state that sampling begins with: its deviation is the
// model's, or what case.json says; DDIM's noise is on the network's own scale.
func (v verifier) start(z []float32, c course) {
	by := v.Convention.Deviation()
	if s := v.ref.Said.NoiseScale; s != nil {
		by = float32(*s)
	}
	scale := v.scale(c.plan.Times[0])
	for j := range z {
		z[j] = float32(z[j]*by) / scale
	}
}

// scale is what a state of ours at flow time t is multiplied by to be the network's
// own; at the end both are the data.
func (v verifier) scale(t float32) float32 {
	if t == 0 {
		return 1
	}
	return v.Convention.At(t).Scale
}

// keep records a state of image i.
func (v verifier) keep(r *record, i, point int, z []float32, t float32) {
	if r.traj == nil {
		return
	}
	s := v.scale(t)
	to := r.states[(point*len(r.labels)+i)*r.size:]
	for j, x := range z {
		to[j] = float32(x * s)
	}
}

// conds are the conditions of an evaluation: the class, and where it's guided the null
// class.
func (v verifier) conds(c course, k, label int) []dit.Cond {
	e := c.plan.Evals[k]
	cond := dit.Cond{T: c.at(e.T), R: c.at(e.R), Label: label}
	if v.Config().GuidanceInput() {
		said := func(p *float64, otherwise float32) float32 {
			if p == nil {
				return otherwise
			}
			return float32(*p)
		}
		s := v.ref.Said
		omega := float32(1)
		if !math.IsNaN(v.Scale) {
			omega = float32(v.Scale)
		}
		cond.Omega, cond.TMin, cond.TMax = said(s.Omega, omega), said(s.TMin, 0), said(s.TMax, 1)
		if len(v.Interval) == 2 {
			cond.TMin, cond.TMax = float32(v.Interval[0]), float32(v.Interval[1])
		}
		return []dit.Cond{cond}
	}
	if math.IsNaN(c.scale) || !v.guides(c.at(e.T), c.at(e.Step)) {
		return []dit.Cond{cond}
	}
	away := cond
	away.Label = v.NullClass()
	return []dit.Cond{cond, away}
}

// at is one of the plan's times on the network's clock.
func (c course) at(t float32) float32 {
	if i := slices.Index(c.plan.Times, t); i >= 0 {
		return c.own[i]
	}
	return t
}

// guides tells whether a time of the network's clock lies where the reference's
// guidance applies; step is where the solver's step began.
func (v verifier) guides(t, step float32) bool {
	low, high := v.interval()
	switch v.Convention.Interval {
	case flow.OpenInterval: // (JiT, denoiser.py: bounds are strict, 0 is none)
		return t < high && (low == 0 || t > low)
	case flow.StepInterval:
		return step >= low && step <= high
	}
	return t >= low && t <= high
}

// interval is the reference's, on its own clock.
func (v verifier) interval() (low, high float32) {
	s := v.ref.Said
	for _, i := range [][]float64{v.Interval, s.Interval, s.TheirInterval} {
		if len(i) == 2 {
			return float32(i[0]), float32(i[1])
		}
	}
	everywhere := float32(math.Inf(1))
	if s.IntervalStart != nil {
		return float32(*s.IntervalStart), everywhere
	}
	return -everywhere, everywhere
}

// compare compares what was recorded.
func (r *record) compare() []Comparison {
	results := []Comparison{Compare("final", r.got, r.final)}
	results[0].Note = fmt.Sprintf("  PSNR %s", WithUnit(RangePSNR(r.got, r.final)))
	if r.traj == nil {
		return results
	}
	worst := Comparison{Name: "traj"}
	all := len(r.final)
	for k := range r.points {
		c := Compare("traj", r.states[k*all:(k+1)*all], r.traj[k*all:(k+1)*all])
		if !(c.Rel <= worst.Rel) {
			worst = c
			worst.Note = fmt.Sprintf("  (the worst of %d points: %d)", r.points, k)
		}
	}
	return append(results, worst)
}

// guidedVelocity compares guided velocities, which point from noise to data (JiT,
// denoiser.py: _forward_sample).
func (v verifier) guidedVelocity(c course, labels []int) (r Comparison, err error) {
	cfg := v.Config()
	n, size := len(labels), cfg.ImageLen()
	images := []int{n, cfg.InChannels, cfg.InputSize, cfg.InputSize}
	x, err := v.ref.floats("guided_x", images...)
	if err != nil {
		return r, err
	}
	want, err := v.ref.floats("guided_v", images...)
	if err != nil {
		return r, err
	}
	t, err := v.ref.floats("guided_t", n)
	if err != nil {
		return r, err
	}
	var got []float32
	for i, label := range labels {
		ours := t[i]
		if v.Convention.Clock == flow.SiTClock {
			ours = 1 - t[i]
		}
		one := course{scale: c.scale, own: []float32{t[i]}, plan: flow.Plan{Times: []float32{ours}, Evals: []flow.Eval{{T: ours, R: ours, Step: ours}}}}
		s := sampling.Sampler{Network: v.Network, Plan: one.plan, Scale: float32(c.scale), Conds: [][]dit.Cond{v.conds(one, 0, label)}}
		u := make([]float32, size)
		err := s.Velocity(u, x[i*size:(i+1)*size], 0)
		s.Free()
		if err != nil {
			return r, err
		}
		for _, a := range u {
			got = append(got, -a)
		}
	}
	return Compare("guided_v", got, want), nil
}

// decoderInput compares what a decoder is to take.
func (v verifier) decoderInput(r *record) (c Comparison, err error) {
	cfg := v.Config()
	want, err := v.ref.floats("decoder_input", len(r.labels), cfg.InChannels, cfg.InputSize, cfg.InputSize)
	if err != nil {
		return c, err
	}
	plane := cfg.InputSize * cfg.InputSize
	got := make([]float32, len(r.got))
	for i, x := range r.got {
		channel := i / plane % cfg.InChannels
		got[i] = v.Latents.Mean[channel] + float32(v.Latents.Std[channel]*x)
	}
	return Compare("decoder_input", got, want), nil
}
