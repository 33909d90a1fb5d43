package core

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Of all values that the inspector sees, the group's and no others are scaled, as
// far as they are from neutral.
func TestModulationScale(t *testing.T) {
	g := generator(t, tiny, info)
	inspect := func(m ...ModulationScale) *Modulation {
		got, err := g.Inspect(context.Background(), with(g, func(r *Request) { r.Modulation = m }))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	plain := inspect()
	for name, c := range map[string]struct {
		m  ModulationScale
		in func(layer, branch, quantity string, channel int) bool
	}{
		"all":   {ModulationScale{Scale: 2}, func(string, string, string, int) bool { return true }},
		"gates": {ModulationScale{Quantity: "alpha", Scale: -2}, func(_, _, q string, _ int) bool { return q == "alpha" }},
		"a group": {ModulationScale{"gamma", "mlp", []int{1, 1}, []int{2, 5}, 2}, func(l, b, q string, c int) bool {
			return l == BlockLayer(1) && b == "mlp" && q == "gamma" && c >= 2 && c <= 5
		}},
		"shifts of attention": {ModulationScale{Quantity: "beta", Branch: "msa", Blocks: []int{0, 0}, Scale: 0}, func(l, b, q string, _ int) bool {
			return l == BlockLayer(0) && b == "msa" && q == "beta"
		}},
	} {
		for i, b := range inspect(c.m).Branches {
			want := plain.Branches[i].Quantities()
			for k, q := range b.Quantities() {
				for step, v := range q.Values {
					for channel, got := range v {
						w := want[k].Values[step][channel]
						if b.Layer != FinalLayer && c.in(b.Layer, b.Name, q.Name, channel) {
							w = q.Neutral + c.m.Scale*(w-q.Neutral)
						}
						if d := got - w; d > 1e-6 || d < -1e-6 {
							t.Fatalf("%s: %s %s %s, channel %d: %v, want %v", name, b.Layer, b.Name, q.Name, channel, got, w)
						}
					}
				}
			}
		}
	}
}

func TestModulationRefuses(t *testing.T) {
	g := generator(t, tiny, info)
	for want, m := range map[string]ModulationScale{
		`modulation[1].quantity is "delta", allowed: beta, gamma, alpha, or none for all`:      {Quantity: "delta"},
		`modulation[1].branch is "x", allowed: msa, mlp, or none for all`:                      {Branch: "x"},
		"modulation[1].scale is 11, allowed: -10 to 10":                                        {Scale: 11},
		"modulation[1].blocks is [1 0], allowed: two numbers from 0 to 1, the lower first":     {Blocks: []int{1, 0}},
		"modulation[1].blocks is [0 2], allowed: two numbers from 0 to 1":                      {Blocks: []int{0, 2}},
		"modulation[1].blocks is [0], allowed":                                                 {Blocks: []int{0}},
		"modulation[1].channels is [-1 0], allowed: two numbers from 0 to 23, the lower first": {Channels: []int{-1, 0}},
	} {
		req := with(g, func(r *Request) { r.Modulation = []ModulationScale{{Scale: 1}, m} })
		_, err := g.Generate(context.Background(), req, nil)
		_, inspected := g.Inspect(context.Background(), req)
		var f *FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) || inspected == nil || inspected.Error() != err.Error() {
			t.Errorf("%v and %v, want %q", err, inspected, want)
		}
	}
	many := with(g, func(r *Request) { r.Modulation = make([]ModulationScale, MaxModulations+1) })
	if err := many.Check(info); err == nil || !strings.Contains(err.Error(), "modulation is a list of 17, allowed: up to 16") {
		t.Errorf("%v", err)
	}
}
