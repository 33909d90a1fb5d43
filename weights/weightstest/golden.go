package weightstest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"dit8/core"
)

// Golden is a request to the default model and the SHA-256 of its pixels
// (core.PixelHash), which every device and every program must give.
type Golden struct {
	JSON    json.RawMessage `json:"request"`
	Request core.Request    `json:"-"` // the same
	SHA256  string          `json:"sha256"`
}

// Pixels are the golden requests that need a class, a seed, steps and guidance.
func Pixels(t testing.TB) []Golden { return read(t, "pixels.json") }

// Options are the golden requests for all else: solvers, schedules, mixes and more.
func Options(t testing.TB) []Golden { return read(t, "options.json") }

func read(t testing.TB, name string) (all []Golden) {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	b, err := os.ReadFile(filepath.Join(filepath.Dir(file), "../../testdata/golden", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d requests, %v", name, len(all), err)
	}
	for i := range all {
		if all[i].Request, err = (core.Request{}).WithJSON(all[i].JSON); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}
