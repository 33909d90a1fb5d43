package command

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/pngfile"
	"dit8/weights/weightstest"
)

// A network of one file draws through the autoencoder of another, the same on every
// device.
func TestVAE(t *testing.T) {
	dir := t.TempDir()
	model, vae := weightstest.Network(t, 4), weightstest.AutoencoderFile(t, autoencoder.KL, 4)
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
		"makes 4 channels, the autoencoder takes 5": {"-model", model, "-vae", weightstest.AutoencoderFile(t, autoencoder.Tiny, 5)},
		"holds an autoencoder alone":                {"-model", vae},
		"the file holds no autoencoder":             {"-model", model, "-vae", model},
	} {
		code, _, errs := sampleCmd(append(args, "-class", "owl", "-o", filepath.Join(dir, "no.png"))...)
		if code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d: %s, want %q", args, code, errs, want)
		}
	}
}

// A picture is edited at the size that the pair draws at, and keeps what it should.
func TestVAEEdit(t *testing.T) {
	dir := t.TempDir()
	in, mask, out := filepath.Join(dir, "in.png"), filepath.Join(dir, "mask.png"), filepath.Join(dir, "out.png")
	picture := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i*37) | 3
	}
	draw.Draw(picture, image.Rect(0, 0, 16, 16), image.Opaque, image.Point{}, draw.Over)
	hole := image.NewNRGBA(image.Rect(0, 0, 16, 16))
	draw.Draw(hole, image.Rect(0, 0, 16, 8), image.Black, image.Point{}, draw.Src) // the rest is transparent
	for path, m := range map[string]image.Image{in: picture, mask: hole} {
		f, err := os.Create(path)
		if err == nil {
			err = errors.Join(png.Encode(f, m), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-model", weightstest.Network(t, 4), "-vae", weightstest.AutoencoderFile(t, autoencoder.KL, 4), "-class", "owl",
		"-edit", "inpaint", "-image", in, "-mask", mask, "-o", out}
	for _, keep := range []bool{false, true} {
		if code, _, errs := sampleCmd(append(args, fmt.Sprintf("-keep=%v", keep))...); code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(f)
		f.Close()
		if err != nil || got.Bounds() != picture.Rect {
			t.Fatalf("%v, %v", got.Bounds(), err)
		}
		same := true
		for i := range 16 * 8 {
			r, g, b, _ := got.At(i%16, i/16).RGBA()
			want := picture.NRGBAAt(i%16, i/16)
			same = same && uint8(r>>8) == want.R && uint8(g>>8) == want.G && uint8(b>>8) == want.B
		}
		if same != keep {
			t.Errorf("-keep=%v: what is known is as it was: %v", keep, same)
		}
	}
}
