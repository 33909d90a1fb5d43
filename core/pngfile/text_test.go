package pngfile

import (
	"bytes"
	"compress/zlib"
	"os"
	"reflect"
	"strings"
	"testing"
)

// Other programs keep texts in chunks of other kinds, compressed or not.
func TestTextOfOtherPrograms(t *testing.T) {
	file, want := written(t, "größe")
	text, _ := metadataChunk(want)
	body := file[header+len(text):]
	plain := bytes.TrimPrefix(text[8:len(text)-4], []byte("dit8\x00\x00\x00\x00\x00"))
	var small bytes.Buffer
	z := zlib.NewWriter(&small)
	z.Write(plain)
	z.Close()
	for name, c := range map[string][]byte{
		"iTXt, compressed":     chunk("iTXt", append([]byte("dit8\x00\x01\x00\x00\x00"), small.Bytes()...)),
		"zTXt":                 chunk("zTXt", append([]byte("dit8\x00\x00"), small.Bytes()...)),
		"iTXt with a language": chunk("iTXt", append([]byte("dit8\x00\x00\x00en\x00\x00"), plain...)),
		"iTXt, compressed, with a key in a language": chunk("iTXt", append([]byte("dit8\x00\x01\x00de\x00Schlüssel\x00"), small.Bytes()...)),
	} {
		b := append(append(bytes.Clone(file[:header]), c...), body...)
		if got, err := ReadMetadata(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	small.Reset()
	z.Reset(&small)
	z.Write(make([]byte, MaxMetadata+1))
	z.Close()
	b := append(append(bytes.Clone(file[:header]), chunk("zTXt", append([]byte("dit8\x00\x00"), small.Bytes()...))...), body...)
	if _, err := ReadMetadata(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("a bomb: %v", err)
	}
	for _, name := range []string{"m1.png", "compressed-itxt.png"} {
		f, err := os.Open("../../testdata/trials/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if m, err := ReadMetadata(f); err != nil || m.Request.Steps == 0 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
