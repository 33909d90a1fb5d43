package autoencoder

import (
	"context"
	"fmt"

	"dit8/core/compute"
)

// Decode makes a picture of latents z [C, h, w], as the decoder takes them: out
// [ImageChannels, h·Factor, w·Factor], from -1 to 1, not clamped. see, where it's not
// nil, is told how much is done. It fails with ctx's error within one step of ctx's
// end. (diffusers, autoencoder_kl.py: decode)
func (m *Model) Decode(ctx context.Context, out, z []float32, h, w int, see func(done float64)) error {
	f := m.cfg.Factor()
	if err := m.cfg.checkSize(h, w); err != nil { // so that what follows does not overflow
		return err
	}
	if err := m.cfg.checkSize(h*f, w*f); err != nil {
		return err
	}
	if len(z) != m.cfg.LatentChannels*h*w || len(out) != m.cfg.ImageChannels*h*w*f*f {
		return fmt.Errorf("autoencoder: decode %d×%d latents: %d values in, %d out", h, w, len(z), len(out))
	}
	if m.cfg.Kind == Tiny {
		z = clamped(z)
	}
	if err := m.run(ctx, m.decoding(h, w), out, z, h, w, m.cfg.LatentChannels, see); err != nil {
		return err
	}
	if m.cfg.Kind == Tiny { // whose pictures are from 0 to 1
		for i, v := range out {
			out[i] = float32(2*v) - 1
		}
	}
	return nil
}

func (c Config) checkSize(h, w int) error {
	if h < 1 || w < 1 || h > MaxPixels/w {
		return fmt.Errorf("autoencoder: a picture of %d×%d pixels, allowed 1 to %d", h, w, MaxPixels)
	}
	return nil
}

// WorkspaceLen is about how many float32 values decoding needs, for latents h×w.
func (c Config) WorkspaceLen(h, w int) (sum int) {
	for _, n := range c.decodingSizes(h, w) {
		sum += n
	}
	return sum
}

// LargestLen is how many float32 values the largest buffer has that decoding latents h×w takes, and
// encoding a picture to them.
func (c Config) LargestLen(h, w int) (n int) {
	for _, b := range c.decodingSizes(h, w) {
		n = max(n, b)
	}
	if c.Encoder != nil {
		h, w = h*c.Factor(), w*c.Factor()
		for _, b := range c.shape().encoding(h, w).sizes(h, w, c.ImageChannels) {
			n = max(n, b)
		}
	}
	return n
}

// decodingSizes are those of the buffers.
func (c Config) decodingSizes(h, w int) [3]int {
	return c.shape().decoding(h, w).sizes(h, w, c.LatentChannels)
}

// shape is a model without weights.
func (c Config) shape() *Model {
	m := newModel(nil, c)
	m.places()
	return m
}

// decoding lists the steps of a decoder.
func (m *Model) decoding(h, w int) *plan {
	l := &plan{h: h, w: w, c: m.cfg.LatentChannels}
	if m.cfg.Kind == Tiny {
		m.tinyDecoder.decode(l, m.cfg)
		return l
	}
	d, shape := &m.decoder, m.cfg.Decoder
	if shape.Quant {
		l.linear(&d.quant, m.cfg.LatentChannels)
	}
	l.convolve(same(shape.Channels[len(shape.Channels)-1]), convOptions{conv: &d.convIn})
	l.middle(d, shape.Mid)
	for i := range d.levels {
		l.level(&d.levels[i])
		if i < len(d.levels)-1 {
			l.convolve(same(l.c), convOptions{conv: &d.levels[i].resample, up: true})
		}
	}
	l.convolve(same(m.cfg.ImageChannels), convOptions{conv: &d.convOut, norm: &d.normOut})
	return l
}

// same is a convolution that keeps the size.
func same(out int) compute.ConvWeights { return compute.ConvWeights{Out: out, Stride: 1, Pad: 1} }

// middle … (diffusers, unet_2d_blocks.py: UNetMidBlock2D)
func (l *plan) middle(h *half, attends bool) {
	l.resnet(&h.first)
	if attends {
		l.attention(&h.attention)
	}
	l.resnet(&h.second)
}

// level … (diffusers, unet_2d_blocks.py: UpDecoderBlock2D, AttnUpDecoderBlock2D)
func (l *plan) level(v *level) {
	for j := range v.resnets {
		l.resnet(&v.resnets[j])
		if v.attentions != nil {
			l.attention(&v.attentions[j])
		}
	}
}
