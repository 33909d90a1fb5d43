//go:build js

package webgpu

import (
	"context"
	"errors"
	"math"
	"time"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/dit"
)

// ErrSlower tells that another device is faster.
var ErrSlower = errors.New("webgpu: the processor is faster")

// Race reports whether d runs networks of a shape faster than another device, to the same bits, by blocks of
// random weights. It fails where a block does not fit or its results differ.
func (d *Device) Race(cfg dit.Config, other compute.Device) (faster bool, err error) {
	cfg.Depth, cfg.NumClasses, cfg.Context.Start = 1, 1, 0
	cfg.TimesStart = min(cfg.TimesStart, 1)
	return race(
		func() (*trial, error) { return newTrial(d, cfg, true) },
		func() (*trial, error) { return newTrial(other, cfg, true) })
}

// RaceAutoencoder does the same for autoencoders, which Race tells nothing of: processors spare more than half of a
// convolution's multiplications (Winograd). A small picture goes through the levels of an autoencoder that has the largest pictures
// alone, with random weights: halving a picture's height and width mostly doubles its channels, so that levels take about as long as each other.
func (d *Device) RaceAutoencoder(cfg autoencoder.Config, other compute.Convolver) (faster bool, err error) {
	if err := d.TestConvolutions(); err != nil {
		return false, err
	}
	small := autoencoder.Config{Kind: cfg.Kind, ImageChannels: cfg.ImageChannels, LatentChannels: cfg.LatentChannels, Groups: cfg.Groups,
		Decoder: autoencoder.Half{Channels: cfg.Decoder.Channels[:1], Layers: []int{1}}}
	size := 32
	if small.Decoder.Channels[0] > 128 {
		size = 16
	}
	return race(
		func() (*trial, error) { return newPictures(d, small, size, size) },
		func() (*trial, error) { return newPictures(other, small, size, size) })
}

// rounds are how often each side of a race runs.
const rounds = 3

// race reports whether the first of two trials takes less than four fifths of the other's time, by the best of some rounds. It
// fails where their results differ.
func race(first, second func() (*trial, error)) (faster bool, err error) {
	var trials [2]*trial
	for i, begin := range []func() (*trial, error){first, second} {
		if trials[i], err = begin(); err != nil {
			return false, err
		}
		defer trials[i].free()
	}
	if err := same(trials[0].out, trials[1].out); err != nil {
		return false, err
	}
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	for range rounds {
		for i, t := range trials {
			start := time.Now()
			if err := t.run(); err != nil {
				return false, err
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	return best[0] < best[1]*4/5, nil
}

// trial is a network or an autoencoder of random weights with something to do.
type trial struct {
	out  []float32 // of the last run
	run  func() error
	free func()
}

// begun runs a trial once. One that fails is freed.
func (t *trial) begun() (*trial, error) {
	if err := t.run(); err != nil {
		t.free()
		return nil, err
	}
	return t, nil
}

// newTrial makes a network and runs it once.
func newTrial(dev compute.Device, cfg dit.Config, int8s bool) (*trial, error) {
	m, err := dit.Load(dev, cfg, dit.Random(cfg, 1, int8s))
	if err != nil {
		return nil, err
	}
	in := ramp(cfg.ImageLen())
	out := make([]float32, len(in)/cfg.InChannels*cfg.OutChannels())
	cond := dit.Cond{T: 0.5}
	if cfg.TwoTimes() {
		cond.R, cond.Omega, cond.TMin, cond.TMax = 0.25, 2, 0.1, 0.7
	}
	if cfg.GuidanceInput() {
		cond.Omega = 2
	}
	c, err := m.Condition([]dit.Cond{cond})
	if err != nil {
		m.Free()
		return nil, err
	}
	t := &trial{out: out, run: func() error { return m.Forward(out, in, 1, c, 0, 1) }, free: func() {
		c.Free()
		m.Free()
	}}
	return t.begun()
}

// newPictures makes an autoencoder for latents h×w and runs it once: what it decodes, and, where it has an encoder, what it makes of
// that again.
func newPictures(dev compute.Convolver, c autoencoder.Config, h, w int) (*trial, error) {
	m, err := autoencoder.Load(dev, c, untrained(c))
	if err != nil {
		return nil, err
	}
	z, factor := ramp(c.LatentChannels*h*w), c.Factor()
	pixels := c.ImageChannels * h * w * factor * factor
	out := make([]float32, pixels+c.Moments()*h*w)
	t := &trial{out: out, free: m.Free, run: func() error {
		if err := m.Decode(context.Background(), out[:pixels], z, h, w, nil); err != nil || c.Encoder == nil {
			return err
		}
		return m.Encode(context.Background(), out[pixels:], out[:pixels], h*factor, w*factor, nil)
	}}
	return t.begun()
}

// ramp are n values about zero.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i*i%61-30) / 16
	}
	return v
}
