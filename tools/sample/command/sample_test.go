package command

import (
	"bytes"
	"encoding/json"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/compute/native"
	"dit8/weights/weightstest"
)

var update = flag.Bool("update", false, "write the golden hashes of the default model")

func sampleCmd(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// classCmd is sampleCmd with a model of classes, for what needs one, and for pictures of 32×32.
func classCmd(args ...string) (code int, stdout, stderr string) {
	return sampleCmd(append([]string{"-model", weightstest.ClassModel}, args...)...)
}

// The committed hashes hold on every architecture; the page and the program in
// Node are tested against the same file. -short is for emulators: the fastest device, and the
// generic one; package native compares all of them with it.
func TestGoldenPixels(t *testing.T) {
	if *update {
		weightstest.Update(t, func(c weightstest.Golden) string { return sampled(t, c, "generic", "1").SHA256 })
	}
	cases := slices.Concat(weightstest.Pixels(t), weightstest.Options(t), weightstest.Classes(t))
	for i, device := range native.Names() {
		for _, threads := range []string{"1", "2"} {
			if device == "generic" && threads != "1" {
				continue // it has one
			}
			if testing.Short() && device != "generic" && (i > 0 || threads != "2") {
				continue
			}
			for _, c := range cases {
				golden(t, c, device, threads)
			}
		}
	}
}

func golden(t *testing.T, want weightstest.Golden, device, threads string) {
	m := sampled(t, want, device, threads)
	if r := want.Request; m.SHA256 != want.SHA256 || !reflect.DeepEqual(m.Request, r) || len(m.Images) != r.Count || !strings.HasPrefix(m.Device, device) {
		t.Errorf("%s, %+v: pixels %s, the golden ones are %s", m.Device, m.Request, m.SHA256, want.SHA256)
	}
}

// sampled is what the program tells of a golden request, and its PNG too.
func sampled(t *testing.T, c weightstest.Golden, device, threads string) (m core.Metadata) {
	t.Helper()
	dir := t.TempDir()
	file, asked := filepath.Join(dir, "out.png"), filepath.Join(dir, "request.json")
	if err := os.WriteFile(asked, c.JSON, 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := sampleCmd("-model", c.Model, "-request", asked, "-json", "-o", file, "-device", device, "-threads", threads)
	if code != 0 {
		t.Fatalf("%+v: exit %d: %s", c.Request, code, errs)
	}
	if errs != "" && !c.Request.SkipUnknown {
		t.Errorf("a progress bar where no terminal is: %q", errs)
	}
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	pic, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(pic)); err != nil {
		t.Error(err)
	}
	if !bytes.Contains(pic, []byte(m.SHA256)) {
		t.Error("the PNG does not hold its metadata")
	}
	return m
}

func TestBadCommands(t *testing.T) {
	out := filepath.Join(t.TempDir(), "o.png")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "-class or -prompt is missing", []string{"-o", out}},
		{2, "-class or -prompt is missing", nil},
		{2, "unexpected argument", []string{"-class", "fox", "-o", out, "cat"}},
		{2, "not defined: -clas", []string{"-clas", "fox"}},
		{2, `class is "fxo"`, []string{"-class", "fxo", "-o", out}},
		{2, `class is "128"`, []string{"-class", "128", "-o", out}},
		{2, `class is ""`, []string{"-model", weightstest.ClassModel, "-class", "", "-o", out}},
		{2, `prompt is "fxo"`, []string{"-prompt", "fxo", "-o", out}},
		{2, `style is "oil", allowed: noto, `, []string{"-prompt", "fox", "-style", "oil", "-o", out}},
		{2, "steps is 0", []string{"-class", "fox", "-steps", "0", "-o", out}},
		{2, "guidance is NaN", []string{"-class", "fox", "-guidance", "NaN", "-o", out}},
		{2, "count is 1000000000", []string{"-class", "fox", "-count", "1000000000", "-o", out}},
		{2, "count is 0", []string{"-class", "fox", "-count", "0", "-o", out}},
		{2, "seed is 9007199254740992", []string{"-class", "fox", "-seed", "9007199254740992", "-o", out}},
		{2, "-seed", []string{"-class", "fox", "-seed", "-2", "-o", out}},
		{2, "x.jpg: images are written as PNG files", []string{"-class", "fox", "-o", "x.jpg"}},
		{2, `-device is "cuda", this machine has: `, []string{"-class", "fox", "-device", "cuda", "-o", out}},
		{2, "-threads is 257, allowed: 0 for all cores, or 1 to 256", []string{"-class", "fox", "-threads", "257", "-o", out}},
		{2, "-threads is -1", []string{"-class", "fox", "-threads", "-1", "-o", out}},
		{2, "-scale is 65", []string{"-class", "fox", "-scale", "65", "-o", out}},
		{2, "standard output", []string{"-class", "fox", "-json", "-o", "-"}},
		{1, "no such file", []string{"-model", "none.dit8", "-class", "fox", "-o", out}},
		{1, "not a .dit8 file", []string{"-model", "main.go", "-class", "fox", "-o", out}},
		{1, "no such file", []string{"-class", "fox", "-steps", "1", "-guidance", "1", "-o", filepath.Join(out, "no", "dir.png")}},
	} {
		code, stdout, errs := sampleCmd(c.args...)
		if code != c.code || !strings.Contains(errs, c.want) || stdout != "" {
			t.Errorf("sample %v: exit %d, %q %q; want %d and %q", c.args, code, errs, stdout, c.code, c.want)
		}
	}
	if left, _ := filepath.Glob(filepath.Dir(out) + "/*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Without -o the picture is named after what it shows, and the name is said.
func TestNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	code, out, errs := sampleCmd("-prompt", "a blue fox", "-seed", "3", "-steps", "1")
	if code != 0 || out != "" || errs != "sample: wrote a blue fox-3.png\n" {
		t.Errorf("exit %d, %q %q", code, out, errs)
	}
	if b, err := os.ReadFile("a blue fox-3.png"); err != nil || len(b) < 1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestListAndHelp(t *testing.T) {
	if code, out, _ := sampleCmd("-classes"); code != 0 || strings.Count(out, "\n") < 300 || !strings.Contains(out, "fox\n") {
		t.Errorf("-classes: exit %d, %q", code, out)
	}
	if code, out, _ := sampleCmd("-h"); code != 0 || !strings.Contains(out, "-guidance") {
		t.Errorf("-h: exit %d, %q", code, out)
	}
}

// A model file gives what the built-in model gives.
func TestModelFile(t *testing.T) {
	args := []string{"-class", "alien", "-steps", "1", "-guidance", "1", "-o", "-"}
	_, builtIn, _ := sampleCmd(args...)
	code, file, errs := sampleCmd(append(args, "-model", "../../../weights/default.dit8")...)
	if code != 0 || file != builtIn || len(file) < 100 {
		t.Errorf("exit %d, %d bytes against %d: %s", code, len(file), len(builtIn), errs)
	}
}
