// Package sampling runs a network along a plan: it scales the state as the network's
// clock asks, conditions, evaluates, guides and converts what comes out to our
// velocity. The programs' requests and the proofs against official samplers share it.
package sampling

import (
	"context"
	"errors"

	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/flow"
)

// Network is a network with what its predictions mean.
type Network struct {
	*dit.Model
	Convention flow.Convention
}

// Conds gives conditions the network's own times of an evaluation.
func (n Network) Conds(e flow.Eval, conds ...dit.Cond) []dit.Cond {
	for i := range conds {
		conds[i].T, conds[i].R = n.Convention.At(e.T).Time, n.Convention.At(e.R).Time
	}
	return conds
}

// Sampler evaluates a network along a plan, for as many batches of images as are
// wanted. It is used by one goroutine at a time.
type Sampler struct {
	Network
	Plan flow.Plan
	// Conds are the conditions of each evaluation: one of each set of images, and under
	// guidance, after these, one of each to lead away from.
	Conds [][]dit.Cond
	// Sets are in how many equal parts a batch has conditions of their own; 0 is one.
	Sets int
	// Scale is the guidance scale where there are two.
	Scale float32
	// Rescale moves the spread of guided predictions back by so much (flow.Rescale).
	Rescale float32
	// Rows bounds the conditions that are computed in one go; 0 is all.
	Rows int
	// Condition computes conditions; nil is the network's own.
	Condition func([]dit.Cond) (*dit.Conditioning, error)
	// Again, when not nil, gives the same network on another device where that of Model was lost
	// (compute.ErrLost).
	Again func() (*dit.Model, error)
	// See, when not nil, is told of each evaluation: its number, the state z before
	// it [n, C, H, W], and the network's inputs and outputs [groups·n, …].
	See func(k int, z, in, out []float32) error

	cond     *dit.Conditioning // of evaluations [from, to)
	from, to int
	in       []float32 // network input [groups·n, C, H, W]
	out      []float32 // network output [groups·n, Cout, H, W]
	alone    []float32 // predictions before guidance, for its rescaling
}

// Integrate moves the states z [n, C, H, W] from the plan's first time to its last, in
// place. run.Velocity is the network's. It fails with ctx's error within one
// evaluation of ctx's end.
func (s *Sampler) Integrate(ctx context.Context, z []float32, run flow.Run) error {
	run.Velocity = func(v, z []float32, k int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.Velocity(v, z, k)
		if s.Again != nil && errors.Is(err, compute.ErrLost) {
			s.Free()
			if s.Model, err = s.Again(); err == nil {
				err = s.Velocity(v, z, k)
			}
		}
		return err
	}
	return s.Plan.Integrate(z, run)
}

// Velocity writes that of evaluation k at the states z to v.
func (s *Sampler) Velocity(v, z []float32, k int) error {
	cfg := s.Config()
	n, conds := len(z)/cfg.ImageLen(), len(s.Conds[k])
	groups := conds / max(1, s.Sets) // each of all images
	at, err := s.condition(k)
	if err != nil {
		return err
	}
	s.in = resize(s.in, groups*len(z))
	s.out = resize(s.out, groups*n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
	in := s.Convention.At(s.Plan.Evals[k].T)
	for j, x := range z {
		s.in[j] = float32(x * in.Scale)
	}
	if groups > 1 {
		copy(s.in[len(z):], s.in[:len(z)])
	}
	if err := s.Forward(s.out, s.in, groups*n, s.cond, at, conds); err != nil {
		return err
	}
	if s.See != nil {
		if err := s.See(k, z, s.in, s.out); err != nil {
			return err
		}
	}
	s.guide(v, n, groups > 1)
	s.Convention.ToVelocity(v, z, in)
	return nil
}

// guide writes the guided prediction of each image to v, dropping the variance
// channels of models that have them.
func (s *Sampler) guide(v []float32, n int, guided bool) {
	cfg := s.Config()
	size, pixels := cfg.ImageLen(), cfg.InputSize*cfg.InputSize
	stride := cfg.OutChannels() * pixels
	for i := range n {
		dst := v[i*size : (i+1)*size]
		copy(dst, s.out[i*stride:])
		if !guided {
			continue
		}
		if s.Rescale > 0 {
			s.alone = append(s.alone[:0], dst...)
		}
		away := s.out[(n+i)*stride:][:size]
		flow.Guide(dst, away, s.Scale, s.Convention.GuidedChannels, pixels)
		if s.Rescale > 0 {
			flow.Rescale(dst, s.alone, s.Rescale)
		}
	}
}

// condition makes s.cond cover evaluation k and tells its first row. All evaluations'
// modulation vectors are computed in one go, unless a long schedule of a large model
// would not fit Rows; then in as few goes as fit.
func (s *Sampler) condition(k int) (at int, err error) {
	if s.cond == nil || k < s.from || k >= s.to {
		s.Free()
		s.from, s.to = k, k
		var conds []dit.Cond
		for s.to < len(s.Conds) && (s.to == k || s.Rows == 0 || len(conds)+len(s.Conds[s.to]) <= s.Rows) {
			conds = append(conds, s.Conds[s.to]...)
			s.to++
		}
		condition := s.Condition
		if condition == nil {
			condition = s.Network.Condition
		}
		if s.cond, err = condition(conds); err != nil {
			s.cond = nil
			return 0, err
		}
	}
	for i := s.from; i < k; i++ {
		at += len(s.Conds[i])
	}
	return at, nil
}

// Free gives back the device's memory that conditions take.
func (s *Sampler) Free() {
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
