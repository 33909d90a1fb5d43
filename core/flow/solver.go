package flow

import "fmt"

// Solver is how the flow is integrated from noise to data.
type Solver string

// The solvers.
const (
	Euler    Solver = "euler"    // first order, one evaluation a step
	Heun     Solver = "heun"     // second order, two (torchdiffeq: heun2)
	Midpoint Solver = "midpoint" // second order, two
	AB2      Solver = "ab2"      // Adams–Bashforth, second order, one: it remembers the velocity before
	SDE      Solver = "sde"      // Euler–Maruyama on the SDE with the same marginals, one (SiT/transport)
	Restart  Solver = "restart"  // for average velocities: to the data in one step, and back by new noise (SoFlow, inference.py; arXiv 2303.01469, algorithm 1)
)

// Solvers are their names.
func Solvers() []Solver { return []Solver{Euler, Heun, Midpoint, AB2, SDE, Restart} }

// Check refuses an unknown solver; "" is Euler.
func (s Solver) Check() error {
	switch s {
	case "", Euler, Heun, Midpoint, AB2, SDE, Restart:
		return nil
	}
	return fmt.Errorf("solver is %q, allowed: %s", s, Names(Solvers()))
}

// CheckAverage refuses solvers that do not go together with what a network predicts:
// those that need a velocity at one time, where it is an average, and the reverse.
func (s Solver) CheckAverage(average bool) error {
	switch {
	case average && s != "" && s != Euler && s != Restart:
		return fmt.Errorf("euler or restart: the model predicts average velocities over a step, which %s has no use for", s)
	case !average && s == Restart:
		return fmt.Errorf("others: restart is for models of average velocities")
	}
	return nil
}
