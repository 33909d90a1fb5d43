package flow

import (
	"fmt"
	"math"
)

// Solver is how the flow is integrated from noise to data.
type Solver string

// The solvers.
const (
	Euler    Solver = "euler"    // first order, one evaluation a step
	Heun     Solver = "heun"     // second order, two (torchdiffeq: heun2)
	Midpoint Solver = "midpoint" // second order, two
	AB2      Solver = "ab2"      // Adams–Bashforth, second order, one: it remembers the velocity before
	SDE      Solver = "sde"      // Euler–Maruyama on the SDE with the same marginals, one (SiT/transport)
)

// Solvers are their names.
func Solvers() []Solver { return []Solver{Euler, Heun, Midpoint, AB2, SDE} }

// Check refuses an unknown solver; "" is Euler.
func (s Solver) Check() error {
	switch s {
	case "", Euler, Heun, Midpoint, AB2, SDE:
		return nil
	}
	return fmt.Errorf("solver is %q, allowed: %s", s, Names(Solvers()))
}

// Plan is the times of a run: those that its steps lie between, and those at which
// the network is evaluated, in order.
type Plan struct {
	Solver Solver
	Times  []float32 // [steps+1], falling to 0
	Evals  []float32
}

// NewPlan plans a run of so many evaluations, from time t0 on: schedules for less
// than the whole way are scaled by it. The solvers of two evaluations a step end
// with a step of Euler's where the number is odd.
func NewPlan(solver Solver, s Schedule, evals int, t0 float32) Plan {
	p := Plan{Solver: solver, Times: s.Times(solver.steps(evals))}
	for i := range p.Times {
		p.Times[i] = float32(p.Times[i] * t0)
	}
	for i, t := range p.Times[:len(p.Times)-1] {
		p.Evals = append(p.Evals, t)
		if len(p.Evals) == evals {
			break
		}
		switch solver {
		case Heun:
			p.Evals = append(p.Evals, p.Times[i+1])
		case Midpoint:
			p.Evals = append(p.Evals, middle(t, p.Times[i+1]))
		}
	}
	return p
}

func (s Solver) steps(evals int) int {
	if s == Heun || s == Midpoint {
		return (evals + 1) / 2
	}
	return evals
}

func middle(a, b float32) float32 { return float32(float32(a+b) * 0.5) }

// Run is what a sampler does between the solver's arithmetic. Any of its functions
// but Velocity may be nil, and each may stop the run by an error.
type Run struct {
	// Velocity writes v(z, Evals[k]) to v.
	Velocity func(v, z []float32, k int) error
	// Step is told of evaluation k before z moves on.
	Step func(k int, v, z []float32) error
	// Noise writes standard normal values for the step at evaluation k. SDE needs it.
	Noise func(dst []float32, k int)
	// Diffusion is the SDE's: w(t) = Diffusion·t (SiT/transport/path.py:
	// compute_diffusion, form "sigma"). 0 is the ODE.
	Diffusion float32
	// Correct changes the estimate of the clean image at evaluation k, where an
	// image is edited: Euler's step then goes from it and the estimate of the noise.
	Correct func(clean []float32, k int)
}

// Integrate moves z from the first of p's times to the last, in place.
func (p Plan) Integrate(z []float32, r Run) error {
	n := len(z)
	v := make([]float32, n)
	var v2, mid []float32 // a second velocity, a state in between
	if p.Solver == Heun || p.Solver == Midpoint || p.Solver == AB2 || p.Solver == SDE || r.Correct != nil {
		v2, mid = make([]float32, n), make([]float32, n)
	}
	k := 0
	evaluate := func(v, z []float32) error {
		if err := r.Velocity(v, z, k); err != nil {
			return err
		}
		k++
		if r.Step != nil {
			return r.Step(k-1, v, z)
		}
		return nil
	}
	for i := range len(p.Times) - 1 {
		t, h := p.Times[i], p.Times[i]-p.Times[i+1]
		if err := evaluate(v, z); err != nil {
			return err
		}
		switch {
		case r.Correct != nil:
			p.corrected(z, v, mid, v2, r, i)
		case p.Solver == SDE:
			// z - h·(v + (w/2)·ε̂/t) + √(w·h)·ξ with w = Diffusion·t and ε̂ = z + (1-t)·v
			half, s := float32(r.Diffusion*0.5), float32(math.Sqrt(float64(float32(float32(r.Diffusion*t)*h))))
			clear(mid)
			if i < len(p.Times)-2 { // the last step ends on an estimate, not on noise
				r.Noise(mid, k-1)
			}
			for j := range z {
				e := z[j] + float32((1-t)*v[j])
				z[j] = float32(z[j]-float32(h*float32(v[j]+float32(half*e)))) + float32(s*mid[j])
			}
		case (p.Solver == Heun || p.Solver == Midpoint) && k < len(p.Evals):
			by := h
			if p.Solver == Midpoint {
				by = t - p.Evals[k]
			}
			for j := range z {
				mid[j] = z[j] - float32(by*v[j])
			}
			if err := evaluate(v2, mid); err != nil {
				return err
			}
			for j := range z {
				d := v2[j]
				if p.Solver == Heun {
					d = float32(float32(v[j]+v2[j]) * 0.5)
				}
				z[j] = z[j] - float32(h*d)
			}
		case p.Solver == AB2 && i > 0:
			// the velocity in the middle of the step, by a line through the last two
			c := float32(h*0.5) / float32(p.Times[i-1]-t)
			for j := range z {
				z[j] = z[j] - float32(h*float32(v[j]+float32(c*float32(v[j]-v2[j]))))
			}
			v, v2 = v2, v
		default:
			for j := range z {
				z[j] = z[j] - float32(h*v[j])
			}
			if p.Solver == AB2 {
				v, v2 = v2, v
			}
		}
	}
	return nil
}

// corrected is Euler's step written with the estimates x̂ = z - t·v and
// ε̂ = z + (1-t)·v: z' = (1-t')·x̂ + t'·ε̂, after Correct changed x̂. With the SDE's
// diffusion d, up to 1, ε̂ gives way to new noise: √(1-d)·ε̂ + √d·ξ (PnP-Flow, arXiv
// 2410.02423, takes it all anew; FlowChef, arXiv 2412.00100, keeps it).
func (p Plan) corrected(z, v, clean, noise []float32, r Run, i int) {
	t, next := p.Times[i], p.Times[i+1]
	Clean(clean, z, v, t)
	r.Correct(clean, i)
	keep, renew := float32(1), float32(0)
	if p.Solver == SDE && next > 0 {
		d := min(r.Diffusion, 1)
		keep, renew = float32(math.Sqrt(float64(1-d))), float32(math.Sqrt(float64(d)))
		r.Noise(noise, i)
	}
	for j := range z {
		e := z[j] + float32((1-t)*v[j])
		if renew != 0 {
			e = float32(keep*e) + float32(renew*noise[j])
		}
		z[j] = float32((1-next)*clean[j]) + float32(next*e)
	}
}
