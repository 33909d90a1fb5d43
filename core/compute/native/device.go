//go:build (amd64 || arm64) && !purego

package native

import (
	"fmt"
	"runtime"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Device computes in Go slices, with the kernels of one instruction set, on
// several threads.
type Device struct {
	k    *kernels
	pool *pool
	own  []scratch // one a thread

	linear    linearOp
	norm      normOp
	attention attentionOp
	patches   []float32
}

var _ compute.Device = (*Device)(nil)

// candidate is a set of kernels that may be missing from this machine.
type candidate struct {
	*kernels
	has bool
}

// supported are the kernels that this machine can run, the fastest first.
func supported() (k []*kernels) {
	for _, c := range all() {
		if c.has {
			k = append(k, c.kernels)
		}
	}
	return k
}

func names() (n []string) {
	for _, k := range supported() {
		n = append(n, k.name)
	}
	return n
}

func open(name string, threads int) compute.Device {
	for _, k := range supported() {
		if k.name == name {
			return newDevice(k, threads)
		}
	}
	return generic.New()
}

func newDevice(k *kernels, threads int) *Device {
	d := &Device{k: k, pool: newPool(threads), own: make([]scratch, threads)}
	runtime.AddCleanup(d, (*pool).stop, d.pool)
	return d
}

// scratch is the memory of a thread. It grows to what operations need and stays.
type scratch struct {
	q       []int8
	scales  []float32
	y       []float32
	tile    []float32 // rows of a panel that reaches over the last output
	scores  []float32
	query   []float32
	partial [16]float32
	_       [64]byte // threads write to cache lines of their own
}

func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}

// Name tells the instructions and the number of threads: "avx2 ×2".
func (d *Device) Name() string {
	if d.pool.threads > 1 {
		return fmt.Sprintf("%s ×%d", d.k.name, d.pool.threads)
	}
	return d.k.name
}

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
	sameLen("write", len(src), dst.Len)
	copy(dst.Host, src)
}

// Read copies src to dst.
func (d *Device) Read(dst []float32, src compute.F32) {
	sameLen("read", len(dst), src.Len)
	copy(dst, src.Host)
}

func sameLen(op string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("compute: %s: got %d values, want %d", op, got, want))
	}
}

func up(n, to int) int { return (n + to - 1) / to * to }
