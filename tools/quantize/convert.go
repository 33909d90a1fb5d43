package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/internal/atomicfile"
	"dit8/internal/ordered"
	"dit8/internal/progress"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/checkpoint/torchfile"
	"dit8/tools/quantize/family"
	"dit8/weights"
)

// options are the flags of a conversion.
type options struct {
	out, dtype, labels, convention string
	weights, numerics, model       string
	compress                       string
	numHeads, guided, steps        int
	guidance                       float64
	name, license, source          string
	keep                           rules
	quality                        quality
	reports                        reports
	images                         int
	force, dryRun                  bool
}

func (o *options) flags(f *flag.FlagSet) {
	f.StringVar(&o.out, "o", "", "the .dit8 `file` to write")
	f.StringVar(&o.dtype, "type", "int8", "int8 (8-bit matrices, 16-bit floats for the rest), f16 or f32")
	f.Var(&o.keep, "keep", "`PATTERN=TYPE`: store tensors whose name matches as int8, f16 or f32, as 'final_layer.*=f32' or 'blocks.*.mlp.fc2=f16'; may be given again, the last that matches counts")
	f.StringVar(&o.compress, "compress", "small", "small, or fast: leave what would shrink by less than a sixteenth as it is, which saves a browser time")
	o.quality.flags(f)
	f.Var(&o.reports, "report", "sample images in float32 and as quantised, and write how far they are apart to `FILE`, .json or .html, or as a table to -; may be given again")
	f.BoolVar(&o.force, "f", false, "replace OUT if it exists")
	f.BoolVar(&o.dryRun, "dry-run", false, "do everything but write OUT: say what the file would be, and its size")
	o.modelFlags(f)
}

// modelFlags are those that say what a checkpoint is, and what it is tried on.
func (o *options) modelFlags(f *flag.FlagSet) {
	f.StringVar(&o.weights, "weights", "", "which `weights` of a training checkpoint: ema, model or state_dict; default: the first of them that it has")
	f.StringVar(&o.numerics, "numerics", "", "for diffusers' folders: diffusers (compute what it computes) or official (for weights converted from the official ones); default: diffusers")
	f.StringVar(&o.labels, "labels", "", "JSON `file` of class names: an array, or an object from \"0\", \"1\", … to names")
	f.IntVar(&o.numHeads, "num-heads", 0, "attention `heads`; default: those of -model, of config.json beside the checkpoint, of the model that the checkpoint says it is, or of the official model of this width")
	f.StringVar(&o.model, "model", "", "the official model's `name`, as DiT-XL/2 or SiT-S/4, which says how many heads it has")
	f.StringVar(&o.convention, "convention", "", "what the network was trained to predict: ours (velocity ε-x, t=1 is noise), sit (official SiT) or dit (official DiT, ε); default: what a training checkpoint says, else dit for outputs with a variance, else ours")
	f.IntVar(&o.guided, "guided-channels", -1, "output `channels` that guidance applies to, 0 for all; default: 3 for sit and dit, as their samplers do, else 0")
	f.StringVar(&o.name, "name", "", "the model's name; default: the checkpoint's file name")
	f.StringVar(&o.license, "license", "", "licence of the weights")
	f.StringVar(&o.source, "source", "", "where the weights come from")
	f.IntVar(&o.steps, "steps", 20, "default number of steps for sampling")
	f.Float64Var(&o.guidance, "guidance", 3, "default guidance scale for sampling")
	f.IntVar(&o.images, "images", 32, "`images` of a report")
	f.IntVar(&o.quality.images, "calibration", 16, "`images` that calibration samples")
}

func (o options) check() error {
	switch {
	case o.out == "" && !o.dryRun:
		return usagef("-o is missing: the file to write")
	case o.out == "-":
		return usagef("-o is -: a model is written to a file, so that it is never half there")
	case o.dtype != "int8" && o.dtype != "f16" && o.dtype != "f32":
		return usagef("-type is %q, allowed: int8, f16, f32", o.dtype)
	case o.compress != "small" && o.compress != "fast":
		return usagef("-compress is %q, allowed: small, fast", o.compress)
	case o.weights != "" && !slices.Contains(torchfile.Containers, o.weights):
		return usagef("-weights is %q, allowed: %s", o.weights, strings.Join(torchfile.Containers, ", "))
	case o.numerics != "" && o.numerics != "diffusers" && o.numerics != "official":
		return usagef("-numerics is %q, allowed: diffusers, official", o.numerics)
	case o.convention != "" && o.convention != "ours" && o.convention != "sit" && o.convention != "dit":
		return usagef("-convention is %q, allowed: ours, sit, dit", o.convention)
	case o.numHeads < 0 || o.numHeads > dit.MaxHeads:
		return usagef("-num-heads is %d, allowed: 1 to %d", o.numHeads, dit.MaxHeads)
	case o.guided < -1 || o.guided > dit.MaxChannels:
		return usagef("-guided-channels is %d, allowed: 0 (all) to %d", o.guided, dit.MaxChannels)
	}
	if o.images < 1 || o.images > 1024 {
		return usagef("-images is %d, allowed: 1 to 1024", o.images)
	}
	return o.quality.check()
}

func convert(args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("quantize", flag.ContinueOnError)
	o.flags(f)
	path, err := parse(f, args, stdout)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	in, err := checkpoint.Open(path, o.weights)
	if err != nil {
		return err
	}
	defer in.Close()
	inputs := append(in.Files, path, in.Config, o.labels)
	var outputs []string
	if !o.dryRun {
		outputs = append(outputs, o.out)
	}
	for _, r := range o.reports {
		if r != "-" {
			outputs = append(outputs, r)
		}
	}
	if err := writable(outputs, inputs, o.force); err != nil {
		return err
	}
	m, err := o.describe(in, path, stderr)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bar := progress.New(stderr)
	size, rep, err := o.run(m, bar)
	bar.Clear()
	var output *fs.PathError
	switch {
	case errors.As(err, &output) && output.Path != path:
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	n := parameters(m.cfg)
	out := o.out
	if o.dryRun {
		out = "dry run, no model written"
	}
	if _, err := fmt.Fprintf(stdout, "%s: %s, %s parameters, %d classes, %s, %.2f bits per parameter\n",
		out, o.dtype, count(n), m.cfg.NumClasses, bytesOf(size), float64(size)*8/float64(n)); err != nil {
		return err
	}
	return rep.write(o.reports, stdout)
}

// run converts: tensor after tensor, or with all of the model in memory where it is
// calibrated or reported on.
func (o options) run(m model, bar *progress.Bar) (size int64, rep *report, err error) {
	if !o.quality.calibrates() && len(o.reports) == 0 {
		size, err = m.write(o, m.tensors(o), bar)
		return size, nil, err
	}
	exact := o
	exact.dtype, exact.keep = "f32", nil
	f, err := readFloats(m.cfg, m.info, m.tensors(exact))
	if err != nil {
		return 0, nil, err
	}
	var ref []walked
	if len(o.reports) > 0 {
		w, err := loadWalker(f.cfg, f.info.Convention, f.tensors())
		if err != nil {
			return 0, nil, err
		}
		bar.Show(0, 1, "sampling the float32 model")
		if ref, err = o.trial().reference(w); err != nil {
			return 0, nil, err
		}
	}
	rounded, smoothed, err := o.quality.improve(f, o.isInt8,
		func(what string, done, total int) { bar.Show(done, total, what) })
	if err != nil {
		return 0, nil, err
	}
	if size, err = m.write(o, o.stored(f, rounded), bar); err != nil || len(o.reports) == 0 {
		return size, nil, err
	}
	bar.Show(0, 1, "sampling the quantised model")
	rep, err = o.report(f, o.stored(f, rounded), ref, smoothed)
	return size, rep, err
}

// model is what is to be written.
type model struct {
	family.Model
	cfg  dit.Config
	info core.Info
}

// write writes the file, or with -dry-run nothing, and returns its size.
func (m model) write(o options, from tensorSeq, bar *progress.Bar) (int64, error) {
	total, done := 0, 0
	for _, s := range m.cfg.Specs() {
		total += s.Len()
	}
	// a signal ends the work between two tensors, so that nothing is left half-written
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tensors := func(yield func(param.Tensor, error) bool) {
		for t, err := range from {
			if err == nil && ctx.Err() != nil {
				err = errors.New("interrupted, nothing was written")
			}
			if !yield(t, err) {
				return
			}
			done += t.Len()
			bar.Show(done, total, t.Name)
		}
	}
	if o.dryRun {
		var n counter
		err := o.writer().Write(&n, m.cfg, m.info, tensors)
		return int64(n), err
	}
	return atomicfile.WriteSpooled(o.out, func(w io.Writer, spool atomicfile.Spool) error {
		to := o.writer()
		to.Spool = spool
		return to.Write(w, m.cfg, m.info, tensors)
	})
}

func (o options) writer() weights.Writer {
	return weights.Writer{Round16: o.round16, Small: o.compress == "small"}
}

// counter counts bytes.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// describe finds out everything that the blob's header says. What it has to
// assume it tells notes.
func (o options) describe(in *checkpoint.Checkpoint, path string, notes io.Writer) (m model, err error) {
	note := func(format string, args ...any) { fmt.Fprintf(notes, "quantize: "+format+"\n", args...) }
	for _, n := range in.Notes {
		note("%s", n)
	}
	m.Model, err = family.Read(in, family.Said{
		Model: o.model, Convention: o.convention, Numerics: o.numerics, NumHeads: o.numHeads, GuidedChannels: o.guided,
	})
	for _, n := range m.Notes {
		note("%s", n)
	}
	if err != nil {
		return m, err
	}
	m.cfg = *m.Network
	if err := o.keep.check(m.cfg); err != nil {
		return m, err
	}
	if o.quality.calibrates() && !slices.ContainsFunc(m.cfg.Specs(), o.isInt8) {
		return m, fmt.Errorf("-smooth and -gptq are for int8 tensors, here is none")
	}
	m.info = core.Info{
		Name: o.name, License: o.license, Source: o.source,
		Defaults: core.Defaults{Steps: o.steps, Guidance: float32(o.guidance)},
	}
	m.info.Convention = m.Convention
	if m.info.Name == "" {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs // for a folder like "."
		}
		m.info.Name = filepath.Base(path)
		for _, ext := range []string{".safetensors.index.json", ".safetensors", ".pt", ".pth", ".ckpt", ".bin"} {
			m.info.Name = strings.TrimSuffix(m.info.Name, ext)
		}
	}
	if m.cfg.InChannels == 1 || m.cfg.InChannels == 3 {
		m.info.Pixels = core.Pixels{Mean: 0.5, Std: 0.5}
	}
	if m.info.Classes, err = classNames(o.labels, m.cfg.NumClasses); err != nil {
		return m, err
	}
	return m, m.info.Check(m.cfg)
}

// tensors reads the network's tensors on all cores and yields them in order, in the
// types that were asked for.
func (m model) tensors(o options) iter.Seq2[param.Tensor, error] {
	specs := func(yield func(param.Spec, error) bool) {
		for _, s := range m.cfg.Specs() {
			if !yield(s, nil) {
				return
			}
		}
	}
	return ordered.Map(specs, runtime.GOMAXPROCS(0), func(s param.Spec) (param.Tensor, error) {
		out, err := m.Tensor(s.Name)
		if err == nil && o.isInt8(s) {
			out = quantizeRows(out)
		}
		return out, err
	})
}

func parameters(cfg dit.Config) (n int) {
	for _, s := range cfg.Specs() {
		n += s.Len()
	}
	return n
}

func count(n int) string {
	if n < 1e6 {
		return fmt.Sprintf("%.1f k", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f M", float64(n)/1e6)
}

func bytesOf(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d bytes", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.2f MB", float64(n)/1e6)
}
