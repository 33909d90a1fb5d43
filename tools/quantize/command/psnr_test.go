package command

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPSNR(t *testing.T) {
	dir := t.TempDir()
	f32, i8 := filepath.Join(dir, "f32.dit8"), filepath.Join(dir, "int8.dit8")
	for kind, path := range map[string]string{"f32": f32, "int8": i8} {
		must(t, "-type", kind, "-num-heads", "6", "-convention", "sit", "-o", path, goldens+"sit_rgb/model.safetensors")
	}
	args := []string{"-classes", "2", "-seeds", "1", "-steps", "2", "-reference", f32}
	has(t, "a model and itself", must(t, append(append([]string{"psnr"}, args...), f32)...), "median exact, worst exact")
	out := must(t, append(append([]string{"psnr"}, args...), i8)...)
	has(t, "float32 and int8", out, "(2 images, 2 steps, guidance 3)")
	equal(t, "the number of rows", strings.Count(out, "\n| "), 2)
	if strings.Contains(out, "Inf") {
		t.Errorf("float32 and int8: %s", out)
	}
	refused(t, "psnr", []refusal{
		{2, "-reference is missing", []string{i8}},
		{2, "-classes is 0", []string{"-classes", "0", "-reference", f32, i8}},
		{1, "steps is 0", []string{"-steps", "0", "-reference", f32, i8}},
		{1, "different classes", []string{"-reference", "../../../testdata/emoji-32.dit8", i8}},
	})
}
