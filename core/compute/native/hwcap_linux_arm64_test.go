//go:build !purego

package native

import (
	"encoding/binary"
	"testing"
)

func TestFeaturesIn(t *testing.T) {
	for _, c := range []struct {
		name   string
		values []uint64 // keys and values
		want   cpuFeatures
	}{
		{"none", nil, cpuFeatures{}},
		{"dot products", []uint64{6, 4096, 16, 1<<20 | 0xff, 26, 0, 0, 0}, cpuFeatures{dotprod: true}},
		{"both", []uint64{26, 1<<13 | 1, 16, 1 << 20, 0, 0}, cpuFeatures{dotprod: true, i8mm: true}},
		{"matrices without dot products", []uint64{16, 0xff, 26, 1 << 13, 0, 0}, cpuFeatures{}},
		{"bits of other words", []uint64{6, 1 << 20, 16, 0xff | 1<<13, 26, 1 << 20, 0, 0}, cpuFeatures{}},
		{"cut off", []uint64{6, 4096, 16}, cpuFeatures{}},
	} {
		var vector []byte
		for _, v := range c.values {
			vector = binary.LittleEndian.AppendUint64(vector, v)
		}
		if got := featuresIn(vector); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
