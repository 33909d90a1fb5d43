// Package convert gives a network the types that its tensors are stored as and writes
// it as a .dit8 file.
package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/param"
	"dit8/internal/ordered"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
	"dit8/weights"
)

// Tensors is a stream of a network's tensors.
type Tensors = calib.Tensors

// About is what a file says of a model besides its network.
type About struct {
	Path                  string // of the checkpoint, which the model is named after where Name is empty
	Name, License, Source string
	Labels                string   // the file of class names, or ImageNet; empty are ImageNet's where the family has them, else numbers
	Vocabulary            string   // the file of words and styles, in place of Labels
	WordsBeside           string   // such a file beside the checkpoint, for where there is neither
	Beside                []string // files that may have names under id2label, for where there are no Labels
	Steps                 *int     // of the sampler's defaults; nil is the family's, or 20
	Guidance              *float64 // likewise; nil is the family's, or 3
}

// Model is a network, an autoencoder or both, with what the file will say of it.
type Model struct {
	weights.Header
	Notes  []string // what was made of the classes' names
	tensor func(name string) (param.Tensor, error)
	seen   map[string]*calib.Channels // by convolutions that are to be int8, once the autoencoder is calibrated
}

// New describes a network or an autoencoder.
func New(m family.Model, a About) (Model, error) {
	if m.Network == nil {
		return newAutoencoder(m, a)
	}
	cfg := *m.Network
	info := core.Info{Name: a.Name, License: a.License, Source: a.Source, Defaults: a.Sampler(m.Defaults), Convention: m.Convention, Latents: m.Latents, StepCounts: m.StepCounts}
	if info.Name == "" {
		info.Name = nameOf(a.Path)
	}
	if cfg.InChannels == 1 || cfg.InChannels == 3 {
		info.Pixels = core.Pixels{Mean: 0.5, Std: 0.5}
	}
	if m.Convention.NoNullClass && a.Guidance == nil {
		info.Defaults.Guidance, info.Defaults.GuidanceInterval = 1, nil
	}
	if notes, err := a.words(&info, cfg.NumClasses); err != nil || info.Vocabulary != nil {
		if err == nil {
			err = info.Check(cfg)
		}
		return Model{weights.Header{Config: cfg, Info: info}, notes, m.Tensor, nil}, err
	}
	file := a.Labels
	if file == "" && m.ImageNet && cfg.NumClasses == 1000 {
		file = ImageNet
	}
	var notes []string
	if file == "" {
		file, notes = a.named(cfg.NumClasses)
	}
	names, more, err := ClassNames(file, cfg.NumClasses)
	if err != nil {
		return Model{}, err
	}
	info.Classes = names
	notes = slices.Concat(nullClass(m), notes, more)
	return Model{weights.Header{Config: cfg, Info: info}, notes, m.Tensor, nil}, info.Check(cfg)
}

// newAutoencoder describes an autoencoder alone, of which there is less to say.
func newAutoencoder(m family.Model, a About) (Model, error) {
	info := core.Info{Name: a.Name, License: a.License, Source: a.Source}
	if info.Name == "" {
		info.Name = nameOf(a.Path)
	}
	return Model{weights.Header{Info: info, Autoencoder: m.Autoencoder}, nil, m.Tensor, nil}, info.CheckAutoencoder()
}

// With puts an autoencoder into a network's file.
func (m Model) With(a family.Model) (Model, error) {
	if a.Autoencoder == nil {
		return m, errors.New("this is a network, not an autoencoder")
	}
	if m.Autoencoder != nil {
		return m, errors.New("the checkpoint is an autoencoder itself")
	}
	if err := a.Autoencoder.Fits(m.Config.InChannels); err != nil {
		return m, err
	}
	network, of := m.tensor, make(map[string]bool)
	for _, s := range a.Specs {
		of[s.Name] = true
	}
	m.Autoencoder, m.Info.Pixels = a.Autoencoder, core.Pixels{}
	m.tensor = func(name string) (param.Tensor, error) {
		if of[name] {
			return a.Tensor(name)
		}
		return network(name)
	}
	return m, nil
}

// WithPreview puts the decoder of a TAESD into a file with an autoencoder, for previews.
func (m Model) WithPreview(p family.Model) (Model, error) {
	switch {
	case m.Autoencoder == nil:
		return m, errors.New("previews are of latents, and there is no autoencoder: give it by -vae")
	case p.Autoencoder == nil || p.Autoencoder.Config.Kind != autoencoder.Tiny:
		return m, errors.New("this is no TAESD")
	}
	a, decoder := *m.Autoencoder, p.Autoencoder.Config
	decoder.Encoder = nil
	before := a.Specs()
	a.PreviewDecoder = &decoder
	if err := a.Check(); err != nil {
		return m, err
	}
	rest := m.tensor
	of := make(map[string]string)
	for i, s := range a.Specs()[len(before):] {
		of[s.Name] = decoder.Specs()[i].Name
	}
	m.Autoencoder = &a
	m.tensor = func(name string) (param.Tensor, error) {
		own, ok := of[name]
		if !ok {
			return rest(name)
		}
		x, err := p.Tensor(own)
		x.Name = name
		return x, err
	}
	return m, nil
}

// nullClass says that a network has no null class, or what is taken for it. The published
// networks of 1000 classes have one.
func nullClass(m family.Model) []string {
	n := m.Network.NumClasses
	switch {
	case m.Convention.NoNullClass:
		return []string{fmt.Sprintf("no null class: %d classes, guidance 1 only", n)}
	case n != 1000:
		return []string{fmt.Sprintf("the last of %d rows of the class table is taken for the null class (-no-null-class if it is a class)", n+1)}
	}
	return nil
}

// named finds a file beside the checkpoint that names its classes.
func (a About) named(classes int) (file string, notes []string) {
	for _, path := range a.Beside {
		var config struct {
			ID2Label json.RawMessage `json:"id2label"`
		}
		if checkpoint.ReadJSON(path, &config) != nil || len(config.ID2Label) == 0 {
			continue
		}
		if _, _, err := ClassNames(path, classes); err != nil {
			notes = append(notes, fmt.Sprintf("its names of classes are not taken: %v", err))
			continue
		}
		return path, append(notes, fmt.Sprintf("the classes' names are those of %s", path))
	}
	return "", notes
}

// Sampler is a family's defaults d, where nothing else was asked for.
func (a About) Sampler(d core.Defaults) core.Defaults {
	if d.Steps == 0 {
		d.Steps, d.Guidance = 20, 3
	}
	if a.Steps != nil {
		d.Steps = *a.Steps
	}
	if a.Guidance != nil {
		d.Guidance = float32(*a.Guidance)
	}
	return d
}

// nameOf names a model after its file.
func nameOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs // for a folder like "."
	}
	name := filepath.Base(path)
	for _, ext := range []string{".safetensors.index.json", ".safetensors", ".pt", ".pth", ".ckpt", ".bin"} {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// Tensors reads all tensors on all cores and yields them in order, in their types.
func (m Model) Tensors(t Types) Tensors { return m.read(m.Specs(), t) }

// autoencoderTensors are those of Tensors that are the autoencoder's.
func (m Model) autoencoderTensors(t Types) Tensors { return m.read(m.Autoencoder.Specs(), t) }

func (m Model) read(all []param.Spec, t Types) Tensors {
	specs := func(yield func(param.Spec, error) bool) {
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}
	return ordered.Map(specs, runtime.GOMAXPROCS(0), func(s param.Spec) (param.Tensor, error) {
		x, err := m.tensor(s.Name)
		if err != nil {
			return x, err
		}
		if layer, ok := strings.CutSuffix(s.Name, ".bias"); ok && m.seen[layer] != nil {
			return m.corrected(x, layer, t)
		}
		return t.stored(s, x, m.seen[strings.TrimSuffix(s.Name, ".weight")]), nil
	})
}

// corrected adds to a convolution's bias what its weights lose by rounding, of inputs as
// large as their mean.
func (m Model) corrected(bias param.Tensor, layer string, t Types) (param.Tensor, error) {
	w, err := m.tensor(layer + ".weight")
	if err != nil {
		return bias, err
	}
	spec := param.Spec{Name: w.Name, Shape: w.Shape, Role: param.Convolution}
	q := t.stored(spec, w, m.seen[layer])
	if q.I8 == nil {
		return bias, nil
	}
	bias.F32 = slices.Clone(bias.F32)
	for o, v := range m.seen[layer].Lost(w.F32, q.Floats()) {
		bias.F32[o] += v
	}
	return bias, nil
}

// Floats reads the whole network as float32.
func (m Model) Floats() (calib.Floats, error) {
	return calib.ReadFloats(m.Config, m.Info, m.read(m.Config.Specs(), Types{Default: "f32"}))
}

// Parameters is the number of values of tensors.
func Parameters(specs []param.Spec) (n int) {
	for _, s := range specs {
		n += s.Len()
	}
	return n
}
