// Package core generates images with a Diffusion Transformer. It is what the
// command line, the page, the edge worker and the desktop program share: the same
// Request gives the same pixels in all of them.
package core

import (
	"context"
	"errors"
	"iter"
	"time"

	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/core/sampling"
)

// Generator makes images with one model on one device. It is used by one
// goroutine at a time.
type Generator struct {
	model   *dit.Model
	info    Info
	id      string
	decoder *decoder // nil where the network makes pixels

	again func() (*Generator, error) // the same model on another device
	lost  string                     // device that it moved from
}

// NewGenerator loads a model's tensors onto dev. id identifies the model file in
// results.
func NewGenerator(dev compute.Device, id string, info Info, cfg dit.Config, tensors iter.Seq2[param.Tensor, error]) (*Generator, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if err := info.Check(cfg); err != nil {
		return nil, err
	}
	m, err := dit.Load(dev, cfg, tensors)
	if err != nil {
		return nil, err
	}
	return &Generator{model: m, info: info, id: id}, nil
}

// Free gives the device's memory back that the model takes. g is of no use after
// it.
func (g *Generator) Free() {
	g.model.Free()
	if g.decoder != nil {
		g.decoder.Free()
	}
}

// Info is what the model file says of the model.
func (g *Generator) Info() Info { return g.info }

// ID identifies the model file.
func (g *Generator) ID() string { return g.id }

// ImageSize is the height and width of the images in pixels.
func (g *Generator) ImageSize() int {
	if g.decoder != nil {
		return g.model.Config().InputSize * g.decoder.Config().Factor()
	}
	return g.model.Config().InputSize
}

// Config is the network's shape.
func (g *Generator) Config() dit.Config { return g.model.Config() }

// network is the model with what its predictions mean.
func (g *Generator) network() sampling.Network {
	return sampling.Network{Model: g.model, Convention: g.info.Convention}
}

// Defaults is a Request with the model's defaults: its first class, or example of a
// prompt, or word, seed 0, one image.
func (g *Generator) Defaults() Request {
	return g.info.Request().Of(g.info, g.info.Subjects()[0])
}

// Memory that the values of one batch may take; larger requests are split. It does
// not change the result. Variables for tests.
var (
	maxBatchValues        = 64 << 18  // 64 MiB of activations
	maxConditioningValues = 256 << 18 // 256 MiB of modulation vectors
)

// ErrNotFinite tells that a request's settings drove the model's values beyond
// float32.
var ErrNotFinite = errors.New("core: the model produced values that are not finite")

// Generate makes the images that req asks for. onStep, when not nil, is called
// after each evaluation of the model and each part of the decoding of latents. It fails
// with a *FieldError on a bad request, and with ctx's error within one step of ctx's end.
func (g *Generator) Generate(ctx context.Context, req Request, onStep func(Event)) (*Result, error) {
	if err := req.Check(g.info); err != nil {
		return nil, err
	}
	req = req.canonical(g.info)
	if err := g.drawable(); err != nil {
		return nil, err
	}
	if err := g.ready(); err != nil {
		return nil, err
	}
	if err := req.fitsModulation(g.model.Config()); err != nil {
		return nil, err
	}
	s := newSampler(ctx, g, req)
	if req.Edit != nil {
		var err error
		if err = g.moving(func() error { s.edit, err = g.newEditor(ctx, req.Edit); return err }); err != nil {
			return nil, err
		}
		s.follow()
	}
	batch := s.batch()
	batches := (req.Count + batch - 1) / batch
	start := time.Now()
	s.onStep, s.evaluations = onStep, batches*req.Steps
	s.total = s.evaluations + req.Count*g.decodeParts()
	defer s.Free()
	defer g.release()
	res := &Result{}
	for first := 0; first < req.Count; first += batch {
		z, err := s.run(first, min(batch, req.Count-first))
		if err != nil {
			return nil, err
		}
		images, err := s.pictures(z, first)
		if err != nil {
			return nil, err
		}
		res.Images = append(res.Images, images...)
	}
	if s.edit != nil {
		for _, img := range res.Images {
			s.edit.keep(img.Pix)
		}
	}
	res.Metadata = g.metadata(req, res.Images, time.Since(start), s)
	if s.edit != nil {
		for _, img := range res.Images {
			res.Metadata.MeasurementError = append(res.Metadata.MeasurementError, s.edit.measurementError(img.Pix))
		}
	}
	return res, nil
}

// batch is how many images are sampled at a time.
func (s *sampler) batch() int {
	groups := 1
	for _, c := range s.Conds {
		groups = max(groups, len(c)/len(s.all))
	}
	return min(s.req.Count*len(s.all), max(1, maxBatchValues/(groups*s.Config().WorkspaceLen())))
}
