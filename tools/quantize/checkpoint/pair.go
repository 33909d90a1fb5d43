package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
)

// pair tells whether a file has one half of an autoencoder, by its name, and the other
// half lies beside it: taesd_decoder.pth and taesd_encoder.pth.
func pair(path string) (decoder, encoder string, ok bool) {
	dir, name := filepath.Split(path)
	if !others.MatchString(name) {
		return "", "", false
	}
	decoder = filepath.Join(dir, strings.Replace(name, "_encoder", "_decoder", 1))
	encoder = filepath.Join(dir, strings.Replace(name, "_decoder", "_encoder", 1))
	if decoder == encoder {
		return "", "", false
	}
	for _, p := range []string{decoder, encoder} {
		if _, err := os.Stat(p); err != nil {
			return "", "", false
		}
	}
	return decoder, encoder, true
}

// openPair opens both halves; names begin with which of them they are of.
func (c *Checkpoint) openPair(decoder, encoder, weights string) error {
	for _, half := range []struct{ prefix, path string }{{"decoder.", decoder}, {"encoder.", encoder}} {
		f, size, head, err := c.regular(half.path)
		if err != nil {
			return err
		}
		from := len(c.Tensors)
		if _, err := c.add(f, size, head, weights); err != nil {
			return err
		}
		for i := range c.Tensors[from:] {
			if name := &c.Tensors[from+i].Name; !strings.HasPrefix(*name, half.prefix) {
				*name = half.prefix + *name
			}
		}
	}
	c.note("decoder from %s, encoder from %s", filepath.Base(decoder), filepath.Base(encoder))
	return nil
}
