package bounded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err := File(path, 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	for p, want := range map[string]string{path: "more than 4 bytes", filepath.Dir(path): "director", path + "x": "no such file"} {
		_, err := File(p, 4)
		var named *fs.PathError
		if !errors.As(err, &named) || named.Path != p || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s: %s", err, p, want)
		}
	}
	if _, err := Read(iotest.ErrReader(errors.New("broken")), 4); err == nil {
		t.Error("a reader's mistake is lost")
	}
}
