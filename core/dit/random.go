package dit

import (
	"hash/fnv"
	"iter"
	"math"

	"dit8/core/param"
)

// Random yields the tensors of a network with random weights: for benchmarks and
// tests, where shapes matter and pictures do not. Weights are uniform with the
// variance 1/fan-in, so that activations stay of unit size; biases are small. With
// int8 the layers of the blocks and the AdaLN heads are quantised, as
// tools/quantize does. The same arguments give the same tensors.
func Random(cfg Config, seed uint64, int8s bool) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		var r uint64
		uniform := func() float32 { // in [-1, 1)
			r = r*6364136223846793005 + 1442695040888963407
			return float32(int32(r>>32)) / (1 << 31)
		}
		for _, s := range cfg.Specs() {
			t := param.Tensor{Name: s.Name, Shape: s.Shape}
			h := fnv.New64a() // a tensor's values depend on its name, not on what stands before it
			h.Write([]byte(s.Name))
			r = seed ^ h.Sum64()
			n := s.Len()
			rows := s.Shape[0]
			bound := float32(0.02)
			switch s.Role {
			case param.Projection, param.Modulator, param.Matrix:
				bound = float32(math.Sqrt(3 / float64(n/rows)))
			case param.Embedding:
				bound = 1
			}
			if int8s && s.Role.Int8() {
				t.I8, t.Scale = make([]int8, n), make([]float32, rows)
				for i := range t.I8 {
					t.I8[i] = int8(127 * uniform())
				}
				for i := range t.Scale {
					t.Scale[i] = bound / 127
				}
			} else {
				t.F32 = make([]float32, n)
				for i := range t.F32 {
					t.F32[i] = bound * uniform()
				}
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}
