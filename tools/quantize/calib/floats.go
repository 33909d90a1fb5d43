package calib

import (
	"iter"
	"slices"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/param"
)

// Tensors is a stream of a network's tensors.
type Tensors = iter.Seq2[param.Tensor, error]

// Floats is a network's weights in memory.
type Floats struct {
	Config dit.Config
	Info   core.Info
	Values map[string][]float32
}

// ReadFloats reads all of a model's tensors, as float32.
func ReadFloats(cfg dit.Config, info core.Info, tensors Tensors) (Floats, error) {
	f := Floats{cfg, info, make(map[string][]float32)}
	for t, err := range tensors {
		if err != nil {
			return f, err
		}
		f.Values[t.Name] = t.Floats()
	}
	return f, nil
}

// Copy is one that may be changed.
func (f Floats) Copy() Floats {
	c := Floats{f.Config, f.Info, make(map[string][]float32, len(f.Values))}
	for k, v := range f.Values {
		c.Values[k] = slices.Clone(v)
	}
	return c
}

// Tensor is one of the network's.
func (f Floats) Tensor(s param.Spec) param.Tensor {
	return param.Tensor{Name: s.Name, Shape: s.Shape, F32: f.Values[s.Name]}
}

// Tensors are all of the network's, in the order of use.
func (f Floats) Tensors() Tensors {
	return func(yield func(param.Tensor, error) bool) {
		for _, s := range f.Config.Specs() {
			if !yield(f.Tensor(s), nil) {
				return
			}
		}
	}
}
