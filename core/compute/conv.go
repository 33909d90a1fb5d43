package compute

import "fmt"

// ConvWeights are those of one convolution over rows [H·W, In], with a square kernel
// and zeros around the picture: a cross-correlation, as in every framework. Exactly one
// of F32 and I8 is set; int8 kernels are 3×3 with stride 1.
type ConvWeights struct {
	Name    string // of the layer, for those who look at a network; may be empty
	In, Out int
	Kernel  int // 1 or 3
	Stride  int // 1, or 2 for halving
	// Pad is the number of zeros in front of the first row and column, of kernels of 3:
	// 1, or with stride 2 also 0. Behind the last there is always one. (diffusers,
	// Downsample2D: padding 0; taesd.py: padding 1)
	Pad  int
	F32  []float32 // [Out, Kernel, Kernel, In], rows before columns
	Bias []float32 // [Out]

	I8     []int8    // [Out, 3, 3, In], values in [-127, 127]
	Scale  []float32 // [Out], with I8
	Smooth []float32 // [In], with I8: w = Scale[o]·I8[o, …, c]·Smooth[c]
}

const (
	// MaxConvSum bounds Σ|w| of each output of an int8 convolution: four times a sum of
	// 12-bit inputs, which is what Winograd's transforms come to, then fits int32.
	MaxConvSum = (1<<29 - 1) / ConvMax
	// MaxSmooth bounds the factors Smooth, from 1/MaxSmooth.
	MaxSmooth = 1 << 16
)

// Check reports whether the slices have the lengths that the numbers ask for.
func (w ConvWeights) Check() error {
	shape := fmt.Sprintf("compute: convolution %d→%d of %d×%[3]d", w.In, w.Out, w.Kernel)
	switch n := w.Out * w.Kernel * w.Kernel * w.In; {
	case w.In <= 0 || w.Out <= 0:
		return fmt.Errorf("%s: channels must be positive", shape)
	case w.Kernel != 1 && w.Kernel != 3:
		return fmt.Errorf("%s: kernels are 1×1 or 3×3", shape)
	case w.Stride != 1 && (w.Stride != 2 || w.Kernel != 3):
		return fmt.Errorf("%s: stride %d, allowed 1, or 2 for 3×3", shape, w.Stride)
	case w.Kernel == 1 && w.Pad != 0, w.Kernel == 3 && w.Pad != 1 && (w.Pad != 0 || w.Stride != 2):
		return fmt.Errorf("%s: stride %d with padding %d", shape, w.Stride, w.Pad)
	case (w.F32 == nil) == (w.I8 == nil):
		return fmt.Errorf("%s: need float32 or int8 weights, one of them", shape)
	case w.F32 != nil && len(w.F32) != n, w.I8 != nil && len(w.I8) != n:
		return fmt.Errorf("%s: got %d weights", shape, len(w.F32)+len(w.I8))
	case len(w.Bias) != w.Out:
		return fmt.Errorf("%s: got %d biases", shape, len(w.Bias))
	case w.I8 != nil:
		return w.checkInt8(shape)
	}
	return nil
}

func (w ConvWeights) checkInt8(shape string) error {
	switch {
	case w.Kernel != 3 || w.Stride != 1:
		return fmt.Errorf("%s: int8 weights with stride %d, allowed are 3×3 with stride 1", shape, w.Stride)
	case len(w.Scale) != w.Out:
		return fmt.Errorf("%s: got %d scales", shape, len(w.Scale))
	case len(w.Smooth) != w.In:
		return fmt.Errorf("%s: got %d factors of its inputs", shape, len(w.Smooth))
	}
	for c, f := range w.Smooth {
		if !(f >= 1.0/MaxSmooth && f <= MaxSmooth) {
			return fmt.Errorf("%s: the factor of input %d is %v, allowed 1/%d to %[4]d", shape, c, f, MaxSmooth)
		}
	}
	for o := range w.Out {
		if sum := ConvSum(w.I8[o*9*w.In : (o+1)*9*w.In]); sum > MaxConvSum {
			return fmt.Errorf("%s: the int8 weights of output %d come to %d, sums are exact up to %d", shape, o, sum, MaxConvSum)
		}
	}
	return nil
}

// ConvSum is Σ|w|.
func ConvSum(w []int8) (sum int) {
	for _, v := range w {
		sign := int(v) >> 7 // without branches, as a large decoder's weights take a fifth of a second with
		sum += (int(v) ^ sign) - sign
	}
	return sum
}

// Size is the height or width of what comes of n pixels.
func (w ConvWeights) Size(n int) int {
	if w.Stride == 2 {
		return (n + w.Pad) / 2
	}
	return n
}

// Conv is a convolution prepared for the device that made it.
type Conv interface {
	In() int
	Out() int
}

// FreeConv gives the memory of a convolution back, as FreeLinear does.
func FreeConv(c Conv) {
	if f, ok := c.(interface{ Free() }); ok {
		f.Free()
	}
}

// GroupNorm has the weights γ and β [C] of a norm over groups of consecutive
// channels, all pixels of one picture: (x - mean)·γ/√(variance + NormEps) + β (arXiv
// 1803.08494). Without groups it is none.
type GroupNorm struct {
	Groups       int
	Weight, Bias F32
}

// ConvInput is what a convolution takes: a picture x [H·W, In], first normalised and
// put through SiLU where Norm has groups, then, with Up, doubled in height and width
// by repeating pixels.
type ConvInput struct {
	X    F32
	H, W int
	Norm GroupNorm
	Up   bool
}

// ConvOutput is what becomes of a convolution: Residual [H'·W', Out], where it is not
// empty, is added to it, then with ReLU what is below zero becomes zero. Dst may be
// Residual.
type ConvOutput struct {
	Dst, Residual F32
	ReLU          bool
}

// Convolver is a Device that can also run the networks that turn latents into pictures
// and back. Pictures are rows [H·W, C], one of them at a time; so a 1×1 convolution is
// Linear, and attention over pixels is Attention.
type Convolver interface {
	Device

	// NewConv prepares a convolution. The device may keep w's slices.
	NewConv(w ConvWeights) (Conv, error)
	// Conv computes out.Dst = act(convolution of in + b + residual). Dst must not
	// overlap in's picture.
	Conv(out ConvOutput, in ConvInput, c Conv)
	// GroupNorm computes dst = norm(x) for x [h·w, C]. dst may be x.
	GroupNorm(dst, x F32, h, w int, n GroupNorm)
}

// CheckConv panics unless the operands of Conv have their lengths. It returns the
// height and width of the result.
func CheckConv(out ConvOutput, in ConvInput, c ConvWeights) (h, w int) {
	SameLen("convolution x", in.X.Len, in.H*in.W*c.In)
	h, w = in.H, in.W
	if in.Up {
		h, w = 2*h, 2*w
	}
	h, w = c.Size(h), c.Size(w)
	SameLen("convolution dst", out.Dst.Len, h*w*c.Out)
	if out.Residual.Len > 0 {
		SameLen("convolution residual", out.Residual.Len, h*w*c.Out)
	}
	if in.Norm.Groups > 0 {
		in.Norm.Check(c.In)
	}
	return h, w
}

// CheckGroupNorm panics unless dst and x have h·w pixels of n's channels, and n is a norm of these. It returns
// how many there are.
func CheckGroupNorm(dst, x F32, h, w int, n GroupNorm) (channels int) {
	channels = n.Weight.Len
	n.Check(channels)
	SameLen("group norm x", x.Len, h*w*channels)
	SameLen("group norm dst", dst.Len, h*w*channels)
	return channels
}

// Check panics unless n is a norm of so many channels.
func (n GroupNorm) Check(channels int) {
	if n.Groups < 1 || channels%n.Groups != 0 {
		panic(fmt.Sprintf("compute: %d groups of %d channels", n.Groups, channels))
	}
	SameLen("group norm weight", n.Weight.Len, channels)
	SameLen("group norm bias", n.Bias.Len, channels)
}
