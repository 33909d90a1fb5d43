package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"

	"dit8/core"
	"dit8/core/bench"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/weights"
)

// techniques quantises one network in many ways and prints what each buys.
func techniques(args []string, stdout, stderr io.Writer) error {
	o := options{dryRun: true, dtype: "int8", compress: "small"}
	f := flag.NewFlagSet("techniques", flag.ContinueOnError)
	o.modelFlags(f)
	path, err := parse(f, args, stdout)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	model, err := o.anyFloats(path, stderr)
	if err != nil {
		return err
	}
	tr := o.trial()
	float, err := loadWalker(model.cfg, model.info.Convention, model.tensors())
	if err != nil {
		return err
	}
	ref, err := tr.reference(float)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "| what | output error in %% | worst step | PSNR in dB: median | worst | bits a weight |\n|---|---|---|---|---|---|\n")
	for _, c := range []struct {
		name         string
		smooth, gptq bool
		experiment   experiment
		keep         rules
	}{
		{name: "plain rounding"},
		{name: "the same weights, activations in float32", experiment: floatActivations},
		{name: "smoothing", smooth: true},
		{name: "GPTQ", gptq: true},
		{name: "smoothing and GPTQ", smooth: true, gptq: true},
		{name: "fc2's input rotated (Hadamard)", experiment: rotatedFC2},
		{name: "GPTQ and fc2's input rotated", gptq: true, experiment: rotatedFC2},
		{name: "fc2 in float16", keep: rules{{"blocks.*.mlp.fc2", "f16"}}},
		{name: "AdaLN heads in float16", keep: rules{{"*adaLN_modulation.1", "f16"}}},
		{name: "GPTQ, heads in float16", gptq: true, keep: rules{{"*adaLN_modulation.1", "f16"}}},
		{name: "all in float16", keep: rules{{"*", "f16"}}},
	} {
		p := o
		p.quality.smooth, p.quality.gptq, p.keep = c.smooth, c.gptq, c.keep
		e, bits, err := p.try(model, ref, tr, c.experiment)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		worst := 0.0
		for _, s := range e.ByStep {
			worst = max(worst, s.Median)
		}
		fmt.Fprintf(stdout, "| %s | %.2f | %.2f | %s | %s | %.2f |\n", c.name, 100*e.Output.Median, 100*worst, decibels(e.PSNR.Median), decibels(e.PSNR.Least), bits)
	}
	fmt.Fprintf(stdout, "\n%d images, %d steps, guidance %g, calibrated on %d.\n", tr.images, tr.steps, tr.guidance, o.quality.images)
	return nil
}

// anyFloats reads a checkpoint, or makes a network of core/bench's sizes with random
// weights, "random:s4".
func (o options) anyFloats(path string, notes io.Writer) (floats, error) {
	size, ok := strings.CutPrefix(path, "random:")
	if ok {
		preset, err := bench.Preset(size)
		if err != nil {
			return floats{}, err
		}
		cfg := preset.Config
		info := core.Info{Name: path, Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock}, Defaults: core.Defaults{Steps: o.steps, Guidance: float32(o.guidance)}}
		if info.Classes, err = classNames("", cfg.NumClasses); err != nil {
			return floats{}, err
		}
		if err := info.Check(cfg); err != nil {
			return floats{}, err
		}
		return readFloats(cfg, info, dit.Random(cfg, 1, false))
	}
	in, err := checkpoint.Open(path, o.weights)
	if err != nil {
		return floats{}, err
	}
	defer in.Close()
	m, err := o.describe(in, path, notes)
	if err != nil {
		return floats{}, fmt.Errorf("%s: %w", path, err)
	}
	exact := o
	exact.dtype, exact.keep = "f32", nil
	return readFloats(m.cfg, m.info, m.tensors(exact))
}

// experiment is what no file can ask for.
type experiment uint8

const (
	rotatedFC2       experiment = iota + 1 // a device that rotates the inputs of fc2
	floatActivations                       // int8 weights, but float32 arithmetic
)

// try quantises a copy of f as o says and compares it with ref.
func (o options) try(f floats, ref []walked, tr trial, x experiment) (e evaluation, bits float64, err error) {
	f = f.copy()
	if x == rotatedFC2 {
		if err := calib.RotateWeights(f.values, f.cfg); err != nil {
			return e, 0, err
		}
	}
	q := o.quality
	q.rotated = x == rotatedFC2
	rounded, _, err := q.improve(f, o.isInt8, func(string, int, int) {})
	if err != nil {
		return e, 0, err
	}
	var b bytes.Buffer
	if err := o.writer().Write(&b, f.cfg, f.info, o.stored(f, rounded)); err != nil {
		return e, 0, err
	}
	r, err := weights.NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		return e, 0, err
	}
	stored := int64(0)
	for _, t := range r.Header().Tensors {
		stored += t.Stored
	}
	dev, err := native.New("", 0)
	if err != nil {
		return e, 0, err
	}
	w := walker{conv: f.info.Convention}
	tensors := r.Tensors()
	switch x {
	case rotatedFC2:
		w.m, err = dit.Load(calib.NewRotator(dev), f.cfg, tensors)
	case floatActivations:
		w.m, err = dit.Load(dev, f.cfg, func(yield func(param.Tensor, error) bool) {
			for t, err := range tensors {
				if !yield(param.Tensor{Name: t.Name, Shape: t.Shape, F32: t.Floats()}, err) {
					return
				}
			}
		})
	default:
		w.m, err = dit.Load(dev, f.cfg, tensors)
	}
	if err != nil {
		return e, 0, err
	}
	e, err = tr.evaluate(ref, w, f.info.Pixels)
	return e, float64(8*stored) / float64(parameters(f.cfg)), err
}

// stored yields f's tensors in the types that o asks for, the rounded ones as they are.
func (o options) stored(f floats, rounded map[string]param.Tensor) tensorSeq {
	return func(yield func(param.Tensor, error) bool) {
		for _, s := range f.cfg.Specs() {
			t, ok := rounded[s.Name]
			if !ok {
				if t = f.tensor(s); o.isInt8(s) {
					t = quantizeRows(t)
				}
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// trial is what a report compares.
func (o options) trial() trial {
	return trial{images: o.images, steps: o.steps, guidance: float32(o.guidance)}
}
