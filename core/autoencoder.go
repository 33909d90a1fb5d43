package core

import (
	"fmt"

	"dit8/core/autoencoder"
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

// Fits refuses a network that makes other latents than the autoencoder takes.
func (a Autoencoder) Fits(channels int) error {
	if channels != a.Config.LatentChannels {
		return fmt.Errorf("core: the network makes %d channels, the autoencoder takes %d", channels, a.Config.LatentChannels)
	}
	return nil
}

// Scale is how a network's values become those that the decoder takes. TAESD takes the
// values of samplers as they are, whatever the network's own decoder takes.
func (a Autoencoder) Scale(network Latents) Latents {
	if a.Assumed && network.Std != nil && a.Config.Kind != autoencoder.Tiny {
		return network
	}
	return a.Latents
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
