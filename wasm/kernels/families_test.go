//go:build js

package kernels

import (
	"testing"

	"dit8/core/compute"
	"dit8/weights/weightstest"
)

func TestGoldenFamilies(t *testing.T) {
	weightstest.Families(t, func() compute.Device {
		d, err := New()
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}

func TestGoldenWords(t *testing.T) {
	weightstest.Words(t, "../../testdata/words.dit8", func() compute.Device {
		d, err := New()
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
