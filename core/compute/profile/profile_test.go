package profile

import (
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/generic"
	"dit8/core/dit"
)

// The operations' results are the wrapped device's.
func TestSame(t *testing.T) {
	computetest.Run(t, "generic", func() compute.Device { return New(generic.New()) })
}

// A forward pass shows up with the operations and the multiplications that the
// network's shapes give.
func TestEntries(t *testing.T) {
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 32, Depth: 3, NumHeads: 2, MLPHidden: 64, NumClasses: 5}
	d := New(generic.New())
	m, err := dit.Load(d, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Condition([]dit.Cond{{T: 0.5}, {T: 0.5, Label: 1}})
	if err != nil {
		t.Fatal(err)
	}
	d.Reset()
	if err := m.Forward(make([]float32, 2*cfg.ImageLen()), make([]float32, 2*cfg.ImageLen()), 2, c, 0, 2); err != nil {
		t.Fatal(err)
	}
	const rows = 2 * 16
	want := map[string]Entry{
		"patch embed":       {Calls: 1, MACs: rows * 12 * 32},
		"norm modulate":     {Calls: 7},
		"linear 32→96":      {Calls: 3, MACs: 3 * rows * 32 * 96},
		"attention":         {Calls: 3, MACs: 3 * 2 * 2 * 16 * 16 * 32},
		"linear 32→32 gate": {Calls: 3, MACs: 3 * rows * 32 * 32},
		"linear 32→64 gelu": {Calls: 3, MACs: 3 * rows * 32 * 64},
		"linear 64→32 gate": {Calls: 3, MACs: 3 * rows * 64 * 32},
		"linear 32→12":      {Calls: 1, MACs: rows * 32 * 12},
		"unpatchify":        {Calls: 1},
	}
	last := int64(1 << 62)
	for _, e := range d.Entries() {
		w, ok := want[e.Name]
		delete(want, e.Name)
		if !ok || e.Calls != w.Calls || e.MACs != w.MACs {
			t.Errorf("entry %+v, want %+v", e, w)
		}
		if e.Best > e.Time || int64(e.Time) > last {
			t.Errorf("%s: best call %v of %v, after %v", e.Name, e.Best, e.Time, last)
		}
		last = int64(e.Time)
	}
	for name := range want {
		t.Errorf("no entry for %s", name)
	}
}

// So does an autoencoder's, on the device that is timed, and its memory is given back there.
func TestConvolutions(t *testing.T) {
	d := New(generic.New())
	c, err := d.NewConv(compute.ConvWeights{In: 4, Out: 5, Kernel: 3, Stride: 2, F32: make([]float32, 5*9*4), Bias: make([]float32, 5)})
	if err != nil {
		t.Fatal(err)
	}
	defer compute.FreeConv(c)
	x, err := d.Alloc(6 * 8 * 4)
	if err != nil {
		t.Fatal(err)
	}
	y, err := d.Alloc(3 * 4 * 5)
	if err != nil {
		t.Fatal(err)
	}
	d.Conv(compute.ConvOutput{Dst: y}, compute.ConvInput{X: x, H: 6, W: 8}, c)
	if e := d.Entries(); len(e) != 1 || e[0].Name != "convolution of 9 4→5" || e[0].MACs != 3*4*5*9*4 {
		t.Errorf("entries %+v", e)
	}
	if _, err := New(struct{ compute.Device }{d}).NewConv(compute.ConvWeights{}); err == nil {
		t.Error("a device without convolutions has one")
	}
}
