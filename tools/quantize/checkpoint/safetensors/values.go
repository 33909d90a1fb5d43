package safetensors

import (
	"encoding/binary"
	"fmt"

	"dit8/tools/quantize/checkpoint/values"
)

// Floats reads a tensor of F16, BF16, F32 or F64 values as float32. Values must
// be finite, also after the narrowing of F64.
func (f *File) Floats(t Tensor) ([]float32, error) {
	if err := values.CheckFloat(t.Name, t.DType); err != nil {
		return nil, err
	}
	n := (t.end - t.begin) / int64(values.Width(t.DType))
	return values.Read(f.r, f.data+t.begin, n, t.DType, t.Name, "safetensors")
}

// Ints reads a tensor of U8, I32 or I64 values.
func (f *File) Ints(t Tensor) ([]int, error) {
	var width int
	var value func(b []byte) int
	switch t.DType {
	case "U8":
		width, value = 1, func(b []byte) int { return int(b[0]) }
	case "I32":
		width, value = 4, func(b []byte) int { return int(int32(binary.LittleEndian.Uint32(b))) }
	case "I64":
		width, value = 8, func(b []byte) int { return int(int64(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("tensor %s: dtype is %s, allowed are U8, I32 and I64", t.Name, t.DType)
	}
	out := make([]int, 0, t.Len())
	err := f.each(t, width, func(b []byte) error {
		out = append(out, value(b))
		return nil
	})
	return out, err
}

// each hands over the bytes of each value of t.
func (f *File) each(t Tensor, width int, value func(b []byte) error) error {
	buf := make([]byte, min(t.end-t.begin, 64<<10))
	for at := t.begin; at < t.end; {
		b := buf[:min(int64(len(buf)), t.end-at)]
		if _, err := f.r.ReadAt(b, f.data+at); err != nil {
			return fmt.Errorf("safetensors: read tensor %s: %w", t.Name, err)
		}
		at += int64(len(b))
		for ; len(b) > 0; b = b[width:] {
			if err := value(b); err != nil {
				return err
			}
		}
	}
	return nil
}
