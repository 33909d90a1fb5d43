package command

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/weights"
)

// writeModel writes a tiny network of int8 weights, or of the same as float32,
// changed by change where it is not nil.
func writeModel(t *testing.T, path string, hidden int, float bool, change func(*param.Tensor)) string {
	t.Helper()
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: hidden, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}
	info := core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"fox", "owl", "cat"}, Defaults: core.Defaults{Steps: 4, Guidance: 3}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}
	tensors := func(yield func(param.Tensor, error) bool) {
		for x := range dit.Random(cfg, 1, true) {
			if float {
				x.F32, x.I8, x.Scale = x.Floats(), nil, nil
			}
			if change != nil {
				change(&x)
			}
			if !yield(x, nil) {
				return
			}
		}
	}
	var b bytes.Buffer
	if err := (weights.Writer{}).Write(&b, cfg, info, tensors); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustInspect(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := sampleCmd(append([]string{"inspect"}, args...)...)
	if code != 0 || errs != "" {
		t.Fatalf("inspect %v: exit %d, %q", args, code, errs)
	}
	return out
}

func TestInspectJSON(t *testing.T) {
	dir := t.TempDir()
	i8, f32 := writeModel(t, filepath.Join(dir, "i8"), 24, false, nil), writeModel(t, filepath.Join(dir, "f32"), 24, true, nil)
	var plain, full, part inspection
	args := []string{"-model", i8, "-class", "owl", "-format", "json"}
	if err := json.Unmarshal([]byte(mustInspect(t, args...)), &plain); err != nil {
		t.Fatal(err)
	}
	if plain.Class != "owl" || len(plain.Times) != 4 || len(plain.Branches) != 5 || plain.Branches[0].Gamma.Values != nil || plain.Difference != nil {
		t.Errorf("%+v", plain.Modulation)
	}
	file := filepath.Join(dir, "out.json")
	if out := mustInspect(t, append(args, "-full", "-reference", f32, "-steps", "2", "-o", file)...); out != "" {
		t.Errorf("written to a file and to standard output: %q", out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &full); err != nil {
		t.Fatal(err)
	}
	v, d := full.Branches[3].Alpha, full.Difference.Branches[3].Alpha
	if len(v.Values) != 2 || len(v.Values[1]) != 24 || len(d.Values[1]) != 24 || v.Mean[0] != plain.Branches[3].Alpha.Mean[0] || !(d.RMS[0] > 0) || full.Difference.ReferenceID == "" {
		t.Errorf("%+v", full)
	}
	for block, layer := range map[string]string{"1": "blocks.1", "final": "final_layer"} {
		if err := json.Unmarshal([]byte(mustInspect(t, append(args, "-block", block)...)), &part); err != nil || part.Branches[0].Layer != layer || len(part.Branches) > 2 {
			t.Errorf("-block %s: %v, %+v", block, err, part.Modulation)
		}
	}
}

func TestInspectCSV(t *testing.T) {
	dir := t.TempDir()
	i8, f32 := writeModel(t, filepath.Join(dir, "i8"), 24, false, nil), writeModel(t, filepath.Join(dir, "f32"), 24, true, nil)
	const quantities = 2*2*3 + 2
	for _, c := range []struct {
		args          []string
		lines, fields int
	}{
		{nil, quantities * 4, 8},
		{[]string{"-reference", f32}, quantities * 4, 12},
		{[]string{"-full", "-steps", "2"}, quantities * 2 * 24, 6},
		{[]string{"-full", "-reference", f32, "-block", "0"}, 2 * 3 * 4 * 24, 7},
	} {
		lines, err := csv.NewReader(strings.NewReader(mustInspect(t, append([]string{"-model", i8, "-class", "0", "-format", "csv"}, c.args...)...))).ReadAll()
		if err != nil || len(lines) != 1+c.lines || len(lines[0]) != c.fields {
			t.Errorf("%v: %v, %d lines, want %d, %v", c.args, err, len(lines), 1+c.lines, lines[0])
			continue
		}
		for _, l := range lines[1:] {
			for _, number := range l[3:] {
				if _, err := strconv.ParseFloat(number, 32); err != nil {
					t.Fatalf("%v: %v", l, err)
				}
			}
		}
		if l := lines[1]; l[0] != "blocks.0" || l[1] != "msa" || l[2] != "gamma" || l[3] != "1" {
			t.Errorf("first line %v", l)
		}
	}
}

func TestInspectText(t *testing.T) {
	dir := t.TempDir()
	i8, f32 := writeModel(t, filepath.Join(dir, "i8"), 24, false, nil), writeModel(t, filepath.Join(dir, "f32"), 24, true, nil)
	out := mustInspect(t, "-model", i8, "-class", "fox", "-reference", f32)
	for _, want := range []string{"tiny (", "class fox, steps 4", "γ-1  t=1", "t=0.25", "blocks.1 mlp\n", "final_layer\n", "difference from ", "Δα", "% of γ-1; most by"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if out := mustInspect(t, "-model", i8, "-class", "fox", "-block", "1"); !strings.Contains(out, "mlp α") || strings.Count(out, "blocks.1") != 4 {
		t.Errorf("one block:\n%s", out)
	}
	if out := mustInspect(t, "-model", i8, "-class", "fox", "-steps", "1", "-reference", i8); !strings.Contains(out, "γ differs by 0.0000 rms, 0.00 % of γ-1") {
		t.Errorf("a model and itself:\n%s", out)
	}
	if code, out, _ := sampleCmd("inspect", "-h"); code != 0 || !strings.Contains(out, "-reference") || !strings.Contains(out, "channels × t") {
		t.Errorf("-h: exit %d, %s", code, out)
	}
}

// The picture of a model whose modulation is known: α of msa in block 1 is the
// largest, γ of mlp in block 0 is below 1, everything else changes nothing.
func TestInspectPNG(t *testing.T) {
	dir := t.TempDir()
	model := writeModel(t, filepath.Join(dir, "model"), 24, true, func(x *param.Tensor) {
		if !strings.Contains(x.Name, "adaLN_modulation") {
			return
		}
		clear(x.F32)
		for i := range 24 {
			switch x.Name {
			case "blocks.1.adaLN_modulation.1.bias":
				x.F32[2*24+i] = 0.5
			case "blocks.0.adaLN_modulation.1.bias":
				x.F32[4*24+i] = -0.25
			}
		}
	})
	draw := func(args ...string) image.Image {
		file := filepath.Join(dir, "out.png")
		mustInspect(t, append([]string{"-model", model, "-class", "cat", "-png", file}, args...)...)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	img := draw()
	if got := img.Bounds(); got != image.Rect(0, 0, 1081, 488) {
		t.Errorf("blocks × t: %v", got)
	}
	blue, violet, white := color.RGBA{0x0b, 0x28, 0x5c, 255}, color.RGBA{0x3a, 0x12, 0x5e, 255}, color.RGBA{0xf7, 0xf7, 0xf5, 255}
	const gamma, alpha, msa, mlp = 80 + 150, 80 + 2*336 + 150, 164, 255 // first pixels of the panels
	for _, c := range []struct {
		x, y int
		want color.RGBA
	}{
		{alpha, msa + 14, white}, {alpha, msa + 42, violet}, {alpha, mlp + 14, white}, {alpha, mlp + 42, white},
		{gamma, msa + 14, white}, {gamma, msa + 42, white}, {gamma, mlp + 14, blue}, {gamma, mlp + 42, white},
	} {
		if got := color.RGBAModel.Convert(img.At(c.x, c.y)); got != c.want {
			t.Errorf("pixel %d, %d is %v, want %v", c.x, c.y, got, c.want)
		}
	}
	one, final, compared := draw("-block", "0").Bounds(), draw("-block", "final").Bounds(), draw("-reference", model).Bounds()
	if one.Dx() != 1081 || one.Dy() < 500 || final.Dx() > 760 || compared.Dy() < 900 {
		t.Errorf("channels × t: %v, final layer %v, with a difference %v", one, final, compared)
	}
}

func TestInspectRefuses(t *testing.T) {
	dir := t.TempDir()
	model := writeModel(t, filepath.Join(dir, "model"), 24, false, nil)
	wide := writeModel(t, filepath.Join(dir, "wide"), 48, false, nil)
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "-class or -prompt is missing", nil},
		{2, `class is "fxo", allowed: a class name or an index from 0 to 2; did you mean "fox"?`, []string{"-class", "fxo"}},
		{2, "steps is 0", []string{"-class", "fox", "-steps", "0"}},
		{2, "steps is 1001", []string{"-class", "fox", "-steps", "1001"}},
		{2, `-format is "xml", allowed: text, json, csv`, []string{"-class", "fox", "-format", "xml"}},
		{2, "-full needs -format json or csv", []string{"-class", "fox", "-full"}},
		{2, `-block is "2", allowed: 0 to 1, final`, []string{"-class", "fox", "-block", "2"}},
		{2, `-block is "-1"`, []string{"-class", "fox", "-block", "-1"}},
		{2, `-block is ""`, []string{"-class", "fox", "-block", ""}},
		{2, "-o is empty", []string{"-class", "fox", "-o", ""}},
		{2, "-png is empty", []string{"-class", "fox", "-png", ""}},
		{2, "-png is -", []string{"-class", "fox", "-png", "-"}},
		{2, "the same file", []string{"-class", "fox", "-o", out, "-png", out}},
		{2, "-reference is empty", []string{"-class", "fox", "-reference", ""}},
		{2, `-device is "cuda"`, []string{"-class", "fox", "-device", "cuda"}},
		{2, `unexpected argument "fox"`, []string{"fox"}},
		{2, "not defined: -guidance", []string{"-class", "fox", "-guidance", "3"}},
		{1, "no such file", []string{"-class", "fox", "-reference", filepath.Join(dir, "none")}},
		{1, "not a .dit8 file", []string{"-class", "fox", "-reference", "main.go"}},
		{1, "is of another network, or has other classes", []string{"-class", "fox", "-reference", wide, "-o", out}},
		{1, "is of another network", []string{"-class", "fox", "-reference", "../../../weights/default.dit8", "-png", out}},
		{1, "no such file", []string{"-class", "fox", "-o", filepath.Join(dir, "none", "out")}},
	} {
		code, stdout, errs := sampleCmd(append([]string{"inspect", "-model", model}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || stdout != "" {
			t.Errorf("inspect %q: exit %d, %q %q; want %d and %q", c.args, code, errs, stdout, c.code, c.want)
		}
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

// A file is whole or not there; what is no file is written to directly.
func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	fail := func(w io.Writer) error {
		w.Write(make([]byte, 1<<20))
		return io.ErrShortWrite
	}
	if err := writeFile(path, fail); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a half-written file")
	}
	if err := writeFile(os.DevNull, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err }); err != nil {
		t.Error(err)
	}
}
