//go:build !purego

package native

import (
	"encoding/binary"
	"testing"
)

func TestDotprodIn(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []uint64 // keys and values
		want   bool
	}{
		{"none", nil, false},
		{"with", []uint64{6, 4096, 16, 1<<20 | 0xff, 0, 0}, true},
		{"without", []uint64{6, 1 << 20, 16, 0xff, 26, 1 << 20, 0, 0}, false},
		{"cut off", []uint64{6, 4096, 16}, false},
	} {
		var vector []byte
		for _, v := range c.values {
			vector = binary.LittleEndian.AppendUint64(vector, v)
		}
		if got := dotprodIn(vector); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
