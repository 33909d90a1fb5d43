package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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

// writeFile writes path by way of a temporary file beside it, so that path is
// never seen half-written, and returns the file's size.
func writeFile(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := write(w); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return st.Size(), os.Rename(f.Name(), path)
}
