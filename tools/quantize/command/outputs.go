package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"dit8/internal/atomicfile"
)

// writable refuses outputs that would replace one of the inputs, each other, or
// anything without -f, and those that cannot be written: before work is done for them.
func writable(outs, in []string, force bool) error {
	seen := make(map[string]bool)
	for _, out := range outs {
		path, err := filepath.Abs(out)
		if err != nil {
			return err
		}
		if seen[path] {
			return usagef("%s is named twice as an output", out)
		}
		seen[path] = true
		if err := replaceable(out, in, force); err != nil {
			return err
		}
		if err := atomicfile.Check(out); err != nil {
			return err
		}
	}
	return nil
}

func replaceable(out string, in []string, force bool) error {
	o, err := os.Stat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !o.Mode().IsRegular() {
		return usagef("%s is not a regular file", out)
	}
	for _, path := range in {
		if i, err := os.Stat(path); err == nil && os.SameFile(o, i) {
			return usagef("%s is one of the inputs", out)
		}
	}
	if !force {
		return usagef("%s exists: -f replaces it", out)
	}
	return nil
}
