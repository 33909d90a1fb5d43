//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// rotateOp is NormRotate in parts, each some rows of qkv.
type rotateOp struct {
	d          *Device
	qkv        []float32
	h          compute.Heads
	q, k, rope []float32 // q and k: the norms' weights or, without norms, ones
	normed     bool
}

// rotateRows is how many rows a part of NormRotate has.
const rotateRows = 8

// NormRotate changes queries and keys in place.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	h.CheckRotate(qkv, qNorm, kNorm, rope)
	op := rotateOp{d: d, qkv: qkv.Host, h: h, q: qNorm.Host, k: kNorm.Host, rope: rope.Host, normed: qNorm.Len > 0}
	if !op.normed {
		op.q = d.someOnes(h.Dim) // x·1·1 is x
		op.k = op.q
	}
	d.rotation = op
	d.pool.run(&d.rotation, (h.Rows()+rotateRows-1)/rotateRows)
	d.rotation = rotateOp{}
}

func (d *Device) someOnes(n int) []float32 {
	if len(d.ones) < n {
		d.ones = make([]float32, n)
		for i := range d.ones {
			d.ones[i] = 1
		}
	}
	return d.ones[:n]
}

func (op *rotateOp) part(i, thread int) {
	s, width := &op.d.own[thread], op.h.Width()
	for r := i * rotateRows; r < min(op.h.Rows(), (i+1)*rotateRows); r++ {
		row := op.qkv[3*r*width : (3*r+2)*width]
		rope := op.rope[r%op.h.Tokens*op.h.Dim:][:op.h.Dim]
		op.heads(s, row[:width], op.q, rope)
		op.heads(s, row[width:], op.k, rope)
	}
}

// heads does the queries or the keys of a row.
func (op *rotateOp) heads(s *scratch, row, weight, rope []float32) {
	for ; len(row) > 0; row = row[len(rope):] {
		x, rstd := row[:len(rope)], float32(1)
		if op.normed {
			rstd = op.d.reciprocal(s, x, 0)
		}
		op.d.rotate(x, weight, rope, rstd)
	}
}

// rotate computes x = (x·rstd)·weight and turns its pairs.
func (d *Device) rotate(x, weight, rope []float32, rstd float32) {
	weight, rope = weight[:len(x)], rope[:len(x)]
	n, first := whole(x)
	if n > 0 {
		d.k.rotate(first, &weight[0], &rope[0], rstd, n)
	}
	for i := n; i < len(x); i += 2 {
		a := float32(float32(x[i]*rstd) * weight[i])
		b := float32(float32(x[i+1]*rstd) * weight[i+1])
		cos, sin := rope[i], rope[i+1]
		x[i] = float32(a*cos) - float32(b*sin)
		x[i+1] = float32(b*cos) + float32(a*sin)
	}
}
