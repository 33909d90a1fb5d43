package flow

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestSchedules(t *testing.T) {
	for _, s := range []Schedule{{}, {Uniform, 1}, {Uniform, 3}, {Uniform, 0.3}, {Cosine, 0}, {LogitNormal, 0}, {LogitNormal, 2}} {
		for _, n := range []int{1, 2, 3, 50, 1000} {
			ts := s.Times(n)
			if len(ts) != n+1 || ts[0] != 1 || ts[n] != 0 {
				t.Errorf("%+v, %d steps: %d times from %v to %v", s, n, len(ts), ts[0], ts[n])
			}
			for i := range n {
				if !(ts[i] > ts[i+1]) {
					t.Errorf("%+v, %d steps: times %v, %v do not fall", s, n, ts[i], ts[i+1])
				}
			}
		}
	}
	for _, c := range []struct {
		s    Schedule
		want []float64
	}{
		{Schedule{}, []float64{1, 0.75, 0.5, 0.25, 0}},
		{Schedule{Shift: 3}, []float64{1, 0.9, 0.75, 0.5, 0}}, // 3σ/(1+2σ)
		{Schedule{Spacing: Cosine}, []float64{1, 0.853553, 0.5, 0.146447, 0}},
		{Schedule{Spacing: LogitNormal}, []float64{1, 0.6625077, 0.5, 0.3374923, 0}}, // quartiles ±0.67449
	} {
		for i, got := range c.s.Times(4) {
			if math.Abs(float64(got)-c.want[i]) > 1e-6 {
				t.Errorf("%+v: time %d is %v, want %v", c.s, i, got, c.want[i])
			}
		}
	}
	for p, z := range map[float64]float64{0.001: -3.090232306, 0.02: -2.053748911, 0.3: -0.524400513, 0.5: 0, 0.9: 1.281551566, 0.9999: 3.719016485} {
		if got := normalQuantile(p); math.Abs(got-z) > 2e-8 {
			t.Errorf("the normal quantile of %v is %v, want %v", p, got, z)
		}
	}
	ts := Schedule{Spacing: DDIM}.Times(20)
	for i, step := range map[int]float32{0: 999, 1: 946, 18: 53, 19: 0} { // DiT's create_diffusion("20")
		if got := (Convention{Prediction: Epsilon, Clock: DDPMClock}).At(ts[i]).Time; math.Abs(float64(got-step)) > 1e-2 {
			t.Errorf("ddim time %d stands for step %v, want %v", i, got, step)
		}
	}
	if ts := (Schedule{Spacing: DDIM}).Times(1); ts[0] != float32(ddpm[999].t) || ts[1] != 0 {
		t.Errorf("one ddim step goes through %v", ts)
	}
}

// For data that is one point the velocity is constant along the path, and every
// solver is exact however few evaluations it takes.
func TestSolversOnStraightPath(t *testing.T) {
	x := []float32{0.5, -1, 0.25}
	for _, solver := range []Solver{Euler, Heun, Midpoint, AB2} {
		for _, n := range []int{1, 2, 7, 100} {
			eps := []float32{1, 2, -3}
			z := slices.Clone(eps)
			plan := NewPlan(solver, Schedule{}, n, 1)
			evals := 0
			err := plan.Integrate(z, Run{
				Velocity: func(v, z []float32, k int) error {
					evals++
					for j := range v {
						v[j] = eps[j] - x[j]
					}
					return nil
				},
				Step: func(k int, v, z []float32) error {
					clean := make([]float32, len(z))
					Clean(clean, z, v, plan.Evals[k].T)
					for j := range x {
						if math.Abs(float64(clean[j]-x[j])) > 1e-5 {
							t.Errorf("%s, %d evaluations: estimate %v at %d, want %v", solver, n, clean, k, x)
						}
					}
					return nil
				},
			})
			if err != nil || evals != n || len(plan.Evals) != n {
				t.Fatalf("%s: %d of %d evaluations, %v", solver, evals, n, err)
			}
			for j := range x {
				if math.Abs(float64(z[j]-x[j])) > 1e-5 {
					t.Errorf("%s, %d evaluations: %v, want %v", solver, n, z, x)
				}
			}
		}
	}
	stop := errors.New("stop")
	plan := NewPlan(Euler, Schedule{}, 3, 1)
	fine := func(v, z []float32, k int) error { return nil }
	if err := plan.Integrate(x, Run{Velocity: func(v, z []float32, k int) error { return stop }}); err != stop {
		t.Errorf("an error of the model came back as %v", err)
	}
	if err := plan.Integrate(x, Run{Velocity: fine, Step: func(int, []float32, []float32) error { return stop }}); err != stop {
		t.Errorf("an error of the observer came back as %v", err)
	}
}

// On curved paths the error falls with the power of the steps that the solver's
// order promises.
func TestSolverOrder(t *testing.T) {
	f := func(z, t float64) float64 { return math.Cos(4*t)*z + 0.5*math.Sin(2*z) + t }
	start := []float32{1, -0.8, 0.3, 2}
	var exact []float64 // by RK4
	for _, z32 := range start {
		const n = 4000
		z, h := float64(z32), -1.0/n
		for i := range n {
			t := 1 + float64(i)*h
			k1 := f(z, t)
			k2 := f(z+h/2*k1, t+h/2)
			k3 := f(z+h/2*k2, t+h/2)
			z += h / 6 * (k1 + 2*k2 + 2*k3 + f(z+h*k3, t+h))
		}
		exact = append(exact, z)
	}
	for _, c := range []struct {
		solver   Solver
		schedule Schedule
		order    float64
	}{
		{Euler, Schedule{}, 1}, {Heun, Schedule{}, 2}, {Midpoint, Schedule{}, 2}, {AB2, Schedule{}, 2},
		{Euler, Schedule{Spacing: Cosine}, 1}, {AB2, Schedule{Spacing: Cosine}, 2}, {AB2, Schedule{Shift: 2}, 2}, {Heun, Schedule{Shift: 0.7}, 2},
	} {
		var errs [2]float64
		for i, n := range []int{40, 80} {
			z := slices.Clone(start)
			plan := NewPlan(c.solver, c.schedule, n, 1)
			plan.Integrate(z, Run{Velocity: func(v, z []float32, k int) error {
				for j := range v {
					v[j] = float32(f(float64(z[j]), float64(plan.Evals[k].T)))
				}
				return nil
			}})
			for j := range z {
				errs[i] += math.Abs(float64(z[j]) - exact[j])
			}
		}
		if order := math.Log2(errs[0] / errs[1]); math.Abs(order-c.order) > 0.35 {
			t.Errorf("%s %+v: errors %.2e and %.2e, order %.2f, want %v", c.solver, c.schedule, errs[0], errs[1], order, c.order)
		}
	}
}

// For normal data the SDE keeps the marginals: with x ~ N(0, s²) the velocity is
// known, and samples end with that variance.
func TestSDEKeepsTheMarginals(t *testing.T) {
	const s, n, steps = 0.5, 20000, 100
	for _, diffusion := range []float32{0, 1, 3} {
		z := make([]float32, n)
		Noise(z, 1, 0)
		plan := NewPlan(SDE, Schedule{}, steps, 1)
		err := plan.Integrate(z, Run{
			Diffusion: diffusion,
			Noise:     func(dst []float32, k int) { StepNoise(dst, 1, 0, uint32(k+1)) },
			Velocity: func(v, z []float32, k int) error {
				// E[ε - x | z] = z·(t - (1-t)s²)/((1-t)²s² + t²)
				at := float64(plan.Evals[k].T)
				f := float32((at - (1-at)*s*s) / ((1-at)*(1-at)*s*s + at*at))
				for j := range v {
					v[j] = f * z[j]
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := deviation(z); math.Abs(d-s) > 0.02 {
			t.Errorf("diffusion %v: standard deviation %.3f, want %v", diffusion, d, s)
		}
	}
}

// Step noise has a stream for each step, and that of step 0 is the image's.
func TestStepNoise(t *testing.T) {
	var streams [3][4]float32
	Noise(streams[0][:], 5, 2)
	for i := range uint32(2) {
		StepNoise(streams[i+1][:], 5, 2, i)
	}
	if streams[0] != streams[1] || streams[1] == streams[2] {
		t.Errorf("%v", streams)
	}
}

func TestBlend(t *testing.T) {
	a, b := make([]float32, 1<<14), make([]float32, 1<<14)
	Noise(b, 2, 0)
	for _, f := range []float32{0, 0.3, 1} {
		Noise(a, 1, 0)
		Blend(a, b, f)
		if d := deviation(a); math.Abs(d-1) > 0.02 {
			t.Errorf("blended by %v the standard deviation is %v", f, d)
		}
		if f == 1 && math.Abs(float64(a[0]-b[0])) > 1e-6 {
			t.Errorf("blended by 1: %v, want %v", a[0], b[0])
		}
	}
}

func TestRescale(t *testing.T) {
	guided, cond := []float32{4, -4, 4, -4}, []float32{1, -1, 1, -1}
	for amount, want := range map[float32]float32{0: 4, 0.5: 2.5, 1: 1} {
		v := slices.Clone(guided)
		if Rescale(v, cond, amount); v[0] != want || v[1] != -want {
			t.Errorf("rescaled by %v: %v, want ±%v", amount, v, want)
		}
	}
	Rescale(make([]float32, 3), cond, 1) // no deviation: nothing to do
}
