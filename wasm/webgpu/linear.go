//go:build js

package webgpu

import (
	"fmt"
	"unsafe"

	"dit8/core/compute"
)

// linear is a layer in a buffer of its own: weights [columns, inner], then the scales where they are
// int8, then biases.
type linear struct {
	d       *Device
	buffer  int32
	in, out int
	inner   int // words, or values, of a row of weights
	params  int // where scales and biases begin
	int8    bool
}

func (l *linear) In() int    { return l.in }
func (l *linear) Out() int   { return l.out }
func (l *linear) Int8() bool { return l.int8 }

// Free gives the layer's memory back.
func (l *linear) Free() {
	l.d.destroy(l.buffer)
	l.buffer = 0
}

const (
	tile      = 32      // rows and columns that a workgroup computes
	deep      = 8       // words of inner that it takes at a time
	packBytes = 1 << 20 // of weights that are copied at a time
)

// NewLinear copies w to the processor.
func (d *Device) NewLinear(w compute.Weights) (compute.Linear, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	l := &linear{d: d, in: w.In, out: w.Out, inner: w.In, int8: w.I8 != nil}
	l.params = w.In * w.Out
	values := l.params + w.Out
	if l.int8 {
		l.inner = filled(w.In)
		l.params = l.inner * over(w.Out, tile) * tile
		values = l.params + 2*w.Out
	}
	if values > d.Largest() {
		return nil, fmt.Errorf("webgpu: linear %d→%d takes %d values, a buffer up to %d", w.In, w.Out, values, d.Largest())
	}
	var err error
	if l.buffer, err = d.buffer(4 * values); err != nil {
		return nil, err
	}
	at := l.params
	if l.int8 {
		l.writeI8(w.I8, w.Out)
		put(l.buffer, at, w.Scale)
		at += w.Out
	} else {
		put(l.buffer, 0, w.F32)
	}
	put(l.buffer, at, w.Bias)
	return l, nil
}

// filled is how many words n values of int8 take, filled up to what a workgroup takes at a time.
func filled(n int) int { return over(over(n, 4), deep) * deep }

// writeI8 writes all rows, which are filled up to whole words, some at a time.
func (l *linear) writeI8(w []int8, all int) {
	width := 4 * l.inner
	rows := min(all, max(1, packBytes/width))
	packed := make([]int8, rows*width)
	for j := 0; j < all; j += rows {
		n := min(rows, all-j)
		for i := range n {
			copy(packed[i*width:], w[(j+i)*l.in:(j+i+1)*l.in])
		}
		put(l.buffer, j*l.inner, packed[:n*width])
	}
}

// put writes src to a buffer, from value at on.
func put[T int8 | float32](buffer int32, at int, src []T) {
	var one T
	write(buffer, uint32(4*at), unsafe.Pointer(unsafe.SliceData(src)), uint32(len(src)*int(unsafe.Sizeof(one))))
}

// What a layer does with its sums: compute.Activation's, and these.
const (
	gated      = 3 + iota // adds gate ∘ y to what is there
	positioned            // adds a position's vector
	multiplied            // by another layer's outputs
)

// epilogue is what a layer does with its sums, and the vectors that it needs for that.
type epilogue struct {
	act         int
	v           operand
	n           int // values in v
	stride, per int
}

// Linear computes dst = act(x·Wᵀ + b).
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	l := w.(*linear)
	d.linear(dst, x, rows, l, epilogue{act: int(act)})
}

// LinearGate adds gate ∘ (x·Wᵀ + b) to dst.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	l := w.(*linear)
	checkVectors("gate", gate, rows, l.out)
	d.linear(dst, x, rows, l, epilogue{gated, d.operand(gate.V), gate.V.Len, gate.Stride, gate.Rows})
}

// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b).
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	g, l := gate.(*linear), w.(*linear)
	compute.SameLen("swiglu gate in", g.in, l.in)
	compute.SameLen("swiglu gate out", g.out, l.out)
	compute.SameLen("linear x", x.Len, rows*l.in)
	compute.SameLen("linear dst", dst.Len, rows*l.out)
	if rows == 0 {
		return
	}
	s, from := d.scratch(other, 4*rows*l.out), d.operand(x)
	d.product(s, from, x.Len, rows, g, epilogue{act: int(compute.WithSiLU)})
	d.product(d.operand(dst), from, x.Len, rows, l, epilogue{act: multiplied, v: s, stride: l.out, per: 1})
}

func (d *Device) linear(dst, x compute.F32, rows int, l *linear, e epilogue) {
	compute.SameLen("linear x", x.Len, rows*l.in)
	compute.SameLen("linear dst", dst.Len, rows*l.out)
	d.product(d.operand(dst), d.operand(x), x.Len, rows, l, e)
}

// atOnce bounds the multiplications that are issued in one go, so that none takes a slow processor long. A variable
// for tests.
var atOnce = 1 << 32

// product issues a layer for rows of n values in all.
func (d *Device) product(dst, x operand, n, rows int, l *linear, e epilogue) {
	op, scales := linearF32Op, 0
	if l.int8 {
		op, scales = linearI8Op, over(rows, tile)*tile*l.inner
		s := d.scratch(quantised, 4*(scales+rows))
		d.run(quantizeOp, n, many(rows), [operands]operand{s, x}, uint32(rows), x.at, uint32(l.in), uint32(l.inner), uint32(scales))
		x = s
	} else {
		x = d.apart(0, dst, x, n)
	}
	e.v = d.apart(1, dst, e.v, e.n)
	step := max(tile, min(atOnce/(l.in*l.out), mostGroups*tile)/tile*tile)
	for first := 0; first < rows; first += step {
		some := min(step, rows-first)
		d.run(op, some*l.in*l.out, [3]int{over(l.out, tile), over(some, tile), 1}, [operands]operand{dst, x, {buffer: l.buffer}, e.v},
			uint32(rows), uint32(l.out), uint32(l.inner), dst.at, x.at, uint32(scales), uint32(l.params),
			uint32(e.act), e.v.at, uint32(e.stride), uint32(max(1, e.per)), uint32(first))
	}
}

// checkVectors panics unless a vector of n values lies in v for each of rows rows.
func checkVectors(op string, v compute.PerGroup, rows, n int) {
	if last := (rows - 1) / v.Rows * v.Stride; rows > 0 && (last < 0 || last+n > v.V.Len) {
		panic(fmt.Sprintf("webgpu: %s: vectors of %d groups in %d values", op, (rows-1)/v.Rows+1, v.V.Len))
	}
}
