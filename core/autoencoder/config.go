package autoencoder

import (
	"fmt"

	"dit8/core/param"
)

// Kind is what network an autoencoder is.
type Kind string

// The kinds.
const (
	KL   Kind = ""      // AutoencoderKL: Stable Diffusion's, and those after it (arXiv 2112.10752)
	Tiny Kind = "taesd" // TAESD (madebyollin/taesd)
)

// String is the name of the network, as diffusers and its authors have it.
func (k Kind) String() string {
	if k == Tiny {
		return "TAESD"
	}
	return "AutoencoderKL"
}

// Config is an autoencoder's shape.
type Config struct {
	Kind           Kind  `json:"kind,omitempty"`
	ImageChannels  int   `json:"image_channels"`
	LatentChannels int   `json:"latent_channels"`
	Groups         int   `json:"norm_num_groups,omitempty"` // of every group norm; TAESD has none
	Decoder        Half  `json:"decoder"`
	Encoder        *Half `json:"encoder,omitempty"` // none where the file can decode alone
}

// Half is the shape of a decoder or encoder. Levels are counted from the pictures'
// size on, which is halved from each to the next.
type Half struct {
	Channels  []int  `json:"channels"`                // of each level; of TAESD the same in all
	Layers    []int  `json:"layers"`                  // resnets of each level, of TAESD blocks
	Attention []bool `json:"attention,omitempty"`     // whether a level's resnets are followed by attentions each
	Mid       bool   `json:"mid_attention,omitempty"` // in the middle
	Quant     bool   `json:"quant_conv,omitempty"`    // a 1×1 convolution between it and the latents
}

// Limits of Config. They bound what a hostile file can ask for.
const (
	MaxLevels         = 8
	MaxChannels       = 4096 // of a level
	MaxLayers         = 16   // of a level
	MaxLatentChannels = 128
	MaxPixels         = 1 << 24 // of a picture
)

// Check reports the first field that is out of its range.
func (c Config) Check() error {
	switch {
	case c.Kind != KL && c.Kind != Tiny:
		return fmt.Errorf("autoencoder: kind is %q, allowed %q or none", string(c.Kind), string(Tiny))
	case c.ImageChannels != 1 && c.ImageChannels != 3:
		return fmt.Errorf("autoencoder: image_channels is %d, allowed 1 or 3", c.ImageChannels)
	case c.LatentChannels < 1 || c.LatentChannels > MaxLatentChannels:
		return fmt.Errorf("autoencoder: latent_channels is %d, allowed 1 to %d", c.LatentChannels, MaxLatentChannels)
	case c.Kind == Tiny && c.Groups != 0:
		return fmt.Errorf("autoencoder: norm_num_groups is %d, TAESD has no norms", c.Groups)
	case c.Kind == KL && (c.Groups < 1 || c.Groups > MaxChannels):
		return fmt.Errorf("autoencoder: norm_num_groups is %d, allowed 1 to %d", c.Groups, MaxChannels)
	}
	if err := c.checkHalf("decoder", c.Decoder); err != nil {
		return err
	}
	if c.Encoder == nil {
		return nil
	}
	if len(c.Encoder.Channels) != len(c.Decoder.Channels) {
		return fmt.Errorf("autoencoder: %d levels of the encoder, %d of the decoder", len(c.Encoder.Channels), len(c.Decoder.Channels))
	}
	return c.checkHalf("encoder", *c.Encoder)
}

func (c Config) checkHalf(name string, h Half) error {
	levels := len(h.Channels)
	switch {
	case levels < 1 || levels > MaxLevels:
		return fmt.Errorf("autoencoder: %s: %d levels, allowed 1 to %d", name, levels, MaxLevels)
	case len(h.Layers) != levels:
		return fmt.Errorf("autoencoder: %s: layers of %d levels, there are %d", name, len(h.Layers), levels)
	case len(h.Attention) != 0 && len(h.Attention) != levels:
		return fmt.Errorf("autoencoder: %s: attention of %d levels, there are %d", name, len(h.Attention), levels)
	case c.Kind == Tiny && (h.Attention != nil || h.Mid || h.Quant):
		return fmt.Errorf("autoencoder: %s: TAESD has neither attention nor 1×1 convolutions", name)
	}
	for i, n := range h.Channels {
		switch {
		case n < 1 || n > MaxChannels:
			return fmt.Errorf("autoencoder: %s: %d channels, allowed 1 to %d", name, n, MaxChannels)
		case c.Kind == KL && n%c.Groups != 0:
			return fmt.Errorf("autoencoder: %s: norm_num_groups %d does not divide %d channels", name, c.Groups, n)
		case c.Kind == Tiny && n != h.Channels[0]:
			return fmt.Errorf("autoencoder: %s: %d and %d channels, TAESD's levels have the same", name, h.Channels[0], n)
		case h.Layers[i] < 0 || h.Layers[i] > MaxLayers:
			return fmt.Errorf("autoencoder: %s: %d layers, allowed 0 to %d", name, h.Layers[i], MaxLayers)
		}
	}
	return nil
}

// Factor is how many times as high and wide as the latents the pictures are.
func (c Config) Factor() int { return 1 << (len(c.Decoder.Channels) - 1) }

// LatentSize is the height or width of the latents of so many pixels.
func (c Config) LatentSize(pixels int) int {
	for range len(c.Decoder.Channels) - 1 {
		if c.Kind == Tiny {
			pixels++ // which rounds up
		}
		pixels /= 2
	}
	return pixels
}

func (h Half) attends(level int) bool { return len(h.Attention) > 0 && h.Attention[level] }

// Specs lists every tensor of the autoencoder, by diffusers' names, in the order in
// which a pass needs them, the decoder's first. Kernels are [out, row, column, in];
// to_q, to_k and to_v are one layer, to_qkv.
func (c Config) Specs() []param.Spec { return param.Specs(newModel(nil, c).places()) }

// EncoderSpecs are the last of Specs, the encoder's.
func (c Config) EncoderSpecs() []param.Spec { return param.Specs(newModel(nil, c).encoderPlaces()) }
