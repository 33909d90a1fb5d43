//go:build js

package kernels

import (
	"unsafe"

	"dit8/core/compute"
)

// linear is a layer whose weights are packed in the kernels' memory.
type linear struct {
	mem     *arena
	in, out int
	int8    bool
	w       uint32
	scale   uint32
	bias    uint32
}

func (l *linear) In() int    { return l.in }
func (l *linear) Out() int   { return l.out }
func (l *linear) Int8() bool { return l.int8 }

// gated is the epilogue that adds gate ∘ y to what is there; the others are
// compute.Activation's.
const gated = 3

const (
	most      = 16      // outputs that scales and biases are filled up to a multiple of
	packBytes = 1 << 20 // bytes of weights that are copied at a time
)

// NewLinear copies and packs w.
func (d *Device) NewLinear(w compute.Weights) (compute.Linear, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	l := &linear{mem: &d.mem, in: w.In, out: w.Out, int8: w.I8 != nil}
	if err := d.take(l.pieces()); err != nil {
		return nil, err
	}
	put(l.bias, w.Bias)
	var err error
	if l.int8 {
		put(l.scale, w.Scale)
		err = pack(d, w.I8, w.In, func(raw uint32, j, n int) { packI8(l.w, raw, int32(j), int32(n), int32(w.In)) })
	} else {
		err = pack(d, w.F32, w.In, func(raw uint32, j, n int) { packF32(l.w, raw, int32(j), int32(n), int32(w.In)) })
	}
	if err != nil {
		l.Free()
		return nil, err
	}
	return l, nil
}

// pack copies rows of weights, some at a time, and has the n from j on packed that are at raw.
func pack[T int8 | float32](d *Device, w []T, width int, some func(raw uint32, j, n int)) error {
	var one T
	out, size := len(w)/width, int(unsafe.Sizeof(one))*width
	rows := min(out, max(1, packBytes/size))
	raw, err := d.mem.alloc(rows * size)
	if err != nil {
		return err
	}
	defer d.mem.release(raw, rows*size)
	for j := 0; j < out; j += rows {
		n := min(rows, out-j)
		put(raw, w[j*width:(j+n)*width])
		some(raw, j, n)
	}
	return nil
}

// piece is n bytes that a layer holds at an address, 0 while it does not.
type piece struct {
	at *uint32
	n  int
}

// take allocates pieces, all zeros, or none of them.
func (d *Device) take(all []piece) error {
	for _, p := range all {
		var err error
		if *p.at, err = d.zeros(p.n); err != nil {
			d.mem.give(all)
			return err
		}
	}
	return nil
}

// give gives pieces back.
func (a *arena) give(all []piece) {
	for _, p := range all {
		if *p.at != 0 {
			a.release(*p.at, p.n)
			*p.at = 0
		}
	}
}

// pieces are the weights, the biases and, with int8, the scales.
func (l *linear) pieces() []piece {
	outs := filled(l.out)
	if !l.int8 {
		return []piece{{&l.w, 4 * outs * l.in}, {&l.bias, 4 * outs}}
	}
	return []piece{{&l.w, int(packedI8(int32(l.in), int32(l.out)))}, {&l.bias, 4 * outs}, {&l.scale, 4 * outs}}
}

// filled is n in whole blocks of outputs.
func filled(n int) int { return (n + most - 1) / most * most }

// Free gives the layer's memory back.
func (l *linear) Free() { l.mem.give(l.pieces()) }

// zeros returns the address of n bytes that are zero.
func (d *Device) zeros(n int) (uint32, error) {
	at, err := d.mem.alloc(n)
	if err == nil {
		zero(at, uint32(n))
	}
	return at, err
}

// Linear computes dst = act(x·Wᵀ + b).
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	compute.SameLen("linear x", x.Len, rows*w.In())
	compute.SameLen("linear dst", dst.Len, rows*w.Out())
	d.linear(dst.Addr, x.Addr, rows, w.(*linear), int32(act), 0, 0, 1)
}

// LinearGate adds gate ∘ (x·Wᵀ + b) to dst.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	compute.SameLen("linear x", x.Len, rows*w.In())
	compute.SameLen("linear dst", dst.Len, rows*w.Out())
	at, stride, group := per("gate", gate, rows, w.Out())
	d.linear(dst.Addr, x.Addr, rows, w.(*linear), gated, at, stride, group)
}

// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b).
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	g, l := gate.(*linear), w.(*linear)
	compute.SameLen("swiglu gate in", g.in, l.in)
	compute.SameLen("swiglu gate out", g.out, l.out)
	compute.SameLen("linear x", x.Len, rows*l.in)
	compute.SameLen("linear dst", dst.Len, rows*l.out)
	var q quantizedRows
	if g.int8 || l.int8 {
		q = d.quantize(x.Addr, rows, l.in)
	}
	linearSwiGLU(dst.Addr, x.Addr, q.rows, q.scales, int32(rows), int32(l.in), int32(l.out), g.w, g.scale, g.bias, l.w, l.scale, l.bias, q.perThread)
}

func (d *Device) linear(dst, x uint32, rows int, l *linear, act int32, gate uint32, stride, group int32) {
	if !l.int8 {
		linearF32(dst, x, int32(rows), l.w, l.bias, int32(l.in), int32(l.out), act, gate, stride, group)
		return
	}
	q := d.quantize(x, rows, l.in)
	linearI8(dst, q.rows, q.scales, int32(rows), l.w, l.scale, l.bias, int32(l.in), int32(l.out), act, gate, stride, group, q.perThread)
}

// quantizedRows are what an int8 product works on, in scratch areas: rows, their
// scales, and room for each thread.
type quantizedRows struct{ rows, scales, perThread uint32 }

func (d *Device) quantize(x uint32, rows, in int) quantizedRows {
	q := quantizedRows{
		d.scratch(quantised, int(quantized(int32(rows), int32(in)))),
		d.scratch(scales, 4*rows),
		d.scratch(perThread, int(scratchI8(int32(in)))*d.threads),
	}
	quantize(q.rows, q.scales, x, int32(rows), int32(in))
	return q
}
