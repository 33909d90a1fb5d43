package calib

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/core/prompt"
	"dit8/core/sampling"
)

// Options are what rounding can do better, by calibration.
type Options struct {
	Smooth  bool // move spread from activations to weights
	GPTQ    bool // round so that errors make up for each other
	Images  int  // that are sampled to see what layers see
	Rotated bool // of a network whose fc2 RotateWeights turned
}

// Any tells whether anything is asked for.
func (o Options) Any() bool { return o.Smooth || o.GPTQ }

// Progress is told what is being done, and how much of it there is.
type Progress func(what string, done, total int)

// calibrationSeed keeps the noise of calibration apart from that of evaluation.
const calibrationSeed = 1 << 32

// calibrate samples images with the float network and returns what its layers saw.
func (o Options) calibrate(f Floats) (map[string]*Layer, error) {
	dev, err := Device()
	if err != nil {
		return nil, err
	}
	rec := NewRecorder(dev)
	var on compute.Device = rec
	if o.Rotated {
		r := NewRotator(dev)
		on, rec = r, r.Recorder
	}
	m, err := dit.Load(on, f.Config, f.Tensors())
	if err != nil {
		return nil, err
	}
	n := sampling.Network{Model: m, Convention: f.Info.Convention}
	tr := TrialOf(f.Info, o.Images)
	tr.FirstSeed = calibrationSeed
	if err := tr.Each(n, f.Info, nil, func(Way, []float32, []float32) error { return nil }); err != nil {
		return nil, err
	}
	return rec.Layers(), moreConditions(n, f.Info.Words())
}

// moreConditions shows the heads more than the few conditions of few images.
func moreConditions(n sampling.Network, v prompt.Vocabulary) error {
	const conditions, batch = 2048, 64
	r := rand.New(rand.NewPCG(3, 4))
	for range conditions / batch {
		var conds []dit.Cond
		for range batch {
			c := dit.Cond{T: n.Convention.At(r.Float32()).Time, Label: r.IntN(n.Config().NumClasses + 1)}
			if len(v.Words) > 0 {
				c.Mix = words(r, v)
			}
			if n.Convention.Average { // any two times, and any guidance
				c.R, c.Omega, c.TMin, c.TMax = c.T*r.Float32(), 1+9*r.Float32(), 0.5*r.Float32(), 0.5+0.5*r.Float32()
			}
			conds = append(conds, c)
		}
		c, err := n.Condition(conds)
		if err != nil {
			return err
		}
		c.Free()
	}
	return nil
}

// words are one to four of a vocabulary, any, in one of its styles.
func words(r *rand.Rand, v prompt.Vocabulary) (mix []dit.Share) {
	count := 1 + r.IntN(4)
	for range count {
		mix = append(mix, dit.Share{Label: r.IntN(len(v.Words)), Weight: 1 / float32(count)})
	}
	if len(v.Styles) > 0 {
		mix = append(mix, dit.Share{Label: len(v.Words) + r.IntN(len(v.Styles)), Weight: 1})
	}
	return mix
}

// Improve applies what is asked for: it changes f, where layers are smoothed, and
// returns int8 tensors for those that it rounds itself. isInt8 says which are to be
// int8.
func Improve(f Floats, o Options, isInt8 func(param.Spec) bool, progress Progress) (rounded map[string]param.Tensor, smoothed []Smoothed, err error) {
	if !o.Any() {
		return nil, nil, nil
	}
	progress("calibrating", 0, 1)
	layers, err := o.calibrate(f)
	if err != nil {
		return nil, nil, err
	}
	if o.Smooth {
		progress("smoothing", 0, 1)
		if smoothed, err = Smooth(f.Values, layers, f.Config, isInt8); err != nil {
			return nil, nil, err
		}
	}
	if o.GPTQ {
		rounded, err = roundAll(f, layers, isInt8, progress)
	}
	return rounded, smoothed, err
}

// roundAll rounds the layers that are to be int8.
func roundAll(f Floats, layers map[string]*Layer, isInt8 func(param.Spec) bool, progress Progress) (map[string]param.Tensor, error) {
	dev, err := Device()
	if err != nil {
		return nil, err
	}
	specs := f.Config.Specs()
	rounded := make(map[string]param.Tensor)
	var heads []float64 // the Gram matrix of the heads: all see the same input
	for i, s := range specs {
		progress(s.Name, i, len(specs))
		layer, _ := strings.CutSuffix(s.Name, ".weight")
		l := layers[layer]
		if l == nil || !isInt8(s) || !s.Role.Int8() || len(s.Shape) != 2 {
			continue
		}
		head := strings.HasSuffix(layer, "adaLN_modulation.1") && !f.Config.BlockEmbedders && f.Config.Times != dit.TimesSplit
		g := heads
		if !head || g == nil {
			if g, err = Gram(dev, l.X, l.In); err != nil {
				return nil, err
			}
		}
		if head {
			heads = g
		}
		t := f.Tensor(s)
		if t.I8, t.Scale, err = Round(t.F32, g, l.In); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", s.Name, err)
		}
		t.F32 = nil
		rounded[s.Name] = t
	}
	return rounded, nil
}
