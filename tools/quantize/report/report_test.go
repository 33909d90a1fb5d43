package report

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
	"dit8/tools/quantize/proof"
)

// golden is a network of the goldens.
func golden(t *testing.T, dir string, heads, steps int) calib.Floats {
	t.Helper()
	c, err := checkpoint.Open("../../../testdata/golden/"+dir+"/model.safetensors", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	network, err := family.Read(c, family.Said{NumHeads: heads, Convention: "sit", GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := convert.New(network, convert.About{Path: "m", Steps: &steps})
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Floats()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// of reports on f quantised so.
func of(t *testing.T, f calib.Floats, o Options) *Report {
	t.Helper()
	ref, err := Reference(f, o.Trial)
	if err != nil {
		t.Fatal(err)
	}
	rounded, smoothed, err := calib.Improve(f, o.Calibration, o.Store.Int8, func(string, int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(f, o.Store.Stored(f, rounded), ref, smoothed, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// within demands lo < got < hi.
func within(t *testing.T, what string, got, lo, hi float64) {
	t.Helper()
	if !(got > lo && got < hi) {
		t.Errorf("%s is %v, want it between %v and %v", what, got, lo, hi)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// has demands that a text has each of some parts so many times.
func has(t *testing.T, what, text string, parts map[string]int) {
	t.Helper()
	for p, n := range parts {
		if got := strings.Count(text, p); got != n && !(n < 0 && got > 0) {
			t.Errorf("%s has %q %d times, want %d:\n%s", what, p, got, n, text)
		}
	}
}

// some stands for once or more.
const some = -1

func int8s(keep ...convert.Rule) convert.Options {
	return convert.Options{Types: convert.Types{Default: "int8", Keep: keep}, Compress: "small"}
}

func TestReport(t *testing.T) {
	r := of(t, golden(t, "sit_rgb", 6, 4), Options{
		Store: int8s(), Calibration: calib.Options{Smooth: true, GPTQ: true, Images: 2}, Trial: calib.Trial{Images: 3, Steps: 4, Guidance: 3},
	})
	q := r.Quality
	equal(t, "the number of steps", len(q.ByStep), 4)
	equal(t, "the number of ratios", len(q.ByCase), 3)
	equal(t, "the number of images", q.Images, 3)
	within(t, "the least output error", q.Output.Least, 0, q.Output.Median)
	within(t, "the median output error", q.Output.Median, 0, 0.02)
	within(t, "the largest output error", q.Output.Most, 0, 0.1)
	within(t, "the least PSNR", q.PSNR.Least, 25, 90)
	within(t, "the median PSNR", q.PSNR.Median, 25, 90)
	equal(t, "the number of smoothed layers", len(r.Smoothed), 12)
	equal(t, "smooth", r.Smooth, true)
	equal(t, "gptq", r.GPTQ, true)
	for _, x := range r.Tensors {
		switch x.DType {
		case "int8":
			within(t, "the SQNR of "+x.Name, x.SQNR, 30, 60)
			within(t, "what is saturated of "+x.Name, x.Saturated, 0, 0.05)
			within(t, "the bits of "+x.Name, x.Bits, 0, 8.6)
		case "f32":
			equal(t, "the SQNR of "+x.Name, x.SQNR, proof.MaxPSNR)
		}
	}
	table, page, text := written(t, r.Text), written(t, r.HTML), written(t, r.JSON)
	has(t, "the table", table, map[string]int{"blocks.3.mlp.fc2.weight": some, "SQNR": some, "PSNR: median": 1, "smoothed": some})
	has(t, "the page", page, map[string]int{"<svg": 4, "NaN": 0, "%!": 0, "http": 0, "ZgotmplZ": 0, "blocks.3.mlp.fc2.weight": some})
	var back Report
	if err := json.Unmarshal([]byte(text), &back); err != nil {
		t.Fatal(err)
	}
	equal(t, "the size in the JSON", back.Bytes, r.Bytes)
	equal(t, "the PSNR in the JSON", back.Quality.PSNR, q.PSNR)
}

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Layers that are not int8 are not smoothed, and the report says what was kept.
func TestKept(t *testing.T) {
	r := of(t, golden(t, "sit_rgb", 6, 2), Options{
		Store:       int8s(convert.Rule{Pattern: "blocks.*.attn.qkv", Type: "f32"}),
		Calibration: calib.Options{Smooth: true, Images: 1}, Trial: calib.Trial{Images: 1, Steps: 2, Guidance: 3},
	})
	equal(t, "the number of smoothed layers", len(r.Smoothed), 8)
	for _, s := range r.Smoothed {
		if strings.Contains(s.Layer, "qkv") {
			t.Errorf("%s is smoothed", s.Layer)
		}
	}
	equal(t, "what is kept", strings.Join(r.Keep, " "), "blocks.*.attn.qkv=f32")
	has(t, "the page", written(t, r.HTML), map[string]int{"<code>blocks.*.attn.qkv=f32</code>": 1})
}

// A float32 file is exact, and has no charts of int8 tensors.
func TestExact(t *testing.T) {
	o := Options{Store: convert.Options{Types: convert.Types{Default: "f32"}}, Trial: calib.Trial{Images: 1, Steps: 2, Guidance: 3}}
	r := of(t, golden(t, "sit_rgb", 6, 2), o)
	has(t, "the table", written(t, r.Text), map[string]int{"PSNR: median exact, worst exact": 1})
	has(t, "the page", written(t, r.HTML), map[string]int{"no int8 tensors": 2, "all exact": 1, "<svg": 1})
}

func TestTechniques(t *testing.T) {
	var b bytes.Buffer
	o := Options{Store: int8s(), Calibration: calib.Options{Images: 2}, Trial: calib.Trial{Images: 2, Steps: 3, Guidance: 3}}
	if err := Techniques(&b, golden(t, "sit_tiny", 4, 3), o); err != nil {
		t.Fatal(err)
	}
	has(t, "the table", b.String(), map[string]int{"\n| ": len(techniques), "| GPTQ |": 1, "NaN": 0, "2 images, 3 steps, guidance 3, calibrated on 2.": 1})
}

// A network whose outputs are no numbers is refused.
func TestNotFinite(t *testing.T) {
	f := golden(t, "sit_tiny", 4, 2)
	for i := range f.Values["final_layer.linear.weight"] {
		f.Values["final_layer.linear.weight"][i] = 3e38
	}
	if _, err := Reference(f, calib.Trial{Images: 1, Steps: 2, Guidance: 3}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("%v", err)
	}
}

func TestSpread(t *testing.T) {
	equal(t, "of four", SpreadOf([]float64{4, 1, 3, 2}), Spread{2.5, 1, 4})
	equal(t, "of three", SpreadOf([]float64{3, 1, 2}), Spread{2, 1, 3})
	equal(t, "of none", SpreadOf(nil), Spread{})
}
