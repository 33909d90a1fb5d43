package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goldens = "../../../testdata/golden/"

// quantize runs the command and returns what it printed.
func quantize(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// must runs the command, which must succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := quantize(args...)
	if code != 0 {
		t.Fatalf("quantize %v: exit %d\n%s%s", args, code, out, errs)
	}
	return out
}

// refusal is a command line that must fail: with this exit code, and a message that
// has these words.
type refusal struct {
	code int
	want string
	args []string
}

// refused demands that commands fail as they should and print no result.
func refused(t *testing.T, command string, table []refusal) {
	t.Helper()
	for _, r := range table {
		args := r.args
		if command != "" {
			args = append([]string{command}, args...)
		}
		code, out, errs := quantize(args...)
		if code != r.code {
			t.Errorf("quantize %q: exit %d, want %d: %s", args, code, r.code, errs)
		}
		if !strings.Contains(errs, r.want) {
			t.Errorf("quantize %q: %q, want %q", args, errs, r.want)
		}
		if out != "" && !strings.HasPrefix(r.want, "above") { // what is above a bound is listed
			t.Errorf("quantize %q printed %q", args, out)
		}
	}
}

// equal demands that a fact is as it should be.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// has demands that a text has some parts.
func has(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s has no %q:\n%s", what, p, text)
		}
	}
}

// files are the names of those in a folder.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// small is a model to try commands on.
func small(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "small.dit8")
	must(t, "-num-heads", "2", "-convention", "dit", "-o", path, goldens+"edge/good.safetensors")
	return path
}

// badFile is one of golden/bad: why it is bad, and what the message about it says.
type badFile struct{ File, Why, Says string }

func badFiles(t *testing.T) []badFile {
	t.Helper()
	var c struct{ Files []badFile }
	if err := json.Unmarshal([]byte(readFile(t, goldens+"bad/case.json")), &c); err != nil {
		t.Fatal(err)
	}
	return c.Files
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"inspect", "-h"}, {"verify", "-h"}, {"psnr", "-h"}, {"diff", "-h"}, {"techniques", "-h"}, {"help"}} {
		has(t, strings.Join(args, " "), must(t, args...), "quantize [flags] -o OUT.dit8")
	}
}
