// Package pngfile writes images as PNG files that say how they were made. It is
// apart from core because image/png brings its decoder and compress/flate along,
// which the page, whose canvas writes PNGs, would download for nothing.
package pngfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"

	"dit8/core"
)

// Key is the keyword of the text chunk that Write adds.
const Key = "dit8"

// Write writes img with how it was made: meta as JSON, in a text chunk before
// the pixels. The timings are left out, so that the same request gives the same
// file.
func Write(w io.Writer, img image.Image, meta core.Metadata) error {
	text, err := metadataChunk(meta)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return err
	}
	b := buf.Bytes()
	return write(w, b[:header], text, b[header:])
}

// metadataChunk is meta as JSON in a text chunk, without the timings.
func metadataChunk(meta core.Metadata) ([]byte, error) {
	meta.Seconds, meta.MsPerStep = 0, 0
	text, err := json.Marshal(meta)
	return textChunk(Key, string(text)), err
}

const header = 8 + 25 // bytes of signature and IHDR

func write(w io.Writer, parts ...[]byte) error {
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return fmt.Errorf("core: write png: %w", err)
		}
	}
	return nil
}

// textChunk is an iTXt chunk (UTF-8, uncompressed) where text needs one, else the
// simpler tEXt that every program shows.
func textChunk(key, text string) []byte {
	kind, sep := "tEXt", "\x00"
	for _, r := range text {
		if r > 126 {
			kind, sep = "iTXt", "\x00\x00\x00\x00\x00" // end of key, no compression, no language, no translation
			break
		}
	}
	return chunk(kind, []byte(key+sep+text))
}

// chunk is a chunk of a PNG file: length, kind, data and checksum.
func chunk(kind string, data []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, kind...), data...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}
