package bench

import (
	"fmt"
	"runtime"
	"strconv"

	"dit8/core"
	"dit8/core/dit"
)

// Options say what is measured.
type Options struct {
	Name   string     // of the network: a preset's, or Custom
	Config dit.Config // its shape
	Batch  int        // images in a pass, 1 to MaxBatch
	Passes int        // timed passes, 1 to MaxPasses

	// Check compares the output with the generic device's bit for bit. It is slow.
	Check bool
	// Progress, when not nil, is called after each pass, warm-up included, outside
	// of the time that is measured. done counts from 1 to total.
	Progress func(done, total int)
}

// Limits of Options.
const (
	MaxBatch  = 64
	MaxPasses = 1000
	MaxValues = 64 << 20 // activations of a batch, float32: 256 MiB
)

// MaxParameters bounds the network's parameters, a byte each: 16 thousand million, and
// in WebAssembly what its memory of 4 GiB holds beside the rest.
func MaxParameters() int64 {
	if runtime.GOARCH == "wasm" {
		return 3e9
	}
	return 16e9
}

// DefaultPasses is enough for a best pass that comes again within a few percent.
const DefaultPasses = 10

// Custom names a network that is no preset.
const Custom = "custom"

// Valid reports the first of the options that is out of its range: a
// *core.FieldError, or what dit.Config.Check says.
func (o Options) Valid() error {
	if err := o.Config.Check(); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	wrong := func(field, value, allowed string) error {
		return &core.FieldError{Field: field, Value: value, Allowed: allowed}
	}
	if o.Batch < 1 || o.Batch > MaxBatch {
		return wrong("batch", strconv.Itoa(o.Batch), fmt.Sprintf("1 to %d", MaxBatch))
	}
	if o.Passes < 1 || o.Passes > MaxPasses {
		return wrong("passes", strconv.Itoa(o.Passes), fmt.Sprintf("1 to %d", MaxPasses))
	}
	if n := parameters(o.Config); n > MaxParameters() {
		return wrong("config", fmt.Sprintf("a network of %d parameters", n), fmt.Sprintf("up to %d", MaxParameters()))
	}
	if n := int64(o.Batch) * int64(o.Config.WorkspaceLen()); n > MaxValues {
		return wrong("batch", fmt.Sprintf("%d, which takes %d activations", o.Batch, n), fmt.Sprintf("up to %d activations", MaxValues))
	}
	return nil
}

// Conds are the conditions of a pass, one an image: half way to the data, or where
// the network makes a step of its own size, all the way. Images 2i and 2i+1 have the
// same class.
func (o Options) Conds() []dit.Cond {
	conds := make([]dit.Cond, o.Batch)
	for i := range conds {
		conds[i] = dit.Cond{T: 0.5, Label: i / 2 % o.Config.NumClasses}
		if o.Config.TwoTimes() {
			conds[i].T, conds[i].Omega, conds[i].TMin, conds[i].TMax = 1, 8.5, 0.1, 0.7 // pMF-B/16's own
		}
	}
	return conds
}

// parameters is the number of values in the network's tensors.
func parameters(c dit.Config) int64 {
	var n int64
	for _, s := range c.Specs() {
		n += int64(s.Len())
	}
	return n
}
