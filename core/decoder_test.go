package core

import (
	"context"
	"errors"
	"slices"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
)

// decoding is a model of latents with its autoencoder.
func decoding(t *testing.T) *Generator {
	t.Helper()
	return decodingOn(t, generic.New())
}

func decodingOn(t *testing.T, dev compute.Device) *Generator {
	t.Helper()
	cfg, i := tiny, info
	cfg.InChannels, i.Pixels = 4, Pixels{}
	g, err := NewGenerator(dev, "id", i, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	a := Autoencoder{
		Config: autoencoder.Config{
			ImageChannels: 3, LatentChannels: 4, Groups: 2,
			Decoder: autoencoder.Half{Channels: []int{4, 8, 8}, Layers: []int{1, 1, 1}, Mid: true},
			Encoder: &autoencoder.Half{Channels: []int{4, 8, 8}, Layers: []int{1, 1, 1}},
		},
		Latents: Latents{Mean: make([]float32, 4), Std: []float32{1, 2, 3, 4}},
	}
	if err := g.SetAutoencoder("vae", a, autoencoder.Random(a.Config, 1)); err != nil {
		t.Fatal(err)
	}
	return g
}

// Latents become pictures, and events tell of it.
func TestDecoding(t *testing.T) {
	g := decoding(t)
	req := g.Defaults()
	req.Count = 2
	const total = 4 + 2*4 // evaluations, and four parts of each picture
	step, decodes := 0, 0
	res, err := g.Generate(context.Background(), req, func(e Event) {
		step++
		if e.Step != step || e.Steps != total || e.Images != 2 || e.Decoding != (step > 4) || e.Decoding && e.T != 0 {
			t.Errorf("event %+v, want step %d of %d", e, step, total)
		}
		if e.Decoding {
			decodes++
		}
		if size := e.Image(1).Rect.Dx(); size != 32 {
			t.Errorf("a preview of %d pixels", size)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if step != total || decodes != 8 {
		t.Errorf("%d events, %d of decoding", step, decodes)
	}
	if len(res.Images) != 2 || res.Images[0].Rect.Dx() != 32 || slices.Equal(res.Images[0].Pix, res.Images[1].Pix) || res.Metadata.AutoencoderID != "vae" {
		t.Errorf("%d images of %v, metadata %+v", len(res.Images), res.Images[0].Rect, res.Metadata)
	}
	again, err := g.Generate(context.Background(), req, nil)
	if err != nil || again.Metadata.SHA256 != res.Metadata.SHA256 {
		t.Errorf("again: %v, other pixels", err)
	}
}

// A device without convolutions leaves decoding to Go, with the same pixels.
func TestDecodingWithoutConvolutions(t *testing.T) {
	var hashes [2]string
	for i, dev := range []compute.Device{generic.New(), struct{ compute.Device }{generic.New()}} {
		g := decodingOn(t, dev)
		res, err := g.Generate(t.Context(), g.Defaults(), nil)
		if err != nil {
			t.Fatal(err)
		}
		hashes[i] = res.Metadata.SHA256
		g.Free()
	}
	if hashes[0] != hashes[1] {
		t.Errorf("pixels are %v", hashes)
	}
}

// Whose numbers count: of a scale for all channels the file's that says it, of statistics
// a channel the network's; TAESD takes values as they are.
func TestScale(t *testing.T) {
	alike := func(s float32) Latents { return Latents{Mean: make([]float32, 2), Std: []float32{s, s}} }
	own := Latents{Mean: []float32{1, 2}, Std: []float32{3, 4}}
	for i, c := range []struct {
		file          Latents
		assumed, tiny bool
		network, want Latents
	}{
		{alike(5), false, false, Latents{}, alike(5)},
		{alike(5), false, false, alike(6), alike(5)},
		{alike(5), true, false, alike(6), alike(6)},
		{alike(5), false, false, own, own},
		{alike(5), true, false, own, own},
		{own, false, false, alike(6), own},
		{own, false, false, Latents{Mean: []float32{7, 8}, Std: []float32{9, 9}}, own},
		{alike(1), false, true, own, alike(1)},
	} {
		a := Autoencoder{Latents: c.file, Assumed: c.assumed}
		if c.tiny {
			a.Config.Kind = autoencoder.Tiny
		}
		if got := a.Scale(c.network); !slices.Equal(got.Mean, c.want.Mean) || !slices.Equal(got.Std, c.want.Std) {
			t.Errorf("case %d: %v, want %v", i, got, c.want)
		}
	}
}

// A request is cancelled within the decoding too.
func TestDecodingCancelled(t *testing.T) {
	g := decoding(t)
	ctx, stop := context.WithCancel(t.Context())
	events := 0
	_, err := g.Generate(ctx, g.Defaults(), func(e Event) {
		if events++; e.Decoding {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || events != 5 {
		t.Errorf("%v after %d events", err, events)
	}
}

// A preview is the linear map of the file. Pixel 4 is five eighths of the way from the first latent to the second.
func TestPreview(t *testing.T) {
	d := decoding(t).decoder
	d.about.Preview = [][]float32{{1, 0, 0, 0, 0}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, -1}}
	z := make([]float32, 4*64)
	z[0] = -0.2
	if p := d.linear(z, 8).Pix; p[0] != 102 || p[1] != 255 || p[2] != 0 || p[4*4] != 118 || p[4*7] != 128 {
		t.Errorf("the preview begins with %v", p[:20])
	}
	if err := (Autoencoder{Config: d.Config(), Latents: d.latents, Preview: [][]float32{{1}}}).Check(); err == nil {
		t.Error("a preview of one colour was accepted")
	}
}

// Images are edited through the encoder: with hardly any noise the result is what
// decoding makes of the image's latents, and cells that are not painted keep theirs.
func TestLatentEdits(t *testing.T) {
	g := decoding(t)
	size := g.ImageSize()
	e := &Edit{Task: EditImage, Image: make([]byte, 3*size*size), Width: size, Strength: 1e-4}
	for i := range e.Image {
		e.Image[i] = byte(i * 7)
	}
	d, err := g.newEditor(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]float32, 3*size*size)
	if err := g.decoder.Decode(t.Context(), out, g.decoder.latents.Apply(d.y), 8, 8, nil); err != nil {
		t.Fatal(err)
	}
	req := g.Defaults()
	req.Edit = e
	res, err := g.Generate(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range decoded.image(out, size, size).Pix {
		if got := res.Images[0].Pix[i]; max(got, v)-min(got, v) > 2 {
			t.Fatalf("byte %d is %d, want about %d", i, got, v)
		}
	}
	e.Task, e.Strength, e.Mask = EditInpaint, 0, make([]byte, size*size)
	e.Mask[size+1] = 1 // of the first cell of 8×8
	if d, err = g.newEditor(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	clean := make([]float32, len(d.y))
	d.finish(clean)
	for i, v := range clean {
		if want := d.y[i]; i%64 != 0 && v != want || i%64 == 0 && v != 0 {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
	known := func() (same, all int) {
		res, err := g.Generate(t.Context(), req, nil)
		if err != nil {
			t.Fatal(err)
		}
		pix := res.Images[0].Pix
		for i := range e.Mask {
			if e.Mask[i] == 0 {
				all++
				if string(pix[4*i:4*i+3]) == string(e.Image[3*i:3*i+3]) {
					same++
				}
			}
		}
		if e.Keep != (res.Metadata.MeasurementError[0] == 0) || res.Metadata.SHA256 != PixelHash(res.Images...) || res.Metadata.Request.Edit.Keep != e.Keep {
			t.Errorf("keep %v: metadata %+v", e.Keep, res.Metadata)
		}
		return same, all
	}
	if same, all := known(); same == all {
		t.Error("what was encoded and decoded is as it was")
	}
	e.Keep = true
	if same, all := known(); same != all || all != size*size-1 {
		t.Errorf("of %d known pixels %d are kept", all, same)
	}
	var f *FieldError
	e.Task = EditImage
	if _, err := g.Generate(t.Context(), req, nil); !errors.As(err, &f) || f.Field != "edit.keep" {
		t.Errorf("keep without a mask's task: %v", err)
	}
	e.Keep = false
	e.Task, e.Mask = EditColorize, nil
	if _, err := g.Generate(t.Context(), req, nil); !errors.As(err, &f) || f.Field != "edit.task" {
		t.Errorf("colouring: %v", err)
	}
}
