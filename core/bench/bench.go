// Package bench measures a device: it times forward passes of networks with
// random int8 weights and tells which operations the time goes to. Times are in
// milliseconds, speeds in 10⁹ multiply-adds a second (GMAC/s).
package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/profile"
	"dit8/core/dit"
)

// warmUp passes go untimed: until engines have optimised the kernels and scratch
// memory has grown.
const warmUp = 3

// seed of the weights. They need not differ from run to run.
const seed = 1

// Run measures o's network on dev, conditioning included, and gives back what
// memory of dev it took. Before it times anything it checks that the output is
// finite, that equal images of a batch come out equal, and that passes repeat bit
// for bit. It fails with ctx's error within one pass of ctx's end.
func Run(ctx context.Context, dev compute.Device, o Options) (Result, error) {
	if err := o.Valid(); err != nil {
		return Result{}, err
	}
	timed := profile.New(dev)
	n, err := Load(timed, o)
	if err != nil {
		return Result{}, err
	}
	defer n.Free()
	pass := func(done int) (took time.Duration, err error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		err = n.Pass()
		took = time.Since(start)
		if o.Progress != nil && err == nil {
			o.Progress(done, warmUp+o.Passes)
		}
		return took, err
	}

	var first []float32
	for i := range warmUp {
		if _, err := pass(i + 1); err != nil {
			return Result{}, err
		}
		if i == 0 {
			first = append(first, n.Out...)
			if err := n.plausible(); err != nil {
				return Result{}, err
			}
		}
		if !same(first, n.Out) {
			return Result{}, errors.New("bench: the same pass gives another output the second time")
		}
	}
	if o.Check {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		if err := compare(first, o); err != nil {
			return Result{}, err
		}
	}
	timed.Reset()
	passes := make([]time.Duration, o.Passes)
	for i := range passes {
		if passes[i], err = pass(warmUp + i + 1); err != nil {
			return Result{}, err
		}
	}
	if !same(first, n.Out) {
		return Result{}, errors.New("bench: the last pass gives another output than the first")
	}
	r := Result{Name: o.Name, Device: dev.Name(), Config: o.Config, Parameters: parameters(o.Config), Batch: o.Batch, Output: hash(first)}
	r.summary(passes, timed.Entries())
	return r, nil
}

// Network is a model with the input of its passes.
type Network struct {
	model *dit.Model
	conds []dit.Cond // one an image
	in    []float32  // [N, C, H, W]
	Out   []float32  // [N, Cout, H, W], of the last pass
}

// Load makes a model of o's network with random weights on dev, which Free gives back.
// Images 2i and 2i+1 of its batch are equal, and so are their labels.
func Load(dev compute.Device, o Options) (*Network, error) {
	cfg := o.Config
	m, err := dit.Load(dev, cfg, dit.Random(cfg, seed, true))
	if err != nil {
		return nil, err
	}
	size := cfg.ImageLen()
	n := &Network{model: m, conds: o.Conds(), in: make([]float32, o.Batch*size), Out: make([]float32, o.Batch*size/cfg.InChannels*cfg.OutChannels())}
	for i := range n.in {
		n.in[i] = float32(i%size%17-8) / 8
	}
	return n, nil
}

// Hash is Result.Output of the last pass.
func (n *Network) Hash() string { return hash(n.Out) }

// Free gives back the device's memory.
func (n *Network) Free() { n.model.Free() }

// Pass is a step of a sampler with a conditioning of its own.
func (n *Network) Pass() error {
	c, err := n.model.Condition(n.conds)
	if err != nil {
		return err
	}
	defer c.Free()
	return n.model.Forward(n.Out, n.in, len(n.conds), c, 0, len(n.conds))
}

// plausible checks what can be told of an output without another device.
func (n *Network) plausible() error {
	zeros := true
	for _, v := range n.Out {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("bench: the output holds %v", v)
		}
		zeros = zeros && v == 0
	}
	if zeros {
		return errors.New("bench: the output is all zeros")
	}
	size := len(n.Out) / len(n.conds)
	for i := 1; i < len(n.conds); i += 2 {
		if at := i * size; !same(n.Out[at-size:at], n.Out[at:at+size]) {
			return fmt.Errorf("bench: images %d and %d of the batch are equal, and their outputs are not", i-1, i)
		}
	}
	return nil
}

// compare reports whether out is what the generic device computes.
func compare(out []float32, o Options) error {
	n, err := Load(generic.New(), o)
	if err != nil {
		return err
	}
	if err := n.Pass(); err != nil {
		return err
	}
	for i, want := range n.Out {
		if math.Float32bits(out[i]) != math.Float32bits(want) {
			return fmt.Errorf("bench: output value %d is %v, the generic device's is %v", i, out[i], want)
		}
	}
	return nil
}

// hash is the SHA-256 of values.
func hash(v []float32) string {
	h := sha256.New()
	for _, x := range v {
		b := math.Float32bits(x)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// same reports whether a and b hold the same bits.
func same(a, b []float32) bool {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
