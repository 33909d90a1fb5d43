package main

import (
	"fmt"
	"path"
	"strings"

	"dit8/core/dit"
	"dit8/core/param"
)

// rule says how to store the tensors whose name, or whose layer's name, matches a
// pattern of path.Match. (A name has no slash, so that * matches any part of it.)
type rule struct{ pattern, dtype string }

// rules are those of -keep; the last one that matches counts.
type rules []rule

func (r *rules) String() string { return "" }

// Set adds a rule, PATTERN=TYPE.
func (r *rules) Set(s string) error {
	pattern, dtype, ok := strings.Cut(s, "=")
	if !ok || dtype != "int8" && dtype != "f16" && dtype != "f32" {
		return fmt.Errorf("%.100q is not PATTERN=TYPE with the type int8, f16 or f32", s)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("the pattern %.100q is not one: %w", pattern, err)
	}
	*r = append(*r, rule{pattern, dtype})
	return nil
}

func (r rule) matches(name string) bool {
	whole, _ := path.Match(r.pattern, name)
	layer, _ := path.Match(r.pattern, strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias"))
	return whole || layer
}

// typeOf is the type that a tensor is to be stored as, f32 where float16 loses
// something and was not asked for. Biases are added to every value: int8 files keep
// them in float32 unless float16 holds them exactly.
func (o options) typeOf(s param.Spec) string {
	dtype := o.dtype
	if dtype == "int8" {
		switch {
		case s.Role == param.Bias:
			dtype = "f32"
		case !int8Role(s.Role):
			dtype = "f16"
		}
	}
	for _, r := range o.keep {
		if r.matches(s.Name) && (r.dtype != "int8" || len(s.Shape) == 2) {
			dtype = r.dtype
		}
	}
	return dtype
}

func (o options) isInt8(s param.Spec) bool { return o.typeOf(s) == "int8" }

// round16 says which float tensors may be rounded to float16.
func (o options) round16(s param.Spec) bool { return o.typeOf(s) == "f16" }

// check refuses rules that say nothing of this network: a typing mistake would go
// unseen.
func (r rules) check(cfg dit.Config) error {
	for _, x := range r {
		matched, able := false, false
		for _, s := range cfg.Specs() {
			if x.matches(s.Name) {
				matched = true
				able = able || x.dtype != "int8" || len(s.Shape) == 2
			}
		}
		if !matched {
			return fmt.Errorf("-keep %s=%s: no tensor's name matches", x.pattern, x.dtype)
		}
		if !able {
			return fmt.Errorf("-keep %s=%[2]s: the tensors that match are no matrices, %[2]s is for matrices", x.pattern, x.dtype)
		}
	}
	return nil
}
