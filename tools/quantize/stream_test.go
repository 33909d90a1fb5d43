package main

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"dit8/core/dit"
	"dit8/tools/quantize/safetensors"
)

// generate writes a float32 checkpoint of a network with random weights.
func generate(t *testing.T, path string, cfg dit.Config) (size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := safetensors.Write(w, cfg.Specs(), dit.Random(cfg, 1, false)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// A conversion holds a few tensors at a time, not the model.
func TestStreaming(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.safetensors")
	size := generate(t, in, dit.Config{InputSize: 8, PatchSize: 2, InChannels: 4, HiddenSize: 256, Depth: 20, NumHeads: 4, MLPHidden: 1024, NumClasses: 10})
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	for _, kind := range []string{"int8", "f32"} {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		stop := make(chan bool)
		peak := uint64(0)
		var watch sync.WaitGroup
		watch.Go(func() {
			for tick := time.NewTicker(2 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					runtime.ReadMemStats(&now)
					peak = max(peak, now.HeapAlloc-min(before.HeapAlloc, now.HeapAlloc))
				}
			}
		})
		must(t, "-type", kind, "-num-heads", "4", "-convention", "ours", "-o", filepath.Join(dir, kind), in)
		close(stop)
		watch.Wait()
		t.Logf("%s: %d MB at most for a checkpoint of %d", kind, peak>>20, size>>20)
		if peak == 0 || peak > uint64(size)/3 {
			t.Errorf("%s: held %d bytes of a checkpoint of %d", kind, peak, size)
		}
	}
}
