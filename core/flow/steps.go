package flow

import "math"

func (w *walk) euler() error {
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	_, h := w.now()
	w.move(w.v, h)
	return nil
}

// twice is a step of Heun's method, or the midpoint's; of Euler's where the plan has
// no second evaluation for it.
func (w *walk) twice() error {
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	t, h := w.now()
	if w.k == len(w.Evals) {
		w.move(w.v, h)
		return nil
	}
	by := h
	if w.Solver == Midpoint {
		by = t - w.Evals[w.k].T
	}
	mid, v2 := w.other, w.last
	for j := range w.z {
		mid[j] = w.z[j] - float32(by*w.v[j])
	}
	if err := w.evaluate(v2, mid); err != nil {
		return err
	}
	if w.Solver == Heun {
		for j, v := range w.v {
			v2[j] = float32(float32(v+v2[j]) * 0.5)
		}
	}
	w.move(v2, h)
	return nil
}

// ab2 takes the velocity in the middle of the step, by a line through the last two.
func (w *walk) ab2() error {
	w.v, w.last = w.last, w.v
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	t, h := w.now()
	if w.i == 0 {
		w.move(w.v, h)
		return nil
	}
	c := float32(h*0.5) / float32(w.Times[w.i-1]-t)
	for j, v := range w.v {
		w.z[j] = w.z[j] - float32(h*float32(v+float32(c*float32(v-w.last[j]))))
	}
	return nil
}

// sde is z - h·(v + (w/2)·ε̂/t) + √(w·h)·ξ with w = Diffusion·t and ε̂ = z + (1-t)·v.
func (w *walk) sde() error {
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	t, h := w.now()
	half, s := float32(w.Diffusion*0.5), float32(math.Sqrt(float64(float32(float32(w.Diffusion*t)*h))))
	clear(w.other)
	if !w.ending() { // the last step ends on an estimate, not on noise
		w.Noise(w.other, w.k-1)
	}
	for j, v := range w.v {
		e := w.z[j] + float32((1-t)*v)
		w.z[j] = float32(w.z[j]-float32(h*float32(v+float32(half*e)))) + float32(s*w.other[j])
	}
	return nil
}

// restart goes to the data and, but for the last time, back by new noise:
// (1-t')·(z - t·v) + t'·ξ.
func (w *walk) restart() error {
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	t, _ := w.now()
	Clean(w.z, w.z, w.v, t)
	if w.ending() {
		return nil
	}
	next := w.Times[w.i+1]
	w.Noise(w.other, w.k-1)
	for j, x := range w.z {
		w.z[j] = float32((1-next)*x) + float32(next*w.other[j])
	}
	return nil
}

// corrected is Euler's step written with the estimates x̂ = z - t·v and
// ε̂ = z + (1-t)·v: z' = (1-t')·x̂ + t'·ε̂, after Correct changed x̂. With the SDE's
// diffusion d, up to 1, ε̂ gives way to new noise: √(1-d)·ε̂ + √d·ξ (PnP-Flow, arXiv
// 2410.02423, takes it all anew, as Restart does; FlowChef, arXiv 2412.00100, keeps
// it).
func (w *walk) corrected() error {
	if err := w.evaluate(w.v, w.z); err != nil {
		return err
	}
	t, next := w.Times[w.i], w.Times[w.i+1]
	clean, noise := w.other, w.last
	Clean(clean, w.z, w.v, t)
	w.Correct(clean, w.i)
	keep, renew := float32(1), float32(0)
	if (w.Solver == SDE || w.Solver == Restart) && next > 0 {
		d := float32(1)
		if w.Solver == SDE {
			d = min(w.Diffusion, 1)
		}
		keep, renew = float32(math.Sqrt(float64(1-d))), float32(math.Sqrt(float64(d)))
		w.Noise(noise, w.i)
	}
	for j := range w.z {
		e := w.z[j] + float32((1-t)*w.v[j])
		if renew != 0 {
			e = float32(keep*e) + float32(renew*noise[j])
		}
		w.z[j] = float32((1-next)*clean[j]) + float32(next*e)
	}
	return nil
}
