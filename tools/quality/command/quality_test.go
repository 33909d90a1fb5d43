package command

import (
	"archive/zip"
	"bytes"
	"errors"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		code   int
		args   []string
		stdout string
		stderr string
	}{
		{0, []string{"-h"}, "quality solvers MODEL.dit8 DIR", ""},
		{2, nil, "", "quality solvers MODEL.dit8 DIR"},
		{2, []string{"speed", "m.dit8", "."}, "", "quality solvers MODEL.dit8 DIR"},
		{1, []string{"solvers", "m.dit8", "none"}, "", "no such file"},
		{1, []string{"editing", "m.dit8", "main.go"}, "", "main.go is no folder"},
	} {
		var out, errs bytes.Buffer
		if code := Run(c.args, nil, &out, &errs); code != c.code || !strings.Contains(out.String(), c.stdout) || !strings.Contains(errs.String(), c.stderr) {
			t.Errorf("%q: exit %d, %q %q", c.args, code, out.String(), errs.String())
		}
	}
}

// What a distance is computed of has as many images as are wanted, of the reference's size; other references are refused.
func TestFID(t *testing.T) {
	const model = "../../../weights/fashion-mnist.dit8"
	dir := t.TempDir()
	ref := func(name, member, header string) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		w, err := z.Create(member)
		if err == nil {
			_, err = io.WriteString(w, "\x93NUMPY\x01\x00v\x00"+header+"\n")
		}
		if err := errors.Join(err, z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := ref("ref.npz", "arr_0.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (10000, 28, 28, 3), }")
	out := filepath.Join(dir, "out.npz")
	var told, errs bytes.Buffer
	if code := Run([]string{"fid", "-count", "12", model, good, out}, nil, &told, &errs); code != 0 || !strings.Contains(told.String(), "evaluator.py "+good+" "+out) {
		t.Fatalf("exit %d: %s %s", code, &told, &errs)
	}
	if shape, err := referenceShape(out); err != nil || shape != [4]int{12, 28, 28, 3} {
		t.Errorf("%v, %v", shape, err)
	}
	for want, path := range map[string]string{
		"256×256 with 3 channels, the model makes 28×28": ref("large.npz", "arr_0.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 256, 256, 3), }"),
		"no arr_0":          ref("mu.npz", "mu.npy", ""),
		"no array of uint8": ref("float.npz", "arr_0.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 28, 28, 3), }"),
		"not a valid zip":   model,
		"expected: quality": "",
	} {
		args := []string{"fid", "-count", "12", model, path, out}
		if path == "" {
			args = args[:4]
		}
		errs.Reset()
		if code := Run(args, nil, io.Discard, &errs); code != 1 || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, %s", path, code, &errs)
		}
	}
}

func TestRMS(t *testing.T) {
	a, b := image.NewNRGBA(image.Rect(0, 0, 2, 1)), image.NewNRGBA(image.Rect(0, 0, 2, 1))
	b.Pix[0], b.Pix[5] = 3, 4 // of six values of colour
	if got := rms(a, b); got*got < 25.0/6-1e-9 || got*got > 25.0/6+1e-9 {
		t.Errorf("rms %v", got)
	}
}

func TestNearer(t *testing.T) {
	errs := make([][]float64, len(ways))
	for i := range errs {
		errs[i] = make([]float64, len(evaluations))
		for j := range errs[i] {
			errs[i][j] = 1
		}
	}
	copy(errs[1], []float64{0, 2, 2, 0}) // nearer at first, then not, then again
	errs[2][len(evaluations)-1] = 2
	for i, want := range []string{"4", "10", "more than 100"} {
		if got := nearer(errs, ways[i].name, ways[0].name); got != want {
			t.Errorf("%s: from %s, want %s", ways[i].name, got, want)
		}
	}
}
