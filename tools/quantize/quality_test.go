package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/flow"
	"dit8/tools/quantize/calib"
	"dit8/weights"
)

// Calibrated models follow the official code at least as well as plainly rounded
// ones, and come out the same every time.
func TestCalibrated(t *testing.T) {
	dir := t.TempDir()
	blob := filepath.Join(dir, "out.dit8")
	base := []string{"-f", "-num-heads", "6", "-convention", "sit", "-calibration", "2", "-steps", "5", "-o", blob, goldens + "sit_rgb/model.safetensors"}
	for _, flags := range [][]string{{"-smooth"}, {"-gptq"}, {"-smooth", "-gptq"}} {
		must(t, append(flags, base...)...)
		must(t, "verify", "-max-rel", "0.012", "-reference", goldens+"sit_rgb/sample_euler_21pts_cfg3.safetensors", blob)
		first, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		must(t, append(flags, base...)...)
		if again, err := os.ReadFile(blob); err != nil || string(again) != string(first) {
			t.Errorf("%v: another file the second time, %v", flags, err)
		}
	}
	// what is kept in float is not rounded by the calibration either
	must(t, append([]string{"-gptq", "-keep", "blocks.*.mlp.fc2=f16"}, base...)...)
	if d := dtypes(t, blob); d["blocks.0.mlp.fc2.weight"] != "f16" || d["blocks.0.mlp.fc1.weight"] != "int8" {
		t.Errorf("types %v", d)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	blob, js, html := filepath.Join(dir, "out.dit8"), filepath.Join(dir, "r.json"), filepath.Join(dir, "r.html")
	args := []string{"-num-heads", "6", "-convention", "sit", "-smooth", "-gptq", "-calibration", "2", "-images", "3", "-steps", "4",
		"-report", "-", "-report", js, "-report", html, "-o", blob, goldens + "sit_rgb/model.safetensors"}
	table := must(t, args...)
	var r report
	b, err := os.ReadFile(js)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	q := r.Quality
	if len(q.ByStep) != 4 || len(q.ByCase) != 3 || q.Images != 3 || !(q.Output.Least > 0 && q.Output.Least <= q.Output.Median && q.Output.Median < 0.02 && q.Output.Most < 0.1) ||
		!(q.PSNR.Least > 25 && q.PSNR.Median < 90) || len(r.Smoothed) != 12 || !r.Smooth || !r.GPTQ {
		t.Errorf("report %+v", r)
	}
	st, err := os.Stat(blob)
	if err != nil || st.Size() != r.Bytes {
		t.Errorf("%d bytes reported, %v", r.Bytes, err)
	}
	for _, x := range r.Tensors {
		if x.DType == "int8" && !(x.SQNR > 30 && x.SQNR < 60 && x.Saturated > 0 && x.Saturated < 0.05 && x.Bits < 8.6) || x.DType == "f32" && x.SQNR != maxPSNR {
			t.Errorf("tensor %+v", x)
		}
	}
	for _, want := range []string{"blocks.3.mlp.fc2.weight", "SQNR", "PSNR: median", "smoothed"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in the table:\n%s", want, table)
		}
	}
	page, err := os.ReadFile(html)
	if err != nil || strings.Count(string(page), "<svg") != 4 || strings.Contains(string(page), "NaN") || strings.Contains(string(page), "%!") ||
		strings.Contains(string(page), "http") || strings.Contains(string(page), "ZgotmplZ") || !strings.Contains(string(page), "blocks.3.mlp.fc2.weight") {
		t.Errorf("page of %d bytes, %v", len(page), err)
	}
	// layers that are not int8 are not smoothed
	must(t, "-f", "-num-heads", "6", "-convention", "sit", "-smooth", "-keep", "blocks.*.attn.qkv=f32", "-calibration", "1", "-images", "1", "-steps", "2", "-dry-run", "-report", js, "-report", html,
		goldens+"sit_rgb/model.safetensors")
	r = report{}
	if b, err = os.ReadFile(js); err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || len(r.Smoothed) != 8 || slices.ContainsFunc(r.Smoothed, func(s calib.Smoothed) bool { return strings.Contains(s.Layer, "qkv") }) || len(r.Keep) != 1 {
		t.Errorf("%v, smoothed %+v, kept %v", err, r.Smoothed, r.Keep)
	}
	if page, err := os.ReadFile(html); err != nil || !strings.Contains(string(page), "<code>blocks.*.attn.qkv=f32</code>") {
		t.Errorf("the page does not say what was kept, %v", err)
	}
	// a float32 file is exact
	if out := must(t, "-num-heads", "6", "-convention", "sit", "-type", "f32", "--dry-run", "-images", "1", "-steps", "2", "-report", "-", goldens+"sit_rgb/model.safetensors"); !strings.Contains(out, "PSNR: median exact, worst exact") {
		t.Errorf("float32 against itself:\n%s", out)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{blob + " exists: -f replaces it", args},
		{js + " exists: -f replaces it", []string{"-report", js, "-o", blob + "2", goldens + "sit_rgb/model.safetensors"}},
		{"neither - nor", []string{"-report", "r.txt", goldens + "sit_rgb/model.safetensors"}},
		{"-images is 0", []string{"-images", "0", "-o", "x", "y"}},
		{"-calibration is 0", []string{"-calibration", "0", "-o", "x", "y"}},
		{`-compress is "best"`, []string{"-compress", "best", "-o", "x", "y"}},
	} {
		if code, _, errs := quantize(c.args...); code != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit %d, %s; want %q", c.args, code, errs, c.want)
		}
	}
}

func TestTechniques(t *testing.T) {
	out := must(t, "techniques", "-num-heads", "4", "-convention", "sit", "-calibration", "2", "-images", "2", "-steps", "3", goldens+"sit_tiny/model.safetensors")
	if strings.Count(out, "\n| ") != 11 || !strings.Contains(out, "| GPTQ |") || strings.Contains(out, "NaN") {
		t.Errorf("%s", out)
	}
	for want, path := range map[string]string{`config is "s9"`: "random:s9", "no such file": "nope"} {
		if code, _, errs := quantize("techniques", path); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", path, code, errs)
		}
	}
}

// The walker samples what the sampler samples, pixel by pixel.
func TestWalkerSamples(t *testing.T) {
	blob := filepath.Join(t.TempDir(), "out.dit8")
	must(t, "-num-heads", "6", "-convention", "sit", "-o", blob, goldens+"sit_rgb/model.safetensors")
	g, err := openModel(blob)
	if err != nil {
		t.Fatal(err)
	}
	req := core.Request{Class: "3", Seed: 9, Steps: 6, Guidance: 2, Count: 1}
	res, err := g.Generate(t.Context(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := floatsOf(t, blob)
	w, err := loadWalker(f.cfg, f.info.Convention, f.stored)
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float32, f.cfg.ImageLen())
	flow.Noise(z, 9, 0)
	if err := w.walk(z, way{3, 2, trial{steps: 6}.plan()}, nil); err != nil {
		t.Fatal(err)
	}
	plane := f.cfg.InputSize * f.cfg.InputSize
	for i := range plane {
		for c := range 3 {
			want := float64(res.Images[0].Pix[4*i+c])
			if got := math.Floor(float64(max(0, min(1, 0.5+0.5*z[c*plane+i])))*255 + 0.5); got != want {
				t.Fatalf("pixel %d, channel %d: %v, the sampler has %v", i, c, got, want)
			}
		}
	}
}

// stored is a .dit8 file in memory.
type storedModel struct {
	floats
	stored tensorSeq
}

func floatsOf(t *testing.T, path string) storedModel {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return storedModel{floats{cfg: f.Header().Config, info: f.Header().Info}, f.Tensors()}
}
