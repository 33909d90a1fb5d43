//go:build amd64 && !purego

package native

import (
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
)

// Instruction sets without kernels for convolutions, as arm64's, give the same bits.
func TestConvolutionsWithoutKernels(t *testing.T) {
	k := avx2
	k.convKernels = convKernels{}
	if !features().avx2 {
		t.Skip("this machine has no AVX2")
	}
	for _, threads := range []int{1, 3} {
		computetest.RunConvolutions(t, func() compute.Device { return newDevice(&k, threads) })
	}
}
