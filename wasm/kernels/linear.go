//go:build js

package kernels

import "dit8/core/compute"

// linear is a layer whose weights are packed in the kernels' memory.
type linear struct {
	mem     *arena
	in, out int
	int8    bool
	w       uint32
	scale   uint32
	bias    uint32
}

func (l *linear) In() int  { return l.in }
func (l *linear) Out() int { return l.out }

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
	for _, p := range l.pieces() {
		var err error
		if *p.at, err = d.zeros(p.n); err != nil {
			l.Free()
			return nil, err
		}
	}
	put(l.bias, w.Bias)
	size := 4
	if l.int8 {
		size = 1
		put(l.scale, w.Scale)
	}
	rows := min(w.Out, max(1, packBytes/(size*w.In)))
	raw, err := d.mem.alloc(size * rows * w.In)
	if err != nil {
		l.Free()
		return nil, err
	}
	defer d.mem.release(raw, size*rows*w.In)
	for j := 0; j < w.Out; j += rows {
		n := min(rows, w.Out-j)
		if l.int8 {
			put(raw, w.I8[j*w.In:(j+n)*w.In])
			packI8(l.w, raw, int32(j), int32(n), int32(w.In))
		} else {
			put(raw, w.F32[j*w.In:(j+n)*w.In])
			packF32(l.w, raw, int32(j), int32(n), int32(w.In))
		}
	}
	return l, nil
}

// piece is n bytes that a layer holds at an address, 0 while it does not.
type piece struct {
	at *uint32
	n  int
}

// pieces are the weights, the biases and, with int8, the scales.
func (l *linear) pieces() []piece {
	outs := (l.out + most - 1) / most * most
	if !l.int8 {
		return []piece{{&l.w, 4 * outs * l.in}, {&l.bias, 4 * outs}}
	}
	return []piece{{&l.w, int(packedI8(int32(l.in), int32(l.out)))}, {&l.bias, 4 * outs}, {&l.scale, 4 * outs}}
}

// Free gives the layer's memory back.
func (l *linear) Free() {
	for _, p := range l.pieces() {
		if *p.at != 0 {
			l.mem.release(*p.at, p.n)
			*p.at = 0
		}
	}
}

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
