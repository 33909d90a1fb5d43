// Package param names the parameters of a network and puts them where they belong:
// a stream of tensors becomes layers and vectors of a device.
package param

// Role tells what a tensor is for, which decides how it may be stored.
type Role uint8

// The roles of tensors.
const (
	Bias        Role = iota // added vectors
	Embedding               // looked up, added or multiplied: label table, pos_embed, norm weights
	Projection              // first and last layer
	Modulator               // AdaLN heads and timestep MLP: run once per request
	Matrix                  // linear layers of the blocks: run every step
	Kernel                  // convolutions of an autoencoder, and its linear layers
	Convolution             // those of them that may be int8: 3×3, with stride 1, between its first and last
)

// Int8 tells whether tensors of this role are stored as int8 where nothing else is
// asked for.
func (r Role) Int8() bool { return r == Matrix || r == Modulator || r == Convolution }

// Spec names one tensor of a network.
type Spec struct {
	Name  string
	Shape []int
	Role  Role
}

// Len is the product of the shape.
func (s Spec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Factors is how many factors of input channels go with the values in int8: convolutions
// [out, row, column, in] have them.
func (s Spec) Factors() int {
	if len(s.Shape) == 4 {
		return s.Shape[3]
	}
	return 0
}

// MayBeInt8 tells whether the tensor can be stored as int8 at all.
func (s Spec) MayBeInt8() bool { return len(s.Shape) == 2 || s.Role == Convolution }
