package generic

import "dit8/core/compute"

// head is one head of an image in integers.
type head struct {
	q, k, v    []int8    // [T, d] each
	qs, ks, vs []float32 // [T], [T], [d]
}

// attentionInt8 is Attention by the definition of compute.AttentionBlock's comment.
func (d *Device) attentionInt8(dst, qkv []float32, s compute.Heads) {
	t, hd, dim := s.Tokens, s.Dim, s.Width()
	h := head{
		q: make([]int8, t*hd), k: make([]int8, t*hd), v: make([]int8, t*hd),
		qs: make([]float32, t), ks: make([]float32, t), vs: make([]float32, hd),
	}
	scores, p := make([]float32, t), make([]int32, t)
	for n := range s.N * s.Heads {
		at := n/s.Heads*t*dim + n%s.Heads*hd
		rows := qkv[n/s.Heads*t*3*dim+n%s.Heads*hd:]
		h.quantize(rows, t, hd, dim)
		for i := range t {
			sum := h.weights(p, scores, i, compute.AttentionScale(hd))
			h.mix(dst[at+i*dim:][:hd], p, 1/float32(sum))
		}
	}
}

// quantize reads a head's queries, keys and values from rows that are 3·dim apart.
func (h *head) quantize(rows []float32, t, hd, dim int) {
	mean := make([]float32, hd)
	for i := range t {
		for c, x := range rows[3*i*dim+dim:][:hd] {
			mean[c] = mean[c] + x
		}
	}
	for c := range mean {
		mean[c] = mean[c] / float32(t)
	}
	centred, column, q := make([]float32, hd), make([]float32, t), make([]int8, t)
	for i := range t {
		row := rows[3*i*dim:]
		h.qs[i] = compute.QuantizeRow(h.q[i*hd:], row[:hd])
		for c, x := range row[dim:][:hd] {
			centred[c] = x - mean[c]
		}
		h.ks[i] = compute.QuantizeRow(h.k[i*hd:], centred)
	}
	for c := range hd {
		for i := range t {
			column[i] = rows[3*i*dim+2*dim+c]
		}
		h.vs[c] = compute.QuantizeRow(q, column)
		for i, x := range q {
			h.v[i*hd+c] = x
		}
	}
}

// weights writes what query i takes of each key to p and returns their sum.
func (h *head) weights(p []int32, s []float32, i int, scale float32) (sum int32) {
	hd := len(h.vs)
	q := h.q[i*hd : (i+1)*hd]
	for j := range s {
		acc := int32(0)
		for c, k := range h.k[j*hd : (j+1)*hd] {
			acc += int32(q[c]) * int32(k)
		}
		s[j] = float32(float32(acc) * h.ks[j])
	}
	top := s[0]
	for _, v := range s {
		if v > top {
			top = v
		}
	}
	c := float32(h.qs[i] * scale)
	for j, v := range s {
		p[j] = compute.Exp2Steps(compute.ExpSteps(float32(float32(top-v) * c)))
		sum += p[j]
	}
	return sum
}

// mix writes the sum of the values with their weights to o.
func (h *head) mix(o []float32, p []int32, inv float32) {
	hd := len(o)
	for c := range o {
		total := float32(0)
		for b := 0; b < len(p); b += compute.AttentionBlock {
			acc := int32(0)
			for j := b; j < min(len(p), b+compute.AttentionBlock); j++ {
				acc += p[j] * int32(h.v[j*hd+c])
			}
			if b == 0 {
				total = float32(acc)
			} else {
				total = total + float32(acc)
			}
		}
		o[c] = float32(total * float32(h.vs[c]*inv))
	}
}
