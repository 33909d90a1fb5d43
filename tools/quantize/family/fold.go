package family

import (
	"fmt"
	"slices"

	"dit8/core/param"
)

// The folds are exact: what a network computes with them is what it computes without,
// but for the rounding of a weight to float32. Sums and products are in float64 and
// rounded once. A fold reads its tensors when the new one is asked for.

// fold is a tensor computed from others.
func fold(name string, shape []int, compute func(v [][]float32) []float32, from ...tensor) tensor {
	return tensor{Name: name, Shape: shape, Floats: func() ([]float32, error) {
		var all [][]float32
		for _, x := range from {
			v, err := x.Floats()
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		return compute(all), nil
	}}
}

// misshapen says what a tensor's shape should have been.
func misshapen(x tensor, want string, args ...any) error {
	return fmt.Errorf("tensor %s: shape is %v, expected %s", x.Name, x.Shape, fmt.Sprintf(want, args...))
}

// outputs is the first dimension of a weight, 0 of one that is missing.
func outputs(w tensor) int {
	if len(w.Shape) == 0 {
		return 0
	}
	return w.Shape[0]
}

func zeros(name string, shape ...int) tensor {
	n := param.Spec{Shape: shape}.Len()
	return fold(name, shape, func([][]float32) []float32 { return make([]float32, n) })
}

// below puts tensors [n, …] below each other.
func below(ts ...tensor) (tensor, error) {
	first := ts[0]
	if len(ts) == 1 {
		return first, nil
	}
	shape := slices.Clone(first.Shape)
	for _, x := range ts[1:] {
		if len(x.Shape) == 0 || len(x.Shape) != len(shape) || !slices.Equal(x.Shape[1:], shape[1:]) {
			return first, misshapen(x, "rows of %v, as those of %s", shape[min(1, len(shape)):], first.Name)
		}
		shape[0] += x.Shape[0]
	}
	return fold(first.Name, shape, func(v [][]float32) []float32 { return slices.Concat(v...) }, ts...), nil
}

// part is part i of n equal ones of the rows of x.
func part(x tensor, i, n int) (tensor, error) {
	if outputs(x)%n != 0 {
		return x, misshapen(x, "a multiple of %d rows", n)
	}
	shape := slices.Clone(x.Shape)
	shape[0] /= n
	return fold(x.Name, shape, func(v [][]float32) []float32 {
		size := len(v[0]) / n
		return slices.Clone(v[0][i*size : (i+1)*size])
	}, x), nil
}

// spread makes n chunks of rows, of which those at the places at are x's and the
// others zeros.
func spread(x tensor, n int, at ...int) (tensor, error) {
	if outputs(x)%len(at) != 0 {
		return x, misshapen(x, "a multiple of %d rows", len(at))
	}
	shape := slices.Clone(x.Shape)
	shape[0] = shape[0] / len(at) * n
	return fold(x.Name, shape, func(v [][]float32) []float32 {
		size := len(v[0]) / len(at)
		out := make([]float32, n*size)
		for i, to := range at {
			copy(out[to*size:], v[0][i*size:(i+1)*size])
		}
		return out
	}, x), nil
}

// foldNorm folds the weights g of a norm into the head w, b of the modulation after
// it, whose chunk gives the scale s: x·g·(1+s) = x·(1+s') with s' = g·(1+s) - 1.
func foldNorm(w, b, g tensor, chunk int) (weight, bias tensor, err error) {
	d := outputs(g)
	switch {
	case len(g.Shape) != 1 || d == 0:
		return w, b, misshapen(g, "[D]")
	case len(w.Shape) != 2 || w.Shape[0] < (chunk+1)*d:
		return w, b, misshapen(w, "chunks of %d rows, one for each weight of %s", d, g.Name)
	case len(b.Shape) != 1 || b.Shape[0] != w.Shape[0]:
		return w, b, misshapen(b, "[%d]", w.Shape[0])
	}
	weight = fold(w.Name, w.Shape, func(v [][]float32) []float32 {
		rows, in := v[0][chunk*d*w.Shape[1]:], w.Shape[1]
		for j, g := range v[1] {
			for k := range rows[j*in : (j+1)*in] {
				rows[j*in+k] *= g
			}
		}
		return v[0]
	}, w, g)
	bias = fold(b.Name, b.Shape, func(v [][]float32) []float32 {
		for j, g := range v[1] {
			s := &v[0][chunk*d+j]
			*s = float32(float64(g)*(1+float64(*s)) - 1)
		}
		return v[0]
	}, b, g)
	return weight, bias, nil
}

// minusOne is x - 1: the scale that the weights of a norm stand for.
func minusOne(x tensor) tensor {
	return fold(x.Name, x.Shape, func(v [][]float32) []float32 {
		for i, w := range v[0] {
			v[0][i] = w - 1
		}
		return v[0]
	}, x)
}

// product is the weight of two linear maps, one after the other: second [D, M], or
// that of a 1×1 convolution [D, M, 1, 1], times first [M, …].
func product(second, first tensor) (tensor, error) {
	m := outputs(first)
	if len(first.Shape) < 2 || len(second.Shape) < 2 || second.Shape[1] != m || slices.ContainsFunc(second.Shape[2:], func(d int) bool { return d != 1 }) {
		return first, misshapen(second, "[D %d] or [D %[1]d 1 1], as %s is %v", m, first.Name, first.Shape)
	}
	n := param.Spec{Shape: first.Shape[1:]}.Len()
	shape := append([]int{second.Shape[0]}, first.Shape[1:]...)
	return fold(first.Name, shape, func(v [][]float32) []float32 {
		w2, w1 := v[0], v[1]
		out, row := make([]float32, 0, shape[0]*n), make([]float64, n)
		for i := range shape[0] {
			clear(row)
			for k, a := range w2[i*m : (i+1)*m] {
				for j, x := range w1[k*n : (k+1)*n] {
					row[j] += float64(a) * float64(x)
				}
			}
			for _, x := range row {
				out = append(out, float32(x))
			}
		}
		return out
	}, second, first), nil
}

// productBias is the bias that goes with a product: second·b1 + b2.
func productBias(second, b1, b2 tensor) (tensor, error) {
	d := outputs(second)
	switch {
	case !slices.Equal(b1.Shape, second.Shape[1:2]):
		return b1, misshapen(b1, "%v", second.Shape[1:2])
	case !slices.Equal(b2.Shape, second.Shape[:1]):
		return b2, misshapen(b2, "%v", second.Shape[:1])
	}
	return fold(b2.Name, b2.Shape, func(v [][]float32) []float32 {
		w, first, out := v[0], v[1], v[2]
		for i := range d {
			sum := float64(out[i])
			for k, x := range first {
				sum += float64(w[i*len(first)+k]) * float64(x)
			}
			out[i] = float32(sum)
		}
		return out
	}, second, b1, b2), nil
}

// vectors is the number and the width of the vectors of a tensor [n, D] or [1, n, D].
func vectors(x tensor) (n, d int, err error) {
	s := x.Shape
	switch {
	case len(s) == 2:
		return s[0], s[1], nil
	case len(s) == 3 && s[0] == 1:
		return s[1], s[2], nil
	}
	return 0, 0, misshapen(x, "[n D] or [1 n D]")
}

// join puts vectors one after another: [1, n, D].
func join(ts ...tensor) (tensor, error) {
	count, width := 0, 0
	for i, x := range ts {
		n, d, err := vectors(x)
		if err != nil {
			return x, err
		}
		if i > 0 && d != width {
			return x, misshapen(x, "vectors of %d, as those of %s", width, ts[0].Name)
		}
		count, width = count+n, d
	}
	return fold(ts[0].Name, []int{1, count, width}, func(v [][]float32) []float32 { return slices.Concat(v...) }, ts...), nil
}

// cut parts vectors: the first n of them, and the rest, both [1, …, D].
func cut(x tensor, n int) (first, rest tensor, err error) {
	all, d, err := vectors(x)
	if err != nil {
		return x, x, err
	}
	if all < n {
		return x, x, misshapen(x, "at least %d vectors", n)
	}
	first = fold(x.Name, []int{1, n, d}, func(v [][]float32) []float32 { return slices.Clone(v[0][:n*d]) }, x)
	rest = fold(x.Name, []int{1, all - n, d}, func(v [][]float32) []float32 { return slices.Clone(v[0][n*d:]) }, x)
	return first, rest, nil
}

// sum adds tensors of one shape.
func sum(ts ...tensor) (tensor, error) {
	for _, x := range ts[1:] {
		if !slices.Equal(x.Shape, ts[0].Shape) {
			return x, misshapen(x, "%v, as that of %s", ts[0].Shape, ts[0].Name)
		}
	}
	return fold(ts[0].Name, ts[0].Shape, func(v [][]float32) []float32 {
		out := v[0]
		for i := range out {
			s := 0.0
			for _, x := range v {
				s += float64(x[i])
			}
			out[i] = float32(s)
		}
		return out
	}, ts...), nil
}
