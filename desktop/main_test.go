//go:build !window

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestCommandLine(t *testing.T) {
	t.Setenv("DISPLAY", "") // no window may open
	t.Setenv("WAYLAND_DISPLAY", "")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{0, "F1 shows its keys", []string{"-h"}},
		{2, "not defined: -x", []string{"-x"}},
		{2, `unexpected argument "b"`, []string{"a", "b"}},
		{2, "-model and a file are two files", []string{"-model", "a", "b"}},
		{2, `-device is "gpu"`, []string{"-device", "gpu"}},
		{2, "-threads is 257, allowed", []string{"-threads", "257"}},
		{2, "-folder main.go is not a folder", []string{"-folder", "main.go"}},
		{2, "-models none is not a folder", []string{"-models", "none"}},
		{1, "no such file", []string{"-settings", t.TempDir() + "/s.json", "-log", t.TempDir() + "/none/log"}},
	} {
		var out, errs bytes.Buffer
		code := run(c.args, strings.NewReader(""), &out, &errs)
		if text := out.String() + errs.String(); code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("desktop %q: exit %d, %q; want %d and %q", c.args, code, text, c.code, c.want)
		}
	}
}

// The parts that a slider chooses cover all indices, and are found again.
func TestParts(t *testing.T) {
	for _, c := range [][2]int{{192, 8}, {8, 8}, {28, 28}, {1152, 8}, {24, 8}} {
		next := 0
		for k := 1; k <= c[1]; k++ {
			r := part(k, c[0], c[1])
			if r[0] != next || r[1] < r[0] || group(r, c[0], c[1]) != k {
				t.Errorf("part %d of %v is %v, found as %d", k, c, r, group(r, c[0], c[1]))
			}
			next = r[1] + 1
		}
		if next != c[0] || part(0, c[0], c[1]) != nil || group(nil, c[0], c[1]) != 0 {
			t.Errorf("the parts of %v end at %d", c, next)
		}
	}
}

func TestFrameTimes(t *testing.T) {
	var f frameTimes
	now := time.Now()
	f.tick(now, false)
	f.tick(now.Add(time.Second), true) // the time before is none of it
	for i := range 100 {
		f.tick(now.Add(time.Second+time.Duration(i*i)*time.Millisecond), true) // 2i-1 ms
	}
	s := f.summary()
	if s["n"] != 100 || s["median"] != 99.0 || s["p95"] != 189.0 || s["max"] != 197.0 {
		t.Errorf("%v", s)
	}
	if f.tick(now, false); f.summary()["n"] != 100 {
		t.Error("the summary is lost when the request ends")
	}
}
