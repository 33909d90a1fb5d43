package proof

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/core/sampling"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
)

const modern = "../../../testdata/golden-modern"

// network reads a checkpoint of a case, in float32.
func network(t *testing.T, folder, file string) sampling.Network {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Config family.Config `json:"config"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	in, err := checkpoint.Open(filepath.Join(folder, file), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	m, err := family.Read(in, family.Said{Config: c.Config, ConfigFile: "case.json", GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	dev, err := native.New("", 1)
	if err != nil {
		t.Fatal(err)
	}
	n, err := dit.Load(dev, *m.Network, func(yield func(param.Tensor, error) bool) {
		for _, s := range m.Specs {
			if !yield(m.Tensor(s.Name)) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return sampling.Network{Model: n, Convention: m.Convention}
}

// Forward passes, guidance and trajectories of every family follow the official code.
func TestModern(t *testing.T) {
	files, err := filepath.Glob(modern + "/*/*.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, path := range files {
		folder, file := filepath.Split(path)
		if strings.HasPrefix(file, "model") {
			continue
		}
		t.Run(filepath.Base(folder)+"/"+file, func(t *testing.T) {
			from := "model.safetensors"
			if filepath.Base(folder) == "jit_pth" {
				from = "checkpoint-last.pth"
			}
			n := network(t, folder, from)
			ref, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer ref.Close()
			o := Options{Scale: math.NaN(), Channels: 3}
			var results []Comparison
			bound := 1e-4
			if ref.has("noise") {
				bound = 1e-3
				results, err = Trajectory(n, ref, o)
			} else {
				results, err = Outputs(n, ref, o)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				compared++
				t.Logf("%-16s relative %.2e, max %.2e%s", r.Name, r.Rel, r.MaxAbs, r.Note)
				limit := bound
				if filepath.Base(folder) == "pmf_tiny" && r.Name == "out" { // t = 0.02 multiplies by 20
					limit = 1e-3
				}
				if !(r.MaxAbs <= limit) {
					t.Errorf("%s: max error %.2e, allowed %g", r.Name, r.MaxAbs, limit)
				}
			}
		})
	}
	if compared < 50 {
		t.Errorf("%d comparisons", compared)
	}
}
