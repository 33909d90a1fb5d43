package param

import (
	"fmt"
	"slices"
)

// Tensor is one parameter of a network, row-major. Float tensors have F32 set;
// quantised ones have I8 and Scale, one scale per row (first dimension):
// value[j, k] = Scale[j]·I8[j, k]; and, of convolutions [out, row, column, in], a factor
// of each input channel that this is multiplied by.
type Tensor struct {
	Name   string
	Shape  []int
	F32    []float32
	I8     []int8
	Scale  []float32
	Smooth []float32 // of convolutions [in]
}

// Len is the product of the shape.
func (t Tensor) Len() int { return Spec{Shape: t.Shape}.Len() }

// Floats are the tensor's values in float32.
func (t Tensor) Floats() []float32 {
	if t.I8 == nil {
		return t.F32
	}
	f := make([]float32, len(t.I8))
	cols := len(f) / len(t.Scale)
	for i, q := range t.I8 {
		f[i] = float32(q) * t.Scale[i/cols]
	}
	if n := len(t.Smooth); n > 0 {
		for i := range f {
			f[i] *= t.Smooth[i%n]
		}
	}
	return f
}

// Check compares the tensor with what the network needs under its name.
func (t Tensor) Check(s Spec) error {
	if !slices.Equal(t.Shape, s.Shape) {
		return fmt.Errorf("tensor %s: shape is %v, the config asks for %v", t.Name, t.Shape, s.Shape)
	}
	if n := s.Len(); len(t.F32) != n && (len(t.I8) != n || len(t.Scale) != s.Shape[0]) {
		return fmt.Errorf("tensor %s: %d float32, %d int8 values and %d scales for shape %v", t.Name, len(t.F32), len(t.I8), len(t.Scale), t.Shape)
	}
	if n := s.Factors(); t.I8 != nil && len(t.Smooth) != n {
		return fmt.Errorf("tensor %s: %d factors of input channels for shape %v", t.Name, len(t.Smooth), t.Shape)
	}
	return nil
}
