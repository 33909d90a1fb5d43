package core

import (
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/draw"
	"math"
	"time"

	"dit8/core/compute"
	"dit8/core/flow"
)

// Result is what Generate made.
type Result struct {
	Images   []*image.NRGBA
	Metadata Metadata
}

// Metadata says how images were made; with the model file, the Request in it is
// enough to make them again.
type Metadata struct {
	Request Request `json:"request"`
	Model   string  `json:"model"`    // name
	ModelID string  `json:"model_id"` // identifies the file
	// AutoencoderID identifies the file of the autoencoder, where it's another one.
	AutoencoderID string `json:"autoencoder_id,omitempty"`
	Device        string `json:"device,omitempty"` // what computed it: see Generator.Device
	// Contract is the version of the numeric contract (compute.Contract). Another one
	// may give other pixels.
	Contract int      `json:"contract"`
	SHA256   string   `json:"sha256"` // PixelHash of all images
	Images   []string `json:"images"` // PixelHash of each
	// Skipped are words that were left out, as the model does not know them.
	Skipped []string `json:"skipped,omitempty"`
	// MeasurementError is, for each image of an edit, how far it is from what was
	// given: the root of the mean square, 1 being full scale.
	MeasurementError []float64 `json:"measurement_error,omitempty"`

	Seconds   float64 `json:"seconds,omitempty"`     // wall time of all steps
	MsPerStep float64 `json:"ms_per_step,omitempty"` // per evaluation of a batch
}

func (g *Generator) metadata(req Request, images []*image.NRGBA, d time.Duration, s *sampler) Metadata {
	m := Metadata{
		Request: req.explicit(g.info.Defaults), Model: g.info.Name, ModelID: g.id, AutoencoderID: g.AutoencoderID(),
		Device: g.Device(), Contract: compute.Contract,
		SHA256:  PixelHash(images...),
		Skipped: req.skipped(g.info),
		Seconds: d.Seconds(), MsPerStep: (d - s.decoding).Seconds() * 1000 / float64(s.evaluations),
	}
	for _, img := range images {
		m.Images = append(m.Images, PixelHash(img))
	}
	return m
}

// explicit is r with the fields spelled out that mean something else when they are
// left to the model's defaults.
func (r Request) explicit(d Defaults) Request {
	if r.Solver == "" && d.Solver != "" {
		r.Solver = flow.Euler
	}
	if r.Schedule == "" && d.Schedule != "" {
		r.Schedule = flow.Uniform
	}
	if r.Shift == 0 && d.Shift != 0 {
		r.Shift = 1
	}
	if r.Diffusion == 0 && d.Diffusion != 0 {
		r.Diffusion = 1
	}
	if r.GuidanceInterval == nil && d.GuidanceInterval != nil {
		r.GuidanceInterval = []float32{0, 1}
	}
	return r
}

// PixelHash is the SHA-256, in hex, of the images' pixels in order: 8-bit red,
// green, blue and alpha, row by row. A canvas's ImageData has the same bytes.
func PixelHash(images ...*image.NRGBA) string {
	h := sha256.New()
	for _, m := range images {
		w := 4 * m.Rect.Dx()
		for y := range m.Rect.Dy() {
			h.Write(m.Pix[y*m.Stride : y*m.Stride+w])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Grid lays images of one size out in a nearly square grid, row by row, each
// pixel drawn as scale×scale pixels.
func Grid(images []*image.NRGBA, scale int) *image.NRGBA {
	if len(images) == 0 {
		return image.NewNRGBA(image.Rectangle{})
	}
	cols := int(math.Ceil(math.Sqrt(float64(len(images)))))
	rows := (len(images) + cols - 1) / cols
	w, h := images[0].Rect.Dx()*scale, images[0].Rect.Dy()*scale
	out := image.NewNRGBA(image.Rect(0, 0, cols*w, rows*h))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	for i, m := range images {
		x0, y0 := i%cols*w, i/cols*h
		for y := range h {
			for x := range w {
				out.SetNRGBA(x0+x, y0+y, m.NRGBAAt(x/scale, y/scale))
			}
		}
	}
	return out
}
