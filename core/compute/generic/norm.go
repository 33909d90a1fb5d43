package generic

import (
	"math"

	"dit8/core/compute"
)

// NormModulate computes dst = LN(x)·(1+scale) + shift. dst may be x.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, shift, scale compute.PerGroup) {
	compute.SameLen("norm x", x.Len, rows*dim)
	compute.SameLen("norm dst", dst.Len, rows*dim)
	for r := range rows {
		normRow(dst.Host[r*dim:(r+1)*dim], x.Host[r*dim:(r+1)*dim], shift.Vector(r, dim), scale.Vector(r, dim))
	}
}

// normRow has two passes over the row for mean and variance and one to write:
// ((x-mean)·rstd)·(1+scale) + shift.
func normRow(y, x, shift, scale []float32) {
	var p [16]float32
	for i, v := range x {
		p[i&15] += v
	}
	n := float32(len(x))
	mean := compute.FoldSum(&p) / n
	p = [16]float32{}
	for i, v := range x {
		c := v - mean
		p[i&15] += float32(c * c)
	}
	variance := compute.FoldSum(&p) / n
	rstd := 1 / float32(math.Sqrt(float64(variance+compute.NormEps)))
	for i, v := range x {
		h := float32(float32(v-mean) * rstd)
		y[i] = float32(h*float32(1+scale[i])) + shift[i]
	}
}
