package api

import (
	"fmt"

	"dit8/core"
	"dit8/core/autoencoder"
)

// FitsWorker refuses the autoencoders that an edge worker has no room for: its 128 MB hold
// the program, the model and what a decoder works with, of which AutoencoderKL takes up to
// 200 MB for 256×256 pixels. a is nil for a model of pixels.
func FitsWorker(a *core.Autoencoder) error {
	if a == nil || a.Config.Kind == autoencoder.Tiny {
		return nil
	}
	return fmt.Errorf("the model's autoencoder is an %v, whose decoding takes more memory than the 128 MB of an edge worker; "+
		"a TAESD fits: quantize -vae taesd/ -o model.dit8 CHECKPOINT", a.Config.Kind)
}
