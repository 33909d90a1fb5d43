package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPSNR(t *testing.T) {
	dir := t.TempDir()
	f32, i8 := filepath.Join(dir, "f32.dit8"), filepath.Join(dir, "int8.dit8")
	heads := readCase(t, "sit_rgb").Config.NumHeads.String()
	for kind, path := range map[string]string{"f32": f32, "int8": i8} {
		must(t, "-type", kind, "-num-heads", heads, "-convention", "sit", "-o", path, goldens+"sit_rgb/model.safetensors")
	}
	args := []string{"psnr", "-classes", "2", "-seeds", "1", "-steps", "2", "-reference", f32}
	if out := must(t, append(args, f32)...); !strings.Contains(out, "median exact, worst exact") {
		t.Errorf("a model and itself: %s", out)
	}
	out := must(t, append(args, i8)...)
	if strings.Contains(out, "Inf") || strings.Count(out, "\n| ") != 2 || !strings.Contains(out, "(2 images, 2 steps, guidance 3)") {
		t.Errorf("float32 and int8: %s", out)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "-reference is missing", []string{"psnr", i8}},
		{2, "-classes is 0", []string{"psnr", "-classes", "0", "-reference", f32, i8}},
		{1, "steps is 0", []string{"psnr", "-steps", "0", "-reference", f32, i8}},
		{1, "different classes", []string{"psnr", "-reference", "../../weights/default.dit8", i8}},
	} {
		if code, out, errs := quantize(c.args...); code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("quantize %v: exit %d, %q; want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
}
