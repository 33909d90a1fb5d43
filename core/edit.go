package core

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// EditTask is what an Edit does with its image.
type EditTask string

// The tasks. EditImage starts from a noised image; the others are linear inverse
// problems y = A·x: the image is what is known of the result, and after each
// evaluation the estimate of the clean image is moved to the nearest one that has
// it (FlowChef, arXiv 2412.00100; with solver sde as PnP-Flow, arXiv 2410.02423).
const (
	EditImage    EditTask = "image"            // y is a picture to start from
	EditInpaint  EditTask = "inpaint"          // y is known where the mask is 0
	EditUpscale  EditTask = "super-resolution" // y is the mean of squares of Factor pixels
	EditColorize EditTask = "colorize"         // y is the luma
)

// EditTasks are their names.
func EditTasks() []EditTask { return []EditTask{EditImage, EditInpaint, EditUpscale, EditColorize} }

// EditTasks are the edits that the model can make, none where it draws nothing.
func (g *Generator) EditTasks() []EditTask {
	switch all := EditTasks(); {
	case g.decoder != nil:
		return g.decoder.editTasks()
	case g.drawable() != nil:
		return nil
	case g.model.Config().InChannels == 3:
		return all
	default: // there are no colours
		return slices.DeleteFunc(all, func(t EditTask) bool { return t == EditColorize })
	}
}

// Edit works on an image. Pixels are bytes, row by row; JSON has them in base64.
type Edit struct {
	Task  EditTask `json:"task"`
	Image []byte   `json:"image"` // red, green, blue; only luma for colorize
	Width int      `json:"width"` // of Image in pixels

	// Mask, for inpaint, has a byte a pixel: 0 keeps it, any other paints it anew.
	Mask []byte `json:"mask,omitempty"`
	// Factor, for super-resolution, divides the model's image size: 2 to MaxFactor.
	Factor int `json:"factor,omitempty"`
	// Strength is the time to start from, above 0 up to 1: how much is made anew.
	// 0 is 0.6 for task image and 1 for the others.
	Strength float32 `json:"strength,omitempty"`
	// Keep, for inpaint, gives the result the very bytes of Image where Mask is 0. A model
	// of pixels does so anyway, but for colours that it lacks; of latents, what is known is
	// encoded and decoded again, and comes out near it.
	Keep bool `json:"keep,omitempty"`
}

// MaxFactor bounds Edit.Factor.
const MaxFactor = 64

// defaultStrength keeps the layout of an image and changes what it shows.
const defaultStrength = 0.6

func (e *Edit) start() float32 {
	switch {
	case e.Strength != 0:
		return e.Strength
	case e.Task == EditImage:
		return defaultStrength
	}
	return 1
}

// check checks what does not depend on the model.
func (e *Edit) check() error {
	switch e.Task {
	case EditImage, EditInpaint, EditUpscale, EditColorize:
	default:
		return &FieldError{"edit.task", strconv.Quote(shorten(string(e.Task))), `"image", "inpaint", "super-resolution" or "colorize"`}
	}
	if !(e.Strength >= 0 && e.Strength <= 1) {
		return &FieldError{"edit.strength", number(e.Strength), "above 0 to 1, or 0 for the task's own"}
	}
	if e.Task == EditUpscale && (e.Factor < 2 || e.Factor > MaxFactor) {
		return &FieldError{"edit.factor", strconv.Itoa(e.Factor), fmt.Sprintf("2 to %d", MaxFactor)}
	}
	if e.Task != EditUpscale && e.Factor != 0 {
		return &FieldError{"edit.factor", strconv.Itoa(e.Factor), "none, but for super-resolution"}
	}
	if e.Task != EditInpaint && e.Keep {
		return &FieldError{"edit.keep", "true", "false, but for inpaint"}
	}
	if e.Task != EditInpaint && e.Mask != nil {
		return &FieldError{"edit.mask", fmt.Sprintf("%d bytes", len(e.Mask)), "none, but for inpaint"}
	}
	return nil
}

// editor is an Edit for images of a model: size pixels square, of some channels.
type editor struct {
	*Edit
	size, channels int
	cells          int       // values of a channel: pixels, or those of latents
	black, white   float32   // network values of the darkest and the brightest pixel
	y              []float32 // network values of what is known, [channels or 1, H, W] of the image given, or its latents
	painted        []byte    // Mask, for each cell
}

// luma are the weights of red, green and blue (ITU-R BT.601).
var luma = [3]float32{0.299, 0.587, 0.114}

// Luma is the brightness of a colour, as an Edit that colorizes takes it.
func Luma(r, g, b uint8) uint8 {
	return uint8((299*int(r) + 587*int(g) + 114*int(b) + 500) / 1000)
}

// newEditor checks an edit against a model's images.
func (g *Generator) newEditor(ctx context.Context, e *Edit) (*editor, error) {
	cfg := g.model.Config()
	d := &editor{Edit: e, size: g.ImageSize(), channels: cfg.InChannels, cells: cfg.InputSize * cfg.InputSize, painted: e.Mask}
	if g.decoder != nil {
		if err := g.decoder.checkEdit(e); err != nil {
			return nil, err
		}
	}
	width := d.size
	if e.Task == EditUpscale {
		if d.size%e.Factor != 0 {
			return nil, &FieldError{"edit.factor", strconv.Itoa(e.Factor), fmt.Sprintf("a divisor of %d, the size of the model's images", d.size)}
		}
		width /= e.Factor
	}
	if len(e.Image) == 0 && e.Width == 0 {
		return nil, &FieldError{"edit.image", "0 bytes", fmt.Sprintf("the pixels of a picture of %d×%[1]d", width)}
	}
	if e.Width != width {
		return nil, &FieldError{"edit.width", strconv.Itoa(e.Width), fmt.Sprintf("%d, as the model's images have %d×%d pixels", width, d.size, d.size)}
	}
	bytes := 3
	if e.Task == EditColorize {
		if bytes = 1; d.channels != 3 {
			return nil, &FieldError{"edit.task", strconv.Quote(string(e.Task)), "others: the model has no colours"}
		}
	}
	pixels := width * width
	if len(e.Image) != bytes*pixels {
		return nil, &FieldError{"edit.image", fmt.Sprintf("%d bytes", len(e.Image)), fmt.Sprintf("%d: %d×%d pixels of %d", bytes*pixels, width, width, bytes)}
	}
	if e.Task == EditInpaint {
		if err := d.checkMask(pixels); err != nil {
			return nil, err
		}
	}
	if g.decoder != nil {
		return d, d.encode(ctx, g.decoder, cfg.InputSize)
	}
	d.values(g.info.Pixels)
	return d, nil
}

// values are those of the image's bytes to a network of pixels: of a pixel p in [0, 1],
// (p - mean)/std.
func (d *editor) values(p Pixels) {
	value := func(b byte) float32 { return float32(float32(b)/255-p.Mean) / p.Std }
	d.black, d.white = value(0), value(255)
	if d.Task == EditColorize {
		for _, b := range d.Image {
			d.y = append(d.y, value(b))
		}
		return
	}
	pixels := len(d.Image) / 3
	d.y = make([]float32, d.channels*pixels)
	for c := range d.channels {
		for i := range pixels {
			d.y[c*pixels+i] = value(d.Image[3*i+c])
		}
	}
}

func (d *editor) checkMask(pixels int) error {
	if len(d.Mask) != pixels {
		return &FieldError{"edit.mask", fmt.Sprintf("%d bytes", len(d.Mask)), fmt.Sprintf("%d, one a pixel", pixels)}
	}
	painted := 0
	for _, b := range d.Mask {
		if b != 0 {
			painted++
		}
	}
	if painted == 0 {
		return &FieldError{"edit.mask", "all 0: nothing is to be painted", "some pixels that are not 0"}
	}
	return nil
}

// linear tells whether the estimate is corrected at every evaluation.
func (t EditTask) linear() bool { return t != EditImage }

// begin turns noise z [n, C, H, W] into the state at time t of images like y:
// (1-t)·x + t·ε. At t = 1 that is the noise itself.
func (d *editor) begin(z []float32, t float32) {
	if t == 1 {
		return
	}
	for i := range z {
		z[i] = float32((1-t)*d.guess(i%(d.channels*d.cells))) + float32(t*z[i])
	}
}

// guess is value i of an image that has what is known: an image to start from.
func (d *editor) guess(i int) float32 {
	c, p := i/d.cells, i%d.cells
	switch d.Task {
	case EditUpscale:
		w := d.size / d.Factor
		return d.y[c*w*w+p/d.size/d.Factor*w+p%d.size/d.Factor]
	case EditColorize:
		return d.y[p]
	}
	return d.y[i]
}

// finalRounds is how often the last estimate is clamped to pixels and corrected
// again: alternate projections, which end near an image that is both.
const finalRounds = 32

// finish is correct for the last estimate, which becomes pixels.
func (d *editor) finish(clean []float32) {
	d.correct(clean)
	for range finalRounds {
		for i, v := range clean {
			if v < d.black {
				clean[i] = d.black
			}
			if v > d.white {
				clean[i] = d.white
			}
		}
		d.correct(clean)
	}
}

// correct moves each image of clean [n, C, H, W] to the nearest one that has what
// is known: x + A⁺·(y - A·x).
func (d *editor) correct(clean []float32) {
	pixels := d.cells
	for n := d.channels * pixels; len(clean) > 0; clean = clean[n:] {
		x := clean[:n]
		switch d.Task {
		case EditInpaint:
			for i := range x {
				if d.painted[i%pixels] == 0 {
					x[i] = d.y[i]
				}
			}
		case EditUpscale:
			for c := range d.channels {
				d.correctMeans(x[c*pixels:(c+1)*pixels], d.y[c*len(d.y)/d.channels:])
			}
		case EditColorize:
			norm := float32(luma[0]*luma[0]) + float32(luma[1]*luma[1]) + float32(luma[2]*luma[2])
			for p := range pixels {
				r := d.y[p] - float32(float32(float32(luma[0]*x[p])+float32(luma[1]*x[pixels+p]))+float32(luma[2]*x[2*pixels+p]))
				for c, w := range luma {
					x[c*pixels+p] = x[c*pixels+p] + float32(w*float32(r/norm))
				}
			}
		}
	}
}

// correctMeans moves a plane so that its squares of Factor pixels have means y.
func (d *editor) correctMeans(x, y []float32) {
	f, w := d.Factor, d.size/d.Factor
	for by := range w {
		for bx := range w {
			sum := float32(0)
			for i := range f * f {
				sum += x[(by*f+i/f)*d.size+bx*f+i%f]
			}
			r := y[by*w+bx] - sum/float32(f*f)
			for i := range f * f {
				at := (by*f+i/f)*d.size + bx*f + i%f
				x[at] = x[at] + r
			}
		}
	}
}

// keep puts the known pixels of an inpainted image in their places.
func (d *editor) keep(pix []uint8) {
	if !d.Keep {
		return
	}
	for i, b := range d.Mask {
		if b == 0 {
			copy(pix[4*i:4*i+3], d.Image[3*i:])
		}
	}
}

// measurementError is how far the pixels of a finished image are from what was
// given, the root of the mean square, where 1 is full scale. Only clamping and
// rounding to bytes are left of it, unless the task is to start from an image.
func (d *editor) measurementError(pix []uint8) float64 {
	at := func(x, y, c int) float64 { return float64(pix[4*(y*d.size+x)+c]) / 255 }
	sum, n := 0.0, 0
	add := func(got float64, want byte) {
		e := got - float64(want)/255
		sum += float64(e * e)
		n++
	}
	switch d.Task {
	case EditImage, EditInpaint:
		for i := range d.size * d.size {
			for c := range 3 {
				if d.Mask == nil || d.Mask[i] == 0 {
					add(at(i%d.size, i/d.size, c), d.Image[3*i+c])
				}
			}
		}
	case EditUpscale:
		f, w := d.Factor, d.Width
		for i := range w * w {
			for c := range 3 {
				mean := 0.0
				for k := range f * f {
					mean += at(i%w*f+k%f, i/w*f+k/f, c)
				}
				add(mean/float64(f*f), d.Image[3*i+c])
			}
		}
	case EditColorize:
		for i := range d.size * d.size {
			y := 0.0
			for c, w := range luma {
				y += float64(float64(w) * at(i%d.size, i/d.size, c))
			}
			add(y, d.Image[i])
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}
