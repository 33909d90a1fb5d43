//go:build (amd64 || arm64) && !purego

package native

import (
	"fmt"
	"runtime"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Device computes in Go slices, with the kernels of one instruction set, on
// several threads. What needs no kernels is the generic device's.
type Device struct {
	*generic.Device
	k    *kernels
	pool *pool
	own  []scratch // one a thread

	linear    linearOp
	norm      normOp
	rotation  rotateOp
	attention attentionOp
	integers  integerAttention
	ones      []float32
	patches   []float32
	planes    []int16 // of the kernels of a convolution
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
	d := &Device{Device: generic.New(), k: k, pool: newPool(threads), own: make([]scratch, threads)}
	runtime.AddCleanup(d, (*pool).stop, d.pool)
	return d
}

// scratch is the memory of a thread. It grows to what operations need and stays.
type scratch struct {
	q        []int8
	sums     []int32
	config   [64]byte // of tiles
	scales   []float32
	y        []float32
	tile     []float32 // rows of a panel that reaches over the last output
	scores   []float32
	query    []float32
	columns  []float32
	inverses []float32
	partial  [16]float32
	conv     convScratch
	_        [64]byte // threads write to cache lines of their own
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

func up(n, to int) int { return (n + to - 1) / to * to }
