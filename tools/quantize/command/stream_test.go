package command

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dit8/core/dit"
	"dit8/tools/quantize/checkpoint/safetensors"
)

// generate writes a float32 checkpoint of a network with random weights, by its
// name's end as safetensors or as torch.save would.
func generate(t *testing.T, path string, cfg dit.Config) (size int64) {
	t.Helper()
	write := func(w io.Writer) error { return safetensors.Write(w, cfg.Specs(), dit.Random(cfg, 1, false)) }
	if strings.HasSuffix(path, ".pt") {
		write = func(w io.Writer) error { return torchSave(w, cfg) }
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
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

// torchSave writes a state dict in a zip archive.
func torchSave(w io.Writer, cfg dit.Config) error {
	z := zip.NewWriter(w)
	record := func(name string) (io.Writer, error) {
		return z.CreateHeader(&zip.FileHeader{Name: "m/" + name, Method: zip.Store})
	}
	text := func(s string) string {
		return string(binary.LittleEndian.AppendUint32([]byte("X"), uint32(len(s)))) + s
	}
	number := func(n int) string { return string(binary.LittleEndian.AppendUint32([]byte("J"), uint32(n))) }
	pickle := "\x80\x02}("
	for i, s := range cfg.Specs() {
		sizes, strides, step := "", "", 1
		for _, d := range slices.Backward(s.Shape) {
			sizes, strides, step = number(d)+sizes, number(step)+strides, step*d
		}
		pickle += text(s.Name) + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" + text(strconv.Itoa(i)) + text("cpu") +
			number(s.Len()) + "tQ" + number(0) + "(" + sizes + "t(" + strides + "t\x89ccollections\nOrderedDict\n)RtR"
	}
	r, err := record("data.pkl")
	if err == nil {
		_, err = io.WriteString(r, pickle+"u.")
	}
	i := 0
	for t := range dit.Random(cfg, 1, false) {
		if err == nil {
			r, err = record("data/" + strconv.Itoa(i))
		}
		if err == nil {
			err = binary.Write(r, binary.LittleEndian, t.F32)
		}
		i++
	}
	return errors.Join(err, z.Close())
}

// live returns the bytes of the objects that the last collection found in use. The
// size of the heap would count garbage too: as much as there is, where the machine is
// busy and the collector late.
func live() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// A conversion holds a few tensors at a time, not the model.
func TestStreaming(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 4, HiddenSize: 256, Depth: 32, NumHeads: 4, MLPHidden: 1024, NumClasses: 10}
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	var outs []string
	for _, c := range []struct{ kind, ext string }{{"int8", ".pt"}, {"int8", ".safetensors"}, {"f32", ".safetensors"}} {
		size := generate(t, in+c.ext, cfg)
		runtime.GC()
		before := live()
		stop := make(chan bool)
		peak := uint64(0)
		var watch sync.WaitGroup
		watch.Go(func() {
			for tick := time.NewTicker(2 * time.Millisecond); ; {
				select {
				case <-stop:
					return
				case <-tick.C:
					now := live()
					peak = max(peak, now-min(before, now))
				}
			}
		})
		out := filepath.Join(dir, c.kind+c.ext+".dit8")
		outs = append(outs, out)
		must(t, "-type", c.kind, "-num-heads", "4", "-convention", "ours", "-name", "m", "-o", out, in+c.ext)
		close(stop)
		watch.Wait()
		t.Logf("%s of %s: %d MB at most for a checkpoint of %d", c.kind, c.ext, peak>>20, size>>20)
		if peak == 0 || peak > uint64(size)/4 {
			t.Errorf("%s of %s: held %d bytes of a checkpoint of %d", c.kind, c.ext, peak, size)
		}
	}
	a, err1 := os.ReadFile(outs[0])
	b, err2 := os.ReadFile(outs[1])
	if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Errorf("the same weights in two containers make two files, %v, %v", err1, err2)
	}
}
