package proof

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"

	"dit8/core/flow"
)

// sampled is how the name of a reference file says what sampled it.
var sampled = regexp.MustCompile(`^sample_([a-z0-9]+)_.*?(?:cfg([0-9.]+))?\.safetensors$`)

// Trajectories samples the reference's images from its noise [N, C, H, W] and labels
// y [N] with its solver, and compares them with final, and the states on the way with
// traj [points, N, C, H, W]. The points are at grid_t on SiT's clock, or, for DDIM and
// DDPM, at the steps timestep_map, rising, of the DDPM schedule; DDPM adds step_noise
// [steps, N, C, H, W]. dopri5, SiT's default, chooses its own steps; what it follows
// between the points within a tolerance is computed by many small ones.
func (v Verifier) Trajectories(path, solver string, scale float64) ([]Comparison, error) {
	if m := sampled.FindStringSubmatch(filepath.Base(path)); m != nil {
		if solver == "" {
			solver = m[1]
		}
		if s, err := strconv.ParseFloat(m[2], 64); err == nil && math.IsNaN(scale) {
			scale = s
		}
	}
	if _, guided := v.ref.Lookup("final_2n"); guided && math.IsNaN(scale) {
		return nil, fmt.Errorf("final_2n shows that there was guidance: give its scale by -cfg-scale")
	}
	plan, steps, err := v.plan(solver)
	if err != nil {
		return nil, err
	}
	points, small := len(plan.Times), 1 // steps from point to point
	if solver == "dopri5" {
		small = max(1, fineSteps/(points-1))
		plan = follow(plan.Solver, refine(plan.Times, small))
	}
	labels, err := v.ints("y")
	if err != nil {
		return nil, err
	}
	cfg := v.m.Config()
	size, n := cfg.ImageLen(), len(labels)
	if n == 0 {
		return nil, fmt.Errorf("tensor y: no labels")
	}
	images := []int{n, cfg.InChannels, cfg.InputSize, cfg.InputSize}
	noise, err := v.floats("noise", images...)
	if err != nil {
		return nil, err
	}
	final, err := v.floats("final", images...)
	if err != nil {
		return nil, err
	}
	var traj []float32
	if _, ok := v.ref.Lookup("traj"); ok {
		if traj, err = v.floats("traj", append([]int{points}, images...)...); err != nil {
			return nil, err
		}
	}
	var added []float32 // by DDPM, at each step
	if solver == "ddpm" {
		if added, err = v.floats("step_noise", append([]int{len(steps)}, images...)...); err != nil {
			return nil, err
		}
	}
	w := Walker{v.m, v.conv}
	got, states := make([]float32, 0, n*size), make([]float32, len(traj))
	per := len(plan.Evals) / (points - 1) // evaluations from point to point
	for i, label := range labels {
		if label < 0 || label > v.m.NullClass() {
			return nil, fmt.Errorf("y %d is %d, allowed 0 to %d", i, label, v.m.NullClass())
		}
		z := make([]float32, size)
		s := v.scale(plan.Times[0])
		if solver == "ddpm" {
			s = 1
		}
		for j := range z {
			z[j] = noise[i*size+j] / s
		}
		keep := func(point int, z []float32) {
			if traj != nil {
				s := v.scale(plan.Times[point*small])
				for j, x := range z {
					states[(point*n+i)*size+j] = float32(x * s)
				}
			}
		}
		p := Way{label, float32(scale), plan}
		if solver == "ddpm" {
			err = w.ancestral(z, p, steps, func(call int) []float32 { return added[(call*n+i)*size:][:size] },
				func(point int, x []float32) {
					if traj != nil {
						copy(states[(point*n+i)*size:], x)
					}
				})
		} else {
			err = w.Walk(z, p, func(k int, z, _, _ []float32) error {
				if k%per == 0 {
					keep(k/per, z)
				}
				return nil
			})
			keep(points-1, z)
		}
		if err != nil {
			return nil, err
		}
		got = append(got, z...)
	}
	results := []Comparison{Compare("final", got, final)}
	results[0].Note = fmt.Sprintf("  PSNR %s", WithUnit(RangePSNR(got, final)))
	if traj != nil {
		worst := Comparison{Name: "traj"}
		for k := range points {
			c := Compare("traj", states[k*n*size:(k+1)*n*size], traj[k*n*size:(k+1)*n*size])
			if !(c.Rel <= worst.Rel) {
				worst = c
				worst.Note = fmt.Sprintf("  (the worst of %d points: %d)", points, k)
			}
		}
		results = append(results, worst)
	}
	return results, nil
}

// scale is what a state of ours at flow time t is multiplied by to be the network's
// own; at the end both are the data.
func (v Verifier) scale(t float32) float32 {
	if t == 0 {
		return 1
	}
	return v.conv.At(t).Scale
}

// plan reads the times of the reference's points, and, on the DDPM schedule, its steps,
// rising.
func (v Verifier) plan(solver string) (p flow.Plan, steps []int, err error) {
	if _, ok := v.ref.Lookup("timestep_map"); ok {
		steps, err = v.ints("timestep_map")
		switch {
		case err != nil:
			return p, nil, err
		case solver != "ddim" && solver != "ddpm":
			return p, nil, fmt.Errorf("the solver is %q, on the DDPM schedule ddim and ddpm are supported", solver)
		case v.conv.Clock != flow.DDPMClock:
			return p, nil, fmt.Errorf("timestep_map is for models on the ddpm clock, this one's is %s", v.conv.Clock)
		case len(steps) == 0 || len(steps) > maxPoints:
			return p, nil, fmt.Errorf("timestep_map has %d steps, allowed 1 to %d", len(steps), maxPoints)
		}
		falling := make([]int, len(steps))
		for i, s := range steps {
			if s < 0 || s > 999 || i > 0 && s <= steps[i-1] {
				return p, nil, fmt.Errorf("timestep_map: step %d after %d, allowed are rising ones from 0 to 999", s, steps[max(i-1, 0)])
			}
			falling[len(steps)-1-i] = s
		}
		times := flow.DDPMTimes(falling)
		return follow(flow.Euler, times), steps, nil
	}
	t, ok := v.ref.Lookup("grid_t")
	if !ok {
		return p, nil, fmt.Errorf("it has neither grid_t, the times of the points, nor timestep_map, the steps of the DDPM schedule")
	}
	if len(t.Shape) != 1 || t.Shape[0] < 2 || t.Shape[0] > maxPoints {
		return p, nil, fmt.Errorf("tensor grid_t: shape is %v, expected [N], 2 to %d points", t.Shape, maxPoints)
	}
	grid, err := v.ref.Floats(t)
	if err != nil {
		return p, nil, err
	}
	var times []float32
	for i, t := range grid {
		if !(t >= 0 && t <= 1) || i > 0 && t <= grid[i-1] {
			return p, nil, fmt.Errorf("grid_t: point %d is %v, allowed are rising ones from 0 to 1", i, t)
		}
		times = append(times, 1-t)
	}
	switch solver {
	case "euler":
		p = follow(flow.Euler, times)
	case "heun2", "heun", "dopri5":
		p = follow(flow.Heun, times)
	default:
		return p, nil, fmt.Errorf("the solver is %q, supported are euler, heun2 and dopri5 (-solver says it where the file's name does not)", solver)
	}
	return p, nil, nil
}

// follow plans a step of Euler's or Heun's from each time to the next.
func follow(s flow.Solver, times []float32) flow.Plan {
	return flow.Follow(s, times, math.MaxInt)
}

// refine makes so many steps of each.
func refine(times []float32, small int) []float32 {
	all := times[:1:1]
	for i, t := range times[1:] {
		for k := 1; k < small; k++ {
			all = append(all, times[i]+float32(float32(k)/float32(small)*(t-times[i])))
		}
		all = append(all, t)
	}
	return all
}

// maxPoints bounds a reference; fineSteps are made where it chose its steps itself.
const maxPoints, fineSteps = 10001, 200
