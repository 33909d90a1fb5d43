package proof

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/tools/quantize/checkpoint/values"
)

// Autoencoder is one with what a sampler's latents are to it.
type Autoencoder struct {
	*autoencoder.Model
	Latents core.Latents
	Assumed bool // that no file said Latents: a reference's own count
}

// batch is the shape of latents or pictures [N, C, H, W].
type batch struct{ n, channels, h, w int }

func (b batch) len() int { return b.channels * b.h * b.w }

func (b batch) shape() []int { return []int{b.n, b.channels, b.h, b.w} }

// IsAutoencoder tells whether a reference is one of an autoencoder alone.
func (r *Reference) IsAutoencoder() bool {
	return !r.has("noise") && (r.has("latents") || r.has("moments") || r.has("z")) || r.has("moments")
}

// Compare compares with the reference's outputs: decoded latents [N, C, h, w], at the
// scale of samplers, or z, at the decoder's own, with image_f64, image or out; encoded
// images [N, 3, H, W] with moments, mean, logvar, std, latents, and, by the reference's
// noise, latents_sampled. Pictures are from -1 to 1; image01 is TAESD's own, from 0.
func (a *Autoencoder) Compare(r *Reference) (results []Comparison, err error) {
	encodes := !(r.has("decoded") && a.Config().Encoder == nil) && a.encodes(r)
	if encodes {
		if results, err = a.encode(r); err != nil {
			return nil, err
		}
	}
	if !encodes || r.has("decoded") {
		more, err := a.decode(r)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("no tensor image, mean or latents to compare with")
	}
	return results, nil
}

// encodes tells of an image and what comes of it. Pictures that come of latents have
// their bytes beside them.
func (a *Autoencoder) encodes(r *Reference) bool {
	decodes := r.has("pixels_ddp") || r.has("pixels_sample") || r.has("clamped") || r.has("image_f64")
	return r.has("moments") || r.has("mean") || r.has("latents") && r.has("image") && !decodes
}

// planar reads a tensor [N, C, H, W] of so many channels.
func (r *Reference) planar(name string, channels int) (v []float32, b batch, err error) {
	t, ok := r.Lookup(name)
	if !ok {
		return nil, b, fmt.Errorf("tensor %s is missing", name)
	}
	if len(t.Shape) != 4 || t.Shape[1] != channels || slices.Min(t.Shape) < 1 {
		return nil, b, fmt.Errorf("tensor %s: shape is %v, expected [N %d H W]", name, t.Shape, channels)
	}
	v, err = r.Floats(t)
	return v, batch{t.Shape[0], t.Shape[1], t.Shape[2], t.Shape[3]}, err
}

// decode compares decoded latents.
func (a *Autoencoder) decode(r *Reference) ([]Comparison, error) {
	channels := a.Config().LatentChannels
	if r.has("z") {
		z, b, err := r.planar("z", channels)
		if err != nil {
			return nil, err
		}
		own := *a
		own.Latents = unscaled(channels)
		return own.compareDecoded(r, z, b)
	}
	z, b, err := r.planar("latents", channels)
	if err != nil {
		return nil, err
	}
	own := *a
	if own.Latents, err = a.scale(r); err != nil {
		return nil, err
	}
	return own.compareDecoded(r, z, b)
}

func unscaled(channels int) core.Latents {
	return core.Latents{Mean: make([]float32, channels), Std: slices.Repeat([]float32{1}, channels)}
}

// scale is that of the latents: where no file says it, the reference's own.
func (a *Autoencoder) scale(r *Reference) (l core.Latents, err error) {
	if !a.Assumed || !r.has("latent_mean") {
		return a.Latents, nil
	}
	shape := []int{1, a.Config().LatentChannels, 1, 1}
	if l.Mean, err = r.floats("latent_mean", shape...); err == nil {
		l.Std, err = r.floats("latent_std", shape...)
	}
	return l, err
}

// compareDecoded decodes a batch of a sampler's latents and compares the pictures, and
// their bytes.
func (a *Autoencoder) compareDecoded(r *Reference, z []float32, b batch) (results []Comparison, err error) {
	cfg, f := a.Config(), a.Config().Factor()
	p := batch{b.n, cfg.ImageChannels, b.h * f, b.w * f}
	got := make([]float32, p.n*p.len())
	for i := range b.n {
		out := got[i*p.len() : (i+1)*p.len()]
		if err := a.Decode(context.Background(), out, a.Latents.Apply(z[i*b.len():(i+1)*b.len()]), b.h, b.w, nil); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"image_f64", "image", "decoded", "out"} {
		if !r.has(name) || name == "image" && (r.has("image_f64") || r.has("decoded")) {
			continue
		}
		want, err := r.floats(name, p.shape()...)
		if err != nil {
			return nil, err
		}
		c := Compare(name, got, want)
		c.Note = fmt.Sprintf("  PSNR %s", WithUnit(RangePSNR(got, want)))
		results = append(results, c)
	}
	if r.has("image01") {
		want, err := r.floats("image01", p.shape()...)
		if err != nil {
			return nil, err
		}
		half := make([]float32, len(got))
		for i, v := range got {
			half[i] = float32(v+1) / 2
		}
		results = append(results, Compare("image01", half, want))
	}
	for _, name := range []string{"pixels_sample", "pixels_ddp", "pixels_diffusers"} {
		if r.has(name) {
			c, err := comparePixels(r, name, got, p)
			if err != nil {
				return nil, err
			}
			results = append(results, c)
		}
	}
	return results, nil
}

// comparePixels compares the bytes of pictures [N, H, W, C].
func comparePixels(r *Reference, name string, got []float32, p batch) (c Comparison, err error) {
	t, _ := r.Lookup(name)
	if !slices.Equal(t.Shape, []int{p.n, p.h, p.w, p.channels}) {
		return c, fmt.Errorf("tensor %s: shape is %v, expected [%d %d %d %d]", name, t.Shape, p.n, p.h, p.w, p.channels)
	}
	want, err := r.Ints(t)
	if err != nil {
		return c, err
	}
	levels, wanted := make([]float32, len(want)), make([]float32, len(want))
	differ, plane := 0, p.h*p.w
	for i, w := range want {
		image, pixel, channel := i/p.len(), i%p.len()/p.channels, i%p.channels
		levels[i], wanted[i] = float32(core.Level(got[image*p.len()+channel*plane+pixel])), float32(w)
		if levels[i] != wanted[i] {
			differ++
		}
	}
	c = Compare(name, levels, wanted)
	c.Note = fmt.Sprintf("  (%d of %d bytes differ, by %.0f at most)", differ, len(want), c.MaxAbs)
	c.Differ = float64(differ) / float64(len(want))
	return c, nil
}

// encode compares what comes of pictures.
func (a *Autoencoder) encode(r *Reference) (results []Comparison, err error) {
	cfg := a.Config()
	name := "image"
	if !r.has(name) {
		name = "image01"
	}
	x, b, err := r.planar(name, cfg.ImageChannels)
	if err != nil {
		return nil, err
	}
	if name == "image01" {
		for i, v := range x {
			x[i] = float32(2*v) - 1
		}
	}
	scale, err := a.scale(r)
	if err != nil {
		return nil, err
	}
	h, w := cfg.LatentSize(b.h), cfg.LatentSize(b.w)
	e := encoded{batch: batch{b.n, cfg.LatentChannels, h, w}, scale: scale}
	for i := range b.n {
		moments := make([]float32, cfg.Moments()*h*w)
		if err := a.Encode(context.Background(), moments, x[i*b.len():(i+1)*b.len()], b.h, b.w, nil); err != nil {
			return nil, err
		}
		e.add(moments)
	}
	return e.compare(r)
}

// encoded is what came of pictures.
type encoded struct {
	batch
	scale                      core.Latents
	moments, mean, logvar, std []float32
	latents                    []float32 // of the means, at the scale of samplers
}

// add takes the moments of a picture; the variances' logarithms are clamped
// (diffusers, vae.py: DiagonalGaussianDistribution).
func (e *encoded) add(moments []float32) {
	mean := moments[:e.len()]
	e.moments, e.mean = append(e.moments, moments...), append(e.mean, mean...)
	for _, v := range moments[e.len():] {
		v = max(-30, min(20, v))
		e.logvar = append(e.logvar, v)
		e.std = append(e.std, float32(math.Exp(float64(v)/2)))
	}
	e.latents = append(e.latents, e.scale.Undo(mean)...)
}

func (e *encoded) compare(r *Reference) (results []Comparison, err error) {
	twice := e.batch
	twice.channels *= 2
	for _, c := range []struct {
		name string
		got  []float32
		b    batch
	}{{"moments", e.moments, twice}, {"mean", e.mean, e.batch}, {"logvar", e.logvar, e.batch}, {"std", e.std, e.batch}, {"latents", e.latents, e.batch}} {
		if !r.has(c.name) || c.name == "latents" && r.has("decoded") {
			continue
		}
		want, err := r.floats(c.name, c.b.shape()...)
		if errors.As(err, &values.NotFinite{}) && r.has("decoded") {
			continue // the reference says nothing
		}
		if err != nil {
			return nil, err
		}
		results = append(results, Compare(c.name, c.got, want))
	}
	if r.has("latents_sampled") {
		noise, err := r.floats("noise", e.shape()...)
		if err != nil {
			return nil, err
		}
		want, err := r.floats("latents_sampled", e.shape()...)
		if err != nil {
			return nil, err
		}
		var got []float32
		for i := 0; i < len(noise); i += e.len() {
			drawn := make([]float32, e.len())
			for k := range drawn {
				drawn[k] = e.mean[i+k] + float32(e.std[i+k]*noise[i+k])
			}
			got = append(got, e.scale.Undo(drawn)...)
		}
		results = append(results, Compare("latents_sampled", got, want))
	}
	return results, nil
}
