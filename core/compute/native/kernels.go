//go:build (amd64 || arm64) && !purego

package native

// Assembly tells whether there are kernels for this architecture at all.
const Assembly = true

// kernels are what an instruction set offers. Values lie n in a row, n a multiple
// of sixteen where it is not said otherwise; strides are in bytes. Reductions give
// sixteen partial results and what these come to.
type kernels struct {
	name   string
	panel  int  // outputs that a product computes at a time
	rows   int  // most rows of a tile
	inputs int  // what inputs are filled up to, with weights of zero: whole groups of so many
	beside int  // inputs of an output that lie beside each other in a panel
	zero   int8 // what a quantised 0 is stored as
	wide   bool // quantised inputs are int16

	dot    []dotFunc    // by the rows of a tile
	gemm   []gemmFunc   // likewise
	matrix *tileKernels // int8 products of layers, where there is a matrix unit

	quantize   func(q *int8, x *float32, inv float32, n int)
	absMax     func(p *[16]float32, x *float32, n int) float32
	maximum    func(p *[16]float32, x *float32, n int) float32
	sum        func(p *[16]float32, x *float32, n int) float32
	sumSquares func(p *[16]float32, x *float32, mean float32, n int) float32
	expSum     func(p *[16]float32, x *float32, max float32, n int) float32 // replaces x by e^(x-max)
	modulate   func(dst, x, shift, scale *float32, mean, rstd float32, n int)
	gate       func(dst, y, gate *float32, n int) // adds gate ∘ y
	add        func(dst, x *float32, n int)
	scale      func(dst, x *float32, by float32, n int)
	multiply   func(dst, x *float32, n int)
	rotate     func(x, weight, rope *float32, rstd float32, n int) // (x·rstd)·weight, then pairs turn
	gelu       func(x *float32, n int)
	fastGELU   func(x *float32, n int)
	silu       func(x *float32, n int)

	attentionKernels
	convKernels

	// peak does n times 4·rows·panel·4 multiply-adds as dot does, on registers alone.
	peak func(n int)
}

// dotFunc computes tiles of some rows: dst [rows, panel] = float32(q·Wᵀ)·(rowScale·colScale)
// + bias. groups counts sixteens of inputs. The sums start from corrections.
type dotFunc func(dst *float32, dstStride int, q *int8, qStride int, w *int8, groups, tiles int, rowScale, colScale, bias *float32, corrections *int32)

// gemmFunc computes tiles of some rows: dst [rows, panel] = a·b + bias, with a [rows, k]
// and b [k, panel], for any k above 0.
type gemmFunc func(dst *float32, dstStride int, a *float32, aStride int, b *float32, k, tiles int, bias *float32)
