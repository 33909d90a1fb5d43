package core

import (
	"context"
	"fmt"
	"image"
	"iter"
	"strings"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/param"
)

// decoder is the autoencoder of a model of latents.
type decoder struct {
	*autoencoder.Model
	about   Autoencoder
	latents Latents // how the network's values become the decoder's
	id      string  // of its file, where that's not the network's

	small *autoencoder.Model   // the decoder of previews, or nil
	shown map[int]*image.NRGBA // the newest preview of each image of a request, where small made it
}

// SetAutoencoder loads the tensors of an autoencoder that turns the network's latents
// into images, in place of the one that there may be. id identifies its file where that
// is not the network's.
func (g *Generator) SetAutoencoder(id string, a Autoencoder, tensors iter.Seq2[param.Tensor, error]) error {
	if err := a.Check(); err != nil {
		return err
	}
	if err := a.Fits(g.model.Config().InChannels); err != nil {
		return err
	}
	m, err := autoencoder.Load(convolver(g.model.Device(), a.Config, g.model.Config().InputSize), a.Config, tensors)
	if err != nil {
		return err
	}
	if g.decoder != nil {
		g.decoder.Free()
	}
	g.decoder = &decoder{Model: m, about: a, latents: a.Scale(g.info.Latents), id: id}
	return nil
}

// SetPreview loads the tensors of the decoder of previews that the autoencoder has,
// by their names in Autoencoder.Specs. A device without convolutions does without: it would
// take longer for a preview than for a step.
func (g *Generator) SetPreview(tensors iter.Seq2[param.Tensor, error]) error {
	dev, ok := own(g.model.Device(), *g.decoder.about.PreviewDecoder, g.model.Config().InputSize)
	if !ok {
		for _, err := range tensors {
			if err != nil {
				return err
			}
		}
		return nil
	}
	named := func(yield func(param.Tensor, error) bool) {
		for t, err := range tensors {
			t.Name = strings.TrimPrefix(t.Name, previewPrefix)
			if !yield(t, err) {
				return
			}
		}
	}
	m, err := autoencoder.Load(dev, *g.decoder.about.PreviewDecoder, named)
	g.decoder.small = m
	return err
}

// Free gives back the device's memory.
func (d *decoder) Free() {
	d.Model.Free()
	if d.small != nil {
		d.small.Free()
	}
}

// Autoencoder is that of the model, if it has one.
func (g *Generator) Autoencoder() (a Autoencoder, ok bool) {
	if g.decoder == nil {
		return a, false
	}
	return g.decoder.about, true
}

// AutoencoderID identifies the autoencoder's file, where it's another one than the
// network's.
func (g *Generator) AutoencoderID() string {
	if g.decoder == nil {
		return ""
	}
	return g.decoder.id
}

// convolver is what runs an autoencoder for latents n×n: the device itself, or the one that it
// names for that, or Go, which gives the same bits slowly.
func convolver(dev compute.Device, c autoencoder.Config, n int) compute.Convolver {
	if c, ok := own(dev, c, n); ok {
		return c
	}
	return generic.New()
}

// own is the device with convolutions that comes with dev: dev itself, or another beside it, as a
// graphics processor has, whose memory may not do for an autoencoder.
func own(dev compute.Device, c autoencoder.Config, n int) (compute.Convolver, bool) {
	if d, ok := dev.(interface {
		Fits(c autoencoder.Config, h, w int) bool
		Beside() compute.Device
	}); ok && !d.Fits(c, n, n) {
		dev = d.Beside()
	}
	v, ok := dev.(compute.Convolver)
	return v, ok
}

// release gives back what decoding took.
func (g *Generator) release() {
	d := g.decoder
	if d == nil {
		return
	}
	d.Release()
	d.shown = nil
	if d.small != nil {
		d.small.Release()
	}
}

// decodeParts is in how many parts the decoding of an image is told.
func (g *Generator) decodeParts() int {
	if g.decoder == nil {
		return 0
	}
	return len(g.decoder.Config().Decoder.Channels) + 1
}

// decoded are values of -1 to 1.
var decoded = Pixels{Mean: 0.5, Std: 0.5}

// decode makes the picture of latents z, one image of the batch of images first and on.
func (s *sampler) decode(z, batch []float32, first int) (*image.NRGBA, error) {
	n, size := s.Config().InputSize, s.g.ImageSize()
	out := make([]float32, s.g.decoder.Config().ImageChannels*size*size)
	parts, told := s.g.decodeParts(), 0
	see := func(done float64) {
		for ; told < int(done*float64(parts)); told++ {
			s.done++
			if s.onStep != nil {
				s.onStep(Event{Step: s.done, Steps: s.total, First: first, Images: len(batch) / len(z), Decoding: true, g: s.g, ctx: s.ctx, clean: batch})
			}
		}
	}
	err := s.g.moving(func() error { d := s.g.decoder; return d.Decode(s.ctx, out, d.latents.Apply(z), n, n, see) })
	if err != nil {
		return nil, err
	}
	s.follow()
	if !allFinite(out) {
		return nil, fmt.Errorf("%w: the autoencoder's", ErrNotFinite)
	}
	return decoded.image(out, size, size), nil
}

// preview is a cheap picture of latents z [C, n, n] of image i of a request: what the
// decoder of previews makes of them, where there is one. While the autoencoder decodes, the
// device is busy with that, and the last one is shown.
func (d *decoder) preview(ctx context.Context, i int, z []float32, n int, decoding bool) *image.NRGBA {
	if d.small == nil {
		return d.linear(z, n)
	}
	if img := d.shown[i]; decoding && img != nil {
		return img
	}
	side := n * d.Config().Factor()
	out := make([]float32, d.small.Config().ImageChannels*side*side)
	if decoding || d.small.Decode(ctx, out, z, n, n, nil) != nil {
		return d.linear(z, n)
	}
	img := decoded.image(out, side, side)
	if d.shown == nil {
		d.shown = make(map[int]*image.NRGBA)
	}
	d.shown[i] = img
	return img
}

// linear is the cheapest picture of latents z [C, n, n]: a linear map of each to a colour,
// where the file has one, else the first channel in grey, with smooth passages between them.
func (d *decoder) linear(z []float32, n int) *image.NRGBA {
	plane := n * n
	v := make([]float32, 3*plane)
	for c, row := range d.about.Preview {
		for k, w := range row[:len(row)-1] {
			for i := range plane {
				v[c*plane+i] += float32(w * z[k*plane+i])
			}
		}
		for i := range plane {
			v[c*plane+i] += row[len(row)-1]
		}
	}
	if d.about.Preview == nil {
		for i := range v {
			v[i] = z[i%plane] / 2
		}
	}
	return enlarged(decoded.image(v, n, n), d.Config().Factor())
}

// enlarged is a square image by times as wide and high, interpolated bilinearly between the centres of its pixels.
func enlarged(img *image.NRGBA, by int) *image.NRGBA {
	small, n := img.Rect.Dx(), img.Rect.Dx()*by
	out := image.NewNRGBA(image.Rect(0, 0, n, n))
	// between are the pixels around place x, and the weight of the second one in parts of 2·by.
	between := func(x int) (a, b, w int) {
		at := max(0, 2*x+1-by)
		return at / (2 * by), min(at/(2*by)+1, small-1), at % (2 * by)
	}
	row, whole := make([]int, 4*small), 2*by
	for y := range n {
		above, below, w := between(y)
		a, b := img.Pix[img.PixOffset(0, above):], img.Pix[img.PixOffset(0, below):]
		for i := range row {
			row[i] = int(a[i])*(whole-w) + int(b[i])*w
		}
		pix := out.Pix[out.PixOffset(0, y):]
		for x := range n {
			l, r, w := between(x)
			for c := range 4 {
				pix[4*x+c] = uint8((row[4*l+c]*(whole-w) + row[4*r+c]*w + whole*whole/2) / (whole * whole))
			}
		}
	}
	return out
}
