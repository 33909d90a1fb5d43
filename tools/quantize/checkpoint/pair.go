package checkpoint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// weightFiles are the endings of files with weights.
var weightFiles = []string{".safetensors", ".pt", ".pth", ".ckpt", ".bin"}

// single is the one file with weights in a folder, or that of a decoder beside its
// encoder; "" where there are others. Files of torch.save go before safetensors files,
// which also hold other things.
func single(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, endings := range [][]string{weightFiles[1:], weightFiles} {
		var found []string
		for _, e := range entries {
			if name := e.Name(); slices.Contains(endings, filepath.Ext(name)) && !strings.Contains(name, "_stats") {
				found = append(found, filepath.Join(dir, name))
			}
		}
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) == 2 {
			if d, _, ok := pair(found[0]); ok && slices.Contains(found, d) {
				return d, nil
			}
		}
	}
	return "", nil
}

// pair tells whether a file has one half of an autoencoder, by its name, and the other
// half lies beside it: taesd_decoder.pth and taesd_encoder.pth.
func pair(path string) (decoder, encoder string, ok bool) {
	dir, name := filepath.Split(path)
	if !slices.Contains(weightFiles, filepath.Ext(name)) {
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
	for prefix, path := range map[string]string{"decoder.": decoder, "encoder.": encoder} {
		from := len(c.Tensors)
		if err := c.openFile(path, weights); err != nil {
			return err
		}
		for i := range c.Tensors[from:] {
			if name := &c.Tensors[from+i].Name; !strings.HasPrefix(*name, prefix) {
				*name = prefix + *name
			}
		}
	}
	c.Notes = append(c.Notes, "decoder from "+filepath.Base(decoder)+", encoder from "+filepath.Base(encoder))
	return nil
}
