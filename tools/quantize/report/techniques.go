package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/core/sampling"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

// experiment is what no file can ask for.
type experiment uint8

const (
	rotatedFC2       experiment = iota + 1 // a device that rotates the inputs of fc2
	floatActivations                       // int8 weights, but float32 arithmetic
)

// technique is a way to quantise.
type technique struct {
	name         string
	smooth, gptq bool
	experiment   experiment
	keep         convert.Rules
	heads        bool // of networks that have AdaLN heads
}

// of is the technique for a network: %s is the last layer of its MLPs.
func (t technique) of(cfg dit.Config) technique {
	last := calib.LastOf(cfg)
	t.name = strings.ReplaceAll(t.name, "%s", last)
	t.keep = slices.Clone(t.keep)
	for i := range t.keep {
		t.keep[i].Pattern = strings.ReplaceAll(t.keep[i].Pattern, "%s", last)
	}
	return t
}

var techniques = []technique{
	{name: "plain rounding"},
	{name: "the same weights, activations in float32", experiment: floatActivations},
	{name: "smoothing", smooth: true},
	{name: "GPTQ", gptq: true},
	{name: "smoothing and GPTQ", smooth: true, gptq: true},
	{name: "%s's input rotated (Hadamard)", experiment: rotatedFC2},
	{name: "GPTQ and %s's input rotated", gptq: true, experiment: rotatedFC2},
	{name: "%s in float16", keep: convert.Rules{{Pattern: "blocks.*.mlp.%s", Type: "f16"}}},
	{name: "AdaLN heads in float16", keep: convert.Rules{{Pattern: "*adaLN_modulation.1", Type: "f16"}}, heads: true},
	{name: "GPTQ, heads in float16", gptq: true, keep: convert.Rules{{Pattern: "*adaLN_modulation.1", Type: "f16"}}, heads: true},
	{name: "all in float16", keep: convert.Rules{{Pattern: "*", Type: "f16"}}},
}

// Techniques quantises one network in many ways and prints what each buys.
func Techniques(out io.Writer, f calib.Floats, o Options) error {
	ref, err := Reference(f, o.Trial)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "| what | output error in %% | worst step | PSNR in dB: median | worst | bits a weight |\n|---|---|---|---|---|---|\n")
	for _, t := range techniques {
		if t = t.of(f.Config); t.heads && f.Config.Modulation != dit.AdaLN {
			continue
		}
		e, bits, err := t.try(f.Copy(), ref, o)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		worst := 0.0
		for _, s := range e.ByStep {
			worst = max(worst, s.Median)
		}
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %s | %s | %.2f |\n", t.name, 100*e.Output.Median, 100*worst, proof.Decibels(e.PSNR.Median), proof.Decibels(e.PSNR.Least), bits)
	}
	fmt.Fprintf(out, "\n%d images, %d steps, guidance %g, calibrated on %d.\n", o.Trial.Images, o.Trial.Steps, o.Trial.Guidance, o.Calibration.Images)
	return nil
}

// try quantises f, which it changes, and compares it with ref.
func (t technique) try(f calib.Floats, ref []Walked, o Options) (e Evaluation, bits float64, err error) {
	if t.experiment == rotatedFC2 {
		if err := calib.RotateWeights(f.Values, f.Config); err != nil {
			return e, 0, err
		}
	}
	o.Store.Keep = t.keep
	o.Calibration.Smooth, o.Calibration.GPTQ, o.Calibration.Rotated = t.smooth, t.gptq, t.experiment == rotatedFC2
	rounded, _, err := calib.Improve(f, o.Calibration, o.Store.Int8, func(string, int, int) {})
	if err != nil {
		return e, 0, err
	}
	var b bytes.Buffer
	if err := o.Store.Writer().Write(&b, f.Config, f.Info, o.Store.Stored(f, rounded)); err != nil {
		return e, 0, err
	}
	file, err := weights.NewReader(bytes.NewReader(b.Bytes()))
	if err != nil {
		return e, 0, err
	}
	stored := int64(0)
	for _, t := range file.Header().Tensors {
		stored += t.Stored
	}
	m, err := t.load(file, f.Config)
	if err != nil {
		return e, 0, err
	}
	e, err = evaluate(ref, sampling.Network{Model: m, Convention: f.Info.Convention}, o.Trial, f.Info.Pixels)
	return e, float64(8*stored) / float64(convert.Parameters(f.Config.Specs())), err
}

// load puts a file's model on the device that the experiment is about.
func (t technique) load(file *weights.Reader, cfg dit.Config) (*dit.Model, error) {
	dev, err := calib.Device()
	if err != nil {
		return nil, err
	}
	var on compute.Device = dev
	tensors := file.Tensors()
	switch t.experiment {
	case rotatedFC2:
		on = calib.NewRotator(dev)
	case floatActivations:
		tensors = floats(tensors)
	}
	return dit.Load(on, cfg, tensors)
}

// floats are tensors' values in float32.
func floats(tensors convert.Tensors) convert.Tensors {
	return func(yield func(param.Tensor, error) bool) {
		for t, err := range tensors {
			if !yield(param.Tensor{Name: t.Name, Shape: t.Shape, F32: t.Floats()}, err) {
				return
			}
		}
	}
}
