// Package dit is the Diffusion Transformer (arXiv 2212.09748) with AdaLN-Zero
// conditioning, written once over compute.Device. It reads like DiT/models.py
// and uses its names. SiT (arXiv 2401.08740) is the same network.
package dit

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"dit8/core/compute"
)

// Model is a network whose weights live on a device. It is used by one goroutine
// at a time.
type Model struct {
	cfg Config
	dev compute.Device

	patch       compute.Linear // x_embedder
	pos         compute.F32    // pos_embed [T, D]
	embedders   []embedder     // one, or one a block
	blocks      []block
	finalAdaLN  compute.Linear
	finalLinear compute.Linear

	work workspace
}

// embedder turns a Cond into the vector that the AdaLN heads see.
type embedder struct {
	tMLP0, tMLP2 compute.Linear // t_embedder
	table        []float32      // y_embedder.embedding_table [classes+1, D]
}

type block struct {
	adaLN, qkv, proj, fc1, fc2 compute.Linear
}

// Config is the network's shape.
func (m *Model) Config() Config { return m.cfg }

// Device is the device that runs the network.
func (m *Model) Device() compute.Device { return m.dev }

// NullClass is the label of no class, the last row of the label table.
func (m *Model) NullClass() int { return m.cfg.NumClasses }

// Load builds a model from tensors in any order, each once. Linear layers are
// handed to the device as soon as both their weight and bias are there, so that
// a stream is never held whole. It fails on missing, unknown, repeated or
// wrongly shaped tensors, naming them, and then keeps nothing of the device's
// memory.
func Load(dev compute.Device, cfg Config, tensors iter.Seq2[Tensor, error]) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m := &Model{cfg: cfg, dev: dev, blocks: make([]block, cfg.Depth), embedders: make([]embedder, 1)}
	if cfg.BlockEmbedders {
		m.embedders = make([]embedder, cfg.Depth)
	}
	whole := false
	defer func() {
		if !whole {
			m.Free()
		}
	}()
	specs := cfg.Specs()
	want := make(map[string]Spec, len(specs))
	for _, s := range specs {
		want[s.Name] = s
	}
	half := make(map[string]Tensor) // weight or bias that waits for its other half
	for t, err := range tensors {
		if err != nil {
			return nil, err
		}
		s, ok := want[t.Name]
		if !ok {
			return nil, fmt.Errorf("dit: tensor %s: unknown or repeated", t.Name)
		}
		delete(want, t.Name)
		if err := t.Check(s); err != nil {
			return nil, err
		}
		if err := m.accept(t, s.Role, half); err != nil {
			return nil, fmt.Errorf("dit: tensor %s: %w", t.Name, err)
		}
	}
	for _, s := range specs {
		if _, missing := want[s.Name]; missing {
			return nil, fmt.Errorf("dit: tensor %s: missing (%d of %d tensors are)", s.Name, len(want), len(specs))
		}
	}
	whole = true
	return m, nil
}

// Free gives back the device's memory that the weights and activations take. The
// model is of no use after it.
func (m *Model) Free() {
	layers := []compute.Linear{m.patch, m.finalAdaLN, m.finalLinear}
	for _, e := range m.embedders {
		layers = append(layers, e.tMLP0, e.tMLP2)
	}
	for _, b := range m.blocks {
		layers = append(layers, b.adaLN, b.qkv, b.proj, b.fc1, b.fc2)
	}
	for _, l := range layers {
		compute.FreeLinear(l) // a model that was not loaded whole lacks some
	}
	m.dev.Free(m.pos)
	m.work.free(m.dev)
	*m = Model{cfg: m.cfg, dev: m.dev}
}

// accept puts one tensor where it belongs.
func (m *Model) accept(t Tensor, role Role, half map[string]Tensor) error {
	i, name := blockOf(t.Name)
	switch name {
	case "pos_embed":
		pos, err := m.dev.Alloc(t.Len())
		if err != nil {
			return err
		}
		m.pos = pos
		m.dev.Write(pos, t.Floats())
		return nil
	case "y_embedder.embedding_table.weight":
		m.embedders[i].table = t.Floats()
		return nil
	}
	layer, part, _ := cutLast(t.Name, ".")
	other, ok := half[layer]
	if !ok {
		half[layer] = t
		return nil
	}
	delete(half, layer)
	weight, bias := t, other
	if part == "bias" {
		weight, bias = other, t
	}
	rows := weight.Shape[0]
	w := compute.Weights{In: weight.Len() / rows, Out: rows, I8: weight.I8, Scale: weight.Scale, Bias: bias.Floats()}
	if layer == "x_embedder.proj" || w.I8 == nil {
		w.F32, w.I8, w.Scale = weight.Floats(), nil, nil
	}
	l, err := m.dev.NewLinear(w)
	if err != nil {
		return err
	}
	*m.slot(layer) = l
	return nil
}

// slot is the field of the linear layer with an official name.
func (m *Model) slot(layer string) *compute.Linear {
	i, name := blockOf(layer)
	switch name {
	case "x_embedder.proj":
		return &m.patch
	case "t_embedder.mlp.0":
		return &m.embedders[i].tMLP0
	case "t_embedder.mlp.2":
		return &m.embedders[i].tMLP2
	case "final_layer.adaLN_modulation.1":
		return &m.finalAdaLN
	case "final_layer.linear":
		return &m.finalLinear
	}
	b := &m.blocks[i]
	return map[string]*compute.Linear{
		"adaLN_modulation.1": &b.adaLN,
		"attn.qkv":           &b.qkv,
		"attn.proj":          &b.proj,
		"mlp.fc1":            &b.fc1,
		"mlp.fc2":            &b.fc2,
	}[name]
}

// blockOf splits a parameter's name into the number of its block, 0 where it has
// none, and the rest.
func blockOf(name string) (i int, rest string) {
	in, ok := strings.CutPrefix(name, "blocks.")
	if !ok {
		return 0, name
	}
	number, rest, _ := strings.Cut(in, ".")
	i, err := strconv.Atoi(number)
	if err != nil {
		panic("dit: no tensor " + name) // it is not of Specs
	}
	return i, rest
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
