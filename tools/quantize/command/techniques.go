package command

import (
	"flag"
	"io"
	"strings"

	"dit8/core"
	"dit8/core/bench"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/report"
)

// techniques quantises one network in many ways and prints what each buys.
func techniques(args []string, stdout, stderr io.Writer) error {
	o := options{dryRun: true, store: convert.Options{Compress: "small", Types: convert.Types{Default: "int8"}}}
	f := flag.NewFlagSet("techniques", flag.ContinueOnError)
	o.source.ModelFlags(f)
	o.trialFlags(f)
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
	return report.Techniques(stdout, model, o.report(model.Info))
}

// anyFloats reads a checkpoint, or makes a network of core/bench's sizes with random
// weights, "random:s4".
func (o options) anyFloats(path string, stderr io.Writer) (calib.Floats, error) {
	if size, ok := strings.CutPrefix(path, "random:"); ok {
		return o.randomFloats(path, size)
	}
	o.source.Checkpoint = path
	in, err := o.source.Open()
	if err != nil {
		return calib.Floats{}, err
	}
	defer in.Close()
	m, err := in.Model(o.store.Types, notes(stderr))
	if err == nil {
		err = o.suits(m)
	}
	if err != nil {
		return calib.Floats{}, err
	}
	return m.Floats()
}

func (o options) randomFloats(name, size string) (calib.Floats, error) {
	preset, err := bench.Preset(size)
	if err != nil {
		return calib.Floats{}, err
	}
	cfg := preset.Config
	info := core.Info{Name: name, Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock}, Defaults: o.source.DefaultAbout().Sampler(core.Defaults{})}
	if info.Classes, _, err = convert.ClassNames("", cfg.NumClasses); err != nil {
		return calib.Floats{}, err
	}
	if err := info.Check(cfg); err != nil {
		return calib.Floats{}, err
	}
	return calib.ReadFloats(cfg, info, dit.Random(cfg, 1, false))
}
