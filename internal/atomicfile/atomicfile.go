// Package atomicfile writes files that are never seen half-written.
package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// temporary makes a file beside path. Its errors name path.
func temporary(path string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	var p *fs.PathError
	if errors.As(err, &p) {
		err = &fs.PathError{Op: "write", Path: path, Err: p.Err}
	}
	return f, err
}

// Check says whether Write could write path: an error where its folder is missing or
// may not be written to.
func Check(path string) error {
	f, err := temporary(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// WriteBytes is Write of bytes that are there.
func WriteBytes(path string, b []byte) error {
	_, err := Write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	return err
}

// Write writes path by way of a temporary file beside it and returns the file's
// size. When it fails, what was at path stays.
func Write(path string, write func(io.Writer) error) (size int64, err error) {
	f, err := temporary(path)
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

// Spool is a file to set bytes down in and read them again.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// WriteSpooled is Write with a second temporary file beside path, which is gone
// afterwards.
func WriteSpooled(path string, write func(io.Writer, Spool) error) (size int64, err error) {
	spool, err := temporary(path)
	if err != nil {
		return 0, err
	}
	defer func() {
		spool.Close()
		os.Remove(spool.Name())
	}()
	return Write(path, func(w io.Writer) error { return write(w, spool) })
}
