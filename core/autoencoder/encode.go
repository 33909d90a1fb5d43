package autoencoder

import (
	"context"
	"errors"
	"fmt"

	"dit8/core/compute"
)

// Encode makes the distribution of latents of a picture x [ImageChannels, h, w] from -1
// to 1: of AutoencoderKL the moments [2C, h', w'], the mean of each channel, then the
// logarithms of the variances, not clamped; of TAESD the latents [C, h', w'] alone. h'
// and w' are LatentSize's. (diffusers, autoencoder_kl.py: encode)
func (m *Model) Encode(ctx context.Context, moments, x []float32, h, w int, see func(done float64)) error {
	if m.cfg.Encoder == nil {
		return errors.New("autoencoder: it has no encoder, it can decode alone")
	}
	if err := m.cfg.checkSize(h, w); err != nil {
		return err
	}
	size := m.cfg.LatentSize(h) * m.cfg.LatentSize(w)
	if len(x) != m.cfg.ImageChannels*h*w || len(moments) != m.cfg.Moments()*size || size == 0 {
		return fmt.Errorf("autoencoder: encode %d×%d pixels: %d values in, %d out", h, w, len(x), len(moments))
	}
	if m.cfg.Kind == Tiny {
		x = halved(x)
	}
	return m.run(ctx, m.encoding(h, w), moments, x, h, w, m.cfg.ImageChannels, see)
}

// Moments is the number of channels that Encode makes.
func (c Config) Moments() int {
	if c.Kind == Tiny {
		return c.LatentChannels
	}
	return 2 * c.LatentChannels
}

// encoding lists the steps of an encoder.
func (m *Model) encoding(h, w int) *plan {
	l := &plan{h: h, w: w, c: m.cfg.ImageChannels}
	if m.cfg.Kind == Tiny {
		m.tinyEncoder.encode(l, m.cfg)
		return l
	}
	e, shape := &m.encoder, *m.cfg.Encoder
	l.convolve(same(shape.Channels[0]), convOptions{conv: &e.convIn})
	for i := range e.levels {
		l.level(&e.levels[i])
		if i < len(e.levels)-1 { // zeros at the right and the bottom alone
			l.convolve(compute.ConvWeights{Out: l.c, Stride: 2}, convOptions{conv: &e.levels[i].resample})
		}
	}
	l.middle(e, shape.Mid)
	l.convolve(same(2*m.cfg.LatentChannels), convOptions{conv: &e.convOut, norm: &e.normOut})
	if shape.Quant {
		l.linear(&e.quant, 2*m.cfg.LatentChannels)
	}
	return l
}
