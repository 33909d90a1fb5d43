// Package textfile reads texts as programs of all systems write them: in UTF-8 with or
// without a mark in front, or in UTF-16 with one, as Windows PowerShell's > does.
package textfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// Pointer is what people have where git-lfs has not fetched a file.
const Pointer = `a git-lfs pointer, not the file itself: run "git lfs pull"`

// IsPointer tells that by how a file begins.
func IsPointer(head []byte) bool { return bytes.HasPrefix(head, []byte("version https://git-lfs")) }

// Decode is a text in UTF-8 without a mark. It refuses what is none, and a git-lfs
// pointer.
func Decode(b []byte) ([]byte, error) {
	var order binary.ByteOrder
	switch {
	case IsPointer(b):
		return nil, errors.New("this is " + Pointer)
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
		if !utf8.Valid(b) {
			return nil, errors.New("not valid UTF-8")
		}
		return b, nil
	}
	if len(b)%2 != 0 {
		return nil, errors.New("not valid UTF-16: an odd number of bytes")
	}
	var units []uint16
	for i := 2; i < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	return []byte(string(utf16.Decode(units))), nil
}
