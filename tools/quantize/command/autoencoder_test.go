package command

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/compute/generic"
	"dit8/weights"
)

const autoencoders = "../../../testdata/golden-vae/"

// said runs a command and gives its exit code and what it said.
func said(args ...string) (code int, text string) {
	var out, errs bytes.Buffer
	code = Run(args, nil, &out, &errs)
	return code, out.String() + errs.String()
}

// A network and an autoencoder become one file, whose samples are the official ones.
func TestWithAutoencoder(t *testing.T) {
	out := filepath.Join(t.TempDir(), "both.dit8")
	code, text := said("-type", "f32", "-num-heads", "4", "-convention", "dit", "-vae", autoencoders+"e2e_dit/vae", "-o", out, autoencoders+"e2e_dit/model.safetensors")
	if code != 0 || !strings.Contains(text, "5 classes, an autoencoder of 4 channels, 8×") {
		t.Fatalf("exit code %d: %s", code, text)
	}
	code, text = said("verify", "-max-rel", "1e-4", "-reference", autoencoders+"e2e_dit/sample_ddim_20.safetensors", out)
	if code != 0 || !strings.Contains(text, "pixels_sample") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if code, text = said("inspect", out); code != 0 || !strings.Contains(text, "decodes    latents of 4 channels to 8×") {
		t.Errorf("exit code %d: %s", code, text)
	}
	if code, text = said("verify", "-reference", autoencoders+"vae_kl16/decode_3x5.safetensors", out); code != 1 || !strings.Contains(text, "expected [N 4 H W]") {
		t.Errorf("another autoencoder's reference: exit code %d: %s", code, text)
	}
}

// A TAESD's decoder goes in for previews, and leaves the pictures as they are.
func TestPreview(t *testing.T) {
	dir := t.TempDir()
	base := []string{"-num-heads", "4", "-convention", "dit", "-steps", "4", "-vae", autoencoders + "e2e_dit/vae"}
	model := autoencoders + "e2e_dit/model.safetensors"
	var hashes [2]string
	for i, more := range [][]string{nil, {"-preview", autoencoders + "taesd"}} {
		out := filepath.Join(dir, "out"+strconv.Itoa(i)+".dit8")
		code, text := said(slices.Concat(base, more, []string{"-o", out, model})...)
		if code != 0 || strings.Contains(text, "a decoder of previews") != (i == 1) {
			t.Fatalf("%v: exit code %d: %s", more, code, text)
		}
		if code, text := said("inspect", out); code != 0 || strings.Contains(text, "previews by a TAESD") != (i == 1) || strings.Contains(text, "preview.decoder.layers.0.weight") != (i == 1) {
			t.Errorf("%v: exit code %d: %s", more, code, text)
		}
		p, err := weights.OpenPair(out, "")
		if err != nil {
			t.Fatal(err)
		}
		g, err := p.Generator(generic.New())
		p.Close()
		if err != nil {
			t.Fatal(err)
		}
		var last *image.NRGBA
		res, err := g.Generate(t.Context(), g.Defaults(), func(e core.Event) {
			img := e.Image(0)
			if img.Rect != image.Rect(0, 0, 64, 64) || e.Decoding && i == 1 && img != last {
				t.Errorf("a preview of %v, decoding: %v", img.Rect, e.Decoding)
			}
			last = img
		})
		if err != nil {
			t.Fatal(err)
		}
		hashes[i] = res.Metadata.SHA256
		flat := true // the picture's corners, 4×4, which are beyond the centres of latents that a linear map makes colours of
		for k := range 16 {
			x, y := k%4, k/4
			for _, corner := range [][2]int{{0, 0}, {63, 0}, {0, 63}, {63, 63}} {
				flat = flat && last.NRGBAAt(max(x, corner[0]-x), max(y, corner[1]-y)) == last.NRGBAAt(corner[0], corner[1])
			}
		}
		if flat == (i == 1) {
			t.Errorf("%v: corners of one colour: %v", more, flat)
		}
		g.Free()
	}
	if hashes[0] != hashes[1] {
		t.Errorf("pixels are %v", hashes)
	}
	for _, c := range [][2]string{
		{"vae_noattn", "this is no TAESD"}, {"vae_bad/dit_4ch.safetensors", ""},
	} {
		code, text := said(slices.Concat(base, []string{"-preview", autoencoders + c[0], "-o", filepath.Join(dir, "no.dit8"), model})...)
		if code == 0 || !strings.Contains(text, c[1]) || !strings.Contains(text, "-preview "+autoencoders+c[0]) {
			t.Errorf("%v: exit code %d: %s", c, code, text)
		}
	}
	if code, text := said("-num-heads", "4", "-convention", "dit", "-preview", autoencoders+"taesd", "-o", filepath.Join(dir, "no.dit8"), model); code == 0 || !strings.Contains(text, "there is no autoencoder") {
		t.Errorf("without -vae: exit code %d: %s", code, text)
	}
}

// Pairs that do not fit are refused with both numbers, and nothing is left behind.
func TestPairs(t *testing.T) {
	for _, c := range [][3]string{
		{"dit_4ch", "good", ""}, {"dit_4ch", "tae_good", ""},
		{"dit_16ch", "good", "makes 16 channels, the autoencoder takes 4"},
		{"dit_16ch", "tae_good", "makes 16 channels, the autoencoder takes 4"},
		{"dit_rgb", "good", "makes 3 channels, the autoencoder takes 4"},
		{"dit_4ch", "../vae_kl16", "makes 4 channels, the autoencoder takes 16"},
		{"dit_4ch", "dit_4ch.safetensors", "number of attention heads"},
	} {
		out := filepath.Join(t.TempDir(), "pair.dit8")
		code, text := said("-num-heads", "2", "-vae", autoencoders+"vae_bad/"+c[1], "-o", out, autoencoders+"vae_bad/"+c[0]+".safetensors")
		if (code == 0) != (c[2] == "") || !strings.Contains(text, c[2]) {
			t.Errorf("%v: exit code %d: %s", c, code, text)
		}
		if _, err := os.Stat(out); (err == nil) != (c[2] == "") {
			t.Errorf("%v: the file: %v", c, err)
		}
	}
}

// An autoencoder is converted alone, in each form; what is for networks is refused.
func TestAutoencoderAlone(t *testing.T) {
	for source, reference := range map[string]string{
		"taesd": "taesd/decode_4x4", "taesd/taesd_decoder.pth": "taesd/encode_24x40", "vae_f16_attn": "vae_f16_attn/decode_3x2", "vae_f16_attn/vavae.pt": "vae_f16_attn/encode_48x32",
		"vae_noattn": "vae_noattn/decode_5x3", "vae_bad/good": "vae_bad/good",
	} {
		out := filepath.Join(t.TempDir(), "vae.dit8")
		if code, text := said("-type", "f32", "-o", out, autoencoders+source); code != 0 {
			t.Errorf("%s: exit code %d: %s", source, code, text)
			continue
		}
		if code, text := said("verify", "-max-rel", "1e-4", "-reference", autoencoders+reference+".safetensors", out); code != 0 {
			t.Errorf("%s: exit code %d: %s", source, code, text)
		}
	}
	out := filepath.Join(t.TempDir(), "vae.dit8")
	for flag, want := range map[string]string{"-gptq": "are for int8 tensors of networks", "-report=-": "-report is for networks"} {
		if code, text := said(flag, "-o", out, autoencoders+"vae_noattn"); code != 1 || !strings.Contains(text, want) {
			t.Errorf("%s: exit code %d: %s", flag, code, text)
		}
	}
}
