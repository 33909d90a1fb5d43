//go:build !js

package weightstest

import (
	"bytes"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/weights"
)

// Network writes the file of a small network of random weights that makes latents of so
// many channels, 8×8 of them, and returns its path.
func Network(t testing.TB, channels int) string {
	t.Helper()
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: channels, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}
	info := core.Info{
		Name: "latents", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"fox", "owl", "cat"}, Defaults: core.Defaults{Steps: 4, Guidance: 3},
	}
	return write(t, weights.Header{Config: cfg, Info: info}, dit.Random(cfg, 1, true))
}

// Autoencoder is one of random weights that takes so many channels and doubles height
// and width.
func Autoencoder(kind autoencoder.Kind, channels int) core.Autoencoder {
	a := core.Autoencoder{Config: autoencoder.Config{
		ImageChannels: 3, LatentChannels: channels, Groups: 2,
		Decoder: autoencoder.Half{Channels: []int{4, 6}, Layers: []int{1, 1}, Mid: true}, Encoder: &autoencoder.Half{Channels: []int{4, 6}, Layers: []int{1, 1}},
	}}
	if kind == autoencoder.Tiny {
		half := autoencoder.Half{Channels: []int{5, 5}, Layers: []int{1, 1}}
		a.Config.Kind, a.Config.Groups, a.Config.Decoder, a.Config.Encoder = kind, 0, half, &half
	}
	for range channels {
		a.Latents.Mean, a.Latents.Std = append(a.Latents.Mean, 0), append(a.Latents.Std, 1)
	}
	return a
}

// AutoencoderFile writes the file of an Autoencoder and returns its path.
func AutoencoderFile(t testing.TB, kind autoencoder.Kind, channels int) string {
	t.Helper()
	a := Autoencoder(kind, channels)
	return write(t, weights.Header{Info: core.Info{Name: "vae"}, Autoencoder: &a}, autoencoder.Random(a.Config, 1))
}

func write(t testing.TB, h weights.Header, tensors iter.Seq2[param.Tensor, error]) string {
	t.Helper()
	var b bytes.Buffer
	if err := (weights.Writer{}).WriteModel(&b, h, tensors); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), h.Info.Name+".dit8")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
