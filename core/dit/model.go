// Package dit is the Diffusion Transformer (arXiv 2212.09748) with AdaLN-Zero
// conditioning, written once over compute.Device. It reads like DiT/models.py
// and uses its names. SiT (arXiv 2401.08740) is the same network; Config has the
// switches of later families.
package dit

import (
	"fmt"
	"iter"

	"dit8/core/compute"
	"dit8/core/param"
)

// Model is a network whose weights live on a device. It is used by one goroutine
// at a time.
type Model struct {
	cfg Config
	dev compute.Device

	patch       compute.Linear // x_embedder
	pos         compute.F32    // pos_embed [T, D]
	embedders   []embedder     // one, or one a block
	context     context
	blocks      []block
	final       modulator
	finalLinear compute.Linear
	rope        compute.F32 // [L+T, head_dim], cosine and sine of each pair; none without rope and qk_norm

	work workspace
}

// embedder turns a Cond into the vector that the AdaLN heads see.
type embedder struct {
	t     timestepEmbedder
	table []float32 // y_embedder.embedding_table [classes+1, D]
}

// timestepEmbedder is the MLP over a sinusoidal embedding.
type timestepEmbedder struct{ mlp0, mlp2 compute.Linear }

// context makes the tokens in front of the image's.
type context struct {
	tokens               []float32        // context_embed [L, D], the tokens' own parameters
	r, omega, tMin, tMax timestepEmbedder // r of TimesSum
}

// modulator has the vectors shift, scale and gate: a head of SiLU(c), or stored.
type modulator struct {
	adaLN  compute.Linear
	static compute.F32
}

type block struct {
	modulator
	qkv, proj    compute.Linear
	qNorm, kNorm compute.F32    // [head_dim]
	fc1, fc2     compute.Linear // of GELU
	w1, w2, w3   compute.Linear // of SwiGLU: w2(silu(w1(x)) ∘ w3(x))
}

// Config is the network's shape.
func (m *Model) Config() Config { return m.cfg }

// Device is the device that runs the network.
func (m *Model) Device() compute.Device { return m.dev }

// NullClass is the label of no class, the last row of the label table.
func (m *Model) NullClass() int { return m.cfg.NumClasses }

func newModel(dev compute.Device, cfg Config) *Model {
	m := &Model{cfg: cfg, dev: dev, blocks: make([]block, cfg.Depth), embedders: make([]embedder, 1)}
	if cfg.BlockEmbedders {
		m.embedders = make([]embedder, cfg.Depth)
	}
	return m
}

// Load builds a model from tensors in any order, each once, as param.Load does. It
// fails on missing, unknown, repeated or wrongly shaped tensors, naming them, or with
// the stream's own error, and then keeps nothing of the device's memory.
func Load(dev compute.Device, cfg Config, tensors iter.Seq2[param.Tensor, error]) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m := newModel(dev, cfg)
	var broken error
	watched := func(yield func(param.Tensor, error) bool) {
		for t, err := range tensors {
			if broken = err; !yield(t, err) {
				return
			}
		}
	}
	if err := param.Load(dev, m.places(), watched); broken != nil {
		return nil, broken
	} else if err != nil {
		return nil, fmt.Errorf("dit: %w", err)
	}
	if err := m.newRope(); err != nil {
		m.Free()
		return nil, err
	}
	return m, nil
}

// Free gives back the device's memory that the weights and activations take. The
// model is of no use after it.
func (m *Model) Free() {
	param.Free(m.dev, m.places())
	m.dev.Free(m.rope)
	m.work.free(m.dev)
	*m = Model{cfg: m.cfg, dev: m.dev}
}

// places are all parameters in the order in which a forward pass needs them.
func (m *Model) places() []param.Place {
	c, d := m.cfg, m.cfg.HiddenSize
	l := list{d: d}
	l.add(param.Place{Name: "x_embedder.proj", Role: param.Projection, Shape: []int{d, c.InChannels, c.PatchSize, c.PatchSize}, Linear: &m.patch, Float32: true})
	l.vector("pos_embed", &m.pos, 1, c.Tokens(), d)
	if !c.BlockEmbedders {
		m.embedders[0].places(&l, "", c)
	}
	m.context.places(&l, c)
	for i := range m.blocks {
		p := fmt.Sprintf("blocks.%d.", i)
		if c.BlockEmbedders {
			m.embedders[i].places(&l, p, c)
		}
		m.blocks[i].places(&l, p, c)
	}
	m.final.places(&l, "final_layer.", 2*d, c)
	l.linear(param.Projection, "final_layer.linear", &m.finalLinear, c.PatchSize*c.PatchSize*c.OutChannels(), d)
	return l.places
}

// list collects places of a network of width d.
type list struct {
	d      int
	places []param.Place
}

func (l *list) add(p param.Place) { l.places = append(l.places, p) }

func (l *list) linear(role param.Role, name string, to *compute.Linear, out, in int) {
	l.add(param.Place{Name: name, Role: role, Shape: []int{out, in}, Linear: to})
}

func (l *list) vector(name string, to *compute.F32, shape ...int) {
	l.add(param.Place{Name: name, Role: param.Embedding, Shape: shape, Device: to})
}

func (l *list) host(name string, to *[]float32, shape ...int) {
	l.add(param.Place{Name: name, Role: param.Embedding, Shape: shape, Host: to})
}

func (e *embedder) places(l *list, prefix string, c Config) {
	e.t.places(l, prefix+"t_embedder")
	l.host(prefix+"y_embedder.embedding_table.weight", &e.table, c.NumClasses+1, l.d)
}

func (e *timestepEmbedder) places(l *list, name string) {
	l.linear(param.Modulator, name+".mlp.0", &e.mlp0, l.d, FreqDim)
	l.linear(param.Modulator, name+".mlp.2", &e.mlp2, l.d, l.d)
}

func (x *context) places(l *list, c Config) {
	for _, e := range []struct {
		name  string
		to    *timestepEmbedder
		there bool
	}{
		{"r_embedder", &x.r, c.Times == TimesSum},
		{"omega_embedder", &x.omega, c.Context.Omega > 0},
		{"t_min_embedder", &x.tMin, c.Context.TMin > 0},
		{"t_max_embedder", &x.tMax, c.Context.TMax > 0},
	} {
		if e.there {
			e.to.places(l, e.name)
		}
	}
	if n := c.Context.Len(); n > 0 {
		l.host("context_embed", &x.tokens, 1, n, l.d)
	}
}

func (m *modulator) places(l *list, prefix string, width int, c Config) {
	if c.Modulation == StaticModulation {
		l.vector(prefix+"modulation", &m.static, width)
		return
	}
	l.linear(param.Modulator, prefix+"adaLN_modulation.1", &m.adaLN, width, l.d)
}

func (b *block) places(l *list, prefix string, c Config) {
	d, f := l.d, c.MLPHidden
	b.modulator.places(l, prefix, 6*d, c)
	l.linear(param.Matrix, prefix+"attn.qkv", &b.qkv, 3*d, d)
	if c.QKNorm {
		l.vector(prefix+"attn.q_norm.weight", &b.qNorm, c.headDim())
		l.vector(prefix+"attn.k_norm.weight", &b.kNorm, c.headDim())
	}
	l.linear(param.Matrix, prefix+"attn.proj", &b.proj, d, d)
	if c.MLP == SwiGLU {
		l.linear(param.Matrix, prefix+"mlp.w1", &b.w1, f, d)
		l.linear(param.Matrix, prefix+"mlp.w3", &b.w3, f, d)
		l.linear(param.Matrix, prefix+"mlp.w2", &b.w2, d, f)
		return
	}
	l.linear(param.Matrix, prefix+"mlp.fc1", &b.fc1, f, d)
	l.linear(param.Matrix, prefix+"mlp.fc2", &b.fc2, d, f)
}
