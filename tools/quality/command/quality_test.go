package command

import (
	"bytes"
	"image"
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
