package proof

import (
	"fmt"
	"math"
	"slices"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/sampling"
)

// Options are what the user says of a reference. NaN, nil and "" say nothing.
type Options struct {
	Scale    float64   // guidance scale
	Channels int       // that out_cfg is guided in, 0 for all
	Solver   string    // of a trajectory
	Interval []float64 // low and high, on the reference's clock
	Latents  core.Latents

	Autoencoder *Autoencoder // that makes pictures of what a trajectory leads to, or nil
}

// Outputs runs a network on the inputs of a reference, x [N, C, H, W], t [N], y [N]
// and where the network has them r or s or h = t - r, omega, t_min, t_max [N], and
// compares what comes out with the outputs that there are:
//
//   - out, or what a network of its kind has of out_official and out_diffusers: the
//     network's output; of one that predicts x0 for an average velocity, this
//     velocity, and out_x its output
//   - solution: the state at the second time (SoFlow)
//   - out_cfg of cfg_x, cfg_t and cfg_y, which has the images' conditions, then the
//     null class for each; out_cfg_interval, the same outside of the interval
func Outputs(n sampling.Network, r *Reference, o Options) (results []Comparison, err error) {
	v := verifier{n, r, o}
	for _, of := range []func() ([]Comparison, error){v.plain, v.guided} {
		more, err := of()
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("no tensor out, %s or out_cfg to compare with", v.official())
	}
	return results, nil
}

// verifier is a network beside a reference.
type verifier struct {
	sampling.Network
	ref *Reference
	Options
}

// official is the name of the output that a network of this kind has.
func (v verifier) official() string {
	if v.Config().FreqShift == 1 {
		return "out_diffusers"
	}
	return "out_official"
}

// plain compares the outputs without guidance.
func (v verifier) plain() (results []Comparison, err error) {
	names := slices.DeleteFunc([]string{"out", v.official(), "out_x", "solution"}, func(name string) bool { return !v.ref.has(name) })
	if len(names) == 0 {
		return nil, nil
	}
	in, err := v.inputs("x", "t", "y")
	if err != nil {
		return nil, err
	}
	raw, err := v.forward(in)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		got := raw
		switch {
		case name == "solution":
			got = v.solution(in, raw)
		case name == "out" && v.Convention.Average && v.Convention.Prediction == flow.X0:
			got = v.velocity(in, raw)
		}
		want, got, err := v.want(name, got)
		if err != nil {
			return nil, err
		}
		results = append(results, Compare(name, got, want))
	}
	return results, nil
}

// inputs are those of a forward pass.
type inputs struct {
	x     []float32 // [N, C, H, W]
	t     []float32 // [N]
	conds []dit.Cond
}

// inputs reads those that the network takes, the first three under these names.
func (v verifier) inputs(xName, tName, yName string) (in inputs, err error) {
	cfg := v.Config()
	y, err := v.ref.ints(yName)
	if err != nil {
		return in, err
	}
	n := len(y)
	if n == 0 {
		return in, fmt.Errorf("tensor %s: no labels", yName)
	}
	if in.x, err = v.ref.floats(xName, n, cfg.InChannels, cfg.InputSize, cfg.InputSize); err != nil {
		return in, err
	}
	if in.t, err = v.ref.floats(tName, n); err != nil {
		return in, err
	}
	in.conds = make([]dit.Cond, n)
	for i := range in.conds {
		in.conds[i] = dit.Cond{T: in.t[i], R: in.t[i], Label: y[i]}
	}
	if err := v.second(in.conds); err != nil {
		return in, err
	}
	return in, v.guidanceInputs(in.conds)
}

// second reads the second time of networks that have one: r, or SoFlow's s, or h, which
// is t - r.
func (v verifier) second(conds []dit.Cond) error {
	if !v.Config().TwoTimes() {
		return nil
	}
	for _, name := range []string{"h", "r", "s"} {
		values, err := v.ref.optional(name, len(conds))
		if err != nil {
			return err
		}
		for i, x := range values {
			if name == "h" { // the network sees the difference alone
				conds[i].T, conds[i].R = x, 0
			} else {
				conds[i].R = x
			}
		}
		if values != nil {
			if name == "h" && v.Config().Times != dit.TimesToken {
				return fmt.Errorf("tensor h is for networks that see t - r alone, this one has times %q: r is missing", v.Config().Times)
			}
			return nil
		}
	}
	return fmt.Errorf("the second time is missing: a tensor r, s or h")
}

// guidanceInputs reads what networks with guidance as an input take.
func (v verifier) guidanceInputs(conds []dit.Cond) error {
	if !v.Config().GuidanceInput() {
		return nil
	}
	for _, k := range []struct {
		name string
		set  func(c *dit.Cond, x float32)
	}{
		{"omega", func(c *dit.Cond, x float32) { c.Omega = x }},
		{"t_min", func(c *dit.Cond, x float32) { c.TMin = x }},
		{"t_max", func(c *dit.Cond, x float32) { c.TMax = x }},
	} {
		values, err := v.ref.floats(k.name, len(conds))
		if err != nil {
			return err
		}
		for i, x := range values {
			k.set(&conds[i], x)
		}
	}
	return nil
}

// forward runs the network.
func (v verifier) forward(in inputs) ([]float32, error) {
	cfg := v.Config()
	cond, err := v.Condition(in.conds)
	if err != nil {
		return nil, err
	}
	defer cond.Free()
	n := len(in.conds)
	out := make([]float32, n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
	return out, v.Forward(out, in.x, n, cond, 0, n)
}

// velocity is that of predictions.
func (v verifier) velocity(in inputs, raw []float32) []float32 {
	u := slices.Clone(raw)
	size := v.Config().ImageLen()
	for i, t := range in.t {
		v.Convention.ToVelocity(u[i*size:(i+1)*size], in.x[i*size:(i+1)*size], flow.Input{T: t, Time: t, Scale: 1})
	}
	return u
}

// solution is where the average velocity leads: x + (s - t)·u (SoFlow,
// solution_operator).
func (v verifier) solution(in inputs, raw []float32) []float32 {
	z := v.velocity(in, raw)
	size := v.Config().ImageLen()
	for i, c := range in.conds {
		for k := i * size; k < (i+1)*size; k++ {
			z[k] = in.x[k] + float32((c.R-c.T)*z[k])
		}
	}
	return z
}

// guided compares with out_cfg [2N, …]: both halves hold the guided prediction
// in the guided channels and their own one in the others (DiT/models.py:
// forward_with_cfg); and with out_cfg_interval, where the guided channels of both are
// the prediction with the class (LightningDiT).
func (v verifier) guided() (results []Comparison, err error) {
	if !v.ref.has("out_cfg") {
		return nil, nil
	}
	in, err := v.inputs("cfg_x", "cfg_t", "cfg_y")
	if err != nil {
		return nil, err
	}
	if len(in.conds)%2 != 0 {
		return nil, fmt.Errorf("tensor cfg_y: %d labels, expected an even number with guidance", len(in.conds))
	}
	copy(in.x[len(in.x)/2:], in.x[:len(in.x)/2]) // the first half of the images stands for both
	raw, err := v.forward(in)
	if err != nil {
		return nil, err
	}
	r, err := v.guidance("out_cfg", raw, v.Scale)
	if err != nil {
		return nil, err
	}
	results = append(results, r)
	if v.ref.has("out_cfg_interval") {
		if r, err = v.guidance("out_cfg_interval", raw, 1); err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

// guidance compares with an output of both halves, guided by scale.
func (v verifier) guidance(name string, raw []float32, scale float64) (r Comparison, err error) {
	want, got, err := v.want(name, slices.Clone(raw))
	if err != nil {
		return r, err
	}
	cfg := v.Config()
	t, _ := v.ref.Lookup(name)
	pixels := cfg.InputSize * cfg.InputSize
	size, channels := t.Shape[1]*pixels, v.Channels
	if channels == 0 || channels > cfg.InChannels {
		channels = cfg.InChannels
	}
	half := len(got) / 2
	note := ""
	if math.IsNaN(scale) {
		if scale = fitScale(got, want, size, channels*pixels); math.IsNaN(scale) {
			return r, fmt.Errorf("no guidance scale fits out_cfg: conditional and unconditional outputs are equal; give -cfg-scale")
		}
		note = fmt.Sprintf("  (guidance scale %.3f, fitted)", scale)
	}
	for i := 0; i < half; i += size {
		cond, uncond := got[i:i+size], got[half+i:half+i+size]
		flow.Guide(cond[:channels*pixels], uncond, float32(scale), 0, pixels)
		copy(uncond[:channels*pixels], cond)
	}
	r = Compare(name, got, want)
	r.Note = note
	return r, nil
}

// fitScale is the s that brings uncond + s·(cond - uncond) closest to want, to
// three decimals.
func fitScale(got, want []float32, size, guided int) float64 {
	half := len(got) / 2
	var dot, norm float64
	for i := 0; i < half; i += size {
		for k := i; k < i+guided; k++ {
			u := float64(got[half+k])
			d := float64(got[k]) - u
			dot += d * (float64(want[k]) - u)
			norm += d * d
		}
	}
	return math.Round(dot/norm*1000) / 1000
}

// want reads a reference output and brings the network's output to its shape:
// SiT drops the variance channels that a network with learn_sigma computes.
func (v verifier) want(name string, got []float32) (want, same []float32, err error) {
	cfg := v.Config()
	t, _ := v.ref.Lookup(name)
	out, size := cfg.OutChannels(), cfg.InputSize
	n := len(got) / (out * size * size)
	switch {
	case slices.Equal(t.Shape, []int{n, out, size, size}):
		same = got
	case slices.Equal(t.Shape, []int{n, cfg.InChannels, size, size}):
		for i := range n {
			same = append(same, got[i*out*size*size:][:cfg.ImageLen()]...)
		}
	default:
		return nil, nil, fmt.Errorf("tensor %s: shape is %v, expected [%d %d %d %[5]d] or the first %d channels of it", name, t.Shape, n, out, size, cfg.InChannels)
	}
	want, err = v.ref.Floats(t)
	return want, same, err
}
