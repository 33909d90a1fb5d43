package world

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"dit8/core"
)

// The command line makes the same picture: it is run by a shell and compared.
func TestCommand(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the quoting is that of a POSIX shell")
	}
	bin := filepath.Join(t.TempDir(), "sample")
	if out, err := exec.Command("go", "build", "-o", bin, "../../tools/sample").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w := classWorld(t, Settings{})
	w.SetField("steps", "2")
	for name, change := range map[string]func(r *core.Request){
		"plain": func(r *core.Request) { r.Class, r.Seed = "fox", core.MaxSeed },
		"much": func(r *core.Request) {
			r.Solver, r.Schedule, r.Shift, r.SeedTo, r.SeedMix, r.GuidanceRescale = "sde", "cosine", 2, 5, 0.3, 0.25
			r.Diffusion, r.Negative, r.GuidanceInterval, r.Count = 0.5, "fox", []float32{0.00001, 0.5}, 2
		},
		"mix": func(r *core.Request) {
			r.Class, r.Classes = "", []core.ClassShare{{Class: "fox", Weight: 2, From: 1, To: 0.3}, {Class: "panda", Weight: 1}, {Class: "bear", Weight: -0.5}}
			r.Modulation = []core.ModulationScale{{Quantity: "gamma", Branch: "mlp", Blocks: []int{2, 3}, Channels: []int{0, 9}, Scale: 1e-5}, {Branch: "msa", Scale: -2}}
		},
	} {
		w.Edit(change)
		w.Generate()
		settle(t, w)
		line, err := w.Command()
		if err != nil {
			t.Fatalf("%s: %v, %q", name, err, w.Message().Text)
		}
		check(t, w, bin, line)
		if err := w.SetRequest(core.Request{Class: "fox", Steps: 2, Guidance: 3, Count: 1}); err != nil {
			t.Fatal(err)
		}
	}
	// what no flag can say goes by way of the saved picture
	size := 32
	edit := &core.Edit{Task: core.EditColorize, Width: size, Image: make([]byte, size*size)}
	w.Edit(func(r *core.Request) { r.Edit = edit })
	w.Generate()
	settle(t, w)
	if _, err := w.Command(); err == nil {
		t.Error("an edit as a command line before it is saved")
	}
	w.Save(1)
	until(t, w, "it is not saved", func() bool { return w.Message() != Message{} })
	line, err := w.Command()
	if err != nil {
		t.Fatal(err)
	}
	check(t, w, bin, line)
}

func check(t *testing.T, w *World, bin, line string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", strings.Replace(line, "go run ./tools/sample", "'"+bin+"'", 1)+" -json")
	cmd.Dir, cmd.Stderr = t.TempDir(), os.Stderr
	out, err := cmd.Output()
	var m core.Metadata
	if err != nil || json.Unmarshal(out, &m) != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if want := w.Picture().Metadata; m.SHA256 != want.SHA256 || !reflect.DeepEqual(m.Request, want.Request) {
		t.Errorf("%s makes %+v, want %+v", line, m.Request, want.Request)
	}
}

func TestQuote(t *testing.T) {
	for arg, want := range map[string]string{"fox": "fox", "it's": `'it'\''s'`, "a b": "'a b'", "": "''", "gamma.mlp=2@3-5:0-63": "gamma.mlp=2@3-5:0-63"} {
		if got := quote(arg); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
