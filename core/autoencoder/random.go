package autoencoder

import (
	"iter"
	"math"
	"math/rand/v2"

	"dit8/core/param"
)

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
