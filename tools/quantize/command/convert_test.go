package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dit8/core/flow"
	"dit8/tools/quantize/report"
	"dit8/weights"
)

// header is what a file's header says, and its tensors' types by name.
func header(t *testing.T, path string) (*weights.Header, map[string]string) {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	types := make(map[string]string)
	for _, x := range f.Header().Tensors {
		types[x.Name] = x.DType.String()
	}
	return f.Header(), types
}

const good = goldens + "edge/good.safetensors"

func TestConvertFlags(t *testing.T) {
	const out = "x.dit8" // never written
	refused(t, "", []refusal{
		{2, "no file named", nil},
		{2, "no file named", []string{"-o", out}},
		{2, "-o is missing", []string{good}},
		{2, "-o is -", []string{"-o", "-", "-num-heads", "2", good}},
		{2, "one file at a time", []string{"-o", out, good, good}},
		{2, "not defined: -nope", []string{"-nope"}},
		{2, `-type is "int4", allowed: int8, f16, f32`, []string{"-type", "int4", "-o", out, good}},
		{2, `-type is "", allowed`, []string{"-type", "", "-o", out, good}},
		{2, `-compress is "best", allowed: small, fast`, []string{"-compress", "best", "-o", out, good}},
		{2, `-convention is "flux", allowed: ours, sit, dit`, []string{"-convention", "flux", "-o", out, good}},
		{2, "the pattern \"[\" is not one", []string{"-ignore", "[", "-o", out, good}},
		{2, `-numerics is "mine", allowed: diffusers, official`, []string{"-numerics", "mine", "-o", out, good}},
		{2, "-num-heads is 1000", []string{"-num-heads", "1000", "-o", out, good}},
		{2, "-guided-channels is -2", []string{"-guided-channels", "-2", "-o", out, good}},
		{2, "-images is 0", []string{"-images", "0", "-o", out, good}},
		{2, "-calibration is 0", []string{"-calibration", "0", "-o", out, good}},
		{2, "neither - nor", []string{"-report", "r.txt", good}},
	})
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
}

// What does not go with the checkpoint is refused, and nothing is written.
func TestConvertRefusals(t *testing.T) {
	dir, labels := t.TempDir(), t.TempDir()
	out := filepath.Join(dir, "out.dit8")
	names := func(text string) string { // a file of names
		path := filepath.Join(labels, strconv.Itoa(len(files(t, labels))))
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	two := func(args ...string) []string { return append([]string{"-num-heads", "2", "-o", out, good}, args...) }
	refused(t, "", []refusal{
		{1, "give -num-heads", []string{"-o", out, good}},
		{1, "num_heads is 3, which does not divide hidden_size 8", []string{"-num-heads", "3", "-o", out, good}},
		{1, "-numerics is for diffusers' folders", []string{"-numerics", "official", "-o", out, good}},
		{1, "the model's name is \"DiT-T/2\"", []string{"-model", "DiT-T/2", "-o", out, good}},
		{1, "known are DiT- or SiT-", two("-model", "foo")},
		{1, "-weights ema is for training checkpoints", two("-weights", "ema")},
		{1, "steps is 0", two("-steps", "0")},
		{1, "guidance is NaN", two("-guidance", "NaN")},
		{1, "2 names, the checkpoint has 3 classes", two("-labels", names(`["a","b"]`))},
		{1, "no name for class 2", two("-labels", names(`{"0":"a","1":"b","3":"c"}`))},
		{1, "the name of class 1 has 0 bytes", two("-labels", names(`["a","","b"]`))},
		{1, "neither an array", two("-labels", names(`[1,2,3]`))},
		{1, "UTF-8", two("-labels", names("[\"a\xff\",\"b\",\"c\"]"))},
		{1, "-smooth and -gptq are for int8 tensors", two("-type", "f16", "-smooth")},
		{1, "-smooth and -gptq are for int8 tensors", two("-keep", "*=f16", "-gptq")},
		{1, "no tensor's name matches", two("-keep", "blocks.*.mpl.fc2=f16")},
		{1, "are no matrices", two("-keep", "pos_embed=int8")},
		{2, "is not PATTERN=TYPE", two("-keep", "pos_embed")},
		{2, "type int8, f16 or f32", two("-keep", "pos_embed=bf16")},
		{2, "is not one", two("-keep", "[=f16")},
	})
	equal(t, "what is left behind", files(t, dir), "")
}

// No output replaces an input, another output, or, without -f, anything.
func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	out, nowhere, both := filepath.Join(dir, "out.dit8"), filepath.Join(dir, "no/such/dir.dit8"), filepath.Join(dir, "both.json")
	base := []string{"-num-heads", "2", "-convention", "dit", "-o", out, good}
	must(t, base...)
	first := readFile(t, out)
	refused(t, "", []refusal{
		{2, "exists: -f replaces it", base},
		{2, "is one of the inputs", []string{"-f", "-o", good, good}},
		{2, "is one of the inputs", []string{"-f", "-o", goldens + "diffusers/config.json", goldens + "diffusers"}},
		{2, "is one of the inputs", []string{"-f", "-o", goldens + "diffusers/diffusion_pytorch_model.safetensors", goldens + "diffusers"}},
		{2, "not a regular file", []string{"-f", "-o", dir, good}},
		{1, "no such file", []string{"-o", nowhere, "-num-heads", "2", good}},
		{1, "write " + nowhere + ": no such file", []string{"-gptq", "-o", nowhere, "-num-heads", "2", good}},
		{1, "no such file", []string{"-num-heads", "2", "-o", out + "2", "-report", filepath.Join(dir, "no/r.json"), good}},
		{2, "both.json is named twice", []string{"-num-heads", "2", "-o", both, "-report", both, good}},
		{2, "both.json is named twice", []string{"-num-heads", "2", "-dry-run", "-report", both, "-report", filepath.Join(dir, "x", "..", "both.json"), good}},
	})
	if readFile(t, out) != first {
		t.Error("a refused conversion changed the file that was there")
	}
	equal(t, "what is left behind", files(t, dir), "out.dit8")
	must(t, append([]string{"-f"}, base...)...)
	if readFile(t, out) != first {
		t.Error("the same conversion wrote another file")
	}
}

func TestMetadata(t *testing.T) {
	dir := t.TempDir()
	blob, labels := filepath.Join(dir, "out.dit8"), filepath.Join(dir, "l.json")
	if err := os.WriteFile(labels, []byte(`{"2":"c","0":"a","1":"b"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, "-num-heads", "2", "-convention", "sit", "-name", "n", "-license", "MIT", "-source", "there", "-labels", labels,
		"-steps", "7", "-guidance", "1.5", "-guided-channels", "2", "-o", blob, good)
	h, _ := header(t, blob)
	i := h.Info
	equal(t, "the name", i.Name, "n")
	equal(t, "the licence", i.License, "MIT")
	equal(t, "the source", i.Source, "there")
	equal(t, "the classes", strings.Join(i.Classes, ""), "abc")
	equal(t, "the steps", i.Defaults.Steps, 7)
	equal(t, "the guidance", i.Defaults.Guidance, 1.5)
	equal(t, "the convention", i.Convention, flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 2})
}

// Without -convention the tool says what it assumes.
func TestAssumedConvention(t *testing.T) {
	_, _, errs := quantize("-num-heads", "2", "-o", filepath.Join(t.TempDir(), "out.dit8"), good)
	has(t, "what is noted", errs, "assuming -convention dit")
}

// The weights that are asked for are taken.
func TestTrainingWeights(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "out.dit8")
	forward := func(bound string) []string {
		return []string{"verify", "-max-rel", bound, "-reference", goldens + "sit_tiny/forward.safetensors", blob}
	}
	must(t, "-weights", "ema", "-num-heads", "4", "-type", "f32", "-o", blob, goldens+"sit_tiny/train.pt")
	must(t, forward("1e-5")...)
	must(t, "-f", "-weights", "model", "-num-heads", "4", "-type", "f32", "-o", blob, goldens+"sit_tiny/train.pt")
	if code, out, _ := quantize(forward("0.05")...); code != 1 {
		t.Errorf("-weights model gives the EMA's output: %s", out)
	}
	h, _ := header(t, blob)
	equal(t, "the clock, the training arguments being SiT's,", h.Info.Convention.Clock, flow.SiTClock)
}

// -keep decides on the types of the tensors that it names, and devices compute with
// what comes of it.
func TestKeep(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "out.dit8")
	for _, keep := range [][]string{
		nil,
		{"-keep", "blocks.*.mlp.fc2=f16"},
		{"-keep", "final_layer.*=f32", "-keep", "*.adaLN_modulation.1.weight=f32", "-keep", "blocks.1.*=f16"},
		{"-type", "f32", "-keep", "blocks.*=int8", "-keep", "y_embedder.*=int8"},
		{"-type", "f16", "-keep", "*=f32"},
	} {
		must(t, append([]string{"-f", "-num-heads", "4", "-convention", "sit", "-o", blob, goldens + "sit_tiny/model.safetensors"}, keep...)...)
		must(t, "verify", "-max-rel", "0.2", "-reference", goldens+"sit_tiny/forward.safetensors", blob)
	}
	_, types := header(t, blob)
	equal(t, "the type of the last", types["blocks.0.attn.qkv.weight"], "f32")
}

func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "a.dit8")
	args := []string{"-num-heads", "4", "-convention", "sit", goldens + "sit_tiny/model.safetensors"}
	dry := must(t, append([]string{"--dry-run", "-o", out}, args...)...)
	equal(t, "what a dry run leaves", files(t, dir), "")
	wet := must(t, append([]string{"-o", out}, args...)...)
	what, dry, _ := strings.Cut(dry, ": ")
	_, wet, _ = strings.Cut(wet, ": ")
	equal(t, "what a dry run says", dry, wet)
	equal(t, "what it says of the file", what, "dry run, no model written")
	equal(t, "what is left behind", files(t, dir), "a.dit8")
	must(t, append([]string{"-dry-run"}, args...)...) // and without a name for the file
}

// Reports are written where they were asked for.
func TestReports(t *testing.T) {
	dir := t.TempDir()
	blob, js, html := filepath.Join(dir, "out.dit8"), filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html")
	model := goldens + "sit_tiny/model.safetensors"
	args := []string{"-num-heads", "4", "-convention", "sit", "-images", "1", "-steps", "2", "-report", "-", "-report", js, "-report", html, "-o", blob, model}
	has(t, "the output", must(t, args...), "10 classes, ", "PSNR: median")
	var r report.Report
	if err := json.Unmarshal([]byte(readFile(t, js)), &r); err != nil {
		t.Fatal(err)
	}
	equal(t, "the size that is reported", r.Bytes, int64(len(readFile(t, blob))))
	has(t, "the page", readFile(t, html), "<svg")
	refused(t, "", []refusal{
		{2, blob + " exists: -f replaces it", args},
		{2, js + " exists: -f replaces it", []string{"-num-heads", "4", "-report", js, "-o", blob + "2", model}},
	})
}
