package weights

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/klauspost/compress/zstd"

	"dit8/core/dit"
	"dit8/weights/half"
)

// chunkReader turns the payload stream into tensors, chunk by chunk.
type chunkReader struct {
	d     *Reader
	zstd  *zstd.Decoder
	in    []byte // one stored chunk
	plain []byte // one uncompressed chunk
}

func newChunkReader(d *Reader) (*chunkReader, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(ChunkSize))
	if err != nil {
		return nil, err
	}
	size := 0 // of the largest chunk
	for i := range d.header.Tensors {
		size = max(size, d.header.Tensors[i].chunkBytes(0))
	}
	return &chunkReader{d: d, zstd: z, in: make([]byte, size), plain: make([]byte, size)}, nil
}

func (c *chunkReader) close() { c.zstd.Close() }

// chunk reads chunk i of t; the bytes are valid until the next call.
func (c *chunkReader) chunk(t *TensorInfo, i int) ([]byte, error) {
	k := t.chunks[i]
	in := c.in[:k.length]
	if err := c.d.fill(in, "tensor "+t.Name); err != nil {
		return nil, err
	}
	if c.d.hash != nil {
		c.d.hash.Write(in)
	}
	want := t.chunkBytes(i)
	b := in
	if !k.raw {
		var err error
		if b, err = c.zstd.DecodeAll(in, c.plain[:0:want]); err != nil {
			return nil, badf("tensor %s: chunk %d: %v", t.Name, i, err)
		}
	}
	if len(b) != want {
		return nil, badf("tensor %s: chunk %d has %d bytes, expected %d", t.Name, i, len(b), want)
	}
	if crc := crc32.Checksum(b, castagnoli); crc != k.crc {
		return nil, badf("tensor %s: chunk %d has checksum %08x, the file says %08x: it is damaged", t.Name, i, crc, k.crc)
	}
	return b, nil
}

// tensor reads the payload of t.
func (c *chunkReader) tensor(t *TensorInfo) (dit.Tensor, error) {
	out := dit.Tensor{Name: t.Name, Shape: t.Shape}
	if err := c.d.padding(t.offset, "before tensor "+t.Name); err != nil {
		return out, err
	}
	values := (dit.Spec{Shape: t.Shape}).Len()
	scales := 0
	if t.DType == I8 {
		scales = t.Shape[0]
	}
	for i := range t.chunks {
		b, err := c.chunk(t, i)
		if err != nil {
			return out, err
		}
		switch t.DType {
		case F32:
			out.F32 = grow(out.F32, len(b)/4, values)
			for ; len(b) > 0; b = b[4:] {
				out.F32 = append(out.F32, math.Float32frombits(binary.LittleEndian.Uint32(b)))
			}
		case F16:
			out.F32 = grow(out.F32, len(b)/2, values)
			for ; len(b) > 0; b = b[2:] {
				out.F32 = append(out.F32, half.ToFloat32(binary.LittleEndian.Uint16(b)))
			}
		case I8:
			n := min(len(b)/4, scales-len(out.Scale))
			out.Scale = grow(out.Scale, n, scales)
			for ; n > 0; n-- {
				out.Scale = append(out.Scale, math.Float32frombits(binary.LittleEndian.Uint32(b)))
				b = b[4:]
			}
			out.I8 = grow(out.I8, len(b), values)
			for _, v := range b {
				out.I8 = append(out.I8, int8(v))
			}
		}
	}
	return out, check(out)
}

// grow makes room for n more elements of final in all. Memory doubles as data
// arrives, rather than being taken at once for what a header promises.
func grow[T any](s []T, n, final int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	g := make([]T, len(s), min(final, max(2*cap(s), len(s)+n, 1<<18)))
	copy(g, s)
	return g
}

// check refuses values that no model has: they would spread through every pixel.
func check(t dit.Tensor) error {
	for i, v := range t.F32 {
		if !finite(v) {
			return badf("tensor %s: value %d is %v", t.Name, i, v)
		}
	}
	for i, v := range t.Scale {
		if !finite(v) || v < 0 {
			return badf("tensor %s: scale %d is %v, allowed are finite values from 0", t.Name, i, v)
		}
	}
	for i, v := range t.I8 {
		if v == -128 {
			return badf("tensor %s: value %d is -128, allowed -127 to 127", t.Name, i)
		}
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }
