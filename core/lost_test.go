package core

import (
	"context"
	"errors"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
)

// losable is lost within the operation that left counts down to.
type losable struct {
	compute.Device
	left int
}

func (d *losable) Name() string { return "losable" }

func (d *losable) Err() error {
	if d.left <= 0 {
		return compute.ErrLost
	}
	return nil
}

func (d *losable) Alloc(n int) (compute.F32, error) {
	if err := d.Err(); err != nil {
		return compute.F32{}, err
	}
	return d.Device.Alloc(n)
}

func (d *losable) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	d.left--
	d.Device.Linear(dst, x, rows, w, act)
}

func (d *losable) Read(dst []float32, src compute.F32) {
	if d.Device.Read(dst, src); d.left <= 0 {
		clear(dst)
	}
}

// A request whose device is lost, at whatever operation, gives the pixels that it gives elsewhere,
// and says what computed them.
func TestLostDevice(t *testing.T) {
	g := generator(t, tiny, info)
	req := g.Defaults()
	req.Steps, req.Guidance, req.Count = 3, 2, 2
	want, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	operations := &losable{generic.New(), 1 << 30}
	of := func(dev compute.Device) *Generator {
		g, err := NewGenerator(dev, g.id, g.info, g.Config(), dit.Random(g.Config(), 1, true))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if _, err := of(operations).Generate(context.Background(), req, nil); err != nil {
		t.Fatal(err)
	}
	all := 1<<30 - operations.left
	for k := 1; k <= all; k++ {
		g := of(&losable{generic.New(), k})
		moved := 0
		g.OnLost(func() (*Generator, error) { moved++; return of(generic.New()), nil })
		steps := 0
		got, err := g.Generate(context.Background(), req, func(Event) { steps++ })
		if err != nil {
			t.Fatalf("lost at operation %d: %v", k, err)
		}
		if got.Metadata.SHA256 != want.Metadata.SHA256 || steps != req.Steps || moved != 1 || got.Metadata.Device != "losable, then generic" {
			t.Fatalf("lost at operation %d of %d: pixels %s on %q in %d steps, %d moves, want %s", k, all, got.Metadata.SHA256, got.Metadata.Device, steps, moved, want.Metadata.SHA256)
		}
	}
	g = of(&losable{generic.New(), 5})
	if _, err := g.Generate(context.Background(), req, nil); !errors.Is(err, compute.ErrLost) {
		t.Errorf("with nowhere to go: %v", err)
	}
	broken := errors.New("no model")
	g.OnLost(func() (*Generator, error) { return nil, broken })
	if _, err := g.Generate(context.Background(), req, nil); !errors.Is(err, broken) || !errors.Is(err, compute.ErrLost) {
		t.Errorf("where the other cannot be made: %v", err)
	}
}
