package proof

import (
	"iter"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/core/sampling"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
)

const autoencoders = "../../../testdata/golden-vae"

func tensors(m family.Model) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		for _, s := range m.Specs {
			if !yield(m.Tensor(s.Name)) {
				return
			}
		}
	}
}

// read reads a checkpoint of an autoencoder, in float32.
func read(t *testing.T, path string) *Autoencoder {
	t.Helper()
	in, err := checkpoint.OpenAutoencoder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	m, err := family.Read(in, family.Said{GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := native.New("", 1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := autoencoder.Load(dev.(compute.Convolver), m.Autoencoder.Config, tensors(m))
	if err != nil {
		t.Fatal(err)
	}
	return &Autoencoder{Model: a, Latents: m.Autoencoder.Latents, Assumed: m.Autoencoder.Assumed}
}

// near fails where a result is further from the reference than allowed: of bytes, one
// in 2,000 may differ, by 1.
func near(t *testing.T, results []Comparison, bound float64) {
	t.Helper()
	for _, r := range results {
		t.Logf("%-16s relative %.2e, max %.2e%s", r.Name, r.Rel, r.MaxAbs, r.Note)
		limit := bound
		if strings.HasPrefix(r.Name, "pixels_") {
			limit = 1
		}
		if !(r.MaxAbs <= limit) || r.Differ > 1.0/2000 {
			t.Errorf("%s: max error %.2e, allowed %g%s", r.Name, r.MaxAbs, limit, r.Note)
		}
	}
}

// Autoencoders follow the official code, in both directions, at any size.
func TestAutoencoders(t *testing.T) {
	files, err := filepath.Glob(autoencoders + "/*/*code_*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, autoencoders+"/vae_bad/good.safetensors")
	compared := 0
	for _, path := range files {
		folder, file := filepath.Split(path)
		t.Run(filepath.Base(folder)+"/"+file, func(t *testing.T) {
			if filepath.Base(folder) == "vae_bad" {
				folder += "good"
			}
			ref, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer ref.Close()
			if !ref.IsAutoencoder() {
				t.Fatal("this is no reference of an autoencoder")
			}
			results, err := read(t, folder).Compare(ref)
			if err != nil {
				t.Fatal(err)
			}
			compared += len(results)
			near(t, results, 1e-4)
		})
	}
	if compared < 70 {
		t.Errorf("%d comparisons", compared)
	}
}

// From noise and labels to the bytes of the official programs.
func TestSamplesToPixels(t *testing.T) {
	for _, c := range []struct{ folder, file, convention string }{
		{"e2e_dit", "sample_ddim_20.safetensors", "dit"}, {"e2e_sit", "sample_euler_21pts.safetensors", "sit"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			in, err := checkpoint.Open(filepath.Join(autoencoders, c.folder, "model.safetensors"), "")
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			m, err := family.Read(in, family.Said{NumHeads: 4, Convention: c.convention, GuidedChannels: -1})
			if err != nil {
				t.Fatal(err)
			}
			dev, err := native.New("", 1)
			if err != nil {
				t.Fatal(err)
			}
			n, err := dit.Load(dev, *m.Network, tensors(m))
			if err != nil {
				t.Fatal(err)
			}
			ref, err := Open(filepath.Join(autoencoders, c.folder, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer ref.Close()
			o := Options{Scale: math.NaN(), Autoencoder: read(t, filepath.Join(autoencoders, "e2e_dit/vae"))}
			results, err := Trajectory(sampling.Network{Model: n, Convention: m.Convention}, ref, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(results) < 6 {
				t.Errorf("%d comparisons", len(results))
			}
			near(t, results, 1e-4)
		})
	}
}
