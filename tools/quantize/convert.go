package main

import (
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/internal/atomicfile"
	"dit8/tools/quantize/safetensors"
	"dit8/weights"
)

// options are the flags of a conversion.
type options struct {
	out, dtype, labels, convention string
	numHeads, guided, steps        int
	guidance                       float64
	name, license, source          string
	force                          bool
}

func convert(args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("quantize", flag.ContinueOnError)
	f.StringVar(&o.out, "o", "", "the .dit8 `file` to write")
	f.StringVar(&o.dtype, "type", "int8", "int8 (8-bit matrices, 16-bit floats for the rest), f16 or f32")
	f.StringVar(&o.labels, "labels", "", "JSON `file` of class names: an array, or an object from \"0\", \"1\", … to names")
	f.IntVar(&o.numHeads, "num-heads", 0, "attention `heads`; default: num_heads of config.json beside the checkpoint, or that of the official model of this width")
	f.StringVar(&o.convention, "convention", "", "what the network was trained to predict: ours (velocity ε-x, t=1 is noise), sit (official SiT) or dit (official DiT, ε); default: dit for outputs with a variance, else ours")
	f.IntVar(&o.guided, "guided-channels", -1, "output `channels` that guidance applies to, 0 for all; default: 3 for sit and dit, as their samplers do, else 0")
	f.StringVar(&o.name, "name", "", "the model's name; default: the checkpoint's file name")
	f.StringVar(&o.license, "license", "", "licence of the weights")
	f.StringVar(&o.source, "source", "", "where the weights come from")
	f.IntVar(&o.steps, "steps", 20, "default number of steps for sampling")
	f.Float64Var(&o.guidance, "guidance", 3, "default guidance scale for sampling")
	f.BoolVar(&o.force, "f", false, "replace OUT if it exists")
	checkpoint, err := parse(f, args, stdout)
	if err != nil {
		return err
	}
	switch {
	case o.out == "":
		return usagef("-o is missing: the file to write")
	case o.dtype != "int8" && o.dtype != "f16" && o.dtype != "f32":
		return usagef("-type is %q, allowed: int8, f16, f32", o.dtype)
	case o.convention != "" && o.convention != "ours" && o.convention != "sit" && o.convention != "dit":
		return usagef("-convention is %q, allowed: ours, sit, dit", o.convention)
	case o.numHeads < 0 || o.numHeads > dit.MaxHeads:
		return usagef("-num-heads is %d, allowed: 1 to %d", o.numHeads, dit.MaxHeads)
	case o.guided < -1 || o.guided > dit.MaxChannels:
		return usagef("-guided-channels is %d, allowed: 0 (all) to %d", o.guided, dit.MaxChannels)
	}
	if err := writable(o.out, checkpoint, o.force); err != nil {
		return err
	}
	in, closer, err := openCheckpoint(checkpoint)
	if err != nil {
		return err
	}
	defer closer.Close()
	cfg, info, err := o.describe(in, checkpoint, stderr)
	if err != nil {
		return fmt.Errorf("%s: %w", checkpoint, err)
	}
	size, err := atomicfile.Write(o.out, func(w io.Writer) error {
		return weights.Write(w, cfg, info, o.tensors(in, cfg), o.round16())
	})
	if err != nil {
		return fmt.Errorf("%s: %w", checkpoint, err)
	}
	n := parameters(cfg)
	fmt.Fprintf(stdout, "%s: %s, %s parameters, %d classes, %s, %.2f bits per parameter\n",
		o.out, o.dtype, count(n), cfg.NumClasses, bytesOf(size), float64(size)*8/float64(n))
	return nil
}

func openCheckpoint(path string) (*safetensors.File, io.Closer, error) {
	switch {
	case strings.HasSuffix(path, ".json"):
		return nil, nil, fmt.Errorf("%s: sharded checkpoints are not supported yet: join the shards into one .safetensors file", path)
	case strings.HasSuffix(path, ".pt"), strings.HasSuffix(path, ".pth"), strings.HasSuffix(path, ".ckpt"), strings.HasSuffix(path, ".bin"):
		return nil, nil, fmt.Errorf("%s: PyTorch's pickle files are not supported yet: save the state dict with safetensors.torch.save_file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	var in *safetensors.File
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

// describe finds out everything that the blob's header says. What it has to
// assume it tells notes.
func (o options) describe(in *safetensors.File, checkpoint string, notes io.Writer) (cfg dit.Config, info core.Info, err error) {
	beside, err := readConfig(filepath.Join(filepath.Dir(checkpoint), "config.json"))
	if err != nil {
		return cfg, info, err
	}
	if cfg, err = inferConfig(in); err != nil {
		return cfg, info, err
	}
	if cfg.NumHeads, err = o.heads(cfg, beside, notes); err != nil {
		return cfg, info, err
	}
	if err := beside.compare(cfg); err != nil {
		return cfg, info, err
	}
	if err := cfg.Check(); err != nil {
		return cfg, info, err
	}
	if err := checkTensors(in, cfg); err != nil {
		return cfg, info, err
	}
	info = core.Info{
		Name: o.name, License: o.license, Source: o.source,
		Convention: o.conventionOf(cfg, notes),
		Defaults:   core.Defaults{Steps: o.steps, Guidance: float32(o.guidance)},
	}
	if info.Name == "" {
		info.Name = strings.TrimSuffix(filepath.Base(checkpoint), filepath.Ext(checkpoint))
	}
	if cfg.InChannels == 1 || cfg.InChannels == 3 {
		info.Pixels = core.Pixels{Mean: 0.5, Std: 0.5}
	}
	if info.Classes, err = classNames(o.labels, cfg.NumClasses); err != nil {
		return cfg, info, err
	}
	return cfg, info, info.Check(cfg.NumClasses)
}

func (o options) conventionOf(cfg dit.Config, notes io.Writer) flow.Convention {
	name := o.convention
	if name == "" {
		name = "ours"
		if cfg.LearnSigma {
			name = "dit"
		}
		fmt.Fprintf(notes, "quantize: a checkpoint does not say what it predicts: assuming -convention %s (the others: ours, sit, dit)\n", name)
	}
	c := flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock}
	switch name {
	case "sit":
		c = flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 3}
	case "dit":
		c = flow.Convention{Prediction: flow.Epsilon, Clock: flow.DDPMClock, GuidedChannels: 3}
	}
	if o.guided >= 0 {
		c.GuidedChannels = o.guided
	}
	return c
}

// tensors reads the network's tensors one after the other, in the type that was
// asked for.
func (o options) tensors(in *safetensors.File, cfg dit.Config) iter.Seq2[dit.Tensor, error] {
	return func(yield func(dit.Tensor, error) bool) {
		for _, s := range cfg.Specs() {
			t, _ := in.Lookup(s.Name)
			v, err := in.Floats(t)
			out := dit.Tensor{Name: s.Name, Shape: s.Shape, F32: v}
			if err == nil && o.dtype == "int8" && int8Role(s.Role) {
				out = quantizeRows(out)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// round16 says which float tensors may be rounded to float16.
func (o options) round16() func(dit.Spec) bool {
	switch o.dtype {
	case "f16":
		return func(dit.Spec) bool { return true }
	case "int8":
		return func(s dit.Spec) bool { return s.Role != dit.Bias }
	}
	return nil
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
