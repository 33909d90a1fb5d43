package generic

import "dit8/core/compute"

// head is one head of an image in integers.
type head struct {
	q, k, v    []int8    // [T, d] each
	qs, ks, vs []float32 // [T], [T], [d]

	mean, key, column []float32 // [d], [d], [T]
	rounded           []int8    // [T], a column
	weights           []int32   // [T], of a query
}

// attentionInt8 is Attention by the definition of compute.AttentionBlock's comment.
func (d *Device) attentionInt8(dst, qkv []float32, s compute.Heads) {
	t, hd, dim := s.Tokens, s.Dim, s.Width()
	h := &d.head
	*h = head{
		q: scratch(&h.q, t*hd), k: scratch(&h.k, t*hd), v: scratch(&h.v, t*hd),
		qs: scratch(&h.qs, t), ks: scratch(&h.ks, t), vs: scratch(&h.vs, hd),
		mean: scratch(&h.mean, hd), key: scratch(&h.key, hd), column: scratch(&h.column, t),
		rounded: scratch(&h.rounded, t), weights: scratch(&h.weights, t),
	}
	scores := scratch(&d.scores, t)
	for n := range s.N * s.Heads {
		at := n/s.Heads*t*dim + n%s.Heads*hd
		rows := qkv[n/s.Heads*t*3*dim+n%s.Heads*hd:]
		h.quantize(rows, t, hd, dim)
		for i := range t {
			sum := h.weigh(scores, i, compute.AttentionScale(hd))
			h.mix(dst[at+i*dim:][:hd], 1/float32(sum))
		}
	}
}

// quantize reads a head's queries, keys and values from rows that are 3·dim apart.
func (h *head) quantize(rows []float32, t, hd, dim int) {
	mean := h.mean
	clear(mean)
	for i := range t {
		for c, x := range rows[3*i*dim+dim:][:hd] {
			mean[c] = mean[c] + x
		}
	}
	for c := range mean {
		mean[c] = mean[c] / float32(t)
	}
	for i := range t {
		row := rows[3*i*dim:]
		h.qs[i] = compute.QuantizeRow(h.q[i*hd:], row[:hd])
		for c, x := range row[dim:][:hd] {
			h.key[c] = x - mean[c]
		}
		h.ks[i] = compute.QuantizeRow(h.k[i*hd:], h.key)
	}
	for c := range hd {
		for i := range t {
			h.column[i] = rows[3*i*dim+2*dim+c]
		}
		h.vs[c] = compute.QuantizeRow(h.rounded, h.column)
		for i, x := range h.rounded {
			h.v[i*hd+c] = x
		}
	}
}

// weigh leaves what query i takes of each key in h.weights and returns their sum. s is
// memory for scores.
func (h *head) weigh(s []float32, i int, scale float32) (sum int32) {
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
		h.weights[j] = compute.Exp2Steps(compute.ExpSteps(float32(float32(top-v) * c)))
		sum += h.weights[j]
	}
	return sum
}

// mix writes the sum of the values with their weights to o.
func (h *head) mix(o []float32, inv float32) {
	hd, p := len(o), h.weights
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
