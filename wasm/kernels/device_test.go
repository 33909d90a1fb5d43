//go:build js

package kernels

import (
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
)

func TestConformance(t *testing.T) {
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	computetest.Run(t, "simd128", func() compute.Device { return d })
}
