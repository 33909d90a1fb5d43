package core

import (
	"fmt"

	"dit8/core/autoencoder"
	"dit8/core/param"
)

// Autoencoder is what a model file says of its autoencoder beyond the weights.
type Autoencoder struct {
	Config autoencoder.Config `json:"config"`
	// Latents says how a sampler's values become those that the decoder takes.
	Latents Latents `json:"latents"`
	// Assumed tells that no file said Latents: what a network says counts more.
	Assumed bool `json:"assumed,omitempty"`
	// Preview makes coarse pictures of a sampler's latents: for red, green and blue a
	// weight for each channel and a constant, which give values of about -1 to 1.
	Preview [][]float32 `json:"preview,omitempty"`
	// PreviewDecoder is the shape of a small decoder of a sampler's latents, which makes
	// better ones; nil where the file has none.
	PreviewDecoder *autoencoder.Config `json:"preview_decoder,omitempty"`
}

// previewPrefix begins the names of the preview decoder's tensors.
const previewPrefix = "preview."

// Specs lists the tensors: the autoencoder's, and then the preview decoder's, whose names
// begin with "preview.".
func (a Autoencoder) Specs() []param.Spec {
	specs := a.Config.Specs()
	if a.PreviewDecoder != nil {
		for _, s := range a.PreviewDecoder.Specs() {
			s.Name = previewPrefix + s.Name
			specs = append(specs, s)
		}
	}
	return specs
}

// Check reports what is out of its range.
func (a Autoencoder) Check() error {
	if err := a.Config.Check(); err != nil {
		return err
	}
	if a.Latents.Std == nil {
		return fmt.Errorf("core: the autoencoder's latents have no mean and standard deviation")
	}
	if err := a.Latents.check(a.Config.LatentChannels); err != nil {
		return err
	}
	if err := a.checkPreviewDecoder(); err != nil {
		return err
	}
	if len(a.Preview) != 0 && len(a.Preview) != 3 {
		return fmt.Errorf("core: the autoencoder's preview makes %d colours, allowed 3", len(a.Preview))
	}
	for _, row := range a.Preview {
		if len(row) != a.Config.LatentChannels+1 || !allFinite(row) {
			return fmt.Errorf("core: the autoencoder's preview has %d weights for a colour, expected %d finite ones", len(row), a.Config.LatentChannels+1)
		}
	}
	return nil
}

func (a Autoencoder) checkPreviewDecoder() error {
	d := a.PreviewDecoder
	if d == nil {
		return nil
	}
	if err := d.Check(); err != nil {
		return fmt.Errorf("core: the decoder of previews: %w", err)
	}
	switch {
	case d.Kind != autoencoder.Tiny || d.Encoder != nil:
		return fmt.Errorf("core: the decoder of previews is no decoder of a TAESD alone")
	case d.LatentChannels != a.Config.LatentChannels:
		return fmt.Errorf("core: the decoder of previews takes %d channels, the autoencoder %d", d.LatentChannels, a.Config.LatentChannels)
	case d.Factor() != a.Config.Factor():
		return fmt.Errorf("core: the decoder of previews makes pictures %d times as high as the latents, the autoencoder %d times", d.Factor(), a.Config.Factor())
	}
	return nil
}

// Fits refuses a network that makes other latents than the autoencoder takes.
func (a Autoencoder) Fits(channels int) error {
	if channels != a.Config.LatentChannels {
		return fmt.Errorf("core: the network makes %d channels, the autoencoder takes %d", channels, a.Config.LatentChannels)
	}
	return nil
}

// Scale is how a network's values become those that the decoder takes. TAESD takes the
// values of samplers as they are, whatever the network's own decoder takes. Numbers for
// each channel count more than one for all: a network that has them (iMF, REPA-E) was
// trained on latents which an autoencoder's one scale says nothing of.
func (a Autoencoder) Scale(network Latents) Latents {
	if network.Std == nil || a.Config.Kind == autoencoder.Tiny {
		return a.Latents
	}
	if a.Assumed || !network.uniform() && a.Latents.uniform() {
		return network
	}
	return a.Latents
}

// uniform tells whether all channels are scaled alike, and none is shifted.
func (l Latents) uniform() bool {
	for c := range l.Std {
		if l.Mean[c] != 0 || l.Std[c] != l.Std[0] {
			return false
		}
	}
	return true
}

// Apply maps planes [C, N] of values.
func (l Latents) Apply(v []float32) []float32 {
	out, n := make([]float32, len(v)), len(v)/len(l.Std)
	for c := range l.Std {
		for i, x := range v[c*n : (c+1)*n] {
			out[c*n+i] = l.Mean[c] + float32(l.Std[c]*x)
		}
	}
	return out
}

// Undo is Apply backwards.
func (l Latents) Undo(v []float32) []float32 {
	out, n := make([]float32, len(v)), len(v)/len(l.Std)
	for c := range l.Std {
		for i, x := range v[c*n : (c+1)*n] {
			out[c*n+i] = float32(x-l.Mean[c]) / l.Std[c]
		}
	}
	return out
}
