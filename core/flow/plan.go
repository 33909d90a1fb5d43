package flow

// Eval is one evaluation of the network.
type Eval struct {
	T    float32 // flow time
	R    float32 // the time that an average velocity reaches to; T for a velocity
	Step float32 // the time at which the solver's step began: T, but in the second half of a step
}

// Plan is the times of a run: those that its steps lie between, and the evaluations of
// the network, in order.
type Plan struct {
	Solver Solver
	Times  []float32 // [steps+1], falling to 0
	Evals  []Eval
}

// NewPlan plans a run of so many evaluations, from time t0 on: schedules for less
// than the whole way are scaled by it. The solvers of two evaluations a step end
// with a step of Euler's where the number is odd.
func NewPlan(solver Solver, s Schedule, evals int, t0 float32) Plan {
	times := s.Times(solver.steps(evals))
	for i := range times {
		times[i] = float32(times[i] * t0)
	}
	return Follow(solver, times, evals)
}

// Follow plans so many evaluations along given times.
func Follow(solver Solver, times []float32, evals int) Plan {
	p := Plan{Solver: solver, Times: times}
	for i, t := range p.Times[:len(p.Times)-1] {
		p.Evals = append(p.Evals, Eval{t, t, t})
		if len(p.Evals) == evals {
			break
		}
		next := p.Times[i+1]
		switch solver {
		case Heun:
			p.Evals = append(p.Evals, Eval{next, next, t})
		case Midpoint:
			m := middle(t, next)
			p.Evals = append(p.Evals, Eval{m, m, t})
		}
	}
	return p
}

// Average lets the evaluations of a plan of one evaluation a step reach to where
// their step ends, or with toData, and for Restart, to the data.
func (p Plan) Average(toData bool) Plan {
	evals := make([]Eval, len(p.Evals))
	for i, e := range p.Evals {
		evals[i] = e
		if evals[i].R = p.Times[i+1]; toData || p.Solver == Restart {
			evals[i].R = 0
		}
	}
	p.Evals = evals
	return p
}

func (s Solver) steps(evals int) int {
	if s == Heun || s == Midpoint {
		return (evals + 1) / 2
	}
	return evals
}

func middle(a, b float32) float32 { return float32(float32(a+b) * 0.5) }
