package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/pngfile"
	"dit8/weights"
)

// writeAutoencoder writes one of random weights that takes so many channels and doubles
// height and width.
func writeAutoencoder(t *testing.T, channels int) string {
	t.Helper()
	a := core.Autoencoder{Config: autoencoder.Config{
		ImageChannels: 3, LatentChannels: channels, Groups: 2, Decoder: autoencoder.Half{Channels: []int{4, 6}, Layers: []int{1, 1}, Mid: true},
	}}
	for range channels {
		a.Latents.Mean, a.Latents.Std = append(a.Latents.Mean, 0), append(a.Latents.Std, 1)
	}
	var b bytes.Buffer
	if err := (weights.Writer{}).WriteModel(&b, weights.Header{Info: core.Info{Name: "vae"}, Autoencoder: &a}, autoencoder.Random(a.Config, 1)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vae.dit8")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A network of one file draws through the autoencoder of another, the same on every
// device.
func TestVAE(t *testing.T) {
	dir := t.TempDir()
	model, vae := writeModel(t, filepath.Join(dir, "net.dit8"), 24, false, nil), writeAutoencoder(t, 3)
	var hashes []string
	for _, device := range []string{"generic", ""} {
		out := filepath.Join(dir, "out"+device+".png")
		if code, _, errs := sampleCmd("-model", model, "-vae", vae, "-class", "owl", "-device", device, "-o", out); code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := pngfile.ReadMetadata(f)
		f.Close()
		if err != nil || meta.AutoencoderID == "" {
			t.Fatalf("%+v, %v", meta, err)
		}
		hashes = append(hashes, meta.SHA256)
	}
	if hashes[0] != hashes[1] {
		t.Errorf("pixels are %s on generic, %s on the fastest device", hashes[0], hashes[1])
	}
	for want, args := range map[string][]string{
		"makes 3 channels, the autoencoder takes 5": {"-model", model, "-vae", writeAutoencoder(t, 5)},
		"holds an autoencoder alone":                {"-model", vae},
		"the file holds no autoencoder":             {"-model", model, "-vae", model},
	} {
		code, _, errs := sampleCmd(append(args, "-class", "owl", "-o", filepath.Join(dir, "no.png"))...)
		if code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d: %s, want %q", args, code, errs, want)
		}
	}
}
