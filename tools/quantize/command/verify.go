package command

import (
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/sampling"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

// verification are the flags of verify.
type verification struct {
	reference, solver string
	maxRel, scale     float64
	guided            int
	interval          interval
}

// verify runs a model on what a reference file holds: on inputs of the network, or, of
// a file with noise and final, on all of the way from one to the other.
func verify(args []string, stdout, _ io.Writer) error {
	var o verification
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	f.StringVar(&o.reference, "reference", "", "safetensors `file` with inputs and outputs")
	f.Float64Var(&o.maxRel, "max-rel", math.Inf(1), "exit 1 when an output's relative error is above this")
	f.Float64Var(&o.scale, "cfg-scale", math.NaN(), "guidance scale of out_cfg, by default the one that fits it best, or of a trajectory, by default the one in case.json beside it or in the file's name; of networks that take it as an input, their omega")
	f.Var(&o.interval, "cfg-interval", "`LOW-HIGH`: the times, on the reference's own clock, between which a trajectory is guided; default: what case.json beside it says, else all")
	f.StringVar(&o.solver, "solver", "", "`solver` of a trajectory, euler, heun, heun2, dopri5, sde, restart, ddim or ddpm; default: the one in case.json beside it or in the file's name, sample_SOLVER_….safetensors")
	f.IntVar(&o.guided, "cfg-channels", 3, "channels of out_cfg that guidance applies to, 0 for all; the official code's are 3")
	path, err := parse(f, args, stdout)
	switch {
	case err != nil:
		return err
	case o.reference == "":
		return usagef("-reference is missing")
	case !(o.maxRel >= 0):
		return usagef("-max-rel is %v, allowed: 0 or more", o.maxRel)
	case o.guided < 0:
		return usagef("-cfg-channels is %d, allowed: 0 (all) or more", o.guided)
	}
	set := make(map[string]bool)
	f.Visit(func(g *flag.Flag) { set[g.Name] = true })
	results, err := o.compare(path, set)
	if err != nil {
		return err
	}
	return o.print(stdout, results)
}

// compare runs the model. set are the flags that were given.
func (o verification) compare(path string, set map[string]bool) ([]proof.Comparison, error) {
	ref, err := proof.Open(o.reference)
	if err != nil {
		return nil, err
	}
	defer ref.Close()
	blob, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	m, err := load(blob, path)
	if err != nil {
		return nil, err
	}
	if ref.IsAutoencoder() {
		if m.autoencoder == nil {
			return nil, fmt.Errorf("%s is of an autoencoder, %s holds none", o.reference, path)
		}
		return m.autoencoder.Compare(ref)
	}
	if m.network.Model == nil {
		return nil, fmt.Errorf("%s is of a network, %s holds an autoencoder alone", o.reference, path)
	}
	_, samples := ref.Lookup("noise")
	for name, of := range map[string]bool{"cfg-channels": !samples, "solver": samples, "cfg-interval": samples} {
		if set[name] && !of {
			return nil, usagef("-%s says nothing of what %s holds", name, o.reference)
		}
	}
	look := proof.Outputs
	if samples {
		look = proof.Trajectory
	}
	results, err := look(m.network, ref,
		proof.Options{Scale: o.scale, Channels: o.guided, Solver: o.solver, Interval: o.interval, Latents: blob.Header().Info.Latents, Autoencoder: m.autoencoder})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.reference, err)
	}
	return results, nil
}

// loaded is what a file holds.
type loaded struct {
	network     sampling.Network   // without a model, where there is none
	autoencoder *proof.Autoencoder // or nil
}

func load(blob *weights.File, path string) (l loaded, err error) {
	dev, err := calib.Device()
	if err != nil {
		return l, err
	}
	h := blob.Header()
	if h.HasNetwork() {
		m, err := dit.Load(dev, h.Config, blob.Network())
		if err != nil {
			return l, fmt.Errorf("%s: %w", path, err)
		}
		l.network = sampling.Network{Model: m, Convention: h.Info.Convention}
	}
	if h.Autoencoder == nil {
		return l, nil
	}
	m, err := autoencoder.Load(dev.(compute.Convolver), h.Autoencoder.Config, blob.Autoencoder())
	if err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	l.autoencoder = &proof.Autoencoder{Model: m, Latents: h.Autoencoder.Scale(h.Info.Latents), Assumed: h.Autoencoder.Assumed}
	return l, nil
}

// interval is two numbers, or none.
type interval []float64

func (i *interval) String() string { return "" }

// Set reads LOW-HIGH.
func (i *interval) Set(s string) error {
	low, high, ok := strings.Cut(s, "-")
	a, err1 := strconv.ParseFloat(low, 64)
	b, err2 := strconv.ParseFloat(high, 64)
	if !ok || err1 != nil || err2 != nil || !(a >= 0 && a < b && b <= 1) {
		return fmt.Errorf("%.40q is not two numbers from 0 to 1, the lower first, as in 0.1-0.9", s)
	}
	*i = interval{a, b}
	return nil
}

// print prints the results and refuses those above -max-rel.
func (o verification) print(w io.Writer, results []proof.Comparison) error {
	worst := 0.0
	for _, r := range results {
		fmt.Fprintf(w, "%-12s relative error %.3e  max|error| %.3e%s\n", r.Name, r.Rel, r.MaxAbs, r.Note)
		worst = max(worst, r.Rel)
		if math.IsNaN(r.Rel) {
			worst = math.Inf(1)
		}
	}
	if worst > o.maxRel {
		return fmt.Errorf("relative error %.3e is above -max-rel %g", worst, o.maxRel)
	}
	return nil
}
