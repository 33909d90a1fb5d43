//go:build js

package kernels

import (
	"testing"

	"dit8/weights/weightstest"
)

// Zstandard's decoder decodes what package weights' own decoder does.
func TestSmallFile(t *testing.T) { weightstest.Small(t, "../../testdata/small.dit8") }
