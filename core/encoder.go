package core

import (
	"context"
	"math"
	"slices"
	"strconv"
)

// checkEdit refuses edits that latents do not have: what is known has to be known of
// them too.
func (d *decoder) checkEdit(e *Edit) error {
	task := strconv.Quote(string(e.Task))
	switch allowed := d.editTasks(); {
	case allowed == nil:
		return &FieldError{"edit.task", task, "none: the model's autoencoder has no encoder"}
	case !slices.Contains(allowed, e.Task):
		return &FieldError{"edit.task", task, `"image" or "inpaint": the model has latents, whose pixels are not known one by one`}
	}
	return nil
}

func (d *decoder) editTasks() []EditTask {
	if d.Config().Encoder == nil {
		return nil
	}
	return []EditTask{EditImage, EditInpaint}
}

// encode makes the latents of an edit's image, n×n of them, the mean of their
// distribution, and the mask of those that are to be painted: where any pixel is.
func (d *editor) encode(ctx context.Context, ae *decoder, n int) error {
	cfg, pixels := ae.Config(), d.size*d.size
	x := make([]float32, cfg.ImageChannels*pixels)
	for i := range x {
		x[i] = float32(float32(2*float32(d.Image[3*(i%pixels)+i/pixels]))/255) - 1
	}
	moments := make([]float32, cfg.Moments()*d.cells)
	if err := ae.Encode(ctx, moments, x, d.size, d.size, nil); err != nil {
		return err
	}
	d.y = ae.latents.Undo(moments[:d.channels*d.cells])
	if !allFinite(d.y) {
		return ErrNotFinite
	}
	d.black, d.white = float32(math.Inf(-1)), float32(math.Inf(1)) // of latents
	if d.Task == EditInpaint {
		f := d.size / n
		d.painted = make([]byte, d.cells)
		for i, b := range d.Mask {
			d.painted[i/d.size/f*n+i%d.size/f] |= b
		}
	}
	return nil
}
