package weights

import (
	"fmt"

	"dit8/core"
	"dit8/core/compute"
)

// Pair is a network's file with the file of the autoencoder that turns its latents into
// images, where this is another one.
type Pair struct {
	network, autoencoder *Reader
	header               Header
}

// NewPair puts two files together, before their tensors are read. It refuses those that
// do not fit, and what is no network or no autoencoder. autoencoder is nil for a model
// that is one file.
func NewPair(network, autoencoder *Reader) (*Pair, error) {
	p := &Pair{network, autoencoder, *network.Header()}
	if !p.header.HasNetwork() {
		return nil, errAlone
	}
	if autoencoder == nil {
		return p, nil
	}
	a := autoencoder.Header().Autoencoder
	if a == nil {
		return nil, errNoAutoencoder
	}
	if err := a.Fits(p.header.Config.InChannels); err != nil {
		return nil, err
	}
	p.header.Autoencoder = a
	return p, nil
}

// Header is the network's, with the autoencoder that is used.
func (p *Pair) Header() *Header { return &p.header }

// Generator reads the tensors onto dev and returns the model, ready to sample.
func (p *Pair) Generator(dev compute.Device) (*core.Generator, error) {
	g, err := p.network.Generator(dev)
	if err != nil || p.autoencoder == nil {
		return g, err
	}
	if err := p.autoencoder.AddTo(g); err != nil {
		g.Free()
		return nil, fmt.Errorf("the autoencoder's file: %w", err)
	}
	return g, nil
}
