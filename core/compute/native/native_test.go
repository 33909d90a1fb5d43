package native_test

import (
	"fmt"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/native"
)

func TestConformance(t *testing.T) {
	for _, name := range native.Names() {
		if name == "generic" {
			continue
		}
		for _, threads := range []int{1, 2, 3, 8} {
			want := name
			if threads > 1 {
				want = fmt.Sprintf("%s ×%d", name, threads)
			}
			t.Run(want, func(t *testing.T) {
				computetest.Run(t, want, func() compute.Device {
					d, err := native.New(name, threads)
					if err != nil {
						t.Fatal(err)
					}
					return d
				})
			})
		}
	}
}
