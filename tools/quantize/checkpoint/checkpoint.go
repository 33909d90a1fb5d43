// Package checkpoint opens the forms in which networks' weights are passed around,
// and shows them all as one list of named tensors. It knows no network.
package checkpoint

import (
	"bytes"
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
	// Args are the texts and numbers among the arguments of the program that trained it.
	Args map[string]string
	From string // the key under which the weights were, of a training checkpoint
	Root string // what was taken off the beginnings of all names

	byName  map[string]int
	trained []Tensor // where averages were taken, what they are of
	open    []*os.File
}

// Open opens a checkpoint: a .safetensors file, an index of several, a file of
// torch.save, two of a decoder and an encoder, or a folder of diffusers. What a file is is
// told by its content. Of a training checkpoint it takes the weights of that name: keys
// with dots between, or what tensors' names begin with. "" is the best that it has,
// averages first.
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
		var note string
		if path, note, err = inFolder(path, parts); err != nil {
			return c, err
		}
		if note != "" {
			c.note("%s", note)
		}
		c.Config = filepath.Join(filepath.Dir(path), "config.json")
	}
	if decoder, encoder, ok := pair(path); ok {
		err = c.openPair(decoder, encoder, weights)
	} else {
		err = c.read(path, weights)
	}
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

// read reads a file or an index of files, and brings its names to the network's.
func (c *Checkpoint) read(path, weights string) error {
	f, size, head, err := c.regular(path)
	if err != nil {
		return err
	}
	prefix := ""
	if isJSON(head) {
		c.Files = c.Files[:len(c.Files)-1] // openShards names it last
		err = c.openShards(path)
	} else {
		prefix, err = c.add(f, size, head, weights)
	}
	if err != nil {
		return err
	}
	if weights != "" && prefix == "" && c.From == "" {
		if n, _ := c.under(weights + "."); n > 0 {
			prefix = weights + "."
		} else if weights != "model" && weights != "state_dict" {
			return fmt.Errorf("the file holds one set of weights, none called %q: -weights %[1]s is for training checkpoints", weights)
		}
	}
	return c.tidy(prefix)
}

// isSafetensors tells a safetensors file, which has its header's length before the brace.
func isSafetensors(head []byte) bool { return len(head) > 8 && head[8] == '{' && head[7] == 0 }

// utf16 tells a text in UTF-16 by the mark in front of it.
func utf16(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0xff, 0xfe, '{', 0}) || bytes.HasPrefix(head, []byte{0xfe, 0xff, 0, '{'})
}

// isJSON tells a text that begins as JSON's objects and lists do.
func isJSON(head []byte) bool {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return len(text) == 0 || utf16(head) || (text[0] == '{' || text[0] == '[') && !isSafetensors(head)
}

// isTorch tells whether a file is torchfile's, or, as its name says, was meant to be.
func isTorch(path string, head []byte) bool {
	if torchfile.Is(head) || isSafetensors(head) {
		return torchfile.Is(head)
	}
	return slices.Contains([]string{".pt", ".pth", ".ckpt", ".bin", ".tar"}, strings.ToLower(filepath.Ext(path)))
}

// add adds the tensors of a file. prefix is what the names of the weights that were asked
// for begin with, where that is what tells them.
func (c *Checkpoint) add(f *os.File, size int64, head []byte, weights string) (prefix string, err error) {
	if !isTorch(f.Name(), head) {
		in, err := safetensors.Read(f, size)
		if err != nil {
			return "", err
		}
		for _, t := range in.Tensors {
			c.Tensors = append(c.Tensors, Tensor{t.Name, t.Shape, func() ([]float32, error) { return in.Floats(t) }})
		}
		return "", nil
	}
	in, err := torchfile.Read(f, size, weights)
	if err != nil {
		return "", err
	}
	c.Args, c.From = in.Args, in.From
	if in.From != "" {
		note := fmt.Sprintf("weights %q of the training checkpoint", in.From)
		if len(in.Also) > 0 {
			note += fmt.Sprintf(" (-weights chooses: %s too)", strings.Join(in.Also, ", "))
		}
		c.note("%s", note)
	}
	if len(in.Left) > 0 {
		c.note("what is no tensor is left out: %s", some(in.Left))
	}
	for _, t := range in.Tensors {
		c.Tensors = append(c.Tensors, Tensor{t.Name, t.Shape, t.Floats})
	}
	for _, t := range in.Trained {
		c.trained = append(c.trained, Tensor{t.Name, t.Shape, t.Floats})
	}
	return in.Prefix, nil
}
