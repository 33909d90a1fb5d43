package family

import (
	"math"

	"dit8/core"
)

// sdLatents are those of Stable Diffusion's autoencoder, divided by the scale that its
// users multiply by; none for other channels.
func sdLatents(channels int) (l core.Latents) {
	if channels != 4 {
		return l
	}
	for range channels {
		l.Mean, l.Std = append(l.Mean, 0), append(l.Std, 1/0.18215)
	}
	return l
}

// batchNorm reads the latents' mean and variance (REPA-E, generate.py).
func (t *taker) batchNorm(channels int) (l core.Latents) {
	l.Mean = t.values("bn.running_mean", channels)
	for _, v := range t.values("bn.running_var", channels) {
		l.Std = append(l.Std, float32(math.Sqrt(float64(v))))
	}
	t.skip("bn.num_batches_tracked", "for training alone")
	return l
}

// values reads a tensor [n] at once.
func (t *taker) values(name string, n int) []float32 {
	x := t.get(name)
	if t.err != nil {
		return nil
	}
	if len(x.Shape) != 1 || x.Shape[0] != n {
		t.fail("%w", misshapen(x, "[%d]", n))
		return nil
	}
	v, err := x.Floats()
	if err != nil {
		t.fail("%w", err)
	}
	return v
}
