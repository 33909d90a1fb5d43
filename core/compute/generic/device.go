// Package generic is the executable specification of compute.Device: pure Go,
// one goroutine, every operation written in the order that the numeric contract
// fixes. It compiles everywhere and is what other devices are compared with.
package generic

import (
	"fmt"

	"dit8/core/compute"
)

// Device computes in Go slices.
type Device struct {
	rows   []int8    // quantised activations, two rows
	scores []float32 // attention scores of one query
	query  []float32 // one scaled query
	head   head      // in integers
}

var _ compute.Device = (*Device)(nil)

// New returns a device. It holds no memory but its scratch rows.
func New() *Device { return &Device{} }

// Name is "generic".
func (d *Device) Name() string { return "generic" }

// Alloc returns n zeros.
func (d *Device) Alloc(n int) (compute.F32, error) {
	if n < 0 {
		return compute.F32{}, fmt.Errorf("compute: alloc of %d values", n)
	}
	return compute.F32{Host: make([]float32, n), Len: n}, nil
}

// Free leaves the memory to the garbage collector.
func (d *Device) Free(compute.F32) {}

// Write copies src to dst.
func (d *Device) Write(dst compute.F32, src []float32) {
	compute.SameLen("write", len(src), dst.Len)
	copy(dst.Host, src)
}

// Read copies src to dst.
func (d *Device) Read(dst []float32, src compute.F32) {
	compute.SameLen("read", len(dst), src.Len)
	copy(dst, src.Host)
}

// Copy copies src to dst.
func (d *Device) Copy(dst, src compute.F32) {
	compute.SameLen("copy", src.Len, dst.Len)
	copy(dst.Host, src.Host)
}

func scratch[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}
