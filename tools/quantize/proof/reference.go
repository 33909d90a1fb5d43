package proof

import (
	"fmt"
	"io"
	"os"
	"slices"

	"dit8/tools/quantize/checkpoint/safetensors"
)

// OpenReference opens a reference file.
func OpenReference(path string) (*safetensors.File, io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	var in *safetensors.File
	st, err := f.Stat()
	if err == nil {
		if in, err = safetensors.Read(f, st.Size()); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return in, f, nil
}

// floats reads a tensor of this shape.
func (v Verifier) floats(name string, shape ...int) ([]float32, error) {
	t, ok := v.ref.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %s: shape is %v, expected %v", name, t.Shape, shape)
	}
	return v.ref.Floats(t)
}

// ints reads a tensor of integers.
func (v Verifier) ints(name string) ([]int, error) {
	t, ok := v.ref.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("tensor %s is missing", name)
	}
	return v.ref.Ints(t)
}

// want reads a reference output and brings the network's output to its shape:
// SiT drops the variance channels that a network with learn_sigma computes.
func (v Verifier) want(name string, got []float32) (want, same []float32, err error) {
	cfg := v.m.Config()
	t, _ := v.ref.Lookup(name)
	out, size := cfg.OutChannels(), cfg.InputSize
	n := len(got) / (out * size * size)
	switch {
	case slices.Equal(t.Shape, []int{n, out, size, size}):
		same = got
	case slices.Equal(t.Shape, []int{n, cfg.InChannels, size, size}):
		for i := range n {
			same = append(same, got[i*out*size*size:][:cfg.ImageLen()]...)
		}
	default:
		return nil, nil, fmt.Errorf("tensor %s: shape is %v, expected [%d %d %d %[5]d] or the first %d channels of it", name, t.Shape, n, out, size, cfg.InChannels)
	}
	want, err = v.ref.Floats(t)
	return want, same, err
}
