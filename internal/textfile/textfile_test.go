package textfile

import (
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "é": "é", "RIFF raff": "RIFF raff", "\ufeffé": "é", "\xff\xfea\x00\xe9\x00": "aé", "\xfe\xff\x00a\x00\xe9": "aé", "\xff\xfe\x3d\xd8\x8a\xde": "🚊",
		"a\x00\xe9\x00": "aé", "\x00a\x00\xe9": "aé",
	} {
		if got, err := Decode([]byte(in)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"\xff\xd8\xff\xe0\x00\x10JFIF": "this is a JPEG picture, not a text", "PK\x03\x04\x14\x00\xff": "spreadsheets", "dit8\r\n\x1a\n\xff": "a .dit8 file",
		"\xe9": "UTF-8", "\xff\xfea": "odd number", "\xff\xfe\x00\x00a\x00\x00\x00": "UTF-32", "version https://git-lfs.github.com/spec/v1\noid": "git lfs pull", "\n<!DOCTYPE html>": "HTML page",
	} {
		if _, err := Decode([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}
