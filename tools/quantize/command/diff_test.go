package command

import (
	"path/filepath"
	"strings"
	"testing"
)

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
	equal(t, "the number of lines for a file and itself, -all,", strings.Count(must(t, "diff", "-all", f32, f32), "\n"), 34)
	out := must(t, "diff", f32, i8)
	has(t, "float32 and int8", out, "name: one, two\n", "blocks.1.mlp.fc2.weight", "int8")
	if strings.Contains(out, "blocks.1.mlp.fc2.bias") {
		t.Errorf("a bias, which is the same, is listed: %s", out)
	}
	refused(t, "diff", []refusal{
		{1, "above -max-rel 1e-06", []string{"-max-rel", "1e-6", f32, i8}},
		{1, "different networks", []string{f32, other}},
		{2, "found " + f32 + " alone", []string{f32}},
		{2, "2 files at a time", []string{f32, i8, other}},
		{2, "-max-rel is -1", []string{"-max-rel", "-1", f32, i8}},
		{1, "no such file", []string{f32, filepath.Join(dir, "nope")}},
	})
}
