package autoencoder

import (
	"fmt"

	"dit8/core/compute"
)

// tiny is TAESD's decoder or encoder: levels of blocks, without norms. (taesd.py:
// Decoder, Encoder)
type tiny struct {
	convIn, convOut compute.Conv
	levels          []tinyLevel // in the order in which they run
}

type tinyLevel struct {
	blocks   [][3]compute.Conv
	resample compute.Conv // behind a decoder's blocks, in front of an encoder's
}

// layers numbers the layers of diffusers' lists.
type layers struct {
	*list
	prefix string
	next   int
	width  int
}

func (l *layers) conv(to *compute.Conv, out, in, stride int) {
	l.list.conv(fmt.Sprintf("%slayers.%d", l.prefix, l.next), to, out, in, stride, 1)
	l.next++
}

// inner is conv for those between the first and the last.
func (l *layers) inner(to *compute.Conv) {
	l.list.inner(fmt.Sprintf("%slayers.%d", l.prefix, l.next), to, l.width, l.width)
	l.next++
}

func (l *layers) blocks(v *tinyLevel, n int) {
	if v.blocks == nil {
		v.blocks = make([][3]compute.Conv, n)
	}
	for i := range v.blocks {
		for k := range v.blocks[i] {
			l.list.inner(fmt.Sprintf("%slayers.%d.conv.%d", l.prefix, l.next, 2*k), &v.blocks[i][k], l.width, l.width)
		}
		l.next++
	}
}

// decoderPlaces … (diffusers, vae.py: DecoderTiny)
func (t *tiny) decoderPlaces(list *list, c Config) {
	n := len(c.Decoder.Channels)
	l := &layers{list: list, prefix: "decoder.", width: c.Decoder.Channels[0]}
	t.init(n)
	l.conv(&t.convIn, l.width, c.LatentChannels, 1)
	l.next++ // ReLU
	for i := range n {
		k := n - 1 - i
		if l.blocks(&t.levels[i], c.Decoder.Layers[k]); k > 0 {
			l.next++ // nearest ×2
			l.inner(&t.levels[i].resample)
		}
	}
	l.conv(&t.convOut, c.ImageChannels, l.width, 1)
}

// encoderPlaces … (diffusers, vae.py: EncoderTiny)
func (t *tiny) encoderPlaces(list *list, c Config) {
	l := &layers{list: list, prefix: "encoder.", width: c.Encoder.Channels[0]}
	t.init(len(c.Encoder.Channels))
	l.conv(&t.convIn, l.width, c.ImageChannels, 1)
	for i := range t.levels {
		if i > 0 {
			l.conv(&t.levels[i].resample, l.width, l.width, 2)
		}
		l.blocks(&t.levels[i], c.Encoder.Layers[i])
	}
	l.conv(&t.convOut, c.LatentChannels, l.width, 1)
}

func (t *tiny) init(levels int) {
	if t.levels == nil {
		t.levels = make([]tinyLevel, levels)
	}
}

func (t *tiny) decode(l *plan, c Config) {
	width := c.Decoder.Channels[0]
	l.convolve(same(width), convOptions{conv: &t.convIn, relu: true})
	for i := range t.levels {
		v := &t.levels[i]
		l.blocks(v)
		if i < len(t.levels)-1 {
			l.convolve(same(width), convOptions{conv: &v.resample, up: true})
		}
	}
	l.convolve(same(c.ImageChannels), convOptions{conv: &t.convOut})
}

func (t *tiny) encode(l *plan, c Config) {
	width := c.Encoder.Channels[0]
	l.convolve(same(width), convOptions{conv: &t.convIn})
	for i := range t.levels {
		v := &t.levels[i]
		if i > 0 {
			l.convolve(compute.ConvWeights{Out: width, Stride: 2, Pad: 1}, convOptions{conv: &v.resample})
		}
		l.blocks(v)
	}
	l.convolve(same(c.LatentChannels), convOptions{conv: &t.convOut})
}

// blocks adds those of a level: relu(conv(relu(conv(relu(conv(x))))) + x). (taesd.py:
// Block)
func (l *plan) blocks(v *tinyLevel) {
	size, h, w, c := l.h*l.w*l.c, l.h, l.w, l.c
	for i := range v.blocks {
		b := &v.blocks[i]
		l.add(step{h: h, w: w, c: c, need: size, third: size, work: int64(size) * int64(27*c), run: func(p *pass) {
			x, y, z := p.picture(), p.second(size), p.buffer(2).Slice(0, size)
			of := func(x compute.F32) compute.ConvInput { return compute.ConvInput{X: x, H: h, W: w} }
			p.dev.Conv(compute.ConvOutput{Dst: y, ReLU: true}, of(x), b[0])
			p.dev.Conv(compute.ConvOutput{Dst: z, ReLU: true}, of(y), b[1])
			p.dev.Conv(compute.ConvOutput{Dst: x, Residual: x, ReLU: true}, of(z), b[2])
		}})
	}
}

// clamped is 3·tanh(z/3), with tanh(u) = 1 - 2/(1 + e^2u). (taesd.py: Clamp)
func clamped(z []float32) []float32 {
	v := make([]float32, len(z))
	for i, x := range z {
		u := x / 3
		v[i] = float32(3 * float32(1-2/float32(1+compute.Exp(2*u))))
	}
	return v
}

// halved brings values from -1 to 1 to 0 to 1.
func halved(x []float32) []float32 {
	v := make([]float32, len(x))
	for i, a := range x {
		v[i] = float32(a+1) / 2
	}
	return v
}
