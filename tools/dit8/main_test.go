package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		code           int
		stdout, stderr string
		args           []string
	}{
		{0, "dit8 ", "", []string{"-version"}},
		{0, runtime.GOOS + "/" + runtime.GOARCH, "", []string{"version"}},
		{0, "dit8 merge ", "", []string{"help"}},
		{2, "", "dit8 serve ", nil},
		{2, "", `no command "smaple"`, []string{"smaple"}},
		{0, "hidden 44", "", []string{"inspect", "../../testdata/words.dit8"}},
		{2, "", "the files to join are missing", []string{"merge", "-o", "out.npz"}},
		{2, "", "-device", []string{"bench", "-device", "abacus"}},
		{0, "happy\n", "", []string{"sample", "-classes"}},
		{0, "  dit8 quality solvers", "", []string{"quality", "-h"}},
		{0, "  dit8 serve [-addr", "", []string{"serve", "-h"}},
		{0, "Flags of dit8 inspect:", "", []string{"inspect", "-h"}},
		{2, "", `"dit8 sample -h" shows`, []string{"sample", "x"}},
		{2, "", "-url is", []string{"load", "-url", "x"}},
		{2, "", `unexpected argument "x"`, []string{"serve", "x"}},
	} {
		var out, errs bytes.Buffer
		if code := run(c.args, nil, &out, &errs); code != c.code || !strings.Contains(out.String(), c.stdout) || !strings.Contains(errs.String(), c.stderr) {
			t.Errorf("dit8 %v: exit %d, %.300q, %.300q", c.args, code, &out, &errs)
		}
	}
}
