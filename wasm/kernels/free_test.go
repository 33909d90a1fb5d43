//go:build js

package kernels

import (
	"errors"
	"slices"
	"testing"

	"dit8/core/dit"
	"dit8/core/param"
)

var tiny = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}

// A model that is given back, or that was not loaded whole, keeps no memory.
func TestFree(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cfg := tiny
	load := func() {
		m, err := dit.Load(d, cfg, dit.Random(cfg, 1, true))
		if err != nil {
			t.Fatal(err)
		}
		forward(t, m, 2)
		m.Free()
	}
	load() // the scratch areas stay
	want, end := slices.Clone(d.mem.free), d.mem.end
	load()
	broken := errors.New("the stream broke")
	for stop := range len(cfg.Specs()) {
		_, err := dit.Load(d, cfg, func(yield func(param.Tensor, error) bool) {
			i := 0
			for t := range dit.Random(cfg, 1, true) {
				if i == stop {
					yield(param.Tensor{}, broken)
					return
				}
				if i++; !yield(t, nil) {
					return
				}
			}
		})
		if err == nil {
			t.Fatalf("a model of %d tensors was loaded", stop)
		}
	}
	if !slices.Equal(d.mem.free, want) || d.mem.end != end {
		t.Errorf("free %v of %d bytes, before %v of %d", d.mem.free, d.mem.end, want, end)
	}
}

// forward runs m on n images.
func forward(t *testing.T, m *dit.Model, n int) {
	t.Helper()
	c, err := m.Condition(make([]dit.Cond, n))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	x := make([]float32, n*m.Config().ImageLen())
	if err := m.Forward(slices.Clone(x), x, n, c, 0, n); err != nil {
		t.Fatal(err)
	}
}
