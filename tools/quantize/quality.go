package main

import (
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/tools/quantize/calib"
)

type tensorSeq = iter.Seq2[param.Tensor, error]

// quality are the flags of what rounding can do better, by calibration.
type quality struct {
	smooth, gptq bool
	images       int
	rotated      bool // fc2's inputs, for an experiment
}

func (q *quality) flags(f *flag.FlagSet) {
	f.BoolVar(&q.smooth, "smooth", false, "calibrate, and move spread from activations to weights where that helps; it folds factors into AdaLN, so that a request's -modulate of gamma means something else")
	f.BoolVar(&q.gptq, "gptq", false, "calibrate, and round so that errors make up for each other (GPTQ)")
}

func (q quality) calibrates() bool { return q.smooth || q.gptq }

func (q quality) check() error {
	if q.images < 1 || q.images > 1024 {
		return usagef("-calibration is %d, allowed: 1 to 1024", q.images)
	}
	return nil
}

// floats is a network's weights in memory.
type floats struct {
	cfg    dit.Config
	info   core.Info
	values map[string][]float32
}

// readFloats reads all of a model's tensors, as float32.
func readFloats(cfg dit.Config, info core.Info, tensors tensorSeq) (floats, error) {
	f := floats{cfg, info, make(map[string][]float32)}
	for t, err := range tensors {
		if err != nil {
			return f, err
		}
		f.values[t.Name] = t.Floats()
	}
	return f, nil
}

// copy is one that may be changed.
func (f floats) copy() floats {
	c := floats{f.cfg, f.info, make(map[string][]float32, len(f.values))}
	for k, v := range f.values {
		c.values[k] = slices.Clone(v)
	}
	return c
}

func (f floats) tensor(s param.Spec) param.Tensor {
	return param.Tensor{Name: s.Name, Shape: s.Shape, F32: f.values[s.Name]}
}

func (f floats) tensors() tensorSeq {
	return func(yield func(param.Tensor, error) bool) {
		for _, s := range f.cfg.Specs() {
			if !yield(f.tensor(s), nil) {
				return
			}
		}
	}
}

// calibrationSeed keeps the noise of calibration apart from that of evaluation.
const calibrationSeed = 1 << 32

// calibrate samples images with the float network and returns what its layers saw.
func (q quality) calibrate(f floats) (map[string]*calib.Layer, error) {
	dev, err := native.New("", 0)
	if err != nil {
		return nil, err
	}
	rec := calib.NewRecorder(dev)
	var on compute.Device = rec
	if q.rotated {
		r := calib.NewRotator(dev)
		on, rec = r, r.Recorder
	}
	m, err := dit.Load(on, f.cfg, f.tensors())
	if err != nil {
		return nil, err
	}
	w := walker{m, f.info.Convention}
	tr := trial{images: q.images, steps: f.info.Defaults.Steps, guidance: f.info.Defaults.Guidance, firstSeed: calibrationSeed}
	if err := tr.forEach(w, nil, func(way, []float32, []float32) error { return nil }); err != nil {
		return nil, err
	}
	// The heads see few conditions in few images: show them more.
	const conditions, batch = 2048, 64
	r := rand.New(rand.NewPCG(3, 4))
	for range conditions / batch {
		var conds []dit.Cond
		for range batch {
			conds = append(conds, dit.Cond{T: f.info.Convention.At(r.Float32()).Time, Label: r.IntN(f.cfg.NumClasses + 1)})
		}
		c, err := m.Condition(conds)
		if err != nil {
			return nil, err
		}
		c.Free()
	}
	return rec.Layers(), nil
}

// improve applies what was asked for: it changes f, where layers are smoothed, and
// returns int8 tensors for those that it rounds itself.
func (q quality) improve(f floats, isInt8 func(param.Spec) bool, report func(what string, done, total int)) (map[string]param.Tensor, []calib.Smoothed, error) {
	if !q.calibrates() {
		return nil, nil, nil
	}
	report("calibrating", 0, 1)
	layers, err := q.calibrate(f)
	if err != nil {
		return nil, nil, err
	}
	var smoothed []calib.Smoothed
	if q.smooth {
		report("smoothing", 0, 1)
		if smoothed, err = calib.Smooth(f.values, layers, f.cfg, isInt8); err != nil {
			return nil, nil, err
		}
	}
	if !q.gptq {
		return nil, smoothed, nil
	}
	dev, err := native.New("", 0)
	if err != nil {
		return nil, nil, err
	}
	specs := f.cfg.Specs()
	rounded := make(map[string]param.Tensor)
	grams := make(map[string][]float64)
	for i, s := range specs {
		report(s.Name, i, len(specs))
		layer, _ := strings.CutSuffix(s.Name, ".weight")
		l := layers[layer]
		if l == nil || !isInt8(s) || !int8Role(s.Role) || len(s.Shape) != 2 {
			continue
		}
		key := ""
		if strings.HasSuffix(layer, "adaLN_modulation.1") && !f.cfg.BlockEmbedders {
			key = "heads" // all see the same input
		}
		g := grams[key]
		if key == "" || g == nil {
			if g, err = calib.Gram(dev, l.X, l.In); err != nil {
				return nil, nil, err
			}
			if key != "" {
				grams[key] = g
			}
		}
		t := f.tensor(s)
		if t.I8, t.Scale, err = calib.Round(t.F32, g, l.In); err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", s.Name, err)
		}
		t.F32 = nil
		rounded[s.Name] = t
	}
	return rounded, smoothed, nil
}
