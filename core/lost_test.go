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
	compute.Convolver
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
	return d.Convolver.Alloc(n)
}

func (d *losable) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	d.left--
	d.Convolver.Linear(dst, x, rows, w, act)
}

func (d *losable) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	d.left--
	d.Convolver.Conv(out, in, c)
}

func (d *losable) Read(dst []float32, src compute.F32) {
	if d.Convolver.Read(dst, src); d.left <= 0 {
		clear(dst)
	}
}

// A request whose device is lost, at whatever operation, gives the pixels that it gives elsewhere,
// and says what computed them: of pixels and of latents, of one request, an edit, and several together.
func TestLostDevice(t *testing.T) {
	pixels := func(dev compute.Device) *Generator {
		cfg := tiny
		g, err := NewGenerator(dev, "id", info, cfg, dit.Random(cfg, 1, true))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	latents := func(dev compute.Device) *Generator { return decodingOn(t, dev) }
	edit := func(r *Request) {
		size := decoding(t).ImageSize()
		r.Edit = &Edit{Task: EditImage, Image: make([]byte, 3*size*size), Width: size}
	}
	for name, c := range map[string]struct {
		of       func(compute.Device) *Generator
		change   func(*Request)
		together bool
	}{
		"pixels":           {pixels, func(*Request) {}, false},
		"pixels together":  {pixels, func(*Request) {}, true},
		"latents":          {latents, func(*Request) {}, false},
		"latents together": {latents, func(*Request) {}, true},
		"edit":             {latents, edit, false},
	} {
		t.Run(name, func(t *testing.T) {
			batch := maxBatchValues
			defer func() { maxBatchValues = batch }()
			if !c.together { // one image at a time, so that a batch comes after one that was lost while it was decoded
				maxBatchValues = 2 * tiny.WorkspaceLen()
			}
			make := func(g *Generator) (*Result, error) {
				req := g.Defaults()
				req.Steps, req.Guidance, req.Count = 3, 2, 2
				c.change(&req)
				if !c.together {
					return g.Generate(context.Background(), req, func(Event) {})
				}
				other := req
				other.Seed = 5
				all, err := g.GenerateAll(context.Background(), []Request{req, other})
				if err != nil {
					return nil, err
				}
				return all[1], nil
			}
			operations := &losable{generic.New(), 1 << 30}
			want, err := make(c.of(operations))
			if err != nil {
				t.Fatal(err)
			}
			all := 1<<30 - operations.left
			for k := 0; k <= all; k++ {
				dev := &losable{generic.New(), 1 << 30}
				g := c.of(dev)
				dev.left = k // 0: it is lost before the request
				moved := 0
				g.OnLost(func() (*Generator, error) { moved++; return c.of(generic.New()), nil })
				got, err := make(g)
				if err != nil {
					t.Fatalf("lost at operation %d: %v", k, err)
				}
				if got.Metadata.SHA256 != want.Metadata.SHA256 || moved != 1 || got.Metadata.Device != "losable, then generic" {
					t.Fatalf("lost at operation %d of %d: pixels %s on %q, %d moves, want %s", k, all, got.Metadata.SHA256, got.Metadata.Device, moved, want.Metadata.SHA256)
				}
			}
			g := c.of(&losable{generic.New(), 5})
			if _, err := make(g); !errors.Is(err, compute.ErrLost) {
				t.Errorf("with nowhere to go: %v", err)
			}
			broken := errors.New("no model")
			g.OnLost(func() (*Generator, error) { return nil, broken })
			if _, err := make(g); !errors.Is(err, broken) || !errors.Is(err, compute.ErrLost) {
				t.Errorf("where the other cannot be made: %v", err)
			}
		})
	}
}

// Steps are told once each, also those of a request that goes on elsewhere.
func TestLostSteps(t *testing.T) {
	for k := range 40 {
		dev := &losable{generic.New(), 1 << 30}
		g := decodingOn(t, dev)
		dev.left = k
		g.OnLost(func() (*Generator, error) { return decodingOn(t, generic.New()), nil })
		step := 0
		if _, err := g.Generate(context.Background(), g.Defaults(), func(e Event) {
			if step++; e.Step != step {
				t.Errorf("lost at operation %d: step %d, want %d", k, e.Step, step)
			}
		}); err != nil {
			t.Fatal(err)
		}
		if want := 4 + 4; step != want {
			t.Errorf("lost at operation %d: %d steps, want %d", k, step, want)
		}
	}
}
