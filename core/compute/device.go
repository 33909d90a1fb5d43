package compute

import (
	"errors"
	"fmt"
)

// Contract is the version of the numeric contract: results of another one may have
// other pixels. Version 2 brought attention in integers.
const Contract = 2

// F32 is a run of float32 values in a device's memory.
type F32 struct {
	Host []float32 // the values, on devices whose memory is Go's; nil elsewhere
	Addr uint32    // byte address, on devices with a memory of their own
	Len  int       // number of values
}

// Slice is values [from, to) of f, sharing its memory. It panics when the range
// does not lie in f.
func (f F32) Slice(from, to int) F32 {
	if from < 0 || to < from || to > f.Len {
		panic(fmt.Sprintf("compute: slice [%d:%d) of %d values", from, to, f.Len))
	}
	g := F32{Addr: f.Addr + 4*uint32(from), Len: to - from}
	if f.Host != nil {
		g.Host = f.Host[from:to:to]
	}
	return g
}

// PerGroup gives every group of consecutive rows its own vector: rows
// [g·Rows, (g+1)·Rows) use V[g·Stride : g·Stride+n], n being the width of the
// operation. It carries AdaLN's shift, scale and gate: a group is the tokens of
// all images that share a conditioning.
type PerGroup struct {
	V      F32
	Stride int // values between the vectors of two groups
	Rows   int // rows in a group
}

// Vector is the one that row r uses, n values wide, on devices whose memory is Go's.
func (g PerGroup) Vector(r, n int) []float32 {
	at := r / g.Rows * g.Stride
	return g.V.Host[at : at+n]
}

// Activation is applied to the output of a Linear.
type Activation uint8

// The activations of a DiT.
const (
	NoActivation Activation = iota
	WithGELU                // the tanh approximation: GELU, with int8 weights FastGELU
	WithSiLU
)

// Weights are those of one linear layer y = x·Wᵀ + b, in PyTorch's layout.
// Exactly one of F32 and I8 is set.
type Weights struct {
	Name    string // of the layer, for those who look at a network; may be empty
	In, Out int
	F32     []float32 // [Out, In]
	I8      []int8    // [Out, In], values in [-127, 127]
	Scale   []float32 // [Out], with I8: w = Scale[j]·I8[j]
	Bias    []float32 // [Out]
}

// Check reports whether the slices have the lengths that In and Out ask for.
func (w Weights) Check() error {
	n := w.In * w.Out
	switch {
	case w.In <= 0 || w.Out <= 0:
		return fmt.Errorf("compute: linear %d→%d: sizes must be positive", w.In, w.Out)
	case (w.F32 == nil) == (w.I8 == nil):
		return fmt.Errorf("compute: linear %d→%d: need float32 or int8 weights, one of them", w.In, w.Out)
	case w.F32 != nil && len(w.F32) != n, w.I8 != nil && len(w.I8) != n:
		return fmt.Errorf("compute: linear %d→%d: got %d weights", w.In, w.Out, len(w.F32)+len(w.I8))
	case w.I8 != nil && len(w.Scale) != w.Out:
		return fmt.Errorf("compute: linear %d→%d: got %d scales", w.In, w.Out, len(w.Scale))
	case len(w.Bias) != w.Out:
		return fmt.Errorf("compute: linear %d→%d: got %d biases", w.In, w.Out, len(w.Bias))
	case w.I8 != nil && w.In > MaxInt8In:
		return fmt.Errorf("compute: linear %d→%d: int8 sums are exact up to %d inputs", w.In, w.Out, MaxInt8In)
	}
	return nil
}

// MaxInt8In bounds the inputs of an int8 linear: 127·127·MaxInt8In fits int32.
const MaxInt8In = 1 << 17

// Linear is a linear layer prepared for the device that made it.
type Linear interface {
	In() int
	Out() int
	Int8() bool // whether its weights are int8
}

// FreeLinear gives the memory of a layer back, where l's device keeps it itself:
// such layers have a method Free. The others are left to the garbage collector.
func FreeLinear(l Linear) {
	if f, ok := l.(interface{ Free() }); ok {
		f.Free()
	}
}

// Image is the shape of a batch of planar images and their patches.
type Image struct {
	N, C, H, W int // images, channels, height and width in pixels
	P          int // patch edge in pixels; divides H and W
}

// Len is the number of values, N·C·H·W.
func (s Image) Len() int { return s.N * s.C * s.H * s.W }

// Tokens is the number of patches of one image, (H/P)·(W/P).
func (s Image) Tokens() int { return (s.H / s.P) * (s.W / s.P) }

// PatchLen is the number of values of a patch, C·P·P.
func (s Image) PatchLen() int { return s.C * s.P * s.P }

// Patch copies the vector (c, row, column) of one token of image n to dst
// [PatchLen].
func (s Image) Patch(dst, img []float32, n, token int) {
	row, col := token/(s.W/s.P)*s.P, token%(s.W/s.P)*s.P
	i := 0
	for c := range s.C {
		for dy := range s.P {
			at := ((n*s.C+c)*s.H+row+dy)*s.W + col
			i += copy(dst[i:], img[at:at+s.P])
		}
	}
}

// Norm is how NormModulate normalises a row.
type Norm uint8

// The norms, both without weights.
const (
	LayerNorm Norm = iota // (x - mean)/√(variance + eps)
	RMSNorm               // x/√(mean of x² + eps) (arXiv 1910.07467)
)

// Heads is the shape of attention: N images of so many tokens, heads of Dim
// channels. With Int8 its products are exact integers, else float32.
type Heads struct {
	N, Tokens, Heads, Dim int
	Int8                  bool
}

// Width is that of a row of queries, of keys or of values.
func (h Heads) Width() int { return h.Heads * h.Dim }

// Rows is the number of tokens of all images.
func (h Heads) Rows() int { return h.N * h.Tokens }

// CheckAttention panics unless the operands of Attention have their lengths.
func (h Heads) CheckAttention(dst, qkv F32) {
	SameLen("attention qkv", qkv.Len, 3*h.Rows()*h.Width())
	SameLen("attention dst", dst.Len, h.Rows()*h.Width())
}

// CheckRotate panics unless the operands of NormRotate have their lengths.
func (h Heads) CheckRotate(qkv, qNorm, kNorm, rope F32) {
	SameLen("norm and rotate qkv", qkv.Len, 3*h.Rows()*h.Width())
	SameLen("norm and rotate kNorm", kNorm.Len, qNorm.Len)
	if qNorm.Len > 0 {
		SameLen("norm and rotate qNorm", qNorm.Len, h.Dim)
	}
	SameLen("norm and rotate rope", rope.Len, h.Tokens*h.Dim)
	SameLen("norm and rotate pairs", 2*(h.Dim/2), h.Dim)
}

// Device runs the fused operations of a DiT forward pass. Operands belong to the
// device that allocated them and must not overlap unless said so. Wrong shapes
// are programming errors and panic; running out of memory is an error. A device
// is used by one goroutine at a time.
type Device interface {
	// Name tells which implementation this is, for the result's metadata.
	Name() string

	// Alloc returns n zeros. Free gives them back; f must come from Alloc.
	Alloc(n int) (F32, error)
	Free(f F32)
	// Write copies src to dst, Read copies src to dst; lengths must agree.
	Write(dst F32, src []float32)
	Read(dst []float32, src F32)
	// Copy copies src to dst, both the device's and of the same length.
	Copy(dst, src F32)

	// NewLinear prepares a layer. The device may keep w's slices.
	NewLinear(w Weights) (Linear, error)

	// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos: dst [N·T, D], img
	// [N, C, H, W], pos [T, D]. Patch vectors are flattened (c, row, column) and
	// tokens run row-major over the grid. (DiT/models.py: x_embedder)
	PatchEmbed(dst, img F32, s Image, w Linear, pos F32)
	// Unpatchify computes img [N, C, H, W] from tokens [N·T, P·P·C] whose vectors
	// are (row, column, c). (DiT/models.py: unpatchify)
	Unpatchify(img, tokens F32, s Image)

	// NormModulate computes dst = norm(x)·(1+scale) + shift for x [rows, dim], eps
	// being NormEps. (DiT/models.py: modulate)
	NormModulate(dst, x F32, rows, dim int, norm Norm, shift, scale PerGroup)
	// Linear computes dst = act(x·Wᵀ + b): x [rows, In], dst [rows, Out].
	Linear(dst, x F32, rows int, w Linear, act Activation)
	// LinearGate adds gate ∘ (x·Wᵀ + b) to dst [rows, Out]: a gated residual.
	LinearGate(dst, x F32, rows int, w Linear, gate PerGroup)
	// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b) from the layers gate
	// and w, which have the same shape: x [rows, In], dst [rows, Out]. (arXiv
	// 2002.05202; JiT, model_jit.py: SwiGLUFFN)
	LinearSwiGLU(dst, x F32, rows int, gate, w Linear)
	// NormRotate changes the queries and keys of qkv, laid out as for Attention, in
	// place. First the RMS norm of each head, with weights qNorm and kNorm [Dim],
	// where they are not empty, both. Then rope [Tokens, Dim] turns each pair of
	// neighbours (a, b) of token t by its (cos, sin): (a·cos - b·sin, b·cos + a·sin).
	// (JiT, model_jit.py: Attention.forward)
	NormRotate(qkv F32, h Heads, qNorm, kNorm, rope F32)
	// Attention computes dst [N·Tokens, Heads·Dim] from qkv [N·Tokens, 3·Heads·Dim],
	// rows being (q | k | v), each [Heads, Dim]: softmax(q·Dim^-½ · kᵀ)·v within each
	// of N images. With h.Int8 the result is QuantizedAttention's. (timm: Attention)
	Attention(dst, qkv F32, h Heads)
}

// NormEps is the epsilon of every norm (DiT/models.py; JiT, model_util.py: RMSNorm).
const NormEps = 1e-6

// SameLen panics unless an operand of an operation has as many values as the
// others ask for.
func SameLen(op string, got, want int) {
	if got != want {
		panic(fmt.Sprintf("compute: %s: got %d values, want %d", op, got, want))
	}
}

// ErrLost tells that a device is of no use any more: a graphics processor can go away at any
// time. What was computed since the last Read without it is lost.
var ErrLost = errors.New("compute: the device was lost")

// Lost is an ErrLost once d is of no use. Only devices that can be lost have a method Err.
func Lost(d Device) error {
	if e, ok := d.(interface{ Err() error }); ok {
		return e.Err()
	}
	return nil
}
