package flow

// Run is what a sampler does between the solver's arithmetic. Any of its functions
// but Velocity may be nil, and each may stop the run by an error.
type Run struct {
	// Velocity writes v(z, Evals[k]) to v.
	Velocity func(v, z []float32, k int) error
	// Step is told of evaluation k before z moves on.
	Step func(k int, v, z []float32) error
	// Noise writes noise for the step at evaluation k. SDE and Restart need it.
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
	w := &walk{Plan: p, Run: r, z: z, v: make([]float32, len(z))}
	step := w.stepper()
	for w.i = range len(p.Times) - 1 {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// walk is an Integrate on its way: in step i, after k evaluations.
type walk struct {
	Plan
	Run
	i, k        int
	z, v        []float32
	other, last []float32 // what a step needs beside them
}

// stepper is the method that does one step.
func (w *walk) stepper() func() error {
	if w.Correct == nil && (w.Solver == "" || w.Solver == Euler) {
		return w.euler
	}
	w.other, w.last = make([]float32, len(w.z)), make([]float32, len(w.z))
	if w.Correct != nil {
		return w.corrected
	}
	switch w.Solver {
	case Heun, Midpoint:
		return w.twice
	case AB2:
		return w.ab2
	case SDE:
		return w.sde
	default:
		return w.restart
	}
}

// evaluate computes a velocity at a state and tells of it.
func (w *walk) evaluate(v, z []float32) error {
	if err := w.Velocity(v, z, w.k); err != nil {
		return err
	}
	w.k++
	if w.Step != nil {
		return w.Step(w.k-1, v, z)
	}
	return nil
}

// now is the time of the step's begin and its length.
func (w *walk) now() (t, h float32) { return w.Times[w.i], w.Times[w.i] - w.Times[w.i+1] }

// ending tells whether this is the last step.
func (w *walk) ending() bool { return w.i == len(w.Times)-2 }

// move is z - h·v.
func (w *walk) move(v []float32, h float32) {
	for j := range w.z {
		w.z[j] = w.z[j] - float32(h*v[j])
	}
}
