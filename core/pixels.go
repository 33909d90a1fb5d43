package core

import (
	"fmt"
	"image"
	"time"
)

// drawable reports whether the network's output can become an image.
func (g *Generator) drawable() error {
	c := g.model.Config().InChannels
	if g.decoder != nil || g.info.Pixels.Std > 0 && (c == 1 || c == 3) {
		return nil
	}
	return fmt.Errorf("core: model %s makes %d-channel latents, and its file has no autoencoder, which turns them into images: give one that takes %[2]d channels", g.info.Name, c)
}

// pictures turns what was sampled, images first and on, z [n, C, H, W], into pixels.
func (s *sampler) pictures(z []float32, first int) (images []*image.NRGBA, err error) {
	size := s.Config().ImageLen()
	for i := 0; i < len(z); i += size {
		one := z[i : i+size]
		if !allFinite(one) {
			return nil, ErrNotFinite
		}
		if s.g.decoder == nil {
			images = append(images, s.g.image(one))
			continue
		}
		start := time.Now()
		img, err := s.decode(one, z, first)
		if err != nil {
			return nil, err
		}
		s.decoding += time.Since(start)
		images = append(images, img)
	}
	return images, nil
}

func allFinite(v []float32) bool {
	for _, x := range v {
		if !finite(x) {
			return false
		}
	}
	return true
}

// image turns one image [C, H, W] of network values into pixels.
func (g *Generator) image(v []float32) *image.NRGBA {
	n := g.model.Config().InputSize
	return g.info.Pixels.image(v, n, n)
}

// image turns planes [1 or 3, h, w] into pixels: clamped and rounded to the nearest of
// 256 levels.
func (p Pixels) image(v []float32, h, w int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	plane := h * w
	last := len(v)/plane - 1
	for i := range plane {
		for c := range 3 {
			x := v[min(c, last)*plane+i]
			img.Pix[4*i+c] = level(p.Mean + float32(p.Std*x))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// Level is the byte of a decoded value of -1 to 1: trunc(clamp(127.5·v + 128)). (DiT,
// sample_ddp.py)
func Level(v float32) uint8 { return level(decoded.Mean + float32(decoded.Std*v)) }

func level(x float32) uint8 {
	y := float32(x*255) + 0.5
	if !(y > 0) {
		return 0
	}
	if y >= 255 {
		return 255
	}
	return uint8(y)
}
