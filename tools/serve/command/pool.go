package command

import (
	"context"
	"fmt"
	"slices"

	"dit8/core"
	"dit8/core/compute"
	"dit8/wasm/edge/api"
	"dit8/weights"
)

// files are those of a model: a network's, "" for the built-in one, and perhaps that of its
// autoencoder.
type files struct{ model, vae string }

// fileFlags are -model and -vae, each model's autoencoder after it.
type fileFlags []files

func (f *fileFlags) model(path string) error {
	if len(*f) == 1 && (*f)[0].model == "" && (*f)[0].vae != "" { // -vae stood in front
		(*f)[0].model = path
	} else {
		*f = append(*f, files{model: path})
	}
	return nil
}

func (f *fileFlags) vae(path string) error {
	if len(*f) == 0 {
		*f = fileFlags{{}}
	}
	last := &(*f)[len(*f)-1]
	if last.vae != "" {
		return fmt.Errorf("a second one for %s", last.model)
	}
	last.vae = path
	return nil
}

// pool are the models that requests may name. Few are in memory; when another is asked for,
// the one that was used least recently leaves.
type pool struct {
	dev    compute.Device
	keep   int // in memory at a time
	m      *metrics
	loaded []*pooled // the one that was used last at the end
}

// pooled is a model of a pool. One request at a time uses it, as the API does.
type pooled struct {
	pool  *pool
	files files
	g     *core.Generator // nil while it is not in memory

	info        core.Info
	id, vae     string
	autoencoder core.Autoencoder
	ofLatents   bool
	edits       []core.EditTask
	size, gain  int
	defaults    core.Request
}

// newPool loads each of the models once, which checks it.
func newPool(dev compute.Device, all []files, keep int, m *metrics) ([]api.Generator, error) {
	p := &pool{dev: dev, keep: keep, m: m}
	var models []api.Generator
	for _, f := range slices.Backward(all) { // so that the first stays in memory
		one := &pooled{pool: p, files: f}
		if _, err := one.generator(); err != nil {
			return nil, err
		}
		models = append(models, one)
	}
	slices.Reverse(models)
	return models, nil
}

// generator is the model in memory.
func (o *pooled) generator() (*core.Generator, error) {
	p := o.pool
	p.loaded = slices.DeleteFunc(p.loaded, func(l *pooled) bool { return l == o })
	if o.g == nil {
		for len(p.loaded) >= p.keep {
			p.loaded[0].g.Free()
			p.loaded[0].g = nil
			p.loaded = slices.Delete(p.loaded, 0, 1)
		}
		if err := o.load(); err != nil {
			return nil, err
		}
		p.m.loads.Inc()
	}
	p.loaded = append(p.loaded, o)
	return o.g, nil
}

func (o *pooled) load() error {
	f, err := weights.OpenPair(o.files.model, o.files.vae)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := f.Generator(o.pool.dev)
	if err != nil {
		return err
	}
	if o.id != "" && (g.ID() != o.id || g.AutoencoderID() != o.vae) {
		g.Free()
		return fmt.Errorf("%s has changed since the server began", o.files.model)
	}
	o.g, o.info, o.id, o.vae = g, g.Info(), g.ID(), g.AutoencoderID()
	o.autoencoder, o.ofLatents = g.Autoencoder()
	o.edits, o.size, o.gain, o.defaults = g.EditTasks(), g.ImageSize(), g.Together(), g.Defaults()
	return nil
}

func (o *pooled) Info() core.Info                       { return o.info }
func (o *pooled) ID() string                            { return o.id }
func (o *pooled) AutoencoderID() string                 { return o.vae }
func (o *pooled) Autoencoder() (core.Autoencoder, bool) { return o.autoencoder, o.ofLatents }
func (o *pooled) EditTasks() []core.EditTask            { return o.edits }
func (o *pooled) ImageSize() int                        { return o.size }
func (o *pooled) Defaults() core.Request                { return o.defaults }
func (o *pooled) Together() int                         { return o.gain }

func (o *pooled) Generate(ctx context.Context, req core.Request, onStep func(core.Event)) (*core.Result, error) {
	g, err := o.generator()
	if err != nil {
		return nil, err
	}
	res, err := g.Generate(ctx, req, func(e core.Event) {
		o.pool.m.steps.Inc()
		if onStep != nil {
			onStep(e)
		}
	})
	if err == nil {
		o.pool.m.images.Add(float64(len(res.Images)))
	}
	return res, err
}

func (o *pooled) GenerateAll(ctx context.Context, reqs []core.Request) ([]*core.Result, error) {
	g, err := o.generator()
	if err != nil {
		return nil, err
	}
	all, err := g.GenerateAll(ctx, reqs)
	if err == nil {
		o.pool.m.batched.Add(float64(len(reqs)))
		o.pool.m.steps.Add(float64(reqs[0].Steps))
		o.pool.m.images.Add(float64(len(reqs) * reqs[0].Count))
	}
	return all, err
}
