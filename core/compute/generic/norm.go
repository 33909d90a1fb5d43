package generic

import (
	"math"

	"dit8/core/compute"
)

// NormModulate computes dst = norm(x)·(1+scale) + shift. dst may be x.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	compute.SameLen("norm x", x.Len, rows*dim)
	compute.SameLen("norm dst", dst.Len, rows*dim)
	for r := range rows {
		normRow(dst.Host[r*dim:(r+1)*dim], x.Host[r*dim:(r+1)*dim], norm, shift.Vector(r, dim), scale.Vector(r, dim))
	}
}

// normRow has two passes over the row for mean and variance and one to write:
// ((x-mean)·rstd)·(1+scale) + shift. An RMS norm has no mean.
func normRow(y, x []float32, norm compute.Norm, shift, scale []float32) {
	mean := float32(0)
	if norm == compute.LayerNorm {
		var p [16]float32
		for i, v := range x {
			p[i&15] += v
		}
		mean = compute.FoldSum(&p) / float32(len(x))
	}
	rstd := reciprocal(x, mean)
	for i, v := range x {
		h := float32(float32(v-mean) * rstd)
		y[i] = float32(h*float32(1+scale[i])) + shift[i]
	}
}

// reciprocal is one over the root of the mean square of x - mean.
func reciprocal(x []float32, mean float32) float32 {
	var p [16]float32
	for i, v := range x {
		c := v - mean
		p[i&15] += float32(c * c)
	}
	variance := compute.FoldSum(&p) / float32(len(x))
	return 1 / float32(math.Sqrt(float64(variance+compute.NormEps)))
}

// NormRotate changes queries and keys in place.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	h.CheckRotate(qkv, qNorm, kNorm, rope)
	for r := range h.Rows() {
		turn := rope.Host[r%h.Tokens*h.Dim:][:h.Dim]
		for i := range 2 * h.Heads { // of q, then of k
			x := qkv.Host[3*r*h.Width()+i*h.Dim:][:h.Dim]
			if qNorm.Len > 0 {
				w := qNorm.Host
				if i >= h.Heads {
					w = kNorm.Host
				}
				rstd := reciprocal(x, 0)
				for j, v := range x {
					x[j] = float32(float32(v*rstd) * w[j])
				}
			}
			for j := 0; j < len(x); j += 2 {
				a, b, cos, sin := x[j], x[j+1], turn[j], turn[j+1]
				x[j] = float32(a*cos) - float32(b*sin)
				x[j+1] = float32(b*cos) + float32(a*sin)
			}
		}
	}
}
