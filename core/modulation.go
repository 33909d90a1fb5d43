package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dit8/core/dit"
)

// ModulationScale strengthens or weakens AdaLN in a group of channels: it multiplies
// how far γ, β or α is from the value that modulates nothing (see Modulation), in all
// steps. That is a product with a vector that the network has anyway (scale, shift or
// gate), so every device rounds it alike. The final layer stays as it is.
type ModulationScale struct {
	Quantity string  `json:"quantity,omitempty"` // gamma, beta or alpha; "" is all three
	Branch   string  `json:"branch,omitempty"`   // msa or mlp; "" is both
	Blocks   []int   `json:"blocks,omitempty"`   // [first, last], from 0; nil is all
	Channels []int   `json:"channels,omitempty"` // [first, last], from 0; nil is all
	Scale    float32 `json:"scale"`              // ±MaxModulation: 1 changes nothing, 0 takes the modulation away
}

// Limits of Request.Modulation.
const (
	MaxModulations = 16 // entries; they multiply where they meet
	MaxModulation  = 10 // of a Scale
)

// Names of ModulationScale, in the order of their vectors in a block's modulation.
var (
	modulationBranches   = []string{"msa", "mlp"}
	modulationQuantities = []string{"beta", "gamma", "alpha"}
)

// checkModulation checks what does not depend on the network.
func (r Request) checkModulation() error {
	if len(r.Modulation) > MaxModulations {
		return &FieldError{"modulation", fmt.Sprintf("a list of %d", len(r.Modulation)), fmt.Sprintf("up to %d", MaxModulations)}
	}
	for i, m := range r.Modulation {
		for _, f := range []struct {
			name, value string
			allowed     []string
		}{{"quantity", m.Quantity, modulationQuantities}, {"branch", m.Branch, modulationBranches}} {
			if f.value != "" && !slices.Contains(f.allowed, f.value) {
				return &FieldError{modulationField(i, f.name), strconv.Quote(shorten(f.value)), strings.Join(f.allowed, ", ") + ", or none for all"}
			}
		}
		if err := within(modulationField(i, "scale"), m.Scale, -MaxModulation, MaxModulation); err != nil {
			return err
		}
	}
	return nil
}

func modulationField(i int, name string) string { return fmt.Sprintf("modulation[%d].%s", i, name) }

// fitsModulation checks the ranges of blocks and channels against a network.
func (r Request) fitsModulation(cfg dit.Config) error {
	if r.Modulation != nil && cfg.Modulation != dit.AdaLN {
		return &FieldError{"modulation", fmt.Sprintf("a list of %d", len(r.Modulation)), "none: the model has no AdaLN"}
	}
	for i, m := range r.Modulation {
		for _, f := range []struct {
			name  string
			value []int
			n     int
		}{{"blocks", m.Blocks, cfg.Depth}, {"channels", m.Channels, cfg.HiddenSize}} {
			if v := f.value; v != nil && !(len(v) == 2 && v[0] >= 0 && v[0] <= v[1] && v[1] < f.n) {
				return &FieldError{modulationField(i, f.name), shorten(fmt.Sprint(v)), fmt.Sprintf("two numbers from 0 to %d, the lower first", f.n-1)}
			}
		}
	}
	return nil
}

// condition computes the modulation vectors of conds as req, which was checked,
// wants them.
func (g *Generator) condition(req Request, conds []dit.Cond) (*dit.Conditioning, error) {
	c, err := g.model.Condition(conds)
	if err != nil {
		return nil, err
	}
	cfg := g.model.Config()
	for _, m := range req.Modulation {
		first, last := span(m.Blocks, cfg.Depth)
		for i := first; i <= last; i++ {
			c.EditBlock(i, func(v []float32) { m.apply(v, cfg.HiddenSize) })
		}
	}
	return c, nil
}

// apply scales v, rows of six vectors of d channels: a block's modulation.
func (m ModulationScale) apply(v []float32, d int) {
	first, last := span(m.Channels, d)
	for at := 0; at < len(v); at += d {
		vector := at / d % 6
		branch, quantity := modulationBranches[vector/3], modulationQuantities[vector%3]
		if m.Branch != "" && m.Branch != branch || m.Quantity != "" && m.Quantity != quantity {
			continue
		}
		for i := at + first; i <= at+last; i++ {
			v[i] = float32(v[i] * m.Scale)
		}
	}
}

// span is a range of n that was checked, nil being all.
func span(r []int, n int) (first, last int) {
	if r == nil {
		return 0, n - 1
	}
	return r[0], r[1]
}
