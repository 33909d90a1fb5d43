package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"dit8/core/dit"
	"dit8/core/flow"
)

// Modulation is what AdaLN does to a network in the evaluations of a request. A
// branch of a block computes, with the layer norm LN (DiT/models.py: DiTBlock,
// modulate)
//
//	x + α·f(γ·LN(x) + β),  γ = 1 + scale, β = shift, α = gate
//
// f being attention (msa) or the MLP (mlp). The final layer has γ and β only.
// Vectors have a value for each of the D channels. They depend on t and the class
// alone, not on the image.
type Modulation struct {
	Model   string `json:"model"`    // name
	ModelID string `json:"model_id"` // identifies the file
	// The file that was subtracted, in the result of Sub.
	ReferenceID string    `json:"reference_id,omitempty"`
	Device      string    `json:"device"` // what computed it
	Class       string    `json:"class"`  // name
	Times       []float32 `json:"times"`  // flow time of each evaluation, 1 (noise) towards 0 (data)
	Branches    []Branch  `json:"branches"`
}

// Branch is the modulation of one branch of a layer.
type Branch struct {
	Layer string  `json:"layer"`            // official name: blocks.0, …, final_layer
	Name  string  `json:"branch,omitempty"` // msa or mlp; empty in the final layer
	Gamma Series  `json:"gamma"`
	Beta  Series  `json:"beta"`
	Alpha *Series `json:"alpha,omitempty"` // nil in the final layer
}

// FinalLayer is the Layer of the last Branch.
const FinalLayer = "final_layer"

// BlockLayer is the Layer of the branches of block i.
func BlockLayer(i int) string { return fmt.Sprintf("blocks.%d", i) }

// Quantity is a Series of a branch with its name.
type Quantity struct {
	Name string // gamma, beta or alpha
	*Series
}

// Quantities lists γ, β and, where there is one, α.
func (b *Branch) Quantities() []Quantity {
	q := []Quantity{{"gamma", &b.Gamma}, {"beta", &b.Beta}}
	if b.Alpha != nil {
		q = append(q, Quantity{"alpha", b.Alpha})
	}
	return q
}

// Series is a vector over time, and its summary over the channels at each time.
type Series struct {
	// Neutral is the value that modulates nothing: 1 for γ, 0 for β, α (a closed
	// gate, the state that AdaLN-Zero starts from) and differences.
	Neutral float32     `json:"neutral"`
	Mean    []float32   `json:"mean"`             // [times]
	RMS     []float32   `json:"rms"`              // [times], root mean square of value - Neutral
	Min     []float32   `json:"min"`              // [times]
	Max     []float32   `json:"max"`              // [times]
	Values  [][]float32 `json:"values,omitempty"` // [times][D]
}

// ErrNoAdaLN tells that a network has nothing to inspect: what scales and gates its
// branches is stored, the same for all times and classes.
var ErrNoAdaLN = errors.New("core: the model has no AdaLN to inspect: its modulation is stored, the same at all times and for all classes")

// Memory that the values of one Modulation may take. A variable for tests.
var maxModulationValues = 256 << 18 // 256 MiB

// inspectRows bounds the evaluations whose modulation is computed in one go, so
// that the end of a context is seen soon.
const inspectRows = 64

// Inspect computes the modulation of the evaluations of req, for its classes alone:
// what guidance adds is not part of it. It fails with a *FieldError on a bad request
// and on more steps than fit 256 MiB, with ErrNoAdaLN, and with ctx's error soon after
// ctx's end.
// Models of latents can be inspected too.
func (g *Generator) Inspect(ctx context.Context, req Request) (*Modulation, error) {
	if err := req.Check(g.info); err != nil {
		return nil, err
	}
	req = req.canonical(g.info)
	if err := g.ready(); err != nil {
		return nil, err
	}
	cfg := g.model.Config()
	if cfg.Modulation != dit.AdaLN {
		return nil, ErrNoAdaLN
	}
	if err := req.fitsModulation(cfg); err != nil {
		return nil, err
	}
	if n := maxModulationValues / cfg.ConditioningLen(); req.Steps > n {
		return nil, &FieldError{"steps", strconv.Itoa(req.Steps), fmt.Sprintf("1 to %d: the modulation of this network takes %d values a step", n, cfg.ConditioningLen())}
	}
	evals := req.Plan(g.info.Convention).Evals
	times := make([]float32, len(evals))
	for i, e := range evals {
		times[i] = e.T
	}
	m := newModulation(cfg, times)
	m.Model, m.ModelID, m.Device, m.Class = g.info.Name, g.id, g.Device(), req.text(g.info)
	conds := g.inspected(req, evals)
	rows := min(inspectRows, g.conditioningRows())
	for first := 0; first < len(conds); first += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := g.moving(func() error { return m.read(g, req, conds[first:min(first+rows, len(conds))], first) }); err != nil {
			return nil, err
		}
	}
	if !m.summarise() {
		return nil, errors.New("core: the model produced modulation that is not finite")
	}
	return m, nil
}

// inspected is what the rows of modulation of a request are computed from, one for
// each evaluation.
func (g *Generator) inspected(req Request, evals []flow.Eval) []dit.Cond {
	conds := make([]dit.Cond, len(evals))
	for i, e := range evals {
		conds[i] = g.network().Conds(e, req.Conditions(e, g.info)[0])[0]
	}
	return conds
}

// newModulation is a Modulation with all values zero.
func newModulation(cfg dit.Config, times []float32) *Modulation {
	series := func(neutral float32) Series {
		s := Series{Neutral: neutral, Values: make([][]float32, len(times))}
		all := make([]float32, len(times)*cfg.HiddenSize)
		for i := range s.Values {
			s.Values[i], all = all[:cfg.HiddenSize:cfg.HiddenSize], all[cfg.HiddenSize:]
		}
		return s
	}
	m := &Modulation{Times: times}
	for i := range cfg.Depth {
		for _, name := range []string{"msa", "mlp"} {
			alpha := series(0)
			m.Branches = append(m.Branches, Branch{BlockLayer(i), name, series(1), series(0), &alpha})
		}
	}
	m.Branches = append(m.Branches, Branch{Layer: FinalLayer, Gamma: series(1), Beta: series(0)})
	return m
}

// read computes the modulation of conds, which are those of times[first] and on.
func (m *Modulation) read(g *Generator, req Request, conds []dit.Cond, first int) error {
	c, err := g.condition(req, conds)
	if err != nil {
		return err
	}
	defer c.Free()
	cfg := g.model.Config()
	d := cfg.HiddenSize
	v := make([]float32, 6*d)
	for row := range conds {
		t := first + row
		for i := range cfg.Depth {
			if err := c.ReadBlock(v, i, row); err != nil {
				return err
			}
			m.Branches[2*i].set(t, v[:3*d], d)
			m.Branches[2*i+1].set(t, v[3*d:], d)
		}
		if err := c.ReadFinal(v[:2*d], row); err != nil {
			return err
		}
		m.Branches[2*cfg.Depth].set(t, v[:2*d], d)
	}
	return nil
}

// set fills in the vectors at times[t] from v: shift, scale and perhaps gate, d
// values each.
func (b *Branch) set(t int, v []float32, d int) {
	copy(b.Beta.Values[t], v[:d])
	for i, scale := range v[d : 2*d] {
		b.Gamma.Values[t][i] = 1 + scale // rounded as NormModulate does
	}
	if b.Alpha != nil {
		copy(b.Alpha.Values[t], v[2*d:])
	}
}

// summarise fills in the summaries from the values, and reports whether all are
// finite.
func (m *Modulation) summarise() (ok bool) {
	ok = true
	for i := range m.Branches {
		for _, q := range m.Branches[i].Quantities() {
			s := q.Series
			s.Mean, s.RMS, s.Min, s.Max = nil, nil, nil, nil
			for _, v := range s.Values {
				sum, squares := 0.0, 0.0
				for _, x := range v {
					off := float64(x) - float64(s.Neutral)
					sum += float64(x)
					squares += float64(off * off)
					ok = ok && finite(x)
				}
				n := float64(len(v))
				s.Mean = append(s.Mean, float32(sum/n))
				s.RMS = append(s.RMS, float32(math.Sqrt(squares/n)))
				s.Min = append(s.Min, slices.Min(v))
				s.Max = append(s.Max, slices.Max(v))
			}
		}
	}
	return ok
}

// Sub is m - ref: how far the modulation of a model is from that of another with
// the same network, as an int8 model from its float32 one. It fails where the two
// are of different networks, classes or times, or one is a Summary.
func (m *Modulation) Sub(ref *Modulation) (*Modulation, error) {
	switch {
	case m.Class != ref.Class:
		return nil, fmt.Errorf("core: modulation of class %q and of class %q", m.Class, ref.Class)
	case len(m.Times) != len(ref.Times):
		return nil, fmt.Errorf("core: modulation at %d times and at %d", len(m.Times), len(ref.Times))
	case !slices.Equal(m.Times, ref.Times):
		return nil, errors.New("core: modulation at different times")
	case len(m.Branches) != len(ref.Branches):
		return nil, fmt.Errorf("core: modulation of %d branches and of %d", len(m.Branches), len(ref.Branches))
	}
	d := *m
	d.ReferenceID = ref.ModelID
	d.Branches = make([]Branch, len(m.Branches))
	for i, a := range m.Branches {
		b := ref.Branches[i]
		if a.Layer != b.Layer || a.Name != b.Name || (a.Alpha == nil) != (b.Alpha == nil) {
			return nil, fmt.Errorf("core: branch %d is %s %s in one model and %s %s in the other", i, a.Layer, a.Name, b.Layer, b.Name)
		}
		to := Branch{Layer: a.Layer, Name: a.Name}
		if a.Alpha != nil {
			to.Alpha = new(Series)
		}
		x, y := a.Quantities(), b.Quantities()
		for k, q := range to.Quantities() {
			if err := q.sub(x[k].Series, y[k].Series); err != nil {
				return nil, fmt.Errorf("core: %s %s %s: %w", a.Layer, a.Name, q.Name, err)
			}
		}
		d.Branches[i] = to
	}
	if !d.summarise() {
		return nil, errors.New("core: a difference of modulation is not finite")
	}
	return &d, nil
}

func (s *Series) sub(a, b *Series) error {
	if len(a.Values) != len(a.Mean) || len(b.Values) != len(b.Mean) || len(a.Values) != len(b.Values) {
		return errors.New("the values are missing")
	}
	for t, v := range a.Values {
		w := b.Values[t]
		if len(v) != len(w) {
			return fmt.Errorf("%d channels in one model, %d in the other", len(v), len(w))
		}
		diff := make([]float32, len(v))
		for i := range v {
			diff[i] = v[i] - w[i]
		}
		s.Values = append(s.Values, diff)
	}
	return nil
}

// Summary is m without the values, which are D times as many.
func (m *Modulation) Summary() *Modulation {
	s := *m
	s.Branches = slices.Clone(m.Branches)
	for i := range s.Branches {
		b := &s.Branches[i]
		b.Gamma.Values, b.Beta.Values = nil, nil
		if b.Alpha != nil {
			alpha := *b.Alpha
			alpha.Values = nil
			b.Alpha = &alpha
		}
	}
	return &s
}

// Layer is m with the branches of one layer alone: blocks.0, …, final_layer. It
// fails on a layer that m does not have.
func (m *Modulation) Layer(name string) (*Modulation, error) {
	s := *m
	s.Branches = nil
	for _, b := range m.Branches {
		if b.Layer == name {
			s.Branches = append(s.Branches, b)
		}
	}
	if s.Branches == nil {
		return nil, fmt.Errorf("core: no layer %s", shorten(name))
	}
	return &s, nil
}
