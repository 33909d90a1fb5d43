//go:build !js

package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"dit8/core/dit"
	"dit8/core/param"
)

// aheadStream decodes as Ahead says.
type aheadStream struct {
	io.Reader
	t *testing.T
}

func (s *aheadStream) Decode(pieces []Piece) bool {
	var out bytes.Buffer
	z, err := newZstdDecoder()
	if err != nil {
		s.t.Fatal(err)
	}
	defer z.close()
	for _, p := range pieces {
		in := make([]byte, p.Stored)
		if n, err := io.ReadFull(s.Reader, in); err != nil {
			in = in[:n]
			break
		}
		if p.Plain == 0 {
			out.Write(in)
			continue
		}
		plain := make([]byte, p.Plain)
		if b, err := z.decode(plain, in); err == nil {
			plain = b
		}
		out.Write(plain)
		out.Write(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(plain, castagnoli)))
	}
	s.Reader = io.MultiReader(&out, s.Reader)
	return true
}

// A stream that decodes gives the same tensors, and what is damaged is found.
func TestAhead(t *testing.T) {
	file := blob(t, tiny, dit.Random(tiny, 1, true), nil)
	read := func(b []byte) (all []param.Tensor, n int64, err error) {
		r, err := NewReader(&aheadStream{bytes.NewReader(b), t})
		if err != nil {
			return nil, 0, err
		}
		for x, err := range r.Tensors() {
			if err != nil {
				return nil, 0, err
			}
			all = append(all, x)
		}
		return all, r.BytesRead(), nil
	}
	_, want, err := readAll(file)
	if err != nil {
		t.Fatal(err)
	}
	got, n, err := read(file)
	if err != nil || n != int64(len(file)) || !slices.EqualFunc(got, want, sameTensor) {
		t.Fatalf("%d tensors of %d, %d bytes of %d: %v", len(got), len(want), n, len(file), err)
	}
	damaged := bytes.Clone(file)
	damaged[len(file)-3] ^= 4
	var format FormatError
	if _, _, err := read(damaged); !errors.As(err, &format) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, _, err := read(file[:len(file)-9]); !errors.As(err, &format) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short file: %v", err)
	}
	if _, _, err := read(append(bytes.Clone(file), 0)); !errors.As(err, &format) {
		t.Errorf("a long file: %v", err)
	}
}
