package checkpoint

import (
	"bytes"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint/safetensors"
)

const goldens = "../../../testdata/golden/"

var tiny = dit.Config{InputSize: 4, PatchSize: 2, InChannels: 4, HiddenSize: 8, Depth: 2, NumHeads: 2, MLPHidden: 16, NumClasses: 3}

// save writes the tensors of tiny that want picks, under the names that it gives.
func save(t *testing.T, path string, want func(name string) (string, bool)) {
	t.Helper()
	var specs []param.Spec
	for _, s := range tiny.Specs() {
		if n, ok := want(s.Name); ok {
			s.Name = n
			specs = append(specs, s)
		}
	}
	var b bytes.Buffer
	var tensors iter.Seq2[param.Tensor, error] = func(yield func(param.Tensor, error) bool) {
		for x, err := range dit.Random(tiny, 1, false) {
			n, ok := want(x.Name)
			x.Name = n
			if ok && !yield(x, err) {
				return
			}
		}
	}
	if err := safetensors.Write(&b, specs, tensors); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func all(name string) (string, bool) { return name, true }

// same compares a checkpoint's tensors with tiny's.
func same(t *testing.T, c *Checkpoint) {
	t.Helper()
	n := 0
	for want := range dit.Random(tiny, 1, false) {
		x, ok := c.Lookup(want.Name)
		if !ok || !slices.Equal(x.Shape, want.Shape) {
			t.Fatalf("tensor %s: there %v, shape %v", want.Name, ok, x.Shape)
		}
		if v, err := x.Floats(); err != nil || !slices.Equal(v, want.F32) {
			t.Errorf("tensor %s: other values, %v", want.Name, err)
		}
		n++
	}
	if len(c.Tensors) != n {
		t.Errorf("%d tensors, expected %d", len(c.Tensors), n)
	}
}

func open(t *testing.T, path string) *Checkpoint {
	t.Helper()
	c, err := Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPrefixes(t *testing.T) {
	for _, prefix := range []string{"", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "ema_model.module."} {
		path := filepath.Join(t.TempDir(), "m.safetensors")
		save(t, path, func(n string) (string, bool) { return prefix + n, true })
		c := open(t, path)
		same(t, c)
		if len(c.Notes) != strings.Count(prefix, ".") {
			t.Errorf("prefix %q: notes %q", prefix, c.Notes)
		}
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	save(t, path, func(n string) (string, bool) {
		if n == "pos_embed" {
			return n, true
		}
		return "module." + n, true
	})
	same(t, open(t, path))
}

// shards writes tiny in two files and an index, which change edits.
func shards(t *testing.T, change func(m map[string]string)) string {
	t.Helper()
	dir := t.TempDir()
	m := map[string]string{}
	for i, file := range []string{"model-1.safetensors", "model-2.safetensors"} {
		save(t, filepath.Join(dir, file), func(n string) (string, bool) {
			in := strings.HasPrefix(n, "blocks.1.") == (i == 1)
			if in {
				m[n] = file
			}
			return n, in
		})
	}
	change(m)
	b, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1}, "weight_map": m})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.safetensors.index.json")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestShards(t *testing.T) {
	path := shards(t, func(map[string]string) {})
	c := open(t, path)
	same(t, c)
	if len(c.Files) != 3 {
		t.Errorf("files %v", c.Files)
	}
	same(t, open(t, filepath.Dir(path))) // the folder holds an index
	for want, change := range map[string]func(m map[string]string){
		"no weight_map": func(m map[string]string) { clear(m) },
		`names "../model-1.safetensors", allowed`:                                       func(m map[string]string) { m["pos_embed"] = "../model-1.safetensors" },
		`names "model.pt", allowed`:                                                     func(m map[string]string) { m["pos_embed"] = "model.pt" },
		`pos_embed: it is in model-1.safetensors, the index says "model-2.safetensors"`: func(m map[string]string) { m["pos_embed"] = "model-2.safetensors" },
		`pos_embed: it is in model-1.safetensors, the index says ""`:                    func(m map[string]string) { delete(m, "pos_embed") },
		"rope: it is missing in model-1.safetensors":                                    func(m map[string]string) { m["rope"] = "model-1.safetensors" },
		"no such file": func(m map[string]string) { m["rope"] = "a.safetensors" },
	} {
		if _, err := Open(shards(t, change), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for _, text := range []string{"", "[]", `{"weight_map": 3}`, `{"weight_map": {"a": 1}}`} {
		path := filepath.Join(t.TempDir(), "i.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, ""); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("index %q: %v", text, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "model.safetensors"), 0o755); err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string]string{
		"not a regular file":      dir,
		"no such file":            filepath.Join(dir, "nope.pt"),
		"none of diffusion_pytor": filepath.Join(dir, "model.safetensors"),
	} {
		if _, err := Open(path, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	path := filepath.Join(dir, "m.safetensors")
	save(t, path, all)
	if _, err := Open(path, "ema"); err == nil || !strings.Contains(err.Error(), "one set of weights") {
		t.Errorf("-weights ema: %v", err)
	}
}
