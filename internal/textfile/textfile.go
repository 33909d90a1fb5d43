// Package textfile reads texts as programs of all systems write them: in UTF-8 with or
// without a mark in front, or in UTF-16, with one, as Windows PowerShell's > does, or without.
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

// isHTML tells what a host answers in place of a file.
func isHTML(b []byte) bool {
	head := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(b[:min(len(b), 64)], []byte("\ufeff"))))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}

// others are beginnings of files that people give in place of a text, and what they are.
var others = []struct{ head, what string }{
	{"\xff\xd8\xff", "a JPEG picture"}, {"\x89PNG", "a PNG picture"}, {"GIF8", "a GIF picture"}, {"RIFF", "a WebP picture"}, {"PK\x03\x04", "a zip archive, as spreadsheets and checkpoints are"},
	{"%PDF", "a PDF file"}, {"dit8\r\n", "a .dit8 file"}, {"\x1f\x8b", "a gzip file"},
}

// Decode is a text in UTF-8 without a mark. It refuses what is none, a git-lfs
// pointer and an HTML page.
func Decode(b []byte) ([]byte, error) {
	var order binary.ByteOrder
	for _, k := range others {
		if bytes.HasPrefix(b, []byte(k.head)) && !utf8.Valid(b) {
			return nil, errors.New("this is " + k.what + ", not a text")
		}
	}
	switch {
	case IsPointer(b):
		return nil, errors.New("this is " + Pointer)
	case isHTML(b):
		return nil, errors.New("this is an HTML page: the download went wrong")
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return nil, errors.New("this is UTF-32: save it as UTF-8")
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order, b = binary.LittleEndian, b[2:]
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order, b = binary.BigEndian, b[2:]
	case len(b) > 1 && b[0] != 0 && b[1] == 0: // no text in UTF-8 has a 0
		order = binary.LittleEndian
	case len(b) > 1 && b[0] == 0 && b[1] != 0:
		order = binary.BigEndian
	default:
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
		if !utf8.Valid(b) {
			return nil, errors.New("not valid UTF-8: save it as UTF-8")
		}
		return b, nil
	}
	if len(b)%2 != 0 {
		return nil, errors.New("not valid UTF-16: an odd number of bytes")
	}
	var units []uint16
	for i := 0; i < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	return []byte(string(utf16.Decode(units))), nil
}
