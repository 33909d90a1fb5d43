package weightstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dit8/core"
	"dit8/weights"
)

// ClassModel is the path of a model of 32×32 pixels that is told one of 128 classes and
// predicts a velocity: the default model of dit8's first versions. What the default model,
// which is told words and predicts average velocities, has no use for is tested with it.
var ClassModel = testdata("emoji-32.dit8")

// Golden is a request and the SHA-256 of its pixels (core.PixelHash), which every device
// and every program must give.
type Golden struct {
	Model   string          `json:"-"` // a path, "" for the default model
	JSON    json.RawMessage `json:"request"`
	Request core.Request    `json:"-"` // the same, with the model's defaults
	SHA256  string          `json:"sha256"`
}

// Pixels are the golden requests to the default model that need words, a seed and steps.
func Pixels(t testing.TB) []Golden { return read(t, "pixels.json", "") }

// Options are those for all else that it knows: styles, mixes, edits and more.
func Options(t testing.TB) []Golden { return read(t, "options.json", "") }

// Classes are golden requests to ClassModel: guidance, solvers, schedules and more.
func Classes(t testing.TB) []Golden { return read(t, "classes.json", ClassModel) }

func testdata(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../testdata", name)
}

func read(t testing.TB, name, model string) (all []Golden) {
	t.Helper()
	b, err := os.ReadFile(testdata("golden/" + name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d requests, %v", name, len(all), err)
	}
	path := model
	if path == "" { // which not every program has in it
		path = testdata("../weights/default.dit8")
	}
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range all {
		all[i].Model = model
		if all[i].Request, err = f.Header().Info.Request().WithJSON(all[i].JSON); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}

// Update writes the hashes that hash gives into the golden files of the default model,
// after it was trained anew.
func Update(t testing.TB, hash func(Golden) string) {
	t.Helper()
	for _, name := range []string{"pixels.json", "options.json"} {
		lines := []string{"["}
		all := read(t, name, "")
		for i, c := range all {
			c.SHA256 = hash(c)
			b, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			line := "  " + string(b)
			if i < len(all)-1 {
				line += ","
			}
			lines = append(lines, line)
		}
		if err := os.WriteFile(testdata("golden/"+name), []byte(strings.Join(append(lines, "]", ""), "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
