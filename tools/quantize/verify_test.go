package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Models of every convention follow the official samplers from their noise.
func TestTrajectories(t *testing.T) {
	for dir, c := range map[string]struct {
		heads, convention, bound string // of float32
		int8                     string
		files                    int
	}{
		"sit_tiny": {"4", "sit", "1e-6", "0.03", 8},
		"sit_rgb":  {"6", "sit", "1e-6", "0.015", 2},
		"dit_tiny": {"4", "dit", "3e-5", "0.05", 3},
	} {
		files, err := filepath.Glob(goldens + dir + "/sample_*.safetensors")
		if err != nil || len(files) != c.files {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for kind, bound := range map[string]string{"f32": c.bound, "int8": c.int8} {
			blob := filepath.Join(t.TempDir(), "out.dit8")
			must(t, "-type", kind, "-num-heads", c.heads, "-convention", c.convention, "-o", blob, goldens+dir+"/model.safetensors")
			for _, f := range files {
				bound := bound
				if kind == "f32" && strings.Contains(f, "dopri5") {
					bound = "6e-3" // its own relative tolerance is 1e-3 a step
				}
				out := must(t, "verify", "-max-rel", bound, "-reference", f, blob)
				if !strings.Contains(out, "PSNR") || !strings.Contains(f, "20pts") && !strings.Contains(out, "traj ") {
					t.Errorf("%s: %s", f, out)
				}
			}
		}
	}
}

func TestTrajectoryRefusals(t *testing.T) {
	sit, dit := filepath.Join(t.TempDir(), "sit.dit8"), filepath.Join(t.TempDir(), "dit.dit8")
	must(t, "-type", "f32", "-num-heads", "4", "-convention", "sit", "-o", sit, goldens+"sit_tiny/model.safetensors")
	must(t, "-type", "f32", "-num-heads", "4", "-convention", "dit", "-o", dit, goldens+"dit_tiny/model.safetensors")
	for _, c := range []struct {
		want string
		args []string
	}{
		{`the solver is "rk4"`, []string{"-solver", "rk4", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", sit}},
		{"on the ddpm clock", []string{"-reference", goldens + "dit_tiny/sample_ddim_20_cfg4.safetensors", sit}},
		{`the solver is "euler"`, []string{"-solver", "euler", "-reference", goldens + "dit_tiny/sample_ddim_20_cfg4.safetensors", dit}},
		{"it has neither grid_t, ", []string{"-reference", edited(t, goldens+"sit_tiny/sample_euler_10pts_cfg4.safetensors", func(header map[string]any) {
			header["grid"] = header["grid_t"]
			delete(header, "grid_t")
		}), sit}},
		{"tensor step_noise is missing", []string{"-solver", "ddpm", "-reference", goldens + "dit_tiny/sample_ddim_20_cfg4.safetensors", dit}},
		{"tensor noise: shape is [1 3 32 32], expected [1 4 8 8]", []string{"-reference", goldens + "sit_rgb/sample_euler_21pts_cfg3.safetensors", sit}},
		{"above -max-rel", []string{"-max-rel", "1e-3", "-cfg-scale", "2", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", sit}},
		{"above -max-rel", []string{"-max-rel", "1e-3", "-solver", "heun2", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", sit}},
	} {
		if code, out, errs := quantize(append([]string{"verify"}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %s%s; want %q", c.args, code, out, errs, c.want)
		}
	}
}

// edited is a copy of a safetensors file with another header.
func edited(t *testing.T, path string, edit func(header map[string]any)) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var header map[string]any
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	edit(header)
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(out, slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, b[8+n:]), 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

// References of other shapes are refused, though they have as many values.
func TestReferenceShapes(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "sit.dit8")
	must(t, "-type", "f32", "-num-heads", "4", "-convention", "sit", "-o", blob, goldens+"sit_tiny/model.safetensors")
	for _, c := range []struct {
		file, tensor string
		shape        []int
	}{
		{"forward", "out_cfg", []int{1, 16, 8, 8}}, {"forward", "out_cfg", []int{1, 1024, 1, 1}}, {"forward", "out_cfg", []int{16, 1, 8, 8}},
		{"forward", "out", []int{4, 8, 8, 4}}, {"forward", "x", []int{4, 8, 8, 4}}, {"forward", "t", []int{4, 1}}, {"forward", "cfg_x", []int{1024}},
		{"sample_euler_10pts_cfg4", "noise", []int{2, 8, 8, 4}}, {"sample_euler_10pts_cfg4", "final", []int{512}},
		{"sample_euler_10pts_cfg4", "traj", []int{2, 10, 4, 8, 8}}, {"sample_euler_10pts_cfg4", "grid_t", []int{2, 5}},
	} {
		ref := edited(t, goldens+"sit_tiny/"+c.file+".safetensors", func(header map[string]any) { header[c.tensor].(map[string]any)["shape"] = c.shape })
		want := fmt.Sprintf("tensor %s: shape is %v, expected ", c.tensor, c.shape)
		if code, out, errs := quantize("verify", "-reference", ref, blob); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("exit %d, %s%s; want %q", code, out, errs, want)
		}
	}
}

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	f32, i8, other := filepath.Join(dir, "a.dit8"), filepath.Join(dir, "b.dit8"), filepath.Join(dir, "c.dit8")
	base := []string{"-num-heads", "4", "-convention", "sit", goldens + "sit_tiny/model.safetensors"}
	must(t, append([]string{"-type", "f32", "-name", "one", "-o", f32}, base...)...)
	must(t, append([]string{"-name", "two", "-o", i8}, base...)...)
	must(t, "-num-heads", "4", "-o", other, goldens+"dit_tiny/model.safetensors")
	if out := must(t, "diff", f32, f32); !strings.HasPrefix(out, "32 of 32 tensors are the same; ") {
		t.Errorf("a file and itself: %s", out)
	}
	if out := must(t, "diff", "-all", f32, f32); strings.Count(out, "\n") != 34 {
		t.Errorf("a file and itself, -all: %s", out)
	}
	out := must(t, "diff", f32, i8)
	for _, want := range []string{"name: one, two\n", "blocks.1.mlp.fc2.weight", "int8", "\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("float32 and int8, no %q: %s", want, out)
		}
	}
	if strings.Contains(out, "blocks.1.mlp.fc2.bias") {
		t.Errorf("a bias, which is the same, is listed: %s", out)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{1, "above -max-rel 1e-06", []string{"-max-rel", "1e-6", f32, i8}},
		{1, "different networks", []string{f32, other}},
		{2, "found " + f32 + " alone", []string{f32}},
		{2, "2 files at a time", []string{f32, i8, other}},
		{2, "-max-rel is -1", []string{"-max-rel", "-1", f32, i8}},
		{1, "no such file", []string{f32, filepath.Join(dir, "nope")}},
	} {
		if code, _, errs := quantize(append([]string{"diff"}, c.args...)...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("diff %v: exit %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}
