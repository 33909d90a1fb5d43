// Package checkpoint opens the forms in which networks' weights are passed around,
// and shows them all as one list of named tensors. It knows no network.
package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dit8/tools/quantize/checkpoint/safetensors"
	"dit8/tools/quantize/checkpoint/torchfile"
)

// Tensor is a named tensor that can be read, also by several goroutines.
type Tensor struct {
	Name   string
	Shape  []int
	Floats func() ([]float32, error)
}

// Checkpoint is the weights of one network.
type Checkpoint struct {
	Tensors []Tensor
	// Files are the files that hold the weights, Config the folder's or file's
	// config.json, which need not exist.
	Files  []string
	Config string
	// Notes tell what was chosen among what the checkpoint has.
	Notes []string
	// Args are the texts among the arguments of the program that trained it.
	Args map[string]string

	byName map[string]int
	open   []*os.File
}

// oneSet refuses a choice of weights where there is none.
func oneSet(weights string) error {
	if weights == "ema" {
		return fmt.Errorf("safetensors files hold one set of weights: -weights ema is for training checkpoints")
	}
	return nil
}

// Open opens a checkpoint: a .safetensors file, an index of several, a file of
// torch.save, two of a decoder and an encoder, or a folder of diffusers. What a file is is told by its content. Of a
// training checkpoint it takes the weights of that name, one of torchfile.Containers;
// "" is the first.
func Open(path, weights string) (c *Checkpoint, err error) {
	return openParts(path, weights, "transformer", "vae")
}

// OpenAutoencoder is Open for an autoencoder, which of a pipeline is in the folder vae.
func OpenAutoencoder(path string) (*Checkpoint, error) { return openParts(path, "", "vae") }

// openParts opens a checkpoint; of a pipeline it takes the first of the folders parts that
// there is.
func openParts(path, weights string, parts ...string) (c *Checkpoint, err error) {
	c = &Checkpoint{Config: filepath.Join(filepath.Dir(path), "config.json")}
	defer func() {
		if err != nil {
			c.Close()
			c = nil
		}
	}()
	st, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	if st.IsDir() {
		if path, err = inFolder(path, parts); err != nil {
			return c, err
		}
		c.Config = filepath.Join(filepath.Dir(path), "config.json")
	}
	if decoder, encoder, ok := pair(path); ok {
		err = c.openPair(decoder, encoder, weights)
	} else if strings.HasSuffix(path, ".json") {
		err = c.openShards(path, weights)
	} else {
		err = c.openFile(path, weights)
	}
	if err == nil {
		err = c.stripPrefixes()
	}
	c.stripInside()
	if err == nil {
		err = c.index()
	}
	if err != nil && !strings.Contains(err.Error(), path) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return c, err
}

// Of is a checkpoint of tensors that are at hand.
func Of(tensors ...Tensor) (*Checkpoint, error) {
	c := &Checkpoint{Tensors: tensors}
	return c, c.index()
}

// Close closes the files.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.open {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Lookup finds a tensor by name.
func (c *Checkpoint) Lookup(name string) (Tensor, bool) {
	i, ok := c.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return c.Tensors[i], true
}

// ReadConfig reads config.json into a value. It is no mistake to have none.
func (c *Checkpoint) ReadConfig(into any) (found bool, err error) {
	if c.Config == "" {
		return false, nil
	}
	err = ReadJSON(c.Config, into)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (c *Checkpoint) index() error {
	c.byName = make(map[string]int, len(c.Tensors))
	for i, t := range c.Tensors {
		if _, twice := c.byName[t.Name]; twice {
			return fmt.Errorf("tensor %s: it is there twice", t.Name)
		}
		c.byName[t.Name] = i
	}
	return nil
}

// folderFiles are the names under which a folder may hold weights, the best first.
var folderFiles = []string{
	"diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json",
	"model.safetensors", "model.safetensors.index.json",
	"diffusion_pytorch_model.bin", "pytorch_model.bin",
}

// inFolder finds the weights in a folder, or in one of the folders of a pipeline. A
// single file of another name will do.
func inFolder(dir string, parts []string) (string, error) {
	dirs := []string{dir}
	for _, p := range parts {
		dirs = append(dirs, filepath.Join(dir, p))
	}
	for _, d := range dirs {
		for _, name := range folderFiles {
			p := filepath.Join(d, name)
			if _, err := os.Stat(p); err == nil {
				return p, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	if path, err := single(dir); path != "" || err != nil {
		return path, err
	}
	return "", fmt.Errorf("%s: the folder has none of %s, nor has a folder %s in it", dir, strings.Join(folderFiles, ", "), strings.Join(parts, " or "))
}

// regular opens a regular file and reads its first bytes.
func (c *Checkpoint) regular(path string) (f *os.File, size int64, head []byte, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, nil, err
	}
	c.open = append(c.open, f)
	c.Files = append(c.Files, path)
	st, err := f.Stat()
	if err != nil {
		return nil, 0, nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, nil, fmt.Errorf("%s is not a regular file", path)
	}
	head = make([]byte, min(st.Size(), 64))
	if _, err := f.ReadAt(head, 0); err != nil && len(head) > 0 {
		return nil, 0, nil, err
	}
	return f, st.Size(), head, nil
}

func (c *Checkpoint) openFile(path, weights string) error {
	f, size, head, err := c.regular(path)
	if err != nil {
		return err
	}
	ext := filepath.Ext(path)
	if !torchfile.Is(head) && ext != ".pt" && ext != ".pth" && ext != ".ckpt" && ext != ".bin" {
		if err := oneSet(weights); err != nil {
			return err
		}
		in, err := safetensors.Read(f, size)
		if err != nil {
			return err
		}
		c.addSafetensors(in)
		return nil
	}
	in, err := torchfile.Read(f, size, weights)
	if err != nil {
		return err
	}
	c.Args = in.Args
	if in.From != "" {
		note := fmt.Sprintf("weights %q of the training checkpoint", in.From)
		if len(in.Also) > 0 {
			note += fmt.Sprintf(" (-weights chooses: %s too)", strings.Join(in.Also, ", "))
		}
		c.Notes = append(c.Notes, note)
	}
	for _, t := range in.Tensors {
		c.Tensors = append(c.Tensors, Tensor{t.Name, t.Shape, t.Floats})
	}
	return nil
}

func (c *Checkpoint) addSafetensors(in *safetensors.File) {
	for _, t := range in.Tensors {
		c.Tensors = append(c.Tensors, Tensor{t.Name, t.Shape, func() ([]float32, error) { return in.Floats(t) }})
	}
}

// prefixes are what wrappers put before every name: DistributedDataParallel,
// torch.compile, and training programs that save themselves whole.
var prefixes = []string{"module.", "_orig_mod.", "ema_model.", "ema.", "model.", "net.", "network."}

// whole tells whether this is all of a latent diffusion model, whose parts have
// prefixes of their own (CompVis/latent-diffusion).
func (c *Checkpoint) whole() bool {
	return slices.ContainsFunc(c.Tensors, func(t Tensor) bool { return strings.HasPrefix(t.Name, "first_stage_model.") })
}

// inside is what wrappers put into names: layers that are named after Flax's (iMF,
// pMF).
var inside = []string{"._flax_linear", "._flax_embedding"}

// stripInside takes it out.
func (c *Checkpoint) stripInside() {
	for _, s := range inside {
		n := 0
		for i, t := range c.Tensors {
			if name := strings.ReplaceAll(t.Name, s, ""); name != t.Name {
				c.Tensors[i].Name = name
				n++
			}
		}
		if n > 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("%q is taken out of %d names", s, n))
		}
	}
}

// stripPrefixes takes prefixes away that all names have.
func (c *Checkpoint) stripPrefixes() error {
	for len(c.Tensors) > 0 {
		i := slices.IndexFunc(prefixes, func(p string) bool { return strings.HasPrefix(c.Tensors[0].Name, p) })
		if i < 0 {
			return nil
		}
		p := prefixes[i]
		if c.whole() {
			return nil
		}
		for _, t := range c.Tensors {
			if !strings.HasPrefix(t.Name, p) {
				return fmt.Errorf("tensor %s: it lacks the prefix %q that %s has", t.Name, p, c.Tensors[0].Name)
			}
		}
		for i := range c.Tensors {
			c.Tensors[i].Name = c.Tensors[i].Name[len(p):]
		}
		c.Notes = append(c.Notes, fmt.Sprintf("the prefix %q is taken off all names", p))
	}
	return nil
}
