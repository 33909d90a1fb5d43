package pngfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"dit8/core"
)

// MaxMetadata bounds the bytes of metadata that ReadMetadata takes.
const MaxMetadata = 1 << 24

// Errors of ReadMetadata for files that are read well but are not what is asked for.
var (
	ErrNoPNG      = errors.New("no PNG file")
	ErrNoMetadata = errors.New("the PNG file does not say how dit8 made it")
)

// ReadMetadata reads what Write wrote beside the pixels, wherever it stands in the
// file. The request in it is not checked against any model.
func ReadMetadata(r io.Reader) (core.Metadata, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || string(head[:]) != "\x89PNG\r\n\x1a\n" {
		return core.Metadata{}, ErrNoPNG
	}
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return core.Metadata{}, ErrNoMetadata
		}
		n, kind := int64(binary.BigEndian.Uint32(head[:])), string(head[4:])
		if kind != "tEXt" && kind != "iTXt" && kind != "zTXt" || n > MaxMetadata {
			if skipped, _ := io.CopyN(io.Discard, r, n+4); skipped < n+4 || kind == "IEND" {
				return core.Metadata{}, ErrNoMetadata
			}
			continue
		}
		var data bytes.Buffer // grows with what is there
		if _, err := io.CopyN(&data, r, n+4); err != nil {
			return core.Metadata{}, ErrNoMetadata
		}
		text, sum := data.Bytes()[:n], binary.BigEndian.Uint32(data.Bytes()[n:])
		value, compressed, found := textOf(kind, text)
		if !found {
			continue
		}
		if crc32.Update(crc32.ChecksumIEEE([]byte(kind)), crc32.IEEETable, text) != sum {
			return core.Metadata{}, errors.New("the PNG file's metadata is damaged: its checksum is wrong")
		}
		if compressed {
			var err error
			if value, err = inflate(value); err != nil {
				return core.Metadata{}, fmt.Errorf("the PNG file's metadata is damaged: %w", err)
			}
		}
		return parse(value)
	}
}

// textOf is the text of a chunk with our key, as textChunk or another program writes it:
// compressed in a zTXt, and perhaps in an iTXt.
func textOf(kind string, data []byte) (text []byte, compressed, found bool) {
	text, found = bytes.CutPrefix(data, []byte(Key+"\x00"))
	switch {
	case !found || kind == "tEXt":
		return text, false, found
	case len(text) < 2:
		return nil, false, false
	case kind == "zTXt": // its method of compression
		return text[1:], true, true
	}
	compressed = text[0] == 1
	_, rest, found := bytes.Cut(text[2:], []byte{0}) // the language
	if found {
		_, rest, found = bytes.Cut(rest, []byte{0}) // the key, translated
	}
	return rest, compressed, found
}

// inflate reads what zlib has compressed, up to MaxMetadata bytes.
func inflate(b []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, MaxMetadata+1))
	if err == nil && len(text) > MaxMetadata {
		err = fmt.Errorf("more than %d bytes", MaxMetadata)
	}
	return text, err
}

func parse(text []byte) (core.Metadata, error) {
	var m struct {
		core.Metadata
		Request json.RawMessage `json:"request"` // in place of Metadata's, which would take unknown fields
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return core.Metadata{}, fmt.Errorf("the PNG file's metadata is not understood: %w", err)
	}
	var err error
	m.Metadata.Request, err = core.Request{}.WithJSON(m.Request)
	return m.Metadata, err
}
