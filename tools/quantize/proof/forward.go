package proof

import (
	"fmt"
	"math"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint/safetensors"
)

// Verifier is a model beside a reference file.
type Verifier struct {
	m    *dit.Model
	ref  *safetensors.File
	conv flow.Convention
}

// New verifies a model, which predicts by a convention, on a reference.
func New(m *dit.Model, conv flow.Convention, ref *safetensors.File) Verifier {
	return Verifier{m: m, ref: ref, conv: conv}
}

// Outputs runs the network on the inputs x [N, C, H, W], t [N] and y [N] of the
// reference and compares its output with out, or with that of out_official and
// out_diffusers which a network of its kind has; and on cfg_x, cfg_t and cfg_y (the
// images' conditions, then the null class for each) with out_cfg, for guidance of this
// scale on the first channels; NaN is the scale that fits best, 0 are all channels.
func (v Verifier) Outputs(scale float64, guided int) ([]Comparison, error) {
	var results []Comparison
	names := []string{"out", "out_official"}
	if v.m.Config().FreqShift == 1 {
		names[1] = "out_diffusers"
	}
	for _, name := range names {
		if _, ok := v.ref.Lookup(name); !ok {
			continue
		}
		got, err := v.forward("x", "t", "y", false)
		if err != nil {
			return nil, err
		}
		want, got, err := v.want(name, got)
		if err != nil {
			return nil, err
		}
		results = append(results, Compare(name, got, want))
	}
	if _, ok := v.ref.Lookup("out_cfg"); ok {
		r, err := v.guidance(scale, guided)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("no tensor out, %s or out_cfg to compare with", names[1])
	}
	return results, nil
}

// guidance compares with out_cfg [2N, …]: both halves hold the guided prediction
// in the guided channels and their own one in the others (DiT/models.py:
// forward_with_cfg).
func (v Verifier) guidance(scale float64, guided int) (r Comparison, err error) {
	got, err := v.forward("cfg_x", "cfg_t", "cfg_y", true)
	if err != nil {
		return r, err
	}
	want, got, err := v.want("out_cfg", got)
	if err != nil {
		return r, err
	}
	cfg := v.m.Config()
	t, _ := v.ref.Lookup("out_cfg")
	pixels := cfg.InputSize * cfg.InputSize
	size := t.Shape[1] * pixels
	if guided == 0 || guided > cfg.InChannels {
		guided = cfg.InChannels
	}
	half := len(got) / 2
	note := ""
	if math.IsNaN(scale) {
		if scale = fitScale(got, want, size, guided*pixels); math.IsNaN(scale) {
			return r, fmt.Errorf("no guidance scale fits out_cfg: conditional and unconditional outputs are equal; give -cfg-scale")
		}
		note = fmt.Sprintf("  (guidance scale %.3f, fitted)", scale)
	}
	for i := 0; i < half; i += size {
		cond, uncond := got[i:i+size], got[half+i:half+i+size]
		flow.Guide(cond[:guided*pixels], uncond, float32(scale), 0, pixels)
		copy(uncond[:guided*pixels], cond)
	}
	r = Compare("out_cfg", got, want)
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

// forward runs the network on three inputs of the reference file. With twice, the
// first half of the images stands for both halves.
func (v Verifier) forward(xName, tName, yName string, twice bool) ([]float32, error) {
	cfg := v.m.Config()
	y, err := v.ints(yName)
	if err != nil {
		return nil, err
	}
	n := len(y)
	if n == 0 || twice && n%2 != 0 {
		return nil, fmt.Errorf("tensor %s: %d labels, expected one or more, with guidance an even number", yName, n)
	}
	x, err := v.floats(xName, n, cfg.InChannels, cfg.InputSize, cfg.InputSize)
	if err != nil {
		return nil, err
	}
	t, err := v.floats(tName, n)
	if err != nil {
		return nil, err
	}
	if twice {
		copy(x[len(x)/2:], x[:len(x)/2])
	}
	conds := make([]dit.Cond, n)
	for i := range conds {
		conds[i] = dit.Cond{T: t[i], Label: y[i]}
	}
	cond, err := v.m.Condition(conds)
	if err != nil {
		return nil, err
	}
	defer cond.Free()
	out := make([]float32, n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
	return out, v.m.Forward(out, x, n, cond, 0, n)
}
