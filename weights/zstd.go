//go:build !js

package weights

import "github.com/klauspost/compress/zstd"

// zstdDecoder decodes frames of at most ChunkSize bytes.
type zstdDecoder struct{ *zstd.Decoder }

func newZstdDecoder() (zstdDecoder, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(ChunkSize))
	return zstdDecoder{z}, err
}

// decode decodes src into dst, which has the length expected, and returns what it is.
func (d zstdDecoder) decode(dst, src []byte) ([]byte, error) {
	return d.DecodeAll(src, dst[:0:len(dst)])
}

func (d zstdDecoder) close() { d.Close() }
