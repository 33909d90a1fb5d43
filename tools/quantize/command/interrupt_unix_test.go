//go:build unix

package command

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dit8/core/dit"
)

// A conversion that is interrupted leaves nothing behind, and what was there.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(t.TempDir(), "in.safetensors"), filepath.Join(dir, "out.dit8")
	generate(t, in, dit.Config{InputSize: 8, PatchSize: 2, InChannels: 4, HiddenSize: 256, Depth: 12, NumHeads: 4, MLPHidden: 1024, NumClasses: 10})
	if err := os.WriteFile(out, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	caught := make(chan os.Signal, 1) // so that a signal before or after the work does not end the test
	signal.Notify(caught, os.Interrupt)
	defer signal.Stop(caught)
	done := make(chan bool)
	go func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				syscall.Kill(os.Getpid(), syscall.SIGINT)
			}
		}
	}()
	code, _, errs := quantize("-f", "-num-heads", "4", "-convention", "ours", "-o", out, in)
	close(done)
	if code != 1 || !strings.Contains(errs, "interrupted, nothing was written") {
		t.Errorf("exit %d, %s", code, errs)
	}
	left, err := os.ReadDir(dir)
	text, err2 := os.ReadFile(out)
	if err != nil || err2 != nil || len(left) != 1 || string(text) != "before" {
		t.Errorf("left behind: %v, %q, %v, %v", left, text, err, err2)
	}
}
