package pngfile

import (
	"bytes"
	"errors"
	"image"
	"io"
	"reflect"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/flow"
)

// written is a PNG file of a request whose metadata needs a tEXt or an iTXt chunk.
func written(t testing.TB, model string) ([]byte, core.Metadata) {
	m := core.Metadata{Model: model, ModelID: "id", SHA256: "00", Device: "generic",
		Request: core.Request{Class: "fox", Seed: 7, Steps: 4, Guidance: 3, Count: 1, Solver: flow.AB2, Modulation: []core.ModulationScale{{Scale: 0.5}}}}
	var b bytes.Buffer
	if err := Write(&b, image.NewNRGBA(image.Rect(0, 0, 2, 2)), m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

func TestReadMetadata(t *testing.T) {
	for _, model := range []string{"tiny", "größe"} {
		file, want := written(t, model)
		got, err := ReadMetadata(bytes.NewReader(file))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		// other programs may move text to the end, and add their own
		text, _ := metadataChunk(want)
		moved := append(bytes.Clone(file[:header]), chunk("tEXt", []byte("Software\x00x"))...)
		moved = append(moved, file[header+len(text):len(file)-12]...)
		moved = append(append(moved, text...), file[len(file)-12:]...)
		if got, err = ReadMetadata(bytes.NewReader(moved)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("moved: %+v, %v", got, err)
		}
	}
}

func TestReadMetadataRefuses(t *testing.T) {
	file, _ := written(t, "tiny")
	end := chunk("IEND", nil)
	with := func(key, text string) []byte {
		return append(append(bytes.Clone(file[:header]), textChunk(key, text)...), end...)
	}
	damaged := bytes.Clone(file)
	damaged[header+40] ^= 1
	huge := append(bytes.Clone(file[:header]), "\xff\xff\xff\xfftEXtdit8\x00"...)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":           {nil, ErrNoPNG.Error()},
		"text":            {[]byte("a text that is long enough"), ErrNoPNG.Error()},
		"cut":             {file[:header+20], ErrNoMetadata.Error()},
		"another's":       {with("Comment", "{}"), ErrNoMetadata.Error()},
		"huge":            {huge, ErrNoMetadata.Error()},
		"damaged":         {damaged, "its checksum is wrong"},
		"no JSON":         {with(Key, "fox"), "is not understood"},
		"no request":      {with(Key, "{}"), "request is"},
		"unknown field":   {with(Key, `{"request": {"klass": "fox"}}`), "klass is unknown"},
		"a field amiss":   {with(Key, `{"request": {"steps": "many"}}`), "steps is"},
		"no text of ours": {append(bytes.Clone(file[:header]), end...), ErrNoMetadata.Error()},
	} {
		if _, err := ReadMetadata(bytes.NewReader(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := ReadMetadata(io.MultiReader(bytes.NewReader(file[:20]), errReader{})); !errors.Is(err, ErrNoMetadata) {
		t.Errorf("%v", err)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("lost") }

func FuzzReadMetadata(f *testing.F) {
	for _, model := range []string{"tiny", "größe"} {
		file, _ := written(f, model)
		f.Add(file)
	}
	f.Add([]byte("\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXtdit8\x00{}"))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := ReadMetadata(bytes.NewReader(file))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, image.NewNRGBA(image.Rect(0, 0, 1, 1)), m); err != nil {
			return // what JSON has no words for
		}
		if again, err := ReadMetadata(&b); err != nil || !reflect.DeepEqual(again.Request, m.Request) {
			t.Errorf("%+v became %+v, %v", m.Request, again.Request, err)
		}
	})
}
