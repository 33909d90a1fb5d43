package main

import (
	"errors"
	"io/fs"
	"os"
)

// writable refuses an output that would replace one of the inputs, or anything
// without -f.
func writable(out string, in []string, force bool) error {
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
