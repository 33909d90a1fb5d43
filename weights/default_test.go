package weights

import (
	"testing"

	"dit8/core/compute/generic"
)

func TestDefault(t *testing.T) {
	r, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	g, err := r.Generator(generic.New())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(g.Info().Classes); n < 300 || g.ImageSize() != 128 || h.Size != int64(len(DefaultBytes())) {
		t.Errorf("%d classes, %d bytes", n, h.Size)
	}
}
