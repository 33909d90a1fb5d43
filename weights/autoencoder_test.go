package weights

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/param"
)

// vae is an autoencoder of so many channels, which doubles height and width.
func vae(channels int) *core.Autoencoder {
	return &core.Autoencoder{
		Config: autoencoder.Config{
			ImageChannels: 3, LatentChannels: channels, Groups: 2,
			Decoder: autoencoder.Half{Channels: []int{4, 6}, Layers: []int{1, 2}, Mid: true, Quant: true},
			Encoder: &autoencoder.Half{Channels: []int{4, 6}, Layers: []int{1, 1}, Attention: []bool{false, true}, Quant: true},
		},
		Latents: core.Latents{Mean: make([]float32, channels), Std: slices.Repeat([]float32{2}, channels)},
	}
}

// written is a file.
func written(t testing.TB, h Header, all iter.Seq2[param.Tensor, error]) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (Writer{}).WriteModel(&b, h, all); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func both(a, b iter.Seq2[param.Tensor, error]) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		for _, all := range []iter.Seq2[param.Tensor, error]{a, b} {
			for t, err := range all {
				if !yield(t, err) {
					return
				}
			}
		}
	}
}

// latents is a header of the tiny network, of latents.
func latents() Header {
	i := info
	i.Pixels = core.Pixels{}
	return Header{Config: tiny, Info: i}
}

// sampled is the hash of an image.
func sampled(t *testing.T, g *core.Generator) string {
	t.Helper()
	res, err := g.Generate(context.Background(), g.Defaults(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if size := res.Images[0].Rect.Dx(); size != 8 || g.ImageSize() != 8 {
		t.Errorf("an image of %d pixels, ImageSize is %d, want 8", size, g.ImageSize())
	}
	return res.Metadata.SHA256
}

func reader(t *testing.T, b []byte) *Reader {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.VerifySHA256()
	return r
}

// A network and an autoencoder give the same image from one file and from two.
func TestAutoencoder(t *testing.T) {
	net, ae := dit.Random(tiny, 1, true), autoencoder.Random(vae(3).Config, 1)
	one := latents()
	one.Autoencoder = vae(3)
	together := written(t, one, both(net, ae))
	alone := written(t, Header{Info: core.Info{Name: "vae", License: "MIT"}, Autoencoder: vae(3)}, ae)
	network := written(t, latents(), net)
	for i, b := range [][]byte{network, together, alone} {
		if got, want := b[8], []byte{1, 2, 2}[i]; got != want {
			t.Errorf("file %d has version %d, want %d", i, got, want)
		}
		if _, ts, err := readAll(b); err != nil || len(ts) == 0 {
			t.Errorf("file %d: %d tensors, %v", i, len(ts), err)
		}
	}
	g, err := reader(t, together).Generator(generic.New())
	if err != nil {
		t.Fatal(err)
	}
	want := sampled(t, g)
	for _, b := range [][]byte{alone, together} {
		g, err := reader(t, network).Generator(generic.New())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Generate(context.Background(), g.Defaults(), nil); err == nil || !strings.Contains(err.Error(), "no autoencoder") {
			t.Errorf("latents without a decoder: %v", err)
		}
		if err := reader(t, b).AddTo(g); err != nil {
			t.Fatal(err)
		}
		if got := sampled(t, g); got != want {
			t.Errorf("from two files %s, want %s", got, want)
		}
	}
	if _, err := reader(t, alone).Generator(generic.New()); err == nil || !strings.Contains(err.Error(), "an autoencoder alone") {
		t.Errorf("a generator without a network: %v", err)
	}
	other := written(t, Header{Info: core.Info{Name: "vae"}, Autoencoder: vae(4)}, autoencoder.Random(vae(4).Config, 1))
	if err := reader(t, other).AddTo(g); err == nil || !strings.Contains(err.Error(), "makes 3 channels, the autoencoder takes 4") {
		t.Errorf("a pair that does not fit: %v", err)
	}
	one.Autoencoder = vae(4)
	if err := (Writer{}).WriteModel(&bytes.Buffer{}, one, both(net, ae)); err == nil || !strings.Contains(err.Error(), "makes 3 channels") {
		t.Errorf("a pair that does not fit was written: %v", err)
	}
}

// A decoder of previews is read with its autoencoder, from one file or two; a device
// without convolutions does without.
func TestPreviewDecoder(t *testing.T) {
	ae := vae(3)
	half := autoencoder.Half{Channels: []int{5, 5}, Layers: []int{1, 1}}
	ae.PreviewDecoder = &autoencoder.Config{Kind: autoencoder.Tiny, ImageChannels: 3, LatentChannels: 3, Decoder: half}
	preview := func(yield func(param.Tensor, error) bool) {
		for x, err := range autoencoder.Random(*ae.PreviewDecoder, 2) {
			x.Name = "preview." + x.Name
			if !yield(x, err) {
				return
			}
		}
	}
	net, all := dit.Random(tiny, 1, true), both(autoencoder.Random(ae.Config, 1), preview)
	one := latents()
	one.Autoencoder = ae
	together, network := written(t, one, both(net, all)), written(t, latents(), net)
	alone := written(t, Header{Info: core.Info{Name: "vae"}, Autoencoder: ae}, all)
	type device = struct{ compute.Device }
	for _, dev := range []compute.Device{generic.New(), device{generic.New()}} {
		previews := make(map[string]bool)
		for _, files := range [][][]byte{{together}, {network, alone}, {network, together}} {
			var readers [2]*Reader
			for i, b := range files {
				readers[i] = reader(t, b)
			}
			p, err := NewPair(readers[0], readers[1])
			if err != nil {
				t.Fatal(err)
			}
			g, err := p.Generator(dev)
			if err != nil {
				t.Fatal(err)
			}
			var last string
			if _, err := g.Generate(t.Context(), g.Defaults(), func(e core.Event) { last = core.PixelHash(e.Image(0)) }); err != nil {
				t.Fatal(err)
			}
			previews[last] = true
			g.Free()
		}
		if len(previews) != 1 {
			t.Errorf("%T: previews are %v", dev, previews)
		}
	}
	for want, change := range map[string]func(c *autoencoder.Config){
		"takes 4 channels, the autoencoder 3": func(c *autoencoder.Config) { c.LatentChannels = 4 },
		"no decoder of a TAESD alone":         func(c *autoencoder.Config) { c.Encoder = &half },
		"4 times as high": func(c *autoencoder.Config) {
			c.Decoder = autoencoder.Half{Channels: []int{5, 5, 5}, Layers: []int{1, 1, 1}}
		},
		"levels, allowed": func(c *autoencoder.Config) { c.Decoder.Channels = nil },
	} {
		changed, c := *ae, *ae.PreviewDecoder
		change(&c)
		changed.PreviewDecoder = &c
		if err := changed.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// What a header may not say of an autoencoder.
func TestHostileAutoencoder(t *testing.T) {
	good := written(t, Header{Info: core.Info{Name: "vae"}, Autoencoder: vae(4)}, autoencoder.Random(vae(4).Config, 1))
	text := headerText(good)
	for _, c := range [][3]string{
		{`"norm_num_groups":2`, `"norm_num_groups":5`, "does not divide"},
		{`"norm_num_groups":2`, `"norm_num_groups":0`, "norm_num_groups is 0"},
		{`"channels":[4,6]`, `"channels":[4,6,8]`, "levels"},
		{`"channels":[4,6]`, `"channels":[4,1000000]`, "channels, allowed"},
		{`"layers":[1,2]`, `"layers":[1,2000000]`, "layers, allowed"},
		{`"latent_channels":4`, `"latent_channels":5`, "4 means"},
		{`"image_channels":3`, `"image_channels":2`, "allowed 1 or 3"},
		{`"std":[2`, `"std":[0`, "std above 0"},
		{`"config":{"image`, `"config":{"kind":"taesd","image`, "TAESD has no norms"},
	} {
		if !strings.Contains(text, c[0]) {
			t.Fatalf("the header has no %s: %s", c[0], text)
		}
		if _, _, err := readAll(withHeader(good, strings.Replace(text, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: %v, want %q", c[1], err, c[2])
		}
	}
}
