package core

import (
	"errors"

	"dit8/core/compute"
)

// OnLost has g move where its device is lost (compute.ErrLost): again gives another generator of the
// same model, whose place g takes. Requests go on from their last evaluation, with the same result.
func (g *Generator) OnLost(again func() (*Generator, error)) { g.again = again }

// ready moves g where its device was lost before.
func (g *Generator) ready() error {
	if err := compute.Lost(g.model.Device()); err != nil {
		if g.again == nil {
			return err
		}
		return g.move()
	}
	return nil
}

// moving does f, and once more where the device was lost meanwhile and there is another.
func (g *Generator) moving(f func() error) error {
	err := f()
	if g.again == nil || !errors.Is(err, compute.ErrLost) {
		return err
	}
	if err := g.move(); err != nil {
		return err
	}
	return f()
}

// move makes g the generator that again gives.
func (g *Generator) move() error {
	other, err := g.again()
	if err != nil {
		return errors.Join(compute.Lost(g.model.Device()), err)
	}
	was := g.Device()
	g.Free()
	*g = *other
	g.lost = was
	return nil
}

// Device tells what computes: "one, decoded by another" where the autoencoder runs elsewhere than the network, and where
// the device was lost "one, then another".
func (g *Generator) Device() string {
	name := g.model.Device().Name()
	if g.decoder != nil {
		if other := g.decoder.Device().Name(); other != name {
			name += ", decoded by " + other
		}
	}
	if g.lost != "" {
		name = g.lost + ", then " + name
	}
	return name
}
