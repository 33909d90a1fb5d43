package core

import (
	"context"
	"image"
)

// Event tells of one evaluated step, or of a part of the decoding of latents. It is valid during the call that hands it
// over.
type Event struct {
	Step, Steps int     // this one, from 1, and how many there are in all batches
	First       int     // index of the batch's first image in the request
	Images      int     // images in the batch
	T           float32 // time of the evaluation, 1 (noise) to 0 (data)
	Decoding    bool    // the batch is sampled; its latents become pictures

	g     *Generator
	ctx   context.Context
	clean []float32
	state []float32 // nil while latents are decoded
}

// Image is the current estimate of the clean image First+i; of latents it is a coarse
// one. The caller may keep it, and changes nothing in it.
func (e Event) Image(i int) *image.NRGBA {
	n := e.g.model.Config().ImageLen()
	z := e.clean[i*n : (i+1)*n]
	if e.g.decoder != nil {
		return e.g.decoder.preview(e.ctx, e.First+i, z, e.g.model.Config().InputSize, e.Decoding)
	}
	return e.g.image(z)
}

// State is the noisy image First+i that the step began with, at time T; nil where there are no pixels to show: a model of
// latents has none. The caller may keep it.
func (e Event) State(i int) *image.NRGBA {
	if e.g.decoder != nil || e.state == nil {
		return nil
	}
	n := e.g.model.Config().ImageLen()
	return e.g.image(e.state[i*n : (i+1)*n])
}
