// Package bounded reads files whole, of which it takes no more than is allowed.
package bounded

import (
	"fmt"
	"io"
	"io/fs"
	"os"
)

// TooLong is the mistake of a file that has more bytes than this.
type TooLong int

func (e TooLong) Error() string { return fmt.Sprintf("more than %d bytes", int(e)) }

// File reads a file of at most so many bytes. Its errors are of type [*fs.PathError].
func File(path string, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := Read(f, most)
	if _, named := err.(*fs.PathError); err != nil && !named {
		err = &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return b, err
}

// Read reads all that r has, at most so many bytes.
func Read(r io.Reader, most int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > most:
		return nil, TooLong(most)
	}
	return b, nil
}
