//go:build linux && amd64 && !purego

package native

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/native/internal/tilesim"
)

// emulated is set where this process is traced by another of the same program, which
// does the instructions of tiles that the processor lacks.
const emulated = "DIT8_EMULATED_TILES"

// TestAMX tests the device amx-int8 on every machine with AVX-512 VNNI: on emulated
// tiles where the processor has none.
func TestAMX(t *testing.T) {
	switch f := features(); {
	case f.amx:
		t.Log("AMX: the processor's")
		testAMX(t)
	case f.tiles:
		t.Log("AMX was not exercised: the processor has it, the system refuses it")
	case os.Getenv(emulated) != "":
		testAMX(t)
	case !f.avx512:
		t.Log("AMX was not exercised: this processor has no AVX-512 VNNI, which is too much to emulate")
	default:
		emulateAMX(t)
	}
}

// emulateAMX runs TestAMX again, on emulated tiles.
func emulateAMX(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		output <- string(b)
	}()
	// Attention has most of the instructions. It needs no threads to be tested, nor more
	// than two blocks of keys or several shapes with so many.
	skip := "^TestAMX$/×3/^attention$|^TestAMX$/^amx-int8$/^attention$/(Tokens:2049|_1100_tokens)"
	args := []string{os.Args[0], "-test.run=^TestAMX$", "-test.skip=" + skip, "-test.v"}
	result, err := tilesim.Run(os.Args[0], args, append(os.Environ(), emulated+"=1"), w)
	w.Close()
	text := <-output
	switch {
	case errors.Is(err, tilesim.ErrRefused):
		t.Logf("AMX was not exercised: the processor has none, and %v", err)
	case err != nil:
		t.Fatalf("%v\n%s", err, text)
	case result.Refused != nil:
		t.Fatalf("invalid instruction at %v\n%s", result.Refused, text)
	case !result.Status.Exited() || result.Status.ExitStatus() != 0 || !strings.Contains(text, "\nPASS"):
		t.Fatalf("the emulated run ended with %#x:\n%s", result.Status, text)
	case result.Instructions == 0 || result.Unreleased != 0:
		t.Fatalf("%d instructions of tiles, %d threads that kept them\n%s", result.Instructions, result.Unreleased, text)
	default:
		t.Logf("AMX: emulated, %d instructions of tiles", result.Instructions)
	}
}

func testAMX(t *testing.T) {
	for _, threads := range []int{1, 3} {
		name := "amx-int8"
		if threads > 1 {
			name = fmt.Sprintf("%s ×%d", name, threads)
		}
		t.Run(name, func(t *testing.T) {
			computetest.Run(t, name, func() compute.Device { return newDevice(&amxInt8, threads) })
		})
	}
	t.Run("few rows", func(t *testing.T) { testFewRows(t, &amxInt8) })
	t.Run("large layers", func(t *testing.T) { testLargeLayers(t, &amxInt8) })
	t.Run("not numbers", func(t *testing.T) { testNotNumbers(t, &amxInt8) })
	t.Run("signals", testSignals)
	t.Run("allocations", testAllocations)
}

func testAllocations(t *testing.T) {
	const rows, in, out = 40, 64, 96
	h := compute.Heads{N: 1, Tokens: rows, Heads: 1, Dim: 32, Int8: true}
	d := newDevice(&amxInt8, 2)
	l, _ := d.NewLinear(int8Weights(in, out))
	x, _ := d.Alloc(rows * in)
	y, _ := d.Alloc(rows * out)
	if n := testing.AllocsPerRun(5, func() {
		d.Linear(y, x, rows, l, compute.WithGELU)
		d.LinearSwiGLU(y, x, rows, l, l)
		d.Attention(x.Slice(0, rows*32), y, h)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// testSignals wants exact results while every thread gets signals, goroutines change
// threads and the garbage collector runs.
func testSignals(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	const rows, in, out = 70, 192, 96
	w := int8Weights(in, out)
	x := compute.F32{Host: make([]float32, rows*in), Len: rows * in}
	ramp(x.Host)
	want := product(t, &avx512, w, x, rows)
	var stop atomic.Bool
	var signals, products, collections atomic.Int64
	var all, layers sync.WaitGroup
	all.Go(func() {
		for !stop.Load() {
			syscall.Kill(syscall.Getpid(), syscall.SIGURG)
			signals.Add(1)
		}
	})
	all.Go(func() {
		for !stop.Load() {
			runtime.GC()
			collections.Add(1)
		}
	})
	for range 4 {
		layers.Go(func() {
			for end := time.Now().Add(time.Second); time.Now().Before(end); products.Add(1) {
				if got := product(t, &amxInt8, w, x, rows); !same(got, want) {
					t.Error("a product is not the same")
					return
				}
			}
		})
	}
	layers.Wait()
	stop.Store(true)
	all.Wait()
	t.Logf("%d products, %d signals, %d collections", products.Load(), signals.Load(), collections.Load())
}

func same(a, b []float32) bool {
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// Whatever the system says but yes means no.
func TestRequestTiles(t *testing.T) {
	for _, e := range []syscall.Errno{0, syscall.EPERM, syscall.EINVAL, syscall.ENOSYS, syscall.ENOSPC, syscall.EOPNOTSUPP} {
		asked := 0
		got := requestTiles(func(option, argument uintptr) syscall.Errno {
			asked++
			if option != 0x1023 || argument != 18 {
				t.Errorf("asked for %#x, %d", option, argument)
			}
			return e
		})
		if got != (e == 0) || asked != 1 {
			t.Errorf("error %d: allowed is %v, after asking %d times", e, got, asked)
		}
	}
}
