package pngfile

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image/color"
	"image/png"
	"reflect"
	"testing"

	"dit8/core"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/flow"
)

func TestWrite(t *testing.T) {
	cfg := dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 3}
	g, err := core.NewGenerator(generic.New(), "id", core.Info{
		Name: "tiny", Convention: flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock},
		Classes: []string{"fox", "red-apple", "2"}, Defaults: core.Defaults{Steps: 4, Guidance: 3}, Pixels: core.Pixels{Mean: 0.5, Std: 0.5},
	}, cfg, dit.Random(cfg, 1, true))
	if err != nil {
		t.Fatal(err)
	}
	req := g.Defaults()
	req.Count = 3
	res, err := g.Generate(context.Background(), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tiny", "größe"} {
		res.Metadata.Model = name
		var a, b bytes.Buffer
		if err := Write(&a, core.Grid(res.Images, 2), res.Metadata); err != nil {
			t.Fatal(err)
		}
		res.Metadata.Seconds++
		if err := Write(&b, core.Grid(res.Images, 2), res.Metadata); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("the file depends on the time it took")
		}
		img, err := png.Decode(bytes.NewReader(a.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if s := img.Bounds().Size(); s.X != 32 || s.Y != 32 {
			t.Errorf("a grid of three 8×8 images at scale 2 is %v", s)
		}
		for i, m := range res.Images {
			if got := color.NRGBAModel.Convert(img.At(i%2*16+9, i/2*16+5)); got != m.At(4, 2) {
				t.Errorf("image %d: pixel (4, 2) is %v in the grid, %v in the image", i, got, m.At(4, 2))
			}
		}
		meta := metadataOf(t, a.Bytes())
		if !reflect.DeepEqual(meta.Request, req) || meta.Model != name || meta.SHA256 != res.Metadata.SHA256 {
			t.Errorf("metadata %+v", meta)
		}
	}
}

// metadataOf reads the text chunk as another program would.
func metadataOf(t *testing.T, b []byte) (m core.Metadata) {
	t.Helper()
	for b = b[8:]; len(b) > 0; {
		n := int(binary.BigEndian.Uint32(b))
		kind, data := string(b[4:8]), b[8:8+n]
		if crc32.ChecksumIEEE(b[4:8+n]) != binary.BigEndian.Uint32(b[8+n:]) {
			t.Errorf("chunk %s has a wrong checksum", kind)
		}
		if kind == "tEXt" || kind == "iTXt" {
			key, text, _ := bytes.Cut(data, []byte{0})
			if kind == "iTXt" {
				text = text[4:]
			}
			if string(key) != Key {
				t.Errorf("keyword %q", key)
			}
			if err := json.Unmarshal(text, &m); err != nil {
				t.Error(err)
			}
			return m
		}
		b = b[12+n:]
	}
	t.Error("no text chunk")
	return m
}
