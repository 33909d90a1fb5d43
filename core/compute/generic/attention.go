package generic

import (
	"math"

	"dit8/core/compute"
)

// Attention computes softmax(q·Dim^-½ · kᵀ)·v for each image and head.
func (d *Device) Attention(dst, qkv compute.F32, shape compute.Heads) {
	shape.CheckAttention(dst, qkv)
	if shape.Int8 {
		d.attentionInt8(dst.Host, qkv.Host, shape)
		return
	}
	n, tokens, heads, headDim, dim := shape.N, shape.Tokens, shape.Heads, shape.Dim, shape.Width()
	scale := 1 / float32(math.Sqrt(float64(headDim)))
	s := scratch(&d.scores, tokens)
	q := scratch(&d.query, headDim)
	for img := range n {
		rows := qkv.Host[3*img*tokens*dim : 3*(img+1)*tokens*dim]
		for h := range heads {
			k := rows[dim+h*headDim:]
			v := rows[2*dim+h*headDim:]
			for t := range tokens {
				for i := range q {
					q[i] = float32(rows[3*t*dim+h*headDim+i] * scale)
				}
				for j := range s {
					s[j] = dot(q, k[3*j*dim:])
				}
				inv := softmax(s)
				at := (img*tokens+t)*dim + h*headDim
				o := dst.Host[at : at+headDim]
				clear(o)
				for j, e := range s {
					for i, w := range v[3*j*dim : 3*j*dim+headDim] {
						o[i] += float32(e * w)
					}
				}
				for i := range o {
					o[i] = float32(o[i] * inv)
				}
			}
		}
	}
}

// softmax replaces s by e^(s-max) and returns one over their sum.
func softmax(s []float32) (inv float32) {
	m := s[0]
	for _, v := range s {
		if v > m {
			m = v
		}
	}
	var p [16]float32
	for i, v := range s {
		e := compute.Exp(v - m)
		s[i] = e
		p[i&15] += e
	}
	return 1 / compute.FoldSum(&p)
}

func dot(a, b []float32) (s float32) {
	b = b[:len(a)]
	for k, v := range a {
		s += float32(v * b[k])
	}
	return s
}
