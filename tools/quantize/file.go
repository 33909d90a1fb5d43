package main

import (
	"errors"
	"io/fs"
	"os"
)

// writable refuses an output that would replace the input, or anything without
// -f.
func writable(out, in string, force bool) error {
	o, err := os.Stat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if i, err := os.Stat(in); err == nil && os.SameFile(o, i) {
		return usagef("-o %s is the checkpoint itself", out)
	}
	if !o.Mode().IsRegular() {
		return usagef("-o %s is not a regular file", out)
	}
	if !force {
		return usagef("-o %s exists: -f replaces it", out)
	}
	return nil
}
