package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core/bench"
	"dit8/core/compute/native"
)

const tiny = `{"input_size": 8, "patch_size": 2, "in_channels": 3, "hidden_size": 24, "depth": 2, "num_heads": 3, "mlp_hidden_size": 40, "num_classes": 3}`

func TestBench(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tiny.json")
	if err := os.WriteFile(file, []byte(tiny+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, device := range native.Names() {
		config := tiny
		if device == "generic" {
			config = file
		}
		code, out, errs := sampleCmd("bench", "-config", config, "-device", device, "-threads", "1", "-batch", "2", "-passes", "2", "-check", "-json")
		var r bench.Result
		if err := json.Unmarshal([]byte(out), &r); code != 0 || errs != "" || err != nil {
			t.Fatalf("exit %d, %q, %v: %s", code, errs, err, out)
		}
		if r.Device != device || r.Name != bench.Custom || r.Batch != 2 || r.Passes != 2 || r.Config.HiddenSize != 24 || !(r.BestMS > 0) || len(r.Operations) < 10 {
			t.Errorf("result %+v", r)
		}
	}
	code, out, errs := sampleCmd("bench", "-config", tiny, "-passes", "1", "-device", "all")
	if n := len(native.Names()); code != 0 || errs != "" || strings.Count(out, "custom on ") != n || !strings.Contains(out, "custom on generic") || !strings.Contains(out, "per step") || strings.Count(out, "linear 24→72") != n {
		t.Errorf("exit %d, %q:\n%s", code, errs, out)
	}
	if code, out, _ := sampleCmd("bench", "-h"); code != 0 || !strings.Contains(out, "-passes") || !strings.Contains(out, "d256, s4, s2") {
		t.Errorf("-h: exit %d, %s", code, out)
	}
}

func TestBenchRefuses(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, make([]byte, maxConfig+1), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, `-device is "cuda", this machine has: `, []string{"-device", "cuda"}},
		{2, "-threads is 1000", []string{"-threads", "1000"}},
		{2, `unexpected argument "s2"`, []string{"s2"}},
		{2, `-config is "d257", allowed: d256, s4, s2, ditb2, ditxl2, pmfb16, imfb2, jitb16, lightningxl1, a JSON object or a file`, []string{"-config", "d257"}},
		{2, `-config is ""`, []string{"-config", ""}},
		{2, `unknown field "hidden"`, []string{"-config", `{"hidden": 3}`}},
		{2, "input_size is 0", []string{"-config", "{}"}},
		{2, "is no network", []string{"-config", large}},
		{2, "invalid character", []string{"-config", "main.go"}},
		{1, "is a directory", []string{"-config", dir}},
		{2, "batch is 0, allowed: 1 to 64", []string{"-batch", "0"}},
		{2, "batch is 65", []string{"-batch", "65"}},
		{2, "passes is 0, allowed: 1 to 1000", []string{"-passes", "0"}},
		{2, "-passes", []string{"-passes", "many"}},
		{2, "parameters, allowed: up to 16000000000", []string{"-config", strings.NewReplacer(`"hidden_size": 24`, `"hidden_size": 8184`, `"depth": 2`, `"depth": 100`).Replace(tiny)}},
	} {
		code, out, errs := sampleCmd(append([]string{"bench"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("bench %.80q: exit %d, %q %q; want %d and %q", c.args, code, errs, out, c.code, c.want)
		}
	}
}
