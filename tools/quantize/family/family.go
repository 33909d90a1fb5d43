// Package family knows the networks that people publish, a file for each: how to
// recognise one, to read what it is like off its tensors, and to bring these to the
// names and forms that core/dit has, by folds that are exact.
package family

import (
	"fmt"
	"strings"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint"
)

// Family is a kind of network.
type Family struct {
	Name string
	// Is recognises a checkpoint by the names and shapes of its tensors, and by what
	// it says of its training.
	Is func(*checkpoint.Checkpoint) bool
	// Read reads one. What it has noted it returns with an error too.
	Read func(*checkpoint.Checkpoint, Said) (Model, error)
}

// All are the families. A checkpoint is of one of them at most.
var All = []Family{Diffusers, SiT, DiT}

// Model is a network as core/dit has it.
type Model struct {
	Network    *dit.Config
	Convention flow.Convention
	Specs      []param.Spec // in the order of use
	// Tensor computes a tensor in float32, also for several goroutines at a time.
	Tensor func(name string) (param.Tensor, error)
	Notes  []string // what was assumed
}

// Read reads a checkpoint of the family that was said, or else of the one that it is
// recognised as. One of none is taken for a DiT, to say what it lacks.
func Read(c *checkpoint.Checkpoint, s Said) (Model, error) {
	if err := foreign(c); err != nil {
		return Model{}, err
	}
	f, err := find(c, s.Family)
	if err != nil {
		return Model{}, err
	}
	if s.Numerics != "" && f.Name != Diffusers.Name {
		return Model{}, fmt.Errorf("-numerics is for diffusers' folders, these are the official parameter names")
	}
	return f.Read(c, s)
}

func find(c *checkpoint.Checkpoint, name string) (Family, error) {
	var names []string
	for _, f := range All {
		if f.Name == name || name == "" && f.Is(c) {
			return f, nil
		}
		names = append(names, f.Name)
	}
	if name != "" {
		return Family{}, fmt.Errorf("the family is %.40q, known are %s", name, strings.Join(names, ", "))
	}
	return DiT, nil
}

// foreign refuses what no family is.
func foreign(c *checkpoint.Checkpoint) error {
	for _, t := range c.Tensors {
		for _, prefix := range []string{"decoder.", "post_quant_conv.", "first_stage_model."} {
			if strings.HasPrefix(t.Name, prefix) {
				return fmt.Errorf("tensor %s: this is a VAE, not a Diffusion Transformer; VAEs are not supported yet", t.Name)
			}
		}
	}
	if len(c.Tensors) == 0 {
		return fmt.Errorf("the file has no tensors")
	}
	return nil
}

// has tells whether a checkpoint has tensors of all these names.
func has(c *checkpoint.Checkpoint, names ...string) bool {
	for _, n := range names {
		if _, ok := c.Lookup(n); !ok {
			return false
		}
	}
	return true
}
