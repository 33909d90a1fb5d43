package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint/safetensors"
	"dit8/weights"
)

// verify runs a model on the inputs x [N, C, H, W], t [N] and y [N] of a reference
// file and compares its output with out, or with that of out_official and out_diffusers
// which a network of its kind has; and on cfg_x, cfg_t and cfg_y (the images'
// conditions, then the null class for each) with out_cfg. Of a file with noise and final
// it samples the images and compares these.
func verify(args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	refPath := f.String("reference", "", "safetensors `file` with inputs and outputs")
	maxRel := f.Float64("max-rel", math.Inf(1), "exit 1 when an output's relative error is above this")
	scale := f.Float64("cfg-scale", math.NaN(), "guidance scale of out_cfg, by default the one that fits it best, or of a trajectory, by default the one in the file's name")
	solver := f.String("solver", "", "`solver` of a trajectory, euler, heun2, dopri5, ddim or ddpm; default: the one in the file's name, sample_SOLVER_….safetensors")
	guided := f.Int("cfg-channels", 3, "channels of out_cfg that guidance applies to, 0 for all; the official code's are 3")
	path, err := parse(f, args, stdout)
	switch {
	case err != nil:
		return err
	case *refPath == "":
		return usagef("-reference is missing")
	case !(*maxRel >= 0):
		return usagef("-max-rel is %v, allowed: 0 or more", *maxRel)
	case *guided < 0:
		return usagef("-cfg-channels is %d, allowed: 0 (all) or more", *guided)
	}
	ref, closer, err := openReference(*refPath)
	if err != nil {
		return err
	}
	defer closer.Close()
	blob, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer blob.Close()
	dev, err := native.New("", 0)
	if err != nil {
		return err
	}
	m, err := dit.Load(dev, blob.Header().Config, blob.Tensors())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v := verifier{m: m, ref: ref, conv: blob.Header().Info.Convention}
	var results []comparison
	_, samples := ref.Lookup("noise")
	f.Visit(func(g *flag.Flag) {
		if samples && g.Name == "cfg-channels" || !samples && g.Name == "solver" {
			err = usagef("-%s says nothing of what %s holds", g.Name, *refPath)
		}
	})
	if err != nil {
		return err
	}
	if samples {
		results, err = v.trajectories(*refPath, *solver, *scale)
	} else {
		results, err = v.outputs(*scale, *guided)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", *refPath, err)
	}
	worst := 0.0
	for _, r := range results {
		fmt.Fprintf(stdout, "%-12s relative error %.3e  max|error| %.3e%s\n", r.name, r.rel, r.maxAbs, r.note)
		worst = max(worst, r.rel)
		if math.IsNaN(r.rel) {
			worst = math.Inf(1)
		}
	}
	if worst > *maxRel {
		return fmt.Errorf("relative error %.3e is above -max-rel %g", worst, *maxRel)
	}
	return nil
}

// openReference opens a safetensors file.
func openReference(path string) (*safetensors.File, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	var in *safetensors.File
	st, err := f.Stat()
	if err == nil {
		if in, err = safetensors.Read(f, st.Size()); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return in, f, nil
}

type verifier struct {
	m    *dit.Model
	ref  *safetensors.File
	conv flow.Convention
}

type comparison struct {
	name, note  string
	rel, maxAbs float64
}

func (v verifier) outputs(scale float64, guided int) ([]comparison, error) {
	var results []comparison
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
		results = append(results, compare(name, got, want))
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
func (v verifier) guidance(scale float64, guided int) (r comparison, err error) {
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
	r = compare("out_cfg", got, want)
	r.note = note
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
func (v verifier) forward(xName, tName, yName string, twice bool) ([]float32, error) {
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

// floats reads a tensor of this shape.
func (v verifier) floats(name string, shape ...int) ([]float32, error) {
	t, ok := v.ref.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s: shape is %v, expected %v", name, t.Shape, shape)
	}
	return v.ref.Floats(t)
}

// want reads a reference output and brings the network's output to its shape:
// SiT drops the variance channels that a network with learn_sigma computes.
func (v verifier) want(name string, got []float32) (want, same []float32, err error) {
	cfg := v.m.Config()
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

// compare computes ‖got-want‖/‖want‖.
func compare(name string, got, want []float32) comparison {
	r := comparison{name: name}
	var d, n float64
	for i, w := range want {
		e := float64(got[i]) - float64(w)
		d += e * e
		n += float64(w) * float64(w)
		r.maxAbs = max(r.maxAbs, math.Abs(e))
	}
	r.rel = math.Sqrt(d / n)
	if d == 0 {
		r.rel = 0
	}
	return r
}
