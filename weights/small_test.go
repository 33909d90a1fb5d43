//go:build !js

package weights_test

import (
	"testing"

	"dit8/weights/weightstest"
)

// In Node Zstandard's own decoder decodes the same (wasm/kernels).
func TestSmallFile(t *testing.T) { weightstest.Small(t, "../testdata/small.dit8") }
