package weights

import (
	"bytes"
	"strings"
	"testing"
)

// What people have in place of a model is called what it is.
func TestForeignFiles(t *testing.T) {
	for text, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 5\n": "git lfs pull",
		"PK\x03\x04\x00\x00\b\b" + strings.Repeat("\x00", 100):                                             "quantize makes one",
		"\x80\x02\x8a\nl\xfc\x9cF" + strings.Repeat("\x00", 100):                                           "quantize makes one",
		"\x40\x00\x00\x00\x00\x00\x00\x00{" + strings.Repeat(" ", 100):                                     "quantize makes one",
		"<!DOCTYPE html><title>Not found</title>" + strings.Repeat(" ", 100):                               "HTML page",
		"PK\x03\x04" + strings.Repeat("x", 100):                                                            "it starts with",
	} {
		b := []byte(text)
		if _, err := NewReader(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}
