package command

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/tools/sample/bulk"
	"dit8/weights"
)

const small = "../../../weights/fashion-mnist.dit8"

func sum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func done(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := sampleCmd(args...)
	if code != 0 || out != "" {
		t.Fatalf("sample %v: exit %d, %s%s", args, code, out, errs)
	}
	return errs
}

// The parts of a run are, joined, the file of the run in one piece, and its pixels are those of the requests that it is made of.
func TestBulk(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.npz")
	if note := done(t, "-model", small, "-count", "150", "-steps", "1", "-guidance", "1", "-seed", "7", "-npz", whole); !strings.Contains(note, "150 images in ") {
		t.Error(note)
	}
	for _, n := range []int{1, 3, 8} {
		var parts []string
		for i := n; i >= 1; i-- {
			part := filepath.Join(dir, fmt.Sprintf("%d-of-%d.npz", i, n))
			shard := fmt.Sprintf("%d/%d", i, n)
			if n == 3 { // as a pod of an Indexed Job says it
				t.Setenv("JOB_COMPLETION_INDEX", fmt.Sprint(i-1))
				shard = "job/3"
			}
			done(t, "-model", small, "-count", "150", "-steps", "1", "-guidance", "1", "-seed", "7", "-shard", shard, "-threads", "2", "-npz", part)
			parts = append(parts, part)
		}
		joined := filepath.Join(dir, fmt.Sprintf("joined-%d.npz", n))
		done(t, append([]string{"merge", "-o", joined}, parts...)...)
		if sum(t, joined) != sum(t, whole) {
			t.Errorf("%d parts give another file than one run", n)
		}
		if n == 1 {
			continue
		}
		for _, c := range []struct {
			want string
			args []string
		}{
			{"is missing", parts[1:]}, {"are both part", slices.Concat(parts, parts[:1])}, {"is a whole run", slices.Concat(parts, []string{whole})}, {"not a file of sample -npz", []string{small}},
			{"no such file", []string{"none.npz"}},
		} {
			if code, _, errs := sampleCmd(append([]string{"merge", "-o", filepath.Join(dir, "no.npz")}, c.args...)...); code != 1 || !strings.Contains(errs, c.want) {
				t.Errorf("exit %d, %s, want %q", code, errs, c.want)
			}
		}
	}
	other := filepath.Join(dir, "other.npz")
	done(t, "-model", small, "-count", "150", "-steps", "2", "-guidance", "1", "-shard", "2/3", "-npz", other)
	if code, _, errs := sampleCmd("merge", "-o", filepath.Join(dir, "no.npz"), filepath.Join(dir, "1-of-3.npz"), other, filepath.Join(dir, "3-of-3.npz")); code != 1 || !strings.Contains(errs, "different runs") {
		t.Errorf("exit %d, %s", code, errs)
	}

	pixels, labels := arrays(t, whole)
	f, err := weights.Open(small)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, classes := f.Header().ImageSize(), f.Header().Info.Classes
	if want := fmt.Sprintf("{'descr': '|u1', 'fortran_order': False, 'shape': (150,%d,%d,3,), }", size, size); !strings.HasPrefix(pixels.head, want) {
		t.Errorf("%s, want %s", pixels.head, want)
	}
	if len(labels.data) != 8*150 || binary.LittleEndian.Uint64(labels.data) != 0 || int(binary.LittleEndian.Uint64(labels.data[8*149:])) != len(classes)-1 {
		t.Errorf("labels %v", labels)
	}
	// the images of the first class are a request's
	n := 150 / len(classes)
	grid := filepath.Join(dir, "first.png")
	done(t, "-model", small, "-class", classes[0], "-count", fmt.Sprint(min(n, 64)), "-steps", "1", "-guidance", "1", "-seed", "7", "-o", grid)
	in, err := os.Open(grid)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	m, err := png.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range size * size {
		r, g, b, _ := m.At(i%size, i/size).RGBA()
		if got := pixels.data[3*i : 3*i+3]; !bytes.Equal(got, []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}) {
			t.Fatalf("pixel %d is %v in the array, %v in the request's image", i, got, m.At(i%size, i/size))
		}
	}
}

type array struct {
	head string
	data []byte
}

func arrays(t *testing.T, path string) (pixels, labels array) {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for name, a := range map[string]*array{"arr_0.npy": &pixels, "arr_1.npy": &labels} {
		m, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(m)
		if err != nil {
			t.Fatal(err)
		}
		n := 10 + int(binary.LittleEndian.Uint16(b[8:]))
		if n%64 != 0 || string(b[:8]) != "\x93NUMPY\x01\x00" {
			t.Errorf("%s begins with %q", name, b[:n])
		}
		*a = array{string(b[10:n]), b[n:]}
	}
	return pixels, labels
}

// A run that was cut off goes on, also where a request's images were half written, and
// gives the same file.
func TestBulkGoesOn(t *testing.T) {
	f, err := weights.OpenPair(small, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dev, err := (&deviceFlags{}).open()
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Generator(dev)
	if err != nil {
		t.Fatal(err)
	}
	req := f.Header().Info.Request()
	req.Steps, req.Guidance = 1, 1
	classes := f.Header().Info.Classes
	plan := bulk.Plan{Model: "small", ModelID: f.Header().ID, Size: g.ImageSize(), Request: req, Counts: bulk.Balanced(300, classes, func(i int) int { return i })}
	dir := t.TempDir()
	whole, cut := filepath.Join(dir, "whole.npz"), filepath.Join(dir, "cut.npz")
	if err := bulk.NPZ(t.Context(), g, plan, whole, func(bulk.Progress) {}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last bulk.Progress
	if err := bulk.NPZ(ctx, g, plan, cut, func(p bulk.Progress) { last = p }); !errors.Is(err, context.Canceled) || last != (bulk.Progress{Of: 300}) {
		t.Errorf("%v after %+v, before the first image", err, last)
	}
	ctx, cancel = context.WithCancel(t.Context())
	err = bulk.NPZ(ctx, g, plan, cut, func(p bulk.Progress) {
		if last = p; p.Made > 100 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v after %+v", err, last)
	}
	part, err := os.OpenFile(cut+".part", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte("half an image"))
	part.Close()
	other := plan
	other.Request.Seed = 1
	if err := bulk.NPZ(t.Context(), g, other, cut, func(bulk.Progress) {}); err == nil || !strings.Contains(err.Error(), "is of another run") {
		t.Errorf("another run goes on: %v", err)
	}
	first := true
	if err := bulk.NPZ(t.Context(), g, plan, cut, func(p bulk.Progress) {
		if first && p.Done-p.Made != last.Done {
			t.Errorf("it goes on from %d, %d were there", p.Done-p.Made, last.Done)
		}
		first = false
	}); err != nil {
		t.Fatal(err)
	}
	if sum(t, whole) != sum(t, cut) {
		t.Error("the run that went on gives another file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBulkPNGs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	from := filepath.Join(t.TempDir(), "classes.txt")
	if err := os.WriteFile(from, []byte("\ufeff1\r\n\n0\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-model", small, "-from", from, "-steps", "1", "-guidance", "1", "-png", dir}
	done(t, args...)
	names, _ := filepath.Glob(dir + "/*")
	if len(names) != 3 || filepath.Base(names[2]) != "000002.png" {
		t.Fatalf("%v", names)
	}
	before := sum(t, names[1])
	os.Remove(names[1])
	os.Remove(names[2])
	if done(t, args...); sum(t, names[1]) != before {
		t.Error("the run that went on makes another picture")
	}
	if note := done(t, args...); note != "" {
		t.Errorf("all is there: %s", note)
	}
	t.Setenv("JOB_COMPLETION_INDEX", "x")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "-count is missing", []string{"-npz", "a.npz"}},
		{2, "-count is 0", []string{"-npz", "a.npz", "-count", "0"}},
		{2, "-count is 10000001, allowed: 1 to 10000000", []string{"-npz", "a.npz", "-count", "10000001"}},
		{2, "both where the images go", []string{"-npz", "a.npz", "-png", "b"}},
		{2, "go with -npz or -png", []string{"-shard", "1/2"}},
		{2, `JOB_COMPLETION_INDEX is "x", expected a number`, []string{"-npz", "a.npz", "-count", "9", "-shard", "job/8"}},
		{2, `"9/8" is no part of a run`, []string{"-npz", "a.npz", "-count", "9", "-shard", "9/8"}},
		{2, "-o does not go with -npz", []string{"-npz", "a.npz", "-o", "b.png"}},
		{2, "-from and -class", []string{"-npz", "a.npz", "-from", from, "-class", "0"}},
		{1, "no such file", []string{"-npz", "a.npz", "-from", "none.txt"}},
		{2, `main.go: class is "// Package command`, []string{"-npz", "a.npz", "-from", "main.go"}},
		{2, "-o is missing", []string{"merge", "a.npz"}},
		{2, "the files to join are missing", []string{"merge", "-o", "a.npz"}},
	} {
		args := c.args
		if args[0] != "merge" {
			args = append([]string{"-model", small}, args...)
		}
		if code, _, errs := sampleCmd(args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("sample %v: exit %d, %s, want %d, %q", c.args, code, errs, c.code, c.want)
		}
	}
	if _, err := os.Stat("a.npz.part"); err == nil {
		t.Error("a run that is refused leaves a file")
	}
}
