//go:build !js

package weights_test

import (
	"testing"

	"dit8/weights/weightstest"
)

// In Node fzstd decodes the same (wasm/kernels).
func TestSmallFile(t *testing.T) { weightstest.Small(t, "../testdata/small.dit8") }
