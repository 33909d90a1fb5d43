package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"

	"dit8/weights/half"
)

// Floats reads a tensor of F16, BF16, F32 or F64 values as float32. Values must
// be finite, also after the narrowing of F64.
func (f *File) Floats(t Tensor) ([]float32, error) {
	var width int
	var value func(b []byte) float32
	switch t.DType {
	case "F16":
		width, value = 2, func(b []byte) float32 { return half.ToFloat32(binary.LittleEndian.Uint16(b)) }
	case "BF16":
		width, value = 2, func(b []byte) float32 { return half.BF16ToFloat32(binary.LittleEndian.Uint16(b)) }
	case "F32":
		width, value = 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	case "F64":
		width, value = 8, func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("tensor %s: dtype is %s, allowed are F16, BF16, F32 and F64", t.Name, t.DType)
	}
	out := make([]float32, 0, t.Len())
	err := f.each(t, width, func(b []byte) error {
		v := value(b)
		if v-v != 0 {
			return fmt.Errorf("tensor %s: value %d is %v", t.Name, len(out), v)
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// Ints reads a tensor of I32 or I64 values.
func (f *File) Ints(t Tensor) ([]int, error) {
	var width int
	var value func(b []byte) int
	switch t.DType {
	case "I32":
		width, value = 4, func(b []byte) int { return int(int32(binary.LittleEndian.Uint32(b))) }
	case "I64":
		width, value = 8, func(b []byte) int { return int(int64(binary.LittleEndian.Uint64(b))) }
	default:
		return nil, fmt.Errorf("tensor %s: dtype is %s, allowed are I32 and I64", t.Name, t.DType)
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
