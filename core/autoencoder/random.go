package autoencoder

import (
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"dit8/core/param"
)

// RandomInt8 is Random with the convolutions that may be int8 so.
func RandomInt8(cfg Config, seed uint64) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		specs := cfg.Specs()
		for t, err := range Random(cfg, seed) {
			if specs[0].Role == param.Convolution {
				t = rounded(t)
			}
			specs = specs[1:]
			if !yield(t, err) {
				return
			}
		}
	}
}

// rounded has a scale for all outputs, of which the largest weights, four times the
// deviation, are few.
func rounded(t param.Tensor) param.Tensor {
	scale := 4 / float32(math.Sqrt(float64(t.Len()/t.Shape[0]))) / 127
	q := param.Tensor{Name: t.Name, Shape: t.Shape, I8: make([]int8, t.Len()), Scale: slices.Repeat([]float32{scale}, t.Shape[0]), Smooth: slices.Repeat([]float32{1}, t.Shape[3])}
	for i, v := range t.F32 {
		q.I8[i] = int8(max(-127, min(127, math.Round(float64(v/scale)))))
	}
	return q
}

// Random makes the tensors of an autoencoder that is not trained, for tests and
// measurements: kernels that keep the size of values, norms near one.
func Random(cfg Config, seed uint64) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		r := rand.New(rand.NewPCG(seed, 0))
		for _, s := range cfg.Specs() {
			mean, deviation := 0.0, 0.1
			switch {
			case s.Role == param.Kernel || s.Role == param.Convolution:
				deviation = 1 / math.Sqrt(float64(s.Len()/s.Shape[0]))
			case s.Role == param.Embedding && s.Name[len(s.Name)-1] == 't': // .weight
				mean = 1
			}
			v := make([]float32, s.Len())
			for i := range v {
				v[i] = float32(mean + deviation*r.NormFloat64())
			}
			if !yield(param.Tensor{Name: s.Name, Shape: s.Shape, F32: v}, nil) {
				return
			}
		}
	}
}

// SDDecoder is the shape of Stable Diffusion's decoder, for measurements.
// (stabilityai/sd-vae-ft-mse, config.json)
func SDDecoder() Config {
	return Config{ImageChannels: 3, LatentChannels: 4, Groups: 32, Decoder: Half{Channels: []int{128, 256, 512, 512}, Layers: []int{3, 3, 3, 3}, Mid: true, Quant: true}}
}

// TAESDDecoder is the shape of its small stand-in. (madebyollin/taesd)
func TAESDDecoder() Config {
	return Config{Kind: Tiny, ImageChannels: 3, LatentChannels: 4, Decoder: Half{Channels: []int{64, 64, 64, 64}, Layers: []int{1, 3, 3, 3}}}
}
