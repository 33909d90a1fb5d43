package proof

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dit8/core/flow"
)

// course is what a reference's sampler did: the points that it passed, and how.
type course struct {
	solver string
	plan   flow.Plan
	own    []float32 // the times of plan.Times on the network's clock
	steps  []int     // of the DDPM schedule, rising; else nil
	small  int       // steps of the plan from point to point
	scale  float64   // guidance; NaN without
}

// The name of a reference file says what sampled it, with what guidance:
// sample_SOLVER_…_cfgSCALE….safetensors.
var (
	solverName = regexp.MustCompile(`^sample_([a-z]+[0-9]?)_`)
	scaleName  = regexp.MustCompile(`_cfg([0-9]+(?:\.[0-9]+)?)`)
)

// maxPoints bounds a reference; fineSteps are made where it chose its steps itself.
const maxPoints, fineSteps = 10001, 200

// course reads how the reference was sampled: from what the user says, from case.json
// and from the file's name.
func (v verifier) course() (c course, err error) {
	c.solver, c.scale, c.small = v.solver(), v.guidanceScale(), 1
	if v.ref.has("final_2n") && math.IsNaN(c.scale) {
		return c, fmt.Errorf("final_2n shows that there was guidance: give its scale by -cfg-scale")
	}
	if c.solver == "ddim" || v.ref.has("timestep_map") {
		return c, v.ddpm(&c)
	}
	times, err := v.grid(&c)
	if err != nil {
		return c, err
	}
	return c, v.follow(&c, times)
}

// solver is the name of the reference's.
func (v verifier) solver() string {
	s := v.ref.Said
	switch name := solverName.FindStringSubmatch(filepath.Base(v.ref.Path)); {
	case v.Solver != "":
		return v.Solver
	case s.Method != "":
		return s.Method
	case strings.Contains(s.Sampler, "restart"):
		return "restart"
	case strings.Contains(s.Sampler, "maruyama"):
		return "sde"
	case s.Heun:
		return "heun"
	case name != nil:
		return name[1]
	case v.Convention.Average:
		return "euler"
	}
	return ""
}

func (v verifier) guidanceScale() float64 {
	if !math.IsNaN(v.Scale) {
		return v.Scale
	}
	if v.ref.Said.Scale != nil {
		return *v.ref.Said.Scale
	}
	if m := scaleName.FindStringSubmatch(filepath.Base(v.ref.Path)); m != nil {
		if s, err := strconv.ParseFloat(m[1], 64); err == nil {
			return s
		}
	}
	return math.NaN()
}

// ddpm plans the steps timestep_map of the DDPM schedule.
func (v verifier) ddpm(c *course) (err error) {
	if c.steps, err = v.timestepMap(); err != nil {
		return err
	}
	switch {
	case c.solver != "ddim" && c.solver != "ddpm":
		return fmt.Errorf("the solver is %q, on the DDPM schedule ddim and ddpm are supported", c.solver)
	case v.Convention.Clock != flow.DDPMClock:
		return fmt.Errorf("timestep_map is for models on the ddpm clock, this one's is %s", v.Convention.Clock)
	case len(c.steps) == 0 || len(c.steps) > maxPoints:
		return fmt.Errorf("timestep_map has %d steps, allowed 1 to %d", len(c.steps), maxPoints)
	}
	falling := make([]int, len(c.steps))
	for i, s := range c.steps {
		if s < 0 || s > 999 || i > 0 && s <= c.steps[i-1] {
			return fmt.Errorf("timestep_map: step %d after %d, allowed are rising ones from 0 to 999", s, c.steps[max(i-1, 0)])
		}
		falling[len(c.steps)-1-i] = s
	}
	times := flow.DDPMTimes(falling)
	c.plan = flow.Follow(flow.Euler, times, len(falling))
	for _, t := range times {
		c.own = append(c.own, v.Convention.At(t).Time)
	}
	return nil
}

// timestepMap reads the steps, or spaces them as create_diffusion does (DiT,
// respace.py).
func (v verifier) timestepMap() (steps []int, err error) {
	if v.ref.has("timestep_map") {
		return v.ref.ints("timestep_map")
	}
	points, err := v.points()
	if err != nil || points < 3 {
		return nil, fmt.Errorf("timestep_map is missing, the steps of the DDPM schedule: %w", err)
	}
	for i := range points - 1 {
		steps = append(steps, int(math.RoundToEven(float64(i)*999/float64(points-2))))
	}
	return steps, nil
}

// pointsName is the number of points in a reference's name.
var pointsName = regexp.MustCompile(`_([0-9]+)pts`)

// points is the number of the reference's points, where it says no times: that of the
// states in traj, or of the file's name.
func (v verifier) points() (int, error) {
	if t, ok := v.ref.Lookup("traj"); ok && len(t.Shape) > 0 && t.Shape[0] >= 2 && t.Shape[0] <= maxPoints {
		return t.Shape[0], nil
	}
	if m := pointsName.FindStringSubmatch(filepath.Base(v.ref.Path)); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 2 && n <= maxPoints {
			return n, nil
		}
	}
	return 0, fmt.Errorf("it has neither traj, whose states could be counted, nor a name with _Npts")
}

// even are times from 0 to 1, as far from each other as they can be: SiT's.
func (v verifier) even(c *course) (times []float32, err error) {
	n, err := v.points()
	if err != nil {
		return nil, fmt.Errorf("it has neither grid_t, nor grid_t_noise1, the times of the points, nor timestep_map, the steps of the DDPM schedule: %w", err)
	}
	for i := range n {
		t := 1 - float32(i)/float32(n-1)
		times = append(times, t)
		c.own = append(c.own, v.Convention.At(t).Time)
	}
	return times, nil
}

// grid reads the times of the points on our clock: grid_t, which rises on SiT's, or
// grid_t_noise1, which falls on ours. The network's own go to c.
func (v verifier) grid(c *course) (times []float32, err error) {
	name, rising := "grid_t", true
	if !v.ref.has(name) && v.ref.has("grid_t_noise1") {
		name, rising = "grid_t_noise1", false
	}
	t, ok := v.ref.Lookup(name)
	if !ok {
		return v.even(c)
	}
	if len(t.Shape) != 1 || t.Shape[0] < 2 || t.Shape[0] > maxPoints {
		return nil, fmt.Errorf("tensor %s: shape is %v, expected [N], 2 to %d points", name, t.Shape, maxPoints)
	}
	grid, err := v.ref.Floats(t)
	if err != nil {
		return nil, err
	}
	for i, t := range grid {
		if !(t >= 0 && t <= 1) || i > 0 && (t <= grid[i-1]) == rising {
			word := map[bool]string{true: "rising", false: "falling"}[rising]
			return nil, fmt.Errorf("%s: point %d is %v, allowed are %s ones from 0 to 1", name, i, t, word)
		}
		ours := t
		if rising {
			ours = 1 - t
		}
		times = append(times, ours)
		if (v.Convention.Clock == flow.SiTClock) == rising {
			c.own = append(c.own, t)
		} else {
			c.own = append(c.own, v.Convention.At(ours).Time)
		}
	}
	return times, nil
}

// follow plans the reference's steps from point to point.
func (v verifier) follow(c *course, times []float32) error {
	if _, err := v.average(c.solver); err != nil {
		return err
	}
	steps := len(times) - 1
	switch c.solver {
	case "euler", "restart":
		c.plan = flow.Follow(flow.Solver(c.solver), times, steps)
		if v.Convention.Average {
			c.plan = c.plan.Average(false)
		}
	case "sde":
		c.plan = flow.Follow(flow.SDE, times, steps)
	case "heun2": // torchdiffeq's: two evaluations in every step
		c.plan = flow.Follow(flow.Heun, times, 2*steps)
	case "heun": // JiT's and REPA's: the last step is Euler's
		c.plan = flow.Follow(flow.Heun, times, 2*steps-1)
	case "dopri5": // chooses its own steps; many small ones follow the same way
		c.small = max(1, fineSteps/steps)
		times, c.own = refine(times, c.small), refine(c.own, c.small)
		c.plan = flow.Follow(flow.Heun, times, 2*(len(times)-1))
	default:
		return fmt.Errorf("the solver is %q, supported are euler, heun, heun2, dopri5, sde and restart (-solver says it where the file's name does not)", c.solver)
	}
	return nil
}

// average checks that a solver goes together with the network.
func (v verifier) average(solver string) (bool, error) {
	if average := v.Convention.Average; average && solver != "euler" && solver != "restart" || !average && solver == "restart" {
		return average, fmt.Errorf("the solver is %q: euler and restart are for average velocities, restart for nothing else", solver)
	}
	return v.Convention.Average, nil
}

// refine makes so many steps of each.
func refine(times []float32, small int) []float32 {
	all := slices.Clone(times[:1])
	for i, t := range times[1:] {
		for k := 1; k < small; k++ {
			all = append(all, times[i]+float32(float32(k)/float32(small)*(t-times[i])))
		}
		all = append(all, t)
	}
	return all
}
