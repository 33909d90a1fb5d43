package native_test

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/native"
)

func open(t testing.TB, name string, threads int) compute.Device {
	t.Helper()
	d, err := native.New(name, threads)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every device of this machine gives the generic device's bits, on one thread, on
// few, and on more than there are cores. -short is for emulators: how work is shared among
// threads is the same Go on every processor.
func TestConformance(t *testing.T) {
	counts := []int{1, 2, 3, 8}
	if testing.Short() {
		counts = []int{1, 3}
	}
	for _, name := range native.Names() {
		if name == "generic" {
			continue // package generic tests it
		}
		for _, threads := range counts {
			want := name
			if threads > 1 {
				want = fmt.Sprintf("%s ×%d", name, threads)
			}
			t.Run(want, func(t *testing.T) {
				computetest.Run(t, want, func() compute.Device { return open(t, name, threads) })
			})
		}
	}
}

// Every device of this machine gives the generic device's bits for whatever the
// fuzzer thinks of.
func FuzzDevice(f *testing.F) {
	var devices []func() compute.Device
	for _, name := range native.Names() {
		if name == "generic" {
			continue
		}
		for _, threads := range []int{1, 3} {
			devices = append(devices, func() compute.Device { return open(f, name, threads) })
		}
	}
	computetest.Fuzz(f, devices...)
}

// What Linux says of the processor must be what the package finds: no kernels go
// untested because they were not recognised.
func TestNames(t *testing.T) {
	names := native.Names()
	if names[len(names)-1] != "generic" {
		t.Errorf("the devices are %q, the last must be generic", names)
	}
	// An emulator's processor is not in there: who chooses it says what is to be found.
	if want := os.Getenv("DIT8_DEVICES"); want != "" {
		if got := strings.Join(names, ","); got != want {
			t.Errorf("the devices are %s, they should be %s", got, want)
		}
		return
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return // not Linux
	}
	has := func(flags ...string) bool {
		for _, f := range flags {
			if !slices.Contains(strings.Fields(string(info)), f) {
				return false
			}
		}
		return true
	}
	want := []string{"generic"}
	if runtime.GOARCH == "amd64" && native.Assembly {
		if has("avx2") {
			want = slices.Insert(want, 0, "avx2")
		}
		if has("avx2", "avx_vnni") {
			want = slices.Insert(want, 0, "avx-vnni")
		}
		if has("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni") {
			want = slices.Insert(want, 0, "avx512-vnni")
		}
		if has("avx512_vnni", "amx_tile", "amx_int8") {
			if names[0] == "amx-int8" {
				want = slices.Insert(want, 0, "amx-int8")
			} else {
				t.Log("the processor has AMX, the system refuses it")
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("the devices are %q, by /proc/cpuinfo they should be %q", names, want)
		}
	}
}

func TestNew(t *testing.T) {
	if d := open(t, "", 1); d.Name() != native.Names()[0] {
		t.Errorf("the default is %s, want the first of %q", d.Name(), native.Names())
	}
	if d := open(t, "generic", 5); d.Name() != "generic" {
		t.Errorf("generic is %s", d.Name())
	}
	for want, f := range map[string]func() (compute.Device, error){
		`device is "cuda", this machine has: `: func() (compute.Device, error) { return native.New("cuda", 1) },
		"threads is -1, allowed: 0":            func() (compute.Device, error) { return native.New("", -1) },
		"threads is 257":                       func() (compute.Device, error) { return native.New("generic", native.MaxThreads+1) },
	} {
		if _, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The threads of a device that nobody holds end.
func TestThreadsEnd(t *testing.T) {
	if !native.Assembly || len(native.Names()) == 1 {
		return
	}
	before := runtime.NumGoroutine()
	func() {
		d := open(t, "", 8)
		x, _ := d.Alloc(64 * 64)
		per := compute.PerGroup{V: x, Stride: 0, Rows: 64}
		d.NormModulate(x, x, 64, 64, compute.LayerNorm, per, per)
	}()
	for range 200 {
		runtime.GC()
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before the device there were %d", runtime.NumGoroutine(), before)
}

// After the first pass an operation allocates nothing.
func TestNoAllocations(t *testing.T) {
	for _, name := range native.Names() {
		for _, threads := range []int{1, 2} {
			d := open(t, name, threads)
			const rows, dim, wide = 128, 64, 256
			w := compute.Weights{In: dim, Out: wide, I8: make([]int8, dim*wide), Scale: make([]float32, wide), Bias: make([]float32, wide)}
			l, err := d.NewLinear(w)
			if err != nil {
				t.Fatal(err)
			}
			x, _ := d.Alloc(rows * dim)
			y, _ := d.Alloc(rows * wide)
			per, none := compute.PerGroup{V: y, Stride: 0, Rows: rows}, compute.F32{}
			allocs := testing.AllocsPerRun(20, func() {
				d.NormModulate(x, x, rows, dim, compute.LayerNorm, per, per)
				d.Linear(y, x, rows, l, compute.WithGELU)
				d.LinearGate(y, x, rows, l, per)
				d.LinearSwiGLU(y, x, rows, l, l)
				d.NormRotate(y.Slice(0, 3*rows*dim), compute.Heads{N: 2, Tokens: rows / 2, Heads: 4, Dim: dim / 4}, none, none, x.Slice(0, rows/2*dim/4))
				for _, quantised := range []bool{false, true} {
					d.Attention(x, y.Slice(0, 3*rows*dim), compute.Heads{N: 2, Tokens: rows / 2, Heads: 4, Dim: dim / 4, Int8: quantised})
				}
			})
			if allocs != 0 {
				t.Errorf("%s: %v allocations in a pass", d.Name(), allocs)
			}
		}
	}
}
