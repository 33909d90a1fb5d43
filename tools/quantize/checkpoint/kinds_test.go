package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyOf writes tiny's tensors, each under all the names that change gives it.
func copyOf(t *testing.T, path string, change func(name string) []string) {
	t.Helper()
	save(t, path, all)
	c := open(t, path)
	header := make(map[string]any)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := int(b[0]) | int(b[1])<<8
	var entries map[string]struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(b[8:8+n], &entries); err != nil {
		t.Fatal(err)
	}
	var data []byte
	for _, x := range c.Tensors {
		e := entries[x.Name]
		for _, name := range change(x.Name) {
			at := len(data)
			data = append(data, b[8+n+e.Offsets[0]:8+n+e.Offsets[1]]...)
			header[name] = map[string]any{"dtype": e.DType, "shape": e.Shape, "data_offsets": []int{at, len(data)}}
		}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := append([]byte{byte(len(text)), byte(len(text) >> 8), 0, 0, 0, 0, 0, 0}, append(text, data...)...)
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Whatever wrappers put into names, and whatever stands beside the network, the same
// network is found.
func TestNames(t *testing.T) {
	under := func(prefixes ...string) func(string) []string {
		return func(n string) (names []string) {
			for _, p := range prefixes {
				names = append(names, p+n)
			}
			return names
		}
	}
	inner := func(w string) func(string) []string {
		return func(n string) []string { return []string{strings.Replace(n, "blocks.0.", "blocks.0."+w+".", 1)} }
	}
	for what, c := range map[string]struct {
		weights string
		change  func(string) []string
		note    string
	}{
		"nothing":                 {"", under(""), ""},
		"DDP":                     {"", under("module."), `"module." is taken out of`},
		"torch.compile of DDP":    {"", under("_orig_mod.module."), `"_orig_mod."`},
		"a compiled block":        {"", inner("_orig_mod"), `"_orig_mod."`},
		"FSDP":                    {"", inner("_fsdp_wrapped_module"), `"_fsdp_wrapped_module."`},
		"activation checkpoints":  {"", inner("_checkpoint_wrapped_module"), `"_checkpoint_wrapped_module."`},
		"both":                    {"", inner("_fsdp_wrapped_module._checkpoint_wrapped_module"), `"_checkpoint_wrapped_module."`},
		"latent diffusion":        {"", under("model.diffusion_model."), `"model.diffusion_model."`},
		"Lightning":               {"", under("model."), `"model."`},
		"a denoiser":              {"", under("denoiser."), `"denoiser."`},
		"a network":               {"", under("network."), `"network."`},
		"nested":                  {"", under("module.net.model."), `"net.model."`},
		"swa_utils.AveragedModel": {"", under("module."), ""},
		"ema-pytorch":             {"", under("online_model.", "ema_model."), `weights "ema_model" of the file, without online_model (-weights chooses)`},
		"ema-pytorch, asked":      {"online_model", under("online_model.", "ema_model."), `weights "online_model" of the file, without ema_model`},
		"net and net_ema":         {"", under("net.", "net_ema."), `weights "net_ema"`},
		"LitEma": {"", func(n string) []string {
			if n == "pos_embed" { // a buffer
				return []string{"model." + n}
			}
			return []string{"model." + n, "model_ema." + strings.ReplaceAll(n, ".", "")}
		}, `weights "model_ema"`},
		"two words":          {"", under("pipe.transformer."), `the prefix "pipe.transformer." is taken off`},
		"an unknown average": {"", under("model.", "params_ema."), `weights "params_ema" of the file, without model`},
		"an average inside":  {"", under("", "ema."), `weights "ema" of the file, without`},
		"an average's rate":  {"", under("model.", "ema-0.9999."), `weights "ema-0.9999" of the file, without model`},
		"what no name says":  {"", under("model.", "teacher."), `weights "model" of the file, without teacher (-weights chooses)`},
		"what is not averaged": {"", func(n string) []string {
			if n == "pos_embed" {
				return []string{"net." + n}
			}
			return []string{"net." + n, "net_ema." + n}
		}, "taken from the weights as trained, as they are not averaged: pos_embed"},
		"another name, asked": {"generator", under("generator.", "critic."), `weights "generator" of the file, without critic`},
	} {
		path := filepath.Join(t.TempDir(), "m.pt") // a safetensors file nevertheless
		copyOf(t, path, c.change)
		got, err := Open(path, c.weights)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		same(t, got)
		if notes := strings.Join(got.Notes, "; "); !strings.Contains(notes, c.note) {
			t.Errorf("%s: notes %q, want %q", what, notes, c.note)
		}
		got.Close()
	}
}

func TestIgnore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	copyOf(t, path, func(n string) []string {
		if n == "rope" || n == "pos_embed" {
			return []string{n, "aux." + n}
		}
		return []string{n}
	})
	c := open(t, path)
	if err := c.Ignore([]string{"aux.*"}); err != nil {
		t.Fatal(err)
	}
	same(t, c)
	if err := c.Ignore([]string{"aux.*"}); err == nil || !strings.Contains(err.Error(), "no tensor's name matches") {
		t.Errorf("%v", err)
	}
}

// Folders of diffusers with variants, folders with one file of another name, and files
// under a name that is not theirs.
func TestFolders(t *testing.T) {
	for _, name := range []string{
		"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.ema.safetensors", "model.bf16.safetensors",
		"diffusion_pytorch_model.bin", "pytorch_model.bin", "checkpoint-last.ckpt", "EMA.SAFETENSORS", "transformer/diffusion_pytorch_model.fp16.safetensors",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		save(t, path, all)
		same(t, open(t, dir))
	}
	dir := t.TempDir()
	for _, name := range []string{"a.safetensors", "b.safetensors"} {
		save(t, filepath.Join(dir, name), all)
	}
	if _, err := Open(dir, ""); err == nil || !strings.Contains(err.Error(), "several files of weights, name one: a.safetensors, b.safetensors") {
		t.Errorf("%v", err)
	}
}

// An index of .bin files, and one whose name has a variant.
func TestOtherShards(t *testing.T) {
	for _, as := range []string{".bin", ".safetensors"} {
		dir := t.TempDir()
		weights := make(map[string]string)
		for i, file := range []string{"pytorch_model-00001-of-00002" + as, "pytorch_model-00002-of-00002" + as} {
			save(t, filepath.Join(dir, file), func(n string) (string, bool) {
				in := strings.HasPrefix(n, "blocks.1.") == (i == 1)
				if in {
					weights[n] = file
				}
				return n, in
			})
		}
		b, err := json.Marshal(map[string]any{"weight_map": weights})
		if err != nil {
			t.Fatal(err)
		}
		name := map[string]string{".bin": "pytorch_model.bin.index.json", ".safetensors": "diffusion_pytorch_model.safetensors.index.fp16.json"}[as]
		if err := os.WriteFile(filepath.Join(dir, name), append([]byte("\ufeff"), b...), 0o644); err != nil {
			t.Fatal(err)
		}
		same(t, open(t, dir))
	}
}

// A git-lfs pointer is called one, whatever its name.
func TestPointers(t *testing.T) {
	for _, name := range []string{"m.pt", "m.safetensors", "m.bin", "m.safetensors.index.json", "m"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, ""); err == nil || !strings.Contains(err.Error(), "git lfs pull") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
