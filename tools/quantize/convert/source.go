package convert

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
)

// Source is what a model is made of: a checkpoint, what goes into the file beside it, and
// what neither shows. Its fields are what the flags of the same names say.
type Source struct {
	Checkpoint string // file or folder
	Weights    string
	Ignore     Patterns
	Said       family.Said
	Config     string // file
	About      About

	Autoencoder, AutoencoderConfig string // -vae, -vae-config
	Preview                        string

	steps    int
	guidance float64
}

// Opened is a source whose files are open.
type Opened struct {
	Source
	in, autoencoder, preview *checkpoint.Checkpoint
}

// Open opens the files.
func (s Source) Open() (o *Opened, err error) {
	o = &Opened{Source: s}
	if o.in, err = checkpoint.Open(s.Checkpoint, s.Weights); err != nil {
		return nil, err
	}
	for _, a := range []struct {
		path string
		to   **checkpoint.Checkpoint
	}{{s.Autoencoder, &o.autoencoder}, {s.Preview, &o.preview}} {
		if a.path == "" {
			continue
		}
		if *a.to, err = checkpoint.OpenAutoencoder(a.path); err != nil {
			o.Close()
			return nil, err
		}
	}
	return o, nil
}

// Close closes the files.
func (o *Opened) Close() error {
	var errs []error
	for _, c := range o.all() {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func (o *Opened) all() []*checkpoint.Checkpoint {
	return slices.DeleteFunc([]*checkpoint.Checkpoint{o.in, o.autoencoder, o.preview}, func(c *checkpoint.Checkpoint) bool { return c == nil })
}

// Files are all that is read, or may be: what no output may replace.
func (o *Opened) Files() []string {
	files := []string{o.Checkpoint, o.Config, o.Autoencoder, o.AutoencoderConfig, o.Preview, o.About.Labels, o.About.Vocabulary}
	for _, c := range o.all() {
		files = append(append(files, c.Config), c.Files...)
	}
	return files
}

// Model finds out everything that the file's header says, for tensors of types t. What it
// has to assume it tells note.
func (o *Opened) Model(t Types, note func(string)) (Model, error) {
	m, err := o.describe(t, note)
	var wrong *LabelsError
	switch {
	case errors.As(err, &wrong):
		return m, err
	case err != nil:
		return m, fmt.Errorf("%s: %w", o.Checkpoint, err)
	}
	if m, err = add(m, Model.With, "-vae", o.Autoencoder, o.AutoencoderConfig, o.autoencoder, note); err != nil {
		return m, err
	}
	return add(m, Model.WithPreview, "-preview", o.Preview, "", o.preview, note)
}

func (o *Opened) describe(t Types, note func(string)) (Model, error) {
	said := o.Said
	if err := named(&said, o.Checkpoint, o.Config); err != nil {
		return Model{}, err
	}
	ignored := o.in.Ignore(o.Ignore)
	network, err := family.Read(o.in, said)
	if ignored != nil {
		err = ignored
	}
	each(note, "", o.in.Notes, network.Notes)
	if err != nil {
		return Model{}, err
	}
	if err := t.Check(network.Specs); err != nil {
		return Model{}, err
	}
	about := o.DefaultAbout()
	about.Path, about.Beside = o.Checkpoint, beside(o.in.Config)
	if len(o.in.Files) > 0 {
		about.WordsBeside = filepath.Join(filepath.Dir(o.in.Files[0]), "vocabulary.json")
	}
	m, err := New(network, about)
	each(note, "", m.Notes)
	return m, err
}

// DefaultAbout is About with the sampler's defaults that the flags ask for.
func (s Source) DefaultAbout() About {
	a := s.About
	if s.steps != unsaid {
		a.Steps = &s.steps
	}
	if s.guidance != unsaid {
		a.Guidance = &s.guidance
	}
	return a
}

// beside are the files around a checkpoint that may name the classes: a network's
// config.json, and the model_index.json of diffusers' pipelines.
func beside(config string) []string {
	if config == "" {
		return nil
	}
	dir := filepath.Dir(config)
	return []string{config, filepath.Join(dir, "model_index.json"), filepath.Join(dir, "..", "model_index.json")}
}

// add puts the autoencoder that a flag names, by a file or folder and its config, into m as put does.
func add(m Model, put func(Model, family.Model) (Model, error), flag, path, config string, of *checkpoint.Checkpoint, note func(string)) (Model, error) {
	if path == "" {
		return m, nil
	}
	said := family.Said{GuidedChannels: -1}
	if err := named(&said, path, config); err != nil {
		return m, err
	}
	a, err := family.Read(of, said)
	each(note, flag+": ", of.Notes, a.Notes)
	if err == nil {
		m, err = put(m, a)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return m, err
}

// named has said know the checkpoint's file and what a config that was given says.
func named(said *family.Said, path, config string) error {
	said.File = filepath.Base(path)
	if config == "" {
		return nil
	}
	said.ConfigFile = config
	return checkpoint.ReadJSON(config, &said.Config)
}

func each(note func(string), prefix string, notes ...[]string) {
	for _, n := range slices.Concat(notes...) {
		note(prefix + n)
	}
}
