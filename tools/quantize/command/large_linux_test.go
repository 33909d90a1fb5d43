package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dit8/core/dit"
)

// A checkpoint of DiT-XL/2's shape, 2.7 GB, converts within 1.5 GB of memory.
// DIT8_LARGE names a folder with 6 GB of room; without it this is skipped.
func TestLarge(t *testing.T) {
	root := os.Getenv("DIT8_LARGE")
	if root == "" {
		t.Skip("DIT8_LARGE is not set")
	}
	dir, err := os.MkdirTemp(root, "large")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	in, program := filepath.Join(dir, "in"), filepath.Join(dir, "quantize")
	cfg := dit.Config{InputSize: 32, PatchSize: 2, InChannels: 4, HiddenSize: 1152, Depth: 28, NumHeads: 16, MLPHidden: 4608, NumClasses: 1000, LearnSigma: true}
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct{ kind, ext string }{{"int8", ".pt"}, {"int8", ".safetensors"}, {"f16", ".safetensors"}, {"f32", ".safetensors"}} {
		file := in + c.ext
		size := generate(t, file, cfg)
		cmd := exec.Command(program, "-f", "-type", c.kind, "-o", filepath.Join(dir, "out.dit8"), file)
		start := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 // KiB
		t.Logf("%s of %s: %d bytes in, %.1f s, at most %d MB of memory\n%s", c.kind, c.ext, size, time.Since(start).Seconds(), rss/1e6, out)
		if rss > 1.5e9 {
			t.Errorf("%s of %s: %d bytes of memory, more than 1.5 GB", c.kind, c.ext, rss)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
