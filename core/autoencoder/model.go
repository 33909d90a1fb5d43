// Package autoencoder turns latents into pictures and pictures into latents:
// AutoencoderKL (diffusers, models/autoencoders/vae.py; CompVis/latent-diffusion,
// modules/diffusionmodules/model.py) and TAESD (madebyollin/taesd, taesd.py), over
// compute.Convolver. Latents are those that the official decoder takes: what a
// sampler's are divided by and shifted is core.Info's. Pictures have values from -1,
// black, to 1, and are not clamped. Both are planar, [C, H, W], of any height and width.
package autoencoder

import (
	"fmt"
	"iter"

	"dit8/core/compute"
	"dit8/core/param"
)

// Model is an autoencoder whose weights live on a device. It is used by one goroutine
// at a time.
type Model struct {
	cfg Config
	dev compute.Convolver

	decoder, encoder half
	tinyDecoder      tiny
	tinyEncoder      tiny
	ones             compute.F32 // gates that let all through
	work             workspace
}

// half is a decoder or an encoder: a decoder's levels run from the deepest on, an
// encoder's from the shallowest.
type half struct {
	quant         compute.Linear // post_quant_conv, quant_conv
	convIn        compute.Conv
	levels        []level
	first, second resnet // of the middle
	attention     attention
	normOut       norm
	convOut       compute.Conv
}

type level struct {
	resnets    []resnet
	attentions []attention
	resample   compute.Conv // upsamplers.0.conv, downsamplers.0.conv; none in the last level to run
}

type resnet struct {
	in, out      int
	norm1, norm2 norm
	conv1, conv2 compute.Conv
	shortcut     compute.Linear // where the channels change
}

type attention struct {
	norm     norm
	qkv, out compute.Linear
}

type norm struct{ weight, bias compute.F32 }

// Config is the autoencoder's shape.
func (m *Model) Config() Config { return m.cfg }

// Device is what runs it.
func (m *Model) Device() compute.Convolver { return m.dev }

func newModel(dev compute.Convolver, cfg Config) *Model { return &Model{cfg: cfg, dev: dev} }

// Load builds a model from tensors in any order, each once, as param.Load does.
func Load(dev compute.Convolver, cfg Config, tensors iter.Seq2[param.Tensor, error]) (*Model, error) {
	return loadPlaces(dev, cfg, (*Model).places, tensors)
}

// LoadEncoder builds a model of cfg that encodes only, from the tensors of EncoderSpecs.
func LoadEncoder(dev compute.Convolver, cfg Config, tensors iter.Seq2[param.Tensor, error]) (*Model, error) {
	return loadPlaces(dev, cfg, (*Model).encoderPlaces, tensors)
}

func loadPlaces(dev compute.Convolver, cfg Config, places func(*Model) []param.Place, tensors iter.Seq2[param.Tensor, error]) (*Model, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	m := newModel(dev, cfg)
	if err := param.Load(dev, places(m), tensors); err != nil {
		return nil, fmt.Errorf("autoencoder: %w", err)
	}
	return m, nil
}

// Free gives back the device's memory that the weights and pictures take. The model is
// of no use after it.
func (m *Model) Free() {
	param.Free(m.dev, m.places())
	m.Release()
	*m = Model{cfg: m.cfg, dev: m.dev}
}

// places are all parameters in the order in which a pass needs them.
func (m *Model) places() []param.Place {
	var l list
	if m.cfg.Kind == Tiny {
		m.tinyDecoder.decoderPlaces(&l, m.cfg)
	} else {
		m.decoder.decoderPlaces(&l, m.cfg)
	}
	return append(l.places, m.encoderPlaces()...)
}

// encoderPlaces are those of the encoder, if there is one.
func (m *Model) encoderPlaces() []param.Place {
	var l list
	switch {
	case m.cfg.Encoder == nil:
	case m.cfg.Kind == Tiny:
		m.tinyEncoder.encoderPlaces(&l, m.cfg)
	default:
		m.encoder.encoderPlaces(&l, m.cfg)
	}
	return l.places
}

// list collects places.
type list struct{ places []param.Place }

// conv adds a 3×3 convolution. Those at the ends and those that halve stay floats: they
// are a hundredth of the work, and the ends lose most by rounding.
func (l *list) conv(name string, to *compute.Conv, out, in, stride, pad int) {
	l.places = append(l.places, param.Place{Name: name, Role: param.Kernel, Shape: []int{out, 3, 3, in}, Conv: to, Stride: stride, Pad: pad})
}

// inner adds a 3×3 convolution that may be int8.
func (l *list) inner(name string, to *compute.Conv, out, in int) {
	l.conv(name, to, out, in, 1, 1)
	l.places[len(l.places)-1].Role = param.Convolution
}

// linear adds a 1×1 convolution.
func (l *list) linear(name string, to *compute.Linear, out, in int) {
	l.places = append(l.places, param.Place{Name: name, Role: param.Kernel, Shape: []int{out, in}, Linear: to, Float32: true})
}

func (l *list) vector(name string, to *compute.F32, n int) {
	l.places = append(l.places, param.Place{Name: name, Role: param.Embedding, Shape: []int{n}, Device: to})
}

func (l *list) norm(name string, to *norm, n int) {
	l.vector(name+".weight", &to.weight, n)
	l.vector(name+".bias", &to.bias, n)
}

// decoderPlaces … (diffusers, vae.py: Decoder; up_blocks are numbered from the deepest
// on)
func (h *half) decoderPlaces(l *list, c Config) {
	d := c.Decoder
	n := len(d.Channels)
	h.init(d)
	if d.Quant {
		l.linear("post_quant_conv", &h.quant, c.LatentChannels, c.LatentChannels)
	}
	deep := d.Channels[n-1]
	l.conv("decoder.conv_in", &h.convIn, deep, c.LatentChannels, 1, 1)
	h.middle(l, "decoder.mid_block.", deep, d.Mid)
	in := deep
	for i := range n {
		k := n - 1 - i
		prefix := fmt.Sprintf("decoder.up_blocks.%d.", i)
		in = h.levels[i].places(l, prefix, in, d.Channels[k], d.Layers[k], d.attends(k))
		if k > 0 {
			l.inner(prefix+"upsamplers.0.conv", &h.levels[i].resample, in, in)
		}
	}
	l.norm("decoder.conv_norm_out", &h.normOut, in)
	l.conv("decoder.conv_out", &h.convOut, c.ImageChannels, in, 1, 1)
}

// encoderPlaces … (diffusers, vae.py: Encoder)
func (h *half) encoderPlaces(l *list, c Config) {
	e := *c.Encoder
	h.init(e)
	in := e.Channels[0]
	l.conv("encoder.conv_in", &h.convIn, in, c.ImageChannels, 1, 1)
	for i, out := range e.Channels {
		prefix := fmt.Sprintf("encoder.down_blocks.%d.", i)
		in = h.levels[i].places(l, prefix, in, out, e.Layers[i], e.attends(i))
		if i < len(e.Channels)-1 {
			l.conv(prefix+"downsamplers.0.conv", &h.levels[i].resample, in, in, 2, 0)
		}
	}
	h.middle(l, "encoder.mid_block.", in, e.Mid)
	l.norm("encoder.conv_norm_out", &h.normOut, in)
	l.conv("encoder.conv_out", &h.convOut, 2*c.LatentChannels, in, 1, 1)
	if e.Quant {
		l.linear("quant_conv", &h.quant, 2*c.LatentChannels, 2*c.LatentChannels)
	}
}

// init makes room for what places point to.
func (h *half) init(shape Half) {
	if h.levels == nil {
		h.levels = make([]level, len(shape.Channels))
	}
}

// middle … (diffusers, unet_2d_blocks.py: UNetMidBlock2D)
func (h *half) middle(l *list, prefix string, channels int, attends bool) {
	h.first.places(l, prefix+"resnets.0.", channels, channels)
	if attends {
		h.attention.places(l, prefix+"attentions.0.", channels)
	}
	h.second.places(l, prefix+"resnets.1.", channels, channels)
}

// places gives the level's channels: without resnets, those that come in.
func (v *level) places(l *list, prefix string, in, out, layers int, attends bool) int {
	if v.resnets == nil {
		v.resnets = make([]resnet, layers)
		if attends {
			v.attentions = make([]attention, layers)
		}
	}
	for j := range v.resnets {
		v.resnets[j].places(l, fmt.Sprintf("%sresnets.%d.", prefix, j), in, out)
		if attends {
			v.attentions[j].places(l, fmt.Sprintf("%sattentions.%d.", prefix, j), out)
		}
		in = out
	}
	return in
}

func (r *resnet) places(l *list, prefix string, in, out int) {
	r.in, r.out = in, out
	l.norm(prefix+"norm1", &r.norm1, in)
	l.inner(prefix+"conv1", &r.conv1, out, in)
	l.norm(prefix+"norm2", &r.norm2, out)
	l.inner(prefix+"conv2", &r.conv2, out, out)
	if in != out {
		l.linear(prefix+"conv_shortcut", &r.shortcut, out, in)
	}
}

func (a *attention) places(l *list, prefix string, channels int) {
	l.norm(prefix+"group_norm", &a.norm, channels)
	l.linear(prefix+"to_qkv", &a.qkv, 3*channels, channels)
	l.linear(prefix+"to_out.0", &a.out, channels, channels)
}
