//go:build js

package kernels

import (
	"os"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
)

// The host starts as many threads as DIT8_THREADS says.
func TestConformance(t *testing.T) {
	want := "simd128"
	if n := os.Getenv("DIT8_THREADS"); n != "" && n != "1" {
		want += " ×" + n
	}
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	computetest.Run(t, want, func() compute.Device { return d })
}
