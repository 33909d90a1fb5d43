//go:build !js

package weights

import (
	"bytes"
	_ "embed" // the default model
	"errors"
	"fmt"
)

//go:embed default.dit8
var defaultModel []byte

// DefaultBytes is the file of the default model; default.md is its model card. It
// is not compiled into the browser's program, which fetches it.
func DefaultBytes() []byte { return bytes.Clone(defaultModel) }

// Default opens the default model.
func Default() (*Reader, error) { return NewReader(bytes.NewReader(defaultModel)) }

// PairFile is a Pair of files on disk.
type PairFile struct {
	*Pair
	files []*File
}

// OpenPair opens a network's file, the default model for "", and the file of an
// autoencoder, none for "". Errors name the file.
func OpenPair(network, autoencoder string) (_ *PairFile, err error) {
	var p PairFile
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	var readers [2]*Reader
	for i, path := range []string{network, autoencoder} {
		switch {
		case path != "":
			f, err := Open(path)
			if err != nil {
				return nil, err
			}
			p.files = append(p.files, f)
			readers[i] = f.Reader
		case i == 0:
			if readers[i], err = Default(); err != nil {
				return nil, err
			}
		}
	}
	if p.Pair, err = NewPair(readers[0], readers[1]); err == nil {
		return &p, nil
	}
	if errors.Is(err, errAlone) {
		return nil, fmt.Errorf("%s: %w", network, err)
	}
	return nil, fmt.Errorf("%s: %w", autoencoder, err)
}

// Close closes the files.
func (p *PairFile) Close() error {
	var err error
	for _, f := range p.files {
		err = errors.Join(err, f.Close())
	}
	return err
}
