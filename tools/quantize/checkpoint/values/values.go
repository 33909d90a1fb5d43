// Package values turns the numbers of checkpoint files into Go's. Types have the
// names that safetensors gives them; all are little-endian.
package values

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"dit8/weights/half"
)

// Width is the size in bytes of a float type, 0 for any other type.
func Width(dtype string) int {
	switch dtype {
	case "F16", "BF16":
		return 2
	case "F32":
		return 4
	case "F64":
		return 8
	}
	return 0
}

// CheckFloat refuses types that are not floats.
func CheckFloat(name, dtype string) error {
	if Width(dtype) == 0 {
		return fmt.Errorf("tensor %s: dtype is %s, allowed are F16, BF16, F32 and F64", name, dtype)
	}
	return nil
}

// NotFinite tells of a tensor's first value that is not finite.
type NotFinite struct {
	Tensor string
	At     int64
	Value  float32
}

func (e NotFinite) Error() string {
	return fmt.Sprintf("tensor %s: value %d is %v", e.Tensor, e.At, e.Value)
}

// Read reads n values of a float type at an offset of r, of tensor name of a file in
// some format. Values must be finite, also after the narrowing of F64.
func Read(r io.ReaderAt, offset, n int64, dtype, name, format string) ([]float32, error) {
	width := int64(Width(dtype))
	out := make([]float32, n)
	buf := make([]byte, min(n*width, 256<<10))
	for at := int64(0); at < n; {
		b := buf[:min(int64(len(buf)), (n-at)*width)]
		if _, err := r.ReadAt(b, offset+at*width); err != nil {
			return nil, fmt.Errorf("%s: read tensor %s: %w", format, name, err)
		}
		k := int64(len(b)) / width
		if i := decode(out[at:at+k], b, dtype); i >= 0 {
			return nil, NotFinite{name, at + int64(i), out[at+int64(i)]}
		}
		at += k
	}
	return out, nil
}

// decode decodes len(dst) values of a float type from b. It returns the index of
// the first one that is not finite, also after the narrowing of F64, or -1.
func decode(dst []float32, b []byte, dtype string) (bad int) {
	b = b[:len(dst)*Width(dtype)]
	switch dtype {
	case "F16":
		for i := range dst {
			dst[i] = half.ToFloat32(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case "BF16":
		for i := range dst {
			dst[i] = half.BF16ToFloat32(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case "F32":
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case "F64":
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
	}
	for i, v := range dst {
		if v-v != 0 {
			return i
		}
	}
	return -1
}
