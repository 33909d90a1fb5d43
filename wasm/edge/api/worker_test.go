//go:build !js

package api

import (
	"strings"
	"testing"

	"dit8/core/autoencoder"
	"dit8/weights/weightstest"
)

// A worker takes models of pixels, and of latents with a TAESD.
func TestFitsWorker(t *testing.T) {
	if err := FitsWorker(nil); err != nil {
		t.Error(err)
	}
	tiny, kl := weightstest.Autoencoder(autoencoder.Tiny, 4), weightstest.Autoencoder(autoencoder.KL, 4)
	if err := FitsWorker(&tiny); err != nil {
		t.Error(err)
	}
	if err := FitsWorker(&kl); err == nil || !strings.Contains(err.Error(), "AutoencoderKL, whose decoding takes more memory than the 128 MB") {
		t.Error(err)
	}
}
