package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dit8/tools/quantize/checkpoint/safetensors"
)

// Reference is a safetensors file of inputs and outputs of the official code.
type Reference struct {
	*safetensors.File
	Path string
	Said Said
	file *os.File
}

// Said is what a case.json beside a reference says of the sampler that was run, by the
// official codes' names. Times are on the clock of that code.
type Said struct {
	File    string   `json:"file"`
	Sampler string   `json:"sampler"`         // a function's name
	Method  string   `json:"sampling_method"` // its solver
	Heun    bool     `json:"heun"`
	Scale   *float64 `json:"cfg_scale"`

	Interval      []float64 `json:"cfg_interval"`                 // JiT: low and high
	IntervalStart *float64  `json:"cfg_interval_start"`           // LightningDiT: low
	TheirInterval []float64 `json:"guidance_interval_in_their_t"` // REPA, DMF: low and high

	NoiseScale *float64 `json:"noise_scale"`
	Omega      *float64 `json:"omega"`
	TMin       *float64 `json:"t_min"`
	TMax       *float64 `json:"t_max"`
}

// Open opens a reference.
func Open(path string) (*Reference, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r := &Reference{Path: path, file: f}
	st, err := f.Stat()
	if err == nil {
		if r.File, err = safetensors.Read(f, st.Size()); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err == nil {
		r.Said, err = said(path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// maxCase bounds the bytes of a case.json.
const maxCase = 1 << 24

// said reads what the case.json beside a reference says of it, if there is one.
func said(path string) (s Said, err error) {
	name := filepath.Join(filepath.Dir(path), "case.json")
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return s, err
	case st.Size() > maxCase:
		return s, fmt.Errorf("%s has %d bytes, allowed up to %d", name, st.Size(), maxCase)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return s, err
	}
	var all struct {
		Goldens json.RawMessage `json:"goldens"` // a list, or a sentence that says where they are
		Golden  json.RawMessage `json:"golden"`  // one alone
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	var goldens []json.RawMessage
	if json.Unmarshal(all.Goldens, &goldens) != nil {
		goldens = nil
	}
	for _, raw := range append(goldens, all.Golden) {
		var one struct {
			File string `json:"file"`
		}
		if json.Unmarshal(raw, &one) != nil || one.File != filepath.Base(path) {
			continue
		}
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, fmt.Errorf("%s, of %s: %w", name, one.File, err)
		}
	}
	return s, nil
}

// Close closes the file.
func (r *Reference) Close() error { return r.file.Close() }

// has tells whether there is a tensor.
func (r *Reference) has(name string) bool {
	_, ok := r.Lookup(name)
	return ok
}

// floats reads a tensor of this shape.
func (r *Reference) floats(name string, shape ...int) ([]float32, error) {
	t, ok := r.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s: shape is %v, expected %v", name, t.Shape, shape)
	}
	return r.Floats(t)
}

// optional is floats, or nothing where there is no such tensor.
func (r *Reference) optional(name string, shape ...int) ([]float32, error) {
	if !r.has(name) {
		return nil, nil
	}
	return r.floats(name, shape...)
}

func (r *Reference) ints(name string) ([]int, error) {
	t, ok := r.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	return r.Ints(t)
}
