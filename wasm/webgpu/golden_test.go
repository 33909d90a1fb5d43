//go:build js

package webgpu

import (
	"context"
	"strings"
	"syscall/js"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/weights"
	"dit8/weights/weightstest"
)

// A device passes its own test.
func TestSelf(t *testing.T) {
	d := open(t)
	if err := d.Test(); err != nil {
		t.Fatal(err)
	}
	if err := d.TestConvolutions(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Race(tests[0].config, generic.New()); err != nil {
		t.Errorf("a race: %v", err)
	}
}

func TestGolden(t *testing.T) {
	r, err := weights.Open("../../weights/default.dit8")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g, err := r.Generator(open(t))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Free()
	steps := map[int]bool{}
	for _, c := range weightstest.Pixels(t) {
		if steps[c.Request.Steps] || c.Request.Steps > 4 {
			continue
		}
		steps[c.Request.Steps] = true
		res, err := g.Generate(context.Background(), c.Request, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Metadata.SHA256 != c.SHA256 || !strings.HasPrefix(res.Metadata.Device, "webgpu (") {
			t.Errorf("%+v: pixels %s on %q, want %s", c.Request, res.Metadata.SHA256, res.Metadata.Device, c.SHA256)
		}
	}
	if !steps[1] || !steps[4] {
		t.Errorf("requests of steps %v, want of 1 and 4", steps)
	}
}

// tiny is a model of latents.
func tiny(t *testing.T, dev compute.Device) *core.Generator {
	t.Helper()
	info := core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"a", "b"}, Defaults: core.Defaults{Steps: 5, Guidance: 2},
	}
	cfg, a := tests[0].config, core.Autoencoder{Config: autoencoders[0], Latents: core.Latents{Mean: make([]float32, 4), Std: []float32{1, 2, 3, 4}}}
	cfg.InChannels = a.Config.LatentChannels
	g, err := core.NewGenerator(dev, "id", info, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.SetAutoencoder("", a, autoencoder.RandomInt8(a.Config, 1)); err != nil {
		t.Fatal(err)
	}
	return g
}

// An autoencoder that the device declines runs on the one beside it, to the same pixels, and the metadata says so.
func TestBeside(t *testing.T) {
	want, err := tiny(t, generic.New()).Generate(context.Background(), tiny(t, generic.New()).Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	d := open(t)
	d.Decline(ErrSlower)
	defer d.Decline(nil)
	g := tiny(t, d)
	defer g.Free()
	got, err := g.Generate(context.Background(), g.Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if device := d.Name() + ", decoded by generic"; got.Metadata.SHA256 != want.Metadata.SHA256 || got.Metadata.Device != device || d.Unfit() != ErrSlower {
		t.Errorf("pixels %s on %q, unfit %v, want %s on %q", got.Metadata.SHA256, got.Metadata.Device, d.Unfit(), want.Metadata.SHA256, device)
	}
}

// A device that is lost while it decodes: the request goes on elsewhere, with the same result. No test after this one
// has that device: it comes last.
func TestZLost(t *testing.T) {
	d := open(t)
	if err := d.TestConvolutions(); err != nil {
		t.Fatal(err)
	}
	if size := tests[0].config.InputSize; !d.Fits(autoencoders[0], size, size) || d.Fits(autoencoders[0], 1<<15, 1<<12) {
		t.Error("what fits does not, or what does not fit does")
	}
	want, err := tiny(t, generic.New()).Generate(context.Background(), tiny(t, generic.New()).Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := tiny(t, d)
	g.OnLost(func() (*core.Generator, error) { return tiny(t, generic.New()), nil })
	for _, device := range []string{d.Name(), d.Name() + ", then generic"} {
		steps := 0
		got, err := g.Generate(context.Background(), g.Defaults(), func(e core.Event) {
			if steps++; e.Decoding && device != d.Name() {
				js.Global().Get("dit8GPU").Call("lose")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Metadata.SHA256 != want.Metadata.SHA256 || steps != 5+3 || got.Metadata.Device != device {
			t.Errorf("pixels %s in %d steps on %q, want %s on %q", got.Metadata.SHA256, steps, got.Metadata.Device, want.Metadata.SHA256, device)
		}
	}
	if err := d.Err(); err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("the device says %v", err)
	}
}

// One whose kernel is wrong in the last digit of a number does not pass its test. It needs a host that changes texts of
// webgpu.wgsl, which gotest.mjs is.
func TestZWrong(t *testing.T) {
	for _, c := range []struct{ of, from, to, want string }{
		{"GELU", "-6.656136e-6", "-6.656137e-6", "webgpu: test of layers: value"},
	} {
		js.Global().Set("dit8Changes", []any{[]any{c.from, c.to}})
		d, err := Open(generic.New())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Test(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("with another %s the test says %v", c.of, err)
		}
		d.Close()
	}
	js.Global().Delete("dit8Changes")
}
