// Package weightstest holds what tests share: a file to read on every system, and the
// requests whose pixels are known.
package weightstest

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"dit8/weights"
)

// Small checks that the decoder reads testdata/small.dit8 at path, as quantize
// -compress small writes it: frames of our own and byte planes.
func Small(t *testing.T, path string) {
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	planes := 0
	for x, err := range f.Tensors() {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range x.Floats() {
			b := math.Float32bits(v)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
	}
	for _, x := range f.Header().Tensors {
		if x.Planes {
			planes++
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != "81cd387c0e94b5401a3c564084f55ff874896034ee39b9bf4a5b09f896c2a292" || planes < 5 {
		t.Errorf("values of SHA-256 %s, %d tensors in planes", got, planes)
	}
}
