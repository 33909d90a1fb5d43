//go:build (amd64 || arm64) && !purego

package native

import (
	"math"

	"dit8/core/compute"
)

// whole is the number of values in x that kernels do, and x's first value or, of
// none, any other's.
func whole(x []float32) (n int, first *float32) {
	if n = len(x) &^ 15; n == 0 {
		return 0, &nothing
	}
	return n, &x[0]
}

var nothing float32

// quantizeRows leaves n rows of x in s.q and s.scales: compute.QuantizeRow.
func (d *Device) quantizeRows(s *scratch, x []float32, n int, l *linear) {
	stride, room := d.k.inputStride(l.width), n
	if d.k.matrix != nil {
		room += tileRows - 1 // which the last tile may reach over
	}
	q, scales := grow(&s.q, room*stride), grow(&s.scales, n)
	if l.in%8 == 0 {
		d.k.quantizeRows(&q[0], stride, &x[0], 4*l.in, &d.k.zero, &scales[0], n, l.in)
		return
	}
	for r := range n {
		row := q[r*stride : (r+1)*stride]
		if d.k.wide {
			scales[r] = d.quantizeRow(s, row[l.width:], x[r*l.in:(r+1)*l.in])
			widen(row)
			continue
		}
		scales[r] = d.quantizeRow(s, row[:l.width], x[r*l.in:(r+1)*l.in])
	}
}

// widen makes int16 of int8, which are the second half of a row.
func widen(row []int8) {
	for i, v := range row[len(row)/2:] {
		row[2*i], row[2*i+1] = v, v>>7
	}
}

func (d *Device) quantizeRow(s *scratch, q []int8, x []float32) (scale float32) {
	n, first := whole(x)
	top := d.k.absMax(&s.partial, first, n)
	for _, v := range x[n:] {
		if v < 0 {
			v = -v
		}
		if v > top {
			top = v
		}
	}
	for i := n; i < len(q); i++ {
		q[i] = d.k.zero
	}
	if !(top >= compute.MinAbsMax) {
		for i := range q {
			q[i] = d.k.zero
		}
		return 0
	}
	inv := 127 / top
	if n > 0 {
		d.k.quantize(&q[0], first, inv, n)
	}
	for i, v := range x[n:] {
		// |x|·(127/top) is below 127.5, so the contract's clamp has nothing to do
		q[n+i] = int8(int32(compute.RoundEven(float32(v*inv)))) ^ d.k.zero
	}
	return top / 127
}

func (d *Device) gelu(x []float32, fast bool) {
	kernel, one := d.k.gelu, compute.GELU
	if fast {
		kernel, one = d.k.fastGELU, compute.FastGELU
	}
	n, first := whole(x)
	kernel(first, n)
	for i, v := range x[n:] {
		x[n+i] = one(v)
	}
}

func (d *Device) silu(x []float32) {
	n, first := whole(x)
	d.k.silu(first, n)
	for i, v := range x[n:] {
		x[n+i] = compute.SiLU(v)
	}
}

// addGated adds gate ∘ y to dst.
func (d *Device) addGated(dst, y, gate []float32) {
	y, gate = y[:len(dst)], gate[:len(dst)]
	n, first := whole(dst)
	if n > 0 {
		d.k.gate(first, &y[0], &gate[0], n)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = dst[i] + float32(gate[i]*y[i])
	}
}

// add adds x to dst.
func (d *Device) add(dst, x []float32) {
	x = x[:len(dst)]
	n, first := whole(dst)
	if n > 0 {
		d.k.add(first, &x[0], n)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = dst[i] + x[i]
	}
}

// multiply computes dst = dst ∘ x.
func (d *Device) multiply(dst, x []float32) {
	x = x[:len(dst)]
	n, first := whole(dst)
	if n > 0 {
		d.k.multiply(first, &x[0], n)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = float32(dst[i] * x[i])
	}
}

// scale computes dst = x·by.
func (d *Device) scale(dst, x []float32, by float32) {
	x = x[:len(dst)]
	n, first := whole(dst)
	if n > 0 {
		d.k.scale(first, &x[0], by, n)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = float32(x[i] * by)
	}
}

// softmax replaces x by e^(x-max) and returns one over their sum.
func (d *Device) softmax(s *scratch, x []float32) (inv float32) {
	n, first := whole(x)
	top := d.k.maximum(&s.partial, first, n)
	for _, v := range x[n:] {
		if v > top {
			top = v
		}
	}
	sum := d.k.expSum(&s.partial, first, top, n)
	if n == len(x) {
		return 1 / sum
	}
	for i, v := range x[n:] {
		e := compute.Exp(v - top)
		x[n+i] = e
		s.partial[i] += e
	}
	return 1 / compute.FoldSum(&s.partial)
}

type normOp struct {
	d            *Device
	dst, x       []float32
	rows, dim    int
	norm         compute.Norm
	shift, scale compute.PerGroup
}

// normRows is how many rows a part of NormModulate has.
const normRows = 16

// NormModulate computes dst = norm(x)·(1+scale) + shift. dst may be x.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	compute.SameLen("norm x", x.Len, rows*dim)
	compute.SameLen("norm dst", dst.Len, rows*dim)
	d.norm = normOp{d, dst.Host, x.Host, rows, dim, norm, shift, scale}
	d.pool.run(&d.norm, (rows+normRows-1)/normRows)
	d.norm = normOp{}
}

func (op *normOp) part(i, thread int) {
	for r := i * normRows; r < min(op.rows, (i+1)*normRows); r++ {
		at := r * op.dim
		op.d.normRow(&op.d.own[thread], op.dst[at:at+op.dim], op.x[at:at+op.dim], op.norm, op.shift.Vector(r, op.dim), op.scale.Vector(r, op.dim))
	}
}

func (d *Device) normRow(s *scratch, y, x []float32, norm compute.Norm, shift, scale []float32) {
	mean := float32(0)
	if norm == compute.LayerNorm {
		mean = d.mean(s, x)
	}
	rstd := d.reciprocal(s, x, mean)
	n, first := whole(x)
	if n > 0 {
		d.k.modulate(&y[0], first, &shift[0], &scale[0], mean, rstd, n)
	}
	for i := n; i < len(x); i++ {
		h := float32(float32(x[i]-mean) * rstd)
		y[i] = float32(h*float32(1+scale[i])) + shift[i]
	}
}

func (d *Device) mean(s *scratch, x []float32) float32 {
	n, first := whole(x)
	sum := d.k.sum(&s.partial, first, n)
	if n < len(x) {
		for i, v := range x[n:] {
			s.partial[i] += v
		}
		sum = compute.FoldSum(&s.partial)
	}
	return sum / float32(len(x))
}

// reciprocal is one over the root of the mean square of x - mean.
func (d *Device) reciprocal(s *scratch, x []float32, mean float32) float32 {
	n, first := whole(x)
	squares := d.k.sumSquares(&s.partial, first, mean, n)
	if n < len(x) {
		for i, v := range x[n:] {
			c := v - mean
			s.partial[i] += float32(c * c)
		}
		squares = compute.FoldSum(&s.partial)
	}
	return 1 / float32(math.Sqrt(float64(squares/float32(len(x))+compute.NormEps)))
}
