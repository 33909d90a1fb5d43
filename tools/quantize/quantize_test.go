package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"dit8/core/flow"
	"dit8/weights"
)

const goldens = "../../testdata/golden/"

// quantize runs the command and returns what it printed.
func quantize(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := quantize(args...)
	if code != 0 {
		t.Fatalf("quantize %v: exit %d\n%s%s", args, code, out, errs)
	}
	return out
}

type caseFile struct {
	Config struct {
		NumHeads json.Number `json:"num_heads"`
	} `json:"config"`
	Files []struct {
		File, Expect, Why string
	} `json:"files"`
}

func readCase(t *testing.T, dir string) (c caseFile) {
	t.Helper()
	b, err := os.ReadFile(goldens + dir + "/case.json")
	if err == nil {
		err = json.Unmarshal([]byte(strings.Replace(string(b), `"files": {`, `"file_notes": {`, 1)), &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Converted float checkpoints compute what the official code computes, also with
// guidance.
func TestGoldens(t *testing.T) {
	for _, c := range []struct {
		dir, model, forward, convention string
		outputs                         int
	}{
		{"dit_tiny", "model", "forward", "dit", 2},
		{"dit_tiny", "model", "forward_fractional_t", "dit", 1},
		{"sit_tiny", "model", "forward", "sit", 2},
		{"sit_tiny", "model_f16", "forward_f16", "sit", 2},
		{"sit_rgb", "model", "forward", "sit", 2},
		{"sit_lowvar", "model", "forward", "sit", 2},
		{"diffusers", "official_model", "forward", "dit", 1},
	} {
		blob := filepath.Join(t.TempDir(), "out.dit8")
		heads := readCase(t, c.dir).Config.NumHeads.String()
		must(t, "-type", "f32", "-num-heads", heads, "-convention", c.convention, "-o", blob, goldens+c.dir+"/"+c.model+".safetensors")
		out := must(t, "verify", "-max-rel", "1e-5", "-reference", goldens+c.dir+"/"+c.forward+".safetensors", blob)
		if strings.Count(out, "relative error") != c.outputs {
			t.Errorf("%s/%s: verify compared\n%s", c.dir, c.forward, out)
		}
	}
}

// Every awkward but legal file computes the same as the plain one.
func TestEdgeFiles(t *testing.T) {
	c := readCase(t, "edge")
	ran := 0
	for _, f := range c.Files {
		if !strings.HasSuffix(f.File, ".safetensors") {
			continue
		}
		ran++
		blob := filepath.Join(t.TempDir(), "out.dit8")
		code, _, errs := quantize("-type", "f32", "-num-heads", c.Config.NumHeads.String(), "-convention", "dit", "-o", blob, goldens+"edge/"+f.File)
		if code == 1 && f.File == "st_unaligned_tensors.safetensors" {
			if !strings.Contains(errs, "tensor aaa.pad: unexpected") {
				t.Errorf("%s: %s", f.File, errs)
			}
			continue
		}
		if code != 0 {
			t.Errorf("%s (%s): exit %d: %s", f.File, f.Why, code, errs)
			continue
		}
		must(t, "verify", "-max-rel", "1e-4", "-reference", goldens+"edge/forward.safetensors", blob)
	}
	if ran < 5 {
		t.Errorf("only %d files", ran)
	}
}

// Every broken file is refused with a message that says what is wrong with it, at
// a cost that its size bounds, and leaves nothing behind.
func TestBadFiles(t *testing.T) {
	message := map[string]string{
		"st_empty":                      "0 bytes",
		"st_7bytes":                     "7 bytes",
		"st_truncated_header":           "the file has 940",
		"st_truncated_data":             "tensor x_embedder.proj.weight",
		"st_header_only":                "0 bytes of data",
		"st_header_len_past_eof":        "claims 39808 bytes",
		"st_header_len_u64max":          "allowed up to 100000000",
		"st_header_len_i64neg":          "allowed up to 100000000",
		"st_header_len_60GB":            "claims 64424509440 bytes",
		"st_header_len_0":               "bad JSON",
		"st_header_not_json":            "bad JSON",
		"st_header_array":               `found "["`,
		"st_header_bad_utf8":            "UTF-8",
		"st_header_deep_nesting":        `found "["`,
		"st_overlapping_offsets":        "mlp.fc2.weight: its data begins at",
		"st_overlap_by_one_element":     "mlp.fc1.weight: its data begins at",
		"st_hole_at_start":              "begins at 64",
		"st_trailing_bytes":             "cover 8064 bytes",
		"st_offsets_reversed":           "backwards",
		"st_offset_negative":            "-64",
		"st_offset_past_eof":            "begins at 1440",
		"st_offset_overflow":            "9223372036854775816",
		"st_offset_float":               "0.5",
		"st_shape_size_mismatch":        "takes 450 bytes",
		"st_shape_overflow":             "overflows",
		"st_shape_overflow_to_zero":     "overflows",
		"st_shape_negative":             "-24",
		"st_unknown_dtype":              `"F12"`,
		"st_int_dtype_weight":           "dtype is I16",
		"st_dtype_size_mismatch":        "takes 768 bytes",
		"st_missing_dtype_field":        "no dtype",
		"st_duplicate_key":              "appears twice",
		"st_duplicate_key_identical":    "appears twice",
		"st_nan_weight":                 "value 26 is NaN",
		"st_inf_weight":                 "value 0 is +Inf",
		"st_wrong_shape_qkv_transposed": "shape is [8 24], expected [24 8]",
		"st_wrong_shape_pos_embed":      "3 tokens",
		"st_wrong_shape_final":          "28 rows",
		"st_wrong_shape_bias":           "[7], expected [8]",
		"st_missing_key":                "blocks.0.mlp.fc2.bias is missing",
		"st_missing_label_table":        "y_embedder.embedding_table.weight is missing",
		"st_block_gap":                  "blocks.0",
		"st_unexpected_key":             "rope.freqs: unexpected",
		"st_no_tensors":                 "no tensors",
		"st_zero_rows_label_table":      "0 rows",
		"st_is_html":                    "HTML page",
		"st_is_lfs_pointer":             "git-lfs pointer",
		"evil_raw_pickle":               "pickle",
	}
	c := readCase(t, "bad")
	for _, f := range c.Files {
		name, ok := strings.CutSuffix(f.File, ".safetensors")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, ok := message[name]
			if !ok {
				t.Fatalf("no message is expected for %s (%s)", f.File, f.Why)
			}
			path := goldens + "bad/" + f.File
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			code, _, errs := quantize("-type", "f32", "-num-heads", "2", "-convention", "dit", "-o", filepath.Join(dir, "out.dit8"), path)
			runtime.ReadMemStats(&after)
			if code != 1 || !strings.Contains(errs, want) || !strings.Contains(errs, f.File) {
				t.Errorf("%s: exit %d, %q; want 1 and %q", f.Why, code, errs, want)
			}
			if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(4*st.Size()+16<<20); got > limit {
				t.Errorf("allocated %d bytes for a file of %d", got, st.Size())
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("left %v behind", left)
			}
		})
		delete(message, name)
	}
	if len(message) != 0 {
		t.Errorf("case.json does not list %v", message)
	}
	if _, err := os.Stat("pwned-file"); err == nil {
		t.Error("a pickle was executed")
	}
}

func TestForeignFiles(t *testing.T) {
	html := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(html, []byte("PK\x03\x04 and so on"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		goldens + "diffusers/diffusion_pytorch_model.safetensors": "diffusers",
		goldens + "edge/good.pt":                                  "not supported yet",
		goldens + "bad/evil_os_system_zip.pt":                     "not supported yet",
		goldens + "bad/evil_legacy.pt":                            "not supported yet",
		goldens + "edge/forward.safetensors":                      "x_embedder.proj.weight is missing",
		"model.safetensors.index.json":                            "sharded",
		"no-such-file.safetensors":                                "no such file",
		goldens:                                                   "not a regular file",
		html:                                                      "zip archive",
		"../../weights/default.dit8":                              "a .dit8 file already",
	} {
		code, _, errs := quantize("-num-heads", "4", "-o", filepath.Join(t.TempDir(), "o.dit8"), path)
		if code != 1 || !strings.Contains(errs, want) || !strings.Contains(errs, path) {
			t.Errorf("%s: exit %d, %q; want 1 and %q", path, code, errs, want)
		}
	}
}

func TestFlags(t *testing.T) {
	dir := t.TempDir()
	model := goldens + "edge/good.safetensors"
	blob := filepath.Join(dir, "out.dit8")
	base := []string{"-num-heads", "2", "-convention", "dit", "-o", blob, model}
	must(t, base...)
	first, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	labels := t.TempDir()
	names := func(text string) string {
		files, _ := os.ReadDir(labels)
		path := filepath.Join(labels, strconv.Itoa(len(files)))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "no file named", nil},
		{2, "no file named", []string{"-o", "x"}},
		{2, "-o is missing", []string{model}},
		{2, "one file at a time", []string{"-o", "x", model, model}},
		{2, "not defined: -nope", []string{"-nope"}},
		{2, `-type is "int4", allowed: int8, f16, f32`, []string{"-type", "int4", "-o", "x", model}},
		{2, `-convention is "flux"`, []string{"-convention", "flux", "-o", "x", model}},
		{2, "-num-heads is 1000", []string{"-num-heads", "1000", "-o", "x", model}},
		{2, "-guided-channels is -2", []string{"-guided-channels", "-2", "-o", "x", model}},
		{2, "exists: -f replaces it", base},
		{2, "is the checkpoint itself", []string{"-f", "-o", model, model}},
		{2, "not a regular file", []string{"-f", "-o", dir, model}},
		{1, "give -num-heads", []string{"-o", blob + "2", model}},
		{1, "num_heads is 3, which does not divide hidden_size 8", []string{"-num-heads", "3", "-o", blob + "2", model}},
		{1, "steps is 0", []string{"-steps", "0", "-num-heads", "2", "-o", blob + "2", model}},
		{1, "guidance is NaN", []string{"-guidance", "NaN", "-num-heads", "2", "-o", blob + "2", model}},
		{1, "2 names, the checkpoint has 3 classes", []string{"-labels", names(`["a","b"]`), "-num-heads", "2", "-o", blob + "2", model}},
		{1, "no name for class 2", []string{"-labels", names(`{"0":"a","1":"b","3":"c"}`), "-num-heads", "2", "-o", blob + "2", model}},
		{1, `both named "a"`, []string{"-labels", names(`["a","b","a"]`), "-num-heads", "2", "-o", blob + "2", model}},
		{1, "neither an array", []string{"-labels", names(`[1,2,3]`), "-num-heads", "2", "-o", blob + "2", model}},
		{1, "UTF-8", []string{"-labels", names("[\"a\xff\",\"b\",\"c\"]"), "-num-heads", "2", "-o", blob + "2", model}},
		{1, "no such file", []string{"-o", filepath.Join(dir, "no/such/dir.dit8"), "-num-heads", "2", model}},
		{2, "-reference is missing", []string{"verify", blob}},
		{2, "-max-rel is NaN", []string{"verify", "-max-rel", "NaN", "-reference", model, blob}},
		{1, "no tensor out", []string{"verify", "-reference", goldens + "diffusers/official_model.safetensors", blob}},
		{1, "expected 64 for each image", []string{"verify", "-reference", goldens + "dit_tiny/forward.safetensors", blob}},
		{1, "above -max-rel", []string{"verify", "-max-rel", "1e-9", "-reference", goldens + "edge/forward.safetensors", blob}},
		{1, "no such file", []string{"verify", "-reference", "nope.safetensors", blob}},
		{1, "not a .dit8 file", []string{"verify", "-reference", goldens + "edge/forward.safetensors", model}},
		{1, "not a .dit8 file", []string{"inspect", model}},
		{2, "no file named", []string{"inspect"}},
	} {
		code, out, errs := quantize(c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("quantize %v: exit %d, %q%q; want %d and %q", c.args, code, out, errs, c.code, c.want)
		}
	}
	if again, err := os.ReadFile(blob); err != nil || !bytes.Equal(first, again) {
		t.Error("a refused conversion changed the file that was there")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	must(t, append([]string{"-f"}, base...)...)
	if again, err := os.ReadFile(blob); err != nil || !bytes.Equal(first, again) {
		t.Error("the same conversion wrote another file")
	}
	for _, args := range [][]string{{"-h"}, {"inspect", "-h"}, {"verify", "-h"}} {
		if out := must(t, args...); !strings.Contains(out, "quantize [flags] -o OUT.dit8") {
			t.Errorf("%v prints\n%s", args, out)
		}
	}
}

func TestMetadata(t *testing.T) {
	dir := t.TempDir()
	blob, labels := filepath.Join(dir, "out.dit8"), filepath.Join(dir, "l.json")
	if err := os.WriteFile(labels, []byte(`{"2":"c","0":"a","1":"b"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "-num-heads", "2", "-convention", "sit", "-name", "n", "-license", "MIT", "-source", "there", "-labels", labels,
		"-steps", "7", "-guidance", "1.5", "-guided-channels", "2", "-o", blob, goldens+"edge/good.safetensors")
	f, err := weights.Open(blob)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i := f.Header().Info
	if i.Name != "n" || i.License != "MIT" || i.Source != "there" || strings.Join(i.Classes, "") != "abc" || i.Defaults.Steps != 7 || i.Defaults.Guidance != 1.5 ||
		i.Convention != (flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 2}) {
		t.Errorf("info %+v", i)
	}
	var js struct {
		Bytes      int64
		Parameters int
		Config     struct{ Depth int }
		Tensors    []struct{ Name, DType string }
	}
	if err := json.Unmarshal([]byte(must(t, "inspect", "-json", blob)), &js); err != nil {
		t.Fatal(err)
	}
	if st, _ := os.Stat(blob); js.Bytes != st.Size() || js.Parameters == 0 || js.Config.Depth != 1 || len(js.Tensors) != 22 {
		t.Errorf("inspect -json: %+v", js)
	}
	if text := must(t, "inspect", blob); !strings.Contains(text, "blocks.0.attn.qkv.weight") || !strings.Contains(text, "the first 2 channels") {
		t.Errorf("inspect: %s", text)
	}
}

// Without -convention the tool says what it assumes.
func TestAssumedConvention(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "out.dit8")
	_, _, errs := quantize("-num-heads", "2", "-o", blob, goldens+"edge/good.safetensors")
	if !strings.Contains(errs, "assuming -convention dit") {
		t.Errorf("notes: %q", errs)
	}
}

// A config.json beside the checkpoint gives the heads, and must be of the same
// network.
func TestConfigBeside(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.safetensors")
	b, err := os.ReadFile(goldens + "edge/good.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model, b, 0o644); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"num_heads": 2, "depth": 1}`: "",
		`{"num_heads": 2, "depth": 5}`: "says depth 5, the tensors show 1",
		`{"num_heads": "two"}`:         "config.json",
		`{"num_heads": 5}`:             "num_heads is 5",
		`nonsense`:                     "config.json",
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, errs := quantize("-f", "-o", filepath.Join(dir, "o.dit8"), model)
		if (code == 0) != (want == "") || !strings.Contains(errs, want) {
			t.Errorf("config.json %s: exit %d, %s", text, code, errs)
		}
	}
}
