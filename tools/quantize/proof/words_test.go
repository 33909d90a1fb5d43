package proof

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/flow"
	"dit8/core/sampling"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
)

// Texts become the conditions that tools/train makes of them, and lead to the images that PyTorch computes.
func TestWords(t *testing.T) {
	folder := filepath.Join(modern, "few_tiny")
	n := network(t, folder, "model.safetensors")
	in, err := checkpoint.Open(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var c struct {
		Config family.Config
		Texts  []string
	}
	b, err := os.ReadFile(filepath.Join(folder, "case.json"))
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	read, err := family.Read(in, family.Said{Config: c.Config, GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := convert.New(read, convert.About{Path: folder, WordsBeside: filepath.Join(folder, "vocabulary.json")})
	if err != nil || m.Info.Vocabulary == nil {
		t.Fatal(m.Info, err)
	}
	if d := m.Info.Defaults; d.Steps != 4 || d.Guidance != 1 || d.Shift != 3 || len(m.Info.StepCounts) != 4 {
		t.Errorf("defaults %+v, steps %v", d, m.Info.StepCounts)
	}
	ref, err := Open(filepath.Join(folder, "words", "sample_euler_2.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer ref.Close()
	cfg := n.Config()
	images := []int{len(c.Texts), cfg.InChannels, cfg.InputSize, cfg.InputSize}
	noise, err := ref.floats("noise", images...)
	if err != nil {
		t.Fatal(err)
	}
	want, err := ref.floats("final", images...)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ref.floats("y", len(c.Texts), cfg.NumClasses+1)
	if err != nil {
		t.Fatal(err)
	}
	size := cfg.ImageLen()
	for i, text := range c.Texts {
		said, style, _ := strings.Cut(text, "|")
		req := m.Info.Request()
		req.Prompt, req.Style, req.Steps = said, strings.TrimSpace(style), 2
		if err := req.Check(m.Info); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, cfg.NumClasses+1)
		for _, s := range req.Conditions(flow.Eval{T: 1}, m.Info)[0].Mix {
			got[s.Label] = s.Weight
		}
		if d := Compare("y", got, rows[i*len(got):(i+1)*len(got)]); d.MaxAbs > 1e-6 {
			t.Errorf("%q: rows %v", text, got)
		}
		z := noise[i*size : (i+1)*size]
		if err := walk(n, m.Info, req, z); err != nil {
			t.Fatal(err)
		}
		if d := Compare(text, z, want[i*size:(i+1)*size]); !(d.MaxAbs <= 1e-4) {
			t.Errorf("%q: max error %.2e", text, d.MaxAbs)
		}
	}
}

// walk samples a request from the noise z on.
func walk(n sampling.Network, m core.Info, req core.Request, z []float32) error {
	s := sampling.Sampler{Network: n, Plan: req.Plan(m.Convention)}
	defer s.Free()
	for _, e := range s.Plan.Evals {
		s.Conds = append(s.Conds, n.Conds(e, req.Conditions(e, m)...))
	}
	return s.Integrate(context.Background(), z, flow.Run{})
}
