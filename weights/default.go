//go:build !js

package weights

import (
	"bytes"
	_ "embed" // the default model
)

//go:embed default.dit8
var defaultModel []byte

// DefaultBytes is the file of the default model; default.md is its model card. It
// is not compiled into the browser's program, which fetches it.
func DefaultBytes() []byte { return bytes.Clone(defaultModel) }

// Default opens the default model.
func Default() (*Reader, error) { return NewReader(bytes.NewReader(defaultModel)) }
