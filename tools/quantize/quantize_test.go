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
		dir, model, forward string
		outputs             int
		flags               []string
	}{
		{"dit_tiny", "model.safetensors", "forward", 2, []string{"-num-heads", "4"}},
		{"dit_tiny", "model.safetensors", "forward_fractional_t", 1, []string{"-num-heads", "4"}},
		{"dit_tiny", "model.pt", "forward", 2, []string{"-num-heads", "4"}},
		{"sit_tiny", "model.safetensors", "forward", 2, []string{"-num-heads", "4"}},
		{"sit_tiny", "model_f16.safetensors", "forward_f16", 2, []string{"-num-heads", "4"}},
		{"sit_tiny", "train.pt", "forward", 2, []string{"-num-heads", "4"}},
		{"sit_tiny", "train.pt", "forward", 2, []string{"-num-heads", "4", "-weights", "ema"}},
		{"sit_rgb", "model.safetensors", "forward", 2, []string{"-num-heads", "6"}},
		{"sit_lowvar", "model.safetensors", "forward", 2, []string{"-num-heads", readCase(t, "sit_lowvar").Config.NumHeads.String()}},
		{"diffusers", "official_model.safetensors", "forward", 1, []string{"-num-heads", "4"}},
		{"diffusers", "", "forward", 1, []string{"-numerics", "official"}},
		{"diffusers", "diffusion_pytorch_model.safetensors", "forward", 1, []string{"-numerics", "official"}},
		{"diffusers_dit", "", "forward", 1, nil},
	} {
		blob := filepath.Join(t.TempDir(), "out.dit8")
		must(t, append([]string{"-type", "f32", "-o", blob, goldens + c.dir + "/" + c.model}, c.flags...)...)
		out := must(t, "verify", "-max-rel", "1e-5", "-reference", goldens+c.dir+"/"+c.forward+".safetensors", blob)
		if strings.Count(out, "relative error") != c.outputs {
			t.Errorf("%s/%s: verify compared\n%s", c.dir, c.forward, out)
		}
	}
}

// What diffusers' copy of converted weights computes, which is something else.
func TestDiffusersNumerics(t *testing.T) {
	blob, ref := filepath.Join(t.TempDir(), "out.dit8"), goldens+"diffusers/forward.safetensors"
	must(t, "-type", "f32", "-o", blob, goldens+"diffusers")
	if out := must(t, "verify", "-max-rel", "3e-5", "-reference", ref, blob); !strings.HasPrefix(out, "out_diffusers ") {
		t.Errorf("verify compared\n%s", out)
	}
	ref = edited(t, ref, func(header map[string]any) {
		header["out"], header["was"] = header["out_diffusers"], header["out_official"]
		delete(header, "out_diffusers")
		delete(header, "out_official")
	})
	must(t, "-f", "-numerics", "official", "-type", "f32", "-o", blob, goldens+"diffusers")
	if code, _, errs := quantize("verify", "-max-rel", "0.1", "-reference", ref, blob); code != 1 {
		t.Errorf("official numerics give diffusers' output: %s", errs)
	}
}

// The weights that are asked for are taken.
func TestTrainingWeights(t *testing.T) {
	dir := t.TempDir()
	blob := filepath.Join(dir, "out.dit8")
	must(t, "-weights", "model", "-num-heads", "4", "-type", "f32", "-o", blob, goldens+"sit_tiny/train.pt")
	if code, out, _ := quantize("verify", "-max-rel", "0.05", "-reference", goldens+"sit_tiny/forward.safetensors", blob); code != 1 {
		t.Errorf("-weights model gives the EMA's output: %s", out)
	}
	f, err := weights.Open(blob)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if c := f.Header().Info.Convention; c.Clock != flow.SiTClock {
		t.Errorf("the training arguments are SiT's, the convention is %+v", c)
	}
}

// Every awkward but legal file computes the same as the plain one.
func TestEdgeFiles(t *testing.T) {
	c := readCase(t, "edge")
	ran := 0
	for _, f := range c.Files {
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
	if ran < 18 {
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
		"evil_raw_pickle":               "bare Python pickle",

		"evil_os_system_zip.pt":        `asks for "posix.system"`,
		"evil_os_system_protocol4.pt":  `asks for "posix.system"`,
		"evil_raw_pickle.pt":           "bare Python pickle",
		"evil_in_args.pt":              `asks for "posix.system"`,
		"evil_builtins_eval.pt":        `asks for "__builtin__.eval"`,
		"evil_inst_opcode.pt":          `system"`,
		"evil_before_proto.pt":         `asks for "os.system"`,
		"evil_legacy.pt":               `asks for "posix.system"`,
		"pt_empty.pt":                  "0 bytes",
		"pt_is_html.pt":                "HTML page",
		"pt_truncated_zip.pt":          "cut short",
		"pt_crc_mismatch.pt":           "storage 12 has CRC-32",
		"pt_no_data_pkl.pt":            "0 records data.pkl",
		"pt_missing_storage.pt":        "no record archive/data/21",
		"pt_short_storage.pt":          "its record has 4094 bytes",
		"pt_storage_numel_lies.pt":     "1099511627776 values of F16, its record has 512 bytes",
		"pt_view_out_of_bounds.pt":     "storage 12: a view of shape [100000 100000]",
		"pt_negative_offset.pt":        "offset -4",
		"pt_negative_stride.pt":        "stride the integer -8",
		"pt_stride0_bomb.pt":           "more values than the storage's 256",
		"pt_key_path_traversal.pt":     `"../../../../etc/hostname": keys have`,
		"pt_unknown_storage_type.pt":   `asks for "torch.ComplexFloatStorage"`,
		"pt_not_a_dict.pt":             "a list or tuple, not a dictionary",
		"pt_ema_not_a_dict.pt":         `"ema" is the integer 7`,
		"pt_nan.pt":                    "fc1.weight: value 0 is NaN",
		"pt_missing_key.pt":            "blocks.0.attn.qkv.weight is missing",
		"pt_byteorder_big.pt":          `byte order is "big"`,
		"pt_pickle_truncated.pt":       "compressed", // what their pickles do is tested with the reader
		"pt_pickle_deep_nesting.pt":    "compressed",
		"pt_pickle_huge_unicode.pt":    "compressed",
		"pt_pickle_huge_long.pt":       "compressed",
		"pt_pickle_memo_4e9.pt":        "compressed",
		"pt_pickle_stack_underflow.pt": "compressed",
		"pt_pickle_self_reference.pt":  "compressed",
	}
	c := readCase(t, "bad")
	for _, f := range c.Files {
		name := strings.TrimSuffix(f.File, ".safetensors")
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
		goldens + "edge/forward.safetensors": "x_embedder.proj.weight is missing",
		"model.safetensors.index.json":       "no such file",
		"no-such-file.safetensors":           "no such file",
		goldens:                              "the folder has none of diffusion_pytorch_model.safetensors",
		html:                                 "zip archive",
		"../../weights/default.dit8":         "a .dit8 file already",
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
		{2, `-weights is "best"`, []string{"-weights", "best", "-o", "x", model}},
		{2, `-numerics is "mine"`, []string{"-numerics", "mine", "-o", "x", model}},
		{1, "-numerics is for diffusers' folders", []string{"-numerics", "official", "-o", blob + "2", model}},
		{1, "the model's name is \"DiT-T/2\"", []string{"-model", "DiT-T/2", "-o", blob + "2", model}},
		{2, "-guided-channels is -2", []string{"-guided-channels", "-2", "-o", "x", model}},
		{2, "exists: -f replaces it", base},
		{2, "is one of the inputs", []string{"-f", "-o", model, model}},
		{2, "is one of the inputs", []string{"-f", "-o", goldens + "diffusers/config.json", goldens + "diffusers"}},
		{2, "is one of the inputs", []string{"-f", "-o", goldens + "diffusers/diffusion_pytorch_model.safetensors", goldens + "diffusers"}},
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
		{1, "write " + filepath.Join(dir, "no/such/dir.dit8") + ": no such file", []string{"-gptq", "-o", filepath.Join(dir, "no/such/dir.dit8"), "-num-heads", "2", model}},
		{2, "-o is -", []string{"-o", "-", "-num-heads", "2", model}},
		{2, "both.json is named twice", []string{"-num-heads", "2", "-o", filepath.Join(dir, "both.json"), "-report", filepath.Join(dir, "both.json"), model}},
		{2, "both.json is named twice", []string{"-num-heads", "2", "-dry-run", "-report", filepath.Join(dir, "both.json"), "-report", filepath.Join(dir, "x", "..", "both.json"), model}},
		{1, "no such file", []string{"-num-heads", "2", "-o", blob + "2", "-report", filepath.Join(dir, "no/r.json"), model}},
		{1, "-smooth and -gptq are for int8 tensors", []string{"-num-heads", "2", "-type", "f16", "-smooth", "-o", blob + "2", model}},
		{1, "-smooth and -gptq are for int8 tensors", []string{"-num-heads", "2", "-keep", "*=f16", "-gptq", "-o", blob + "2", model}},
		{1, "known are DiT- or SiT-", []string{"-num-heads", "2", "-model", "foo", "-o", blob + "2", model}},
		{1, "-weights ema is for training checkpoints", []string{"-weights", "ema", "-num-heads", "2", "-o", blob + "2", model}},
		{1, "not a safetensors file: it starts with \"# Quanti", []string{"-o", blob + "2", "../../docs/quantize.md"}},
		{1, "the file holds a JSON array, expected an object", []string{"-o", blob + "2", "../../weights/emoji-s.labels.json"}},
		{2, "-solver says nothing of what", []string{"verify", "-solver", "euler", "-reference", goldens + "edge/forward.safetensors", blob}},
		{2, "-cfg-channels says nothing of what", []string{"verify", "-cfg-channels", "0", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", blob}},
		{2, "not defined: -o", []string{"techniques", "-o", blob + "2", model}},
		{1, "steps is 0", []string{"techniques", "-steps", "0", "random:s4"}},
		{2, "-reference is missing", []string{"verify", blob}},
		{2, "-max-rel is NaN", []string{"verify", "-max-rel", "NaN", "-reference", model, blob}},
		{1, "no tensor out", []string{"verify", "-reference", goldens + "diffusers/official_model.safetensors", blob}},
		{1, "tensor x: shape is [4 4 8 8], expected [4 4 4 4]", []string{"verify", "-reference", goldens + "dit_tiny/forward.safetensors", blob}},
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
	for _, args := range [][]string{{"-h"}, {"inspect", "-h"}, {"verify", "-h"}, {"techniques", "-h"}, {"help"}} {
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

// dtypes are a file's tensors' types.
func dtypes(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := make(map[string]string)
	for _, x := range f.Header().Tensors {
		m[x.Name] = x.DType.String()
	}
	return m
}

// -keep decides on the types of the tensors that it names, and devices compute with
// what comes of it.
func TestKeep(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "out.dit8")
	run := func(args ...string) map[string]string {
		must(t, append([]string{"-f", "-num-heads", "4", "-convention", "sit", "-o", blob, goldens + "sit_tiny/model.safetensors"}, args...)...)
		return dtypes(t, blob)
	}
	for _, c := range []struct {
		args []string
		want map[string]string
	}{
		{nil, map[string]string{"blocks.0.mlp.fc2.weight": "int8", "final_layer.linear.weight": "f16", "blocks.1.adaLN_modulation.1.weight": "int8", "blocks.0.mlp.fc2.bias": "f32", "pos_embed": "f16"}},
		{[]string{"-keep", "blocks.*.mlp.fc2=f16"}, map[string]string{"blocks.0.mlp.fc2.weight": "f16", "blocks.1.mlp.fc2.bias": "f16", "blocks.1.mlp.fc1.weight": "int8"}},
		{[]string{"-keep", "final_layer.*=f32", "-keep", "*.adaLN_modulation.1.weight=f32", "-keep", "blocks.1.*=f16"},
			map[string]string{"final_layer.linear.weight": "f32", "blocks.0.adaLN_modulation.1.weight": "f32", "blocks.1.adaLN_modulation.1.weight": "f16", "blocks.1.attn.qkv.weight": "f16", "blocks.0.attn.qkv.weight": "int8"}},
		{[]string{"-type", "f32", "-keep", "blocks.*=int8", "-keep", "y_embedder.*=int8"},
			map[string]string{"blocks.0.attn.qkv.weight": "int8", "blocks.0.attn.qkv.bias": "f32", "pos_embed": "f32", "y_embedder.embedding_table.weight": "int8"}},
		{[]string{"-type", "f16", "-keep", "*=f32"}, map[string]string{"blocks.0.attn.qkv.weight": "f32", "pos_embed": "f32"}},
	} {
		got := run(c.args...)
		for name, want := range c.want {
			if got[name] != want {
				t.Errorf("%v: %s is %s, want %s", c.args, name, got[name], want)
			}
		}
		must(t, "verify", "-max-rel", "0.2", "-reference", goldens+"sit_tiny/forward.safetensors", blob)
	}
	for want, keep := range map[string]string{
		"no tensor's name matches": "blocks.*.mpl.fc2=f16",
		"are no matrices":          "pos_embed=int8",
		"is not PATTERN=TYPE":      "pos_embed",
		"type int8, f16 or f32":    "pos_embed=bf16",
		"is not one":               "[=f16",
	} {
		code, _, errs := quantize("-num-heads", "4", "-o", blob+"2", "-keep", keep, goldens+"sit_tiny/model.safetensors")
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("-keep %s: exit %d, %s; want %q", keep, code, errs, want)
		}
	}
}

func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-num-heads", "4", "-convention", "sit", goldens + "sit_tiny/model.safetensors"}
	dry := must(t, append([]string{"--dry-run", "-o", filepath.Join(dir, "a.dit8")}, args...)...)
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("a dry run left %v", left)
	}
	out := must(t, append([]string{"-o", filepath.Join(dir, "a.dit8")}, args...)...)
	_, a, _ := strings.Cut(dry, ": ")
	_, b, _ := strings.Cut(out, ": ")
	if a != b || !strings.HasPrefix(dry, "dry run, no model written") {
		t.Errorf("dry run:\n%sthen:\n%s", dry, out)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	must(t, append([]string{"-dry-run"}, args...)...) // and without a name for the file
}
