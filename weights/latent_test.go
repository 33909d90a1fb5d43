//go:build !js

package weights_test

import (
	"testing"

	"dit8/core"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/native"
	"dit8/weights"
)

// The model of latents that comes with dit8 draws the same picture on every device, and
// edits one.
func TestLatentModel(t *testing.T) {
	fast, err := native.New("", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, dev := range []compute.Device{generic.New(), fast} {
		p, err := weights.OpenPair("fashion-latent.dit8", "")
		if err != nil {
			t.Fatal(err)
		}
		g, err := p.Generator(dev)
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		req := g.Defaults()
		req.Class, req.Seed, req.Steps = "sneaker", 1, 4
		res, err := g.Generate(t.Context(), req, nil)
		if err != nil {
			t.Fatal(err)
		}
		const want = "4f7c4422d60b23cb2281ed82ce2afddfdae0bf0f76b262d1fbe3706014664121"
		if got := res.Metadata.SHA256; got != want || g.ImageSize() != 28 {
			t.Errorf("%s: %d pixels are %s, want 28 and %s", dev.Name(), g.ImageSize(), got, want)
		}
		image, mask := make([]byte, 0, 3*28*28), make([]byte, 28*28)
		for i, v := range res.Images[0].Pix {
			if i%4 < 3 {
				image = append(image, v)
			}
		}
		for i := range 14 * 28 {
			mask[i] = 1
		}
		req.Class, req.Edit = "ankle-boot", &core.Edit{Task: core.EditInpaint, Image: image, Mask: mask, Width: 28, Keep: true}
		if res, err = g.Generate(t.Context(), req, nil); err != nil || res.Metadata.MeasurementError[0] != 0 {
			t.Errorf("%s: an edit: %+v, %v", dev.Name(), res, err)
		}
		g.Free()
	}
}
