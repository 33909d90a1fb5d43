package weights

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"unsafe"

	"dit8/core/param"
	"dit8/weights/half"
)

// chunkReader turns the payload stream into tensors, chunk by chunk.
type chunkReader struct {
	d     *Reader
	ahead bool // the stream gives chunks uncompressed
	zstd  zstdDecoder
	in    []byte // one stored chunk
	plain []byte // one uncompressed chunk
	value []byte // one out of its planes
}

func newChunkReader(d *Reader) (*chunkReader, error) {
	size := 0 // of the largest chunk
	for i := range d.header.Tensors {
		size = max(size, d.header.Tensors[i].chunkBytes(0))
	}
	c := &chunkReader{d: d, in: make([]byte, size), plain: make([]byte, size+crc32.Size)}
	if a, ok := d.r.(Ahead); ok && d.hash == nil {
		c.ahead = a.Decode(d.stored())
	}
	var err error
	if !c.ahead {
		c.zstd, err = newZstdDecoder()
	}
	return c, err
}

func (c *chunkReader) close() {
	if !c.ahead {
		c.zstd.close()
	}
}

// chunk reads chunk i of t; the bytes are valid until the next call.
func (c *chunkReader) chunk(t *TensorInfo, i int) ([]byte, error) {
	k, want := t.chunks[i], t.chunkBytes(i)
	if c.ahead && !k.raw {
		return c.decoded(t, i)
	}
	b := c.in[:k.length]
	if err := c.d.fill(b, "tensor "+t.Name); err != nil {
		return nil, err
	}
	if c.d.hash != nil {
		c.d.hash.Write(b)
	}
	if !k.raw {
		var err error
		if b, err = c.zstd.decode(c.plain[:want], b); err != nil {
			return nil, badf("tensor %s: chunk %d: %v", t.Name, i, err)
		}
	}
	if len(b) != want {
		return nil, badf("tensor %s: chunk %d has %d bytes, expected %d", t.Name, i, len(b), want)
	}
	return b, t.verify(i, crc32.Checksum(b, castagnoli))
}

// decoded reads chunk i of t, which the stream has decoded.
func (c *chunkReader) decoded(t *TensorInfo, i int) ([]byte, error) {
	start, want := c.d.read, t.chunkBytes(i)
	b := c.plain[:want+crc32.Size]
	if err := c.d.fill(b, "tensor "+t.Name); err != nil {
		return nil, err
	}
	c.d.read = start + int64(t.chunks[i].length)
	return b[:want], t.verify(i, binary.LittleEndian.Uint32(b[want:]))
}

// verify compares the checksum of chunk i with the file's.
func (t *TensorInfo) verify(i int, crc uint32) error {
	if k := t.chunks[i]; crc != k.crc {
		return badf("tensor %s: chunk %d has checksum %08x, the file says %08x: it is damaged", t.Name, i, crc, k.crc)
	}
	return nil
}

// tensor reads the payload of t.
func (c *chunkReader) tensor(t *TensorInfo) (param.Tensor, error) {
	out := param.Tensor{Name: t.Name, Shape: t.Shape}
	if err := c.d.padding(t.offset, "before tensor "+t.Name); err != nil {
		return out, err
	}
	values := (param.Spec{Shape: t.Shape}).Len()
	scales, factors := 0, 0
	if t.DType == I8 {
		scales, factors = t.Shape[0], param.Spec{Shape: t.Shape}.Factors()
	}
	for i := range t.chunks {
		b, err := c.chunk(t, i)
		if err != nil {
			return out, err
		}
		if t.Planes {
			b = c.join(b, t.DType.width())
		}
		switch t.DType {
		case F32:
			decodeF32(extend(&out.F32, len(b)/4, values, c.d.read), b)
		case F16:
			for i, dst := 0, extend(&out.F32, len(b)/2, values, c.d.read); i < len(dst); i++ {
				dst[i] = half.ToFloat32(binary.LittleEndian.Uint16(b[2*i:]))
			}
		case I8:
			b = leading(&out.Scale, b, scales)
			b = leading(&out.Smooth, b, factors)
			copy(asBytes(extend(&out.I8, len(b), values, c.d.read)), b)
		}
	}
	return out, check(out)
}

// join takes values of width bytes out of byte planes.
func (c *chunkReader) join(planes []byte, width int) []byte {
	if c.value == nil {
		c.value = make([]byte, len(c.plain))
	}
	b := c.value[:len(planes)]
	n := len(planes) / width
	for p := range width {
		for i, v := range planes[p*n : (p+1)*n] {
			b[i*width+p] = v
		}
	}
	return b
}

// leading takes what is missing of n values from b, and returns the rest of it.
func leading(v *[]float32, b []byte, n int) []byte {
	k := min(len(b)/4, n-len(*v))
	decodeF32(extend(v, k, n, 0), b)
	return b[4*k:]
}

// decodeF32 reads as many values as dst has from b.
func decodeF32(dst []float32, b []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

// asBytes is the memory of s. A loop over values takes a browser, which has not
// compiled it well when a page loads, as long as all else that decoding does.
func asBytes(s []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// extend appends n elements, which it returns, to a slice of final in all. It takes memory
// for as much as has arrived, of this tensor or before it, rather than at once for what a header promises.
func extend[T int8 | float32](s *[]T, n, final int, arrived int64) []T {
	old := len(*s)
	if cap(*s)-old < n {
		var one T
		g := make([]T, old, min(final, max(2*cap(*s), old+n, 1<<18, int(arrived)/int(unsafe.Sizeof(one)))))
		copy(g, *s)
		*s = g
	}
	*s = (*s)[:old+n]
	return (*s)[old:]
}

// check refuses values that no model has: they would spread through every pixel.
func check(t param.Tensor) error {
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
	for i, v := range t.Smooth {
		if !finite(v) || v <= 0 {
			return badf("tensor %s: the factor of input channel %d is %v, allowed are finite values above 0", t.Name, i, v)
		}
	}
	if i := bytes.IndexByte(asBytes(t.I8), 0x80); i >= 0 {
		return badf("tensor %s: value %d is -128, allowed -127 to 127", t.Name, i)
	}
	return nil
}

func finite(v float32) bool { return v-v == 0 }
