package command

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dit8/core"
)

const trials = "../../../testdata/trials/"

// made runs sample with -json and returns what it made, and what it said beside.
func made(t *testing.T, args ...string) (m core.Metadata, notes string) {
	t.Helper()
	code, out, notes := classCmd(append(args, "-json", "-steps", "1", "-guidance", "1")...)
	if err := json.Unmarshal([]byte(out), &m); err != nil || code != 0 {
		t.Fatalf("%q: exit %d, %v %s", args, code, err, notes)
	}
	return m, notes
}

// Pictures as cameras and painting programs write them arrive as they are meant.
func TestPicturesOfAllKinds(t *testing.T) {
	for _, c := range []struct {
		args  []string
		notes string
	}{
		{[]string{"-edit", "image", "-image", trials + "exif-rotated.jpg"}, "turned as its EXIF data say"},
		{[]string{"-edit", "image", "-image", trials + "grey16.png"}, ""},
		{[]string{"-edit", "inpaint", "-image", trials + "photo.png", "-mask", trials + "mask-transparent.png"}, "what is transparent is painted anew: 256 of 1024 pixels"},
		{[]string{"-edit", "inpaint", "-image", trials + "mask-transparent.png"}, "what is transparent is painted anew: 256 of 1024 pixels"},
		{[]string{"-edit", "inpaint", "-image", trials + "photo.png", "-mask", trials + "mask-127.png"}, "of the two levels 0 and 127 the brighter one is painted anew"},
	} {
		m, notes := made(t, append(c.args, "-class", "fox")...)
		if !strings.Contains(notes, c.notes) || m.Request.Edit == nil || m.Request.Edit.Width != 32 {
			t.Errorf("%q: %q, want %q", c.args, notes, c.notes)
		}
	}
	// the inpainted pixels are those that the mask has
	m, _ := made(t, "-class", "fox", "-edit", "inpaint", "-image", trials+"photo.png", "-mask", trials+"mask-transparent.png")
	n := 0
	for _, b := range m.Request.Edit.Mask {
		if b != 0 {
			n++
		}
	}
	if n != 256 {
		t.Errorf("%d pixels are painted anew", n)
	}
	code, _, errs := classCmd("-class", "fox", "-json", "-edit", "inpaint", "-image", trials+"photo.png")
	if code != 2 || !strings.Contains(errs, "-image has no transparent part") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

// Requests as programs and people save them.
func TestRequestsOfAllKinds(t *testing.T) {
	m, notes := made(t, "-request", trials+"request-bom.json")
	if m.Request.Class == "" || notes != "" {
		t.Errorf("%+v, %q", m.Request, notes)
	}
	first, _ := made(t, "-request", trials+"m1.png", "-class", "fox")
	if again, _ := made(t, "-request", trials+"compressed-itxt.png", "-class", "fox"); again.SHA256 != first.SHA256 {
		t.Error("compressed text gives another request")
	}
	_, notes = made(t, "-request", trials+"other-model.png")
	if !strings.Contains(notes, "was made by another model, ") || !strings.Contains(notes, "-model FILE.dit8 chooses") {
		t.Errorf("another model's picture: %q", notes)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	for _, seed := range []string{"-1", `"random"`} {
		if err := os.WriteFile(file, []byte(`{"class": "fox", "seed": `+seed+`}`), 0o644); err != nil {
			t.Fatal(err)
		}
		m, notes := made(t, "-request", file)
		if m.Request.Seed == 0 || !strings.Contains(notes, "sample: seed ") {
			t.Errorf("seed %s: %d, %q", seed, m.Request.Seed, notes)
		}
	}
}

// A random seed is another each time, is said, and gives the same again.
func TestRandomSeed(t *testing.T) {
	for _, seed := range []string{"-1", "random"} {
		a, notes := made(t, "-class", "fox", "-seed", seed)
		b, _ := made(t, "-class", "fox", "-seed", seed)
		said, ok := strings.CutPrefix(strings.TrimSpace(notes), "sample: seed ")
		if !ok || a.Request.Seed == b.Request.Seed {
			t.Fatalf("seeds %d and %d, %q", a.Request.Seed, b.Request.Seed, notes)
		}
		if again, _ := made(t, "-class", "fox", "-seed", said); again.SHA256 != a.SHA256 {
			t.Errorf("seed %s gives another image than it did", said)
		}
	}
}
