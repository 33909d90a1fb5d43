package convert

import (
	"fmt"
	"path"
	"strings"

	"dit8/core/param"
	"dit8/tools/quantize/calib"
)

// Rule says how to store the tensors whose name, or whose layer's name, matches a
// pattern of path.Match. (A name has no slash, so that * matches any part of it.)
type Rule struct{ Pattern, Type string }

// Rules are those of -keep; the last one that matches counts.
type Rules []Rule

// String is what a flag.Value has to have.
func (r *Rules) String() string { return "" }

// Set adds a rule, PATTERN=TYPE.
func (r *Rules) Set(s string) error {
	pattern, dtype, ok := strings.Cut(s, "=")
	if !ok || dtype != "int8" && dtype != "f16" && dtype != "f32" {
		return fmt.Errorf("%.100q is not PATTERN=TYPE with the type int8, f16 or f32", s)
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("the pattern %.100q is not one: %w", pattern, err)
	}
	*r = append(*r, Rule{pattern, dtype})
	return nil
}

func (r Rule) matches(name string) bool {
	whole, _ := path.Match(r.Pattern, name)
	layer, _ := path.Match(r.Pattern, strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".bias"))
	return whole || layer
}

// Types are the element types that tensors are stored as.
type Types struct {
	Default string // int8, f16 or f32
	Keep    Rules
}

// Of is the type that a tensor is to be stored as, f32 where float16 loses
// something and was not asked for. Biases are added to every value: int8 files keep
// them in float32 unless float16 holds them exactly.
func (t Types) Of(s param.Spec) string {
	dtype := t.Default
	if dtype == "int8" {
		switch {
		case s.Role == param.Bias:
			dtype = "f32"
		case !s.Role.Int8():
			dtype = "f16"
		}
	}
	for _, r := range t.Keep {
		if r.matches(s.Name) && (r.Type != "int8" || s.MayBeInt8()) {
			dtype = r.Type
		}
	}
	return dtype
}

// Int8 says which tensors are to be int8.
func (t Types) Int8(s param.Spec) bool { return t.Of(s) == "int8" }

// Round16 says which float tensors may be rounded to float16.
func (t Types) Round16(s param.Spec) bool { return t.Of(s) == "f16" }

// Check refuses rules that say nothing of a network: a typing mistake would go
// unseen.
func (t Types) Check(specs []param.Spec) error {
	for _, r := range t.Keep {
		matched, able := false, false
		for _, s := range specs {
			if r.matches(s.Name) {
				matched = true
				able = able || r.Type != "int8" || s.MayBeInt8()
			}
		}
		if !matched {
			return fmt.Errorf("-keep %s=%s: no tensor's name matches", r.Pattern, r.Type)
		}
		if !able {
			return fmt.Errorf("-keep %s=%[2]s: the tensors that match are no matrices, %[2]s is for matrices and for convolutions within an autoencoder", r.Pattern, r.Type)
		}
	}
	return nil
}

// stored is a float tensor as it is to be stored. seen are a convolution's inputs, or nil.
func (t Types) stored(s param.Spec, x param.Tensor, seen *calib.Channels) param.Tensor {
	switch {
	case !t.Int8(s):
		return x
	case s.Role == param.Convolution:
		return smoothedKernels(x, seen)
	}
	return quantizeRows(x)
}
