package command

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Every broken file is refused with a message that says what is wrong with it, at
// a cost that its size bounds, and leaves nothing behind.
func TestBadFiles(t *testing.T) {
	all := badFiles(t)
	if len(all) < 82 {
		t.Errorf("only %d files", len(all))
	}
	for _, f := range all {
		t.Run(strings.TrimSuffix(f.File, ".safetensors"), func(t *testing.T) {
			if f.Says == "" {
				t.Fatalf("case.json does not tell what the message about %s says", f.File)
			}
			path, dir := goldens+"bad/"+f.File, t.TempDir()
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			code, _, errs := quantize("-type", "f32", "-num-heads", "2", "-convention", "dit", "-o", filepath.Join(dir, "out.dit8"), path)
			runtime.ReadMemStats(&after)
			equal(t, "the exit code", code, 1)
			has(t, "the message ("+f.Why+")", errs, f.Says, f.File)
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(4*st.Size()+16<<20); got > limit {
				t.Errorf("allocated %d bytes for a file of %d", got, st.Size())
			}
			equal(t, "what is left behind", files(t, dir), "")
		})
	}
	if _, err := os.Stat("pwned-file"); err == nil {
		t.Error("a pickle was executed")
	}
}

func TestForeignFiles(t *testing.T) {
	zip := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(zip, []byte("PK\x03\x04 and so on"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		goldens + "edge/forward.safetensors":    "x_embedder.proj.weight is missing",
		"model.safetensors.index.json":          "no such file",
		"no-such-file.safetensors":              "no such file",
		goldens:                                 "the folder has none of diffusion_pytorch_model.safetensors",
		zip:                                     "zip archive",
		"../../../weights/default.dit8":         "a .dit8 file already",
		"../../../docs/quantize.md":             "not a safetensors file: it starts with \"# Quanti",
		"../../../testdata/golden/classes.json": "the file holds a JSON array, expected an object",
	} {
		code, _, errs := quantize("-num-heads", "4", "-o", filepath.Join(t.TempDir(), "o.dit8"), path)
		equal(t, "the exit code for "+path, code, 1)
		has(t, "the message about "+path, errs, want, path)
	}
}
