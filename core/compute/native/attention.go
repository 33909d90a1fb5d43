//go:build (amd64 || arm64) && !purego

package native

import (
	"math"

	"dit8/core/compute"
)

// attentionOp packs the keys and values of every head, then computes queries.
type attentionOp struct {
	d                    *Device
	dst, qkv             []float32
	n, tokens, heads, hd int
	scale                float32
	keys, values         []float32 // [n·heads, panels, hd, panel] and [n·heads, panels, tokens, panel]
	keyLen, valueLen     int       // of a head
	zeros                []float32 // a bias
	packing              bool      // the first of two runs
	queries              int       // of a part
	store                [2][]float32
}

// maxQueries is about how many queries a part has.
const maxQueries = 64

// Attention computes softmax(q·Dim^-½ · kᵀ)·v for each image and head.
func (d *Device) Attention(dst, qkv compute.F32, h compute.Heads) {
	h.CheckAttention(dst, qkv)
	if h.Int8 {
		d.attentionInt8(dst.Host, qkv.Host, h)
		return
	}
	n, tokens, heads, headDim := h.N, h.Tokens, h.Heads, h.Dim
	op, panel := &d.attention, d.k.panel
	op.d, op.dst, op.qkv, op.n, op.tokens, op.heads, op.hd = d, dst.Host, qkv.Host, n, tokens, heads, headDim
	op.scale = 1 / float32(math.Sqrt(float64(headDim)))
	op.keyLen, op.valueLen = up(tokens, panel)*headDim, up(headDim, panel)*tokens
	op.keys = grow(&op.store[0], n*heads*op.keyLen)
	op.values = grow(&op.store[1], n*heads*op.valueLen)
	op.zeros = grow(&op.zeros, panel)
	op.packing = true
	d.pool.run(op, n*heads)
	op.packing = false
	op.queries = min(tokens, up(maxQueries, d.k.rows))
	d.pool.run(op, n*heads*((tokens+op.queries-1)/op.queries))
	op.dst, op.qkv = nil, nil
}

func (op *attentionOp) part(i, thread int) {
	if op.packing {
		op.pack(i)
		return
	}
	per := (op.tokens + op.queries - 1) / op.queries
	from := i % per * op.queries
	op.attend(&op.d.own[thread], i/per, from, min(op.tokens, from+op.queries))
}

// rows gives where the first query of a head starts in qkv and how far apart rows
// are; keys and values follow after one and two thirds of a row.
func (op *attentionOp) rows(head int) (first, stride int) {
	dim := op.heads * op.hd
	return head/op.heads*op.tokens*3*dim + head%op.heads*op.hd, 3 * dim
}

// pack lays out a head's keys and values in panels. Columns that fill up the last
// panel keep what was there; nothing reads what comes of them.
func (op *attentionOp) pack(head int) {
	panel, hd, tokens := op.d.k.panel, op.hd, op.tokens
	first, stride := op.rows(head)
	k := op.qkv[first+stride/3:]
	v := op.qkv[first+2*stride/3:]
	keys := op.keys[head*op.keyLen : (head+1)*op.keyLen]
	values := op.values[head*op.valueLen : (head+1)*op.valueLen]
	for t := range tokens {
		to := keys[t/panel*panel*hd+t%panel:]
		for i, x := range k[t*stride : t*stride+hd] {
			to[i*panel] = x
		}
		row := v[t*stride : t*stride+hd]
		for i := 0; i < hd; i += panel {
			copy(values[i*tokens+t*panel:][:min(panel, hd-i)], row[i:])
		}
	}
}

// attend computes queries [from, to) of a head, a tile of rows at a time.
func (op *attentionOp) attend(s *scratch, head, from, to int) {
	d, panel, hd, tokens := op.d, op.d.k.panel, op.hd, op.tokens
	first, stride := op.rows(head)
	keys := op.keys[head*op.keyLen : (head+1)*op.keyLen]
	values := op.values[head*op.valueLen : (head+1)*op.valueLen]
	wide, out := up(tokens, panel), up(hd, panel)
	for t := from; t < to; {
		rows, _ := tiling(to-t, d.k.rows)
		q := grow(&s.query, rows*hd)
		for r := range rows {
			d.scale(q[r*hd:(r+1)*hd], op.qkv[first+(t+r)*stride:], op.scale)
		}
		e := grow(&s.scores, rows*wide)
		for j := 0; j < tokens; j += panel {
			k := keys[j*hd : (j+panel)*hd]
			d.k.gemm[rows](&e[j], 4*wide, &q[0], 4*hd, &k[0], hd, 1, &op.zeros[0])
		}
		var inv [8]float32
		for r := range rows {
			inv[r] = d.softmax(s, e[r*wide:r*wide+tokens])
		}
		y := grow(&s.y, rows*out)
		for i := 0; i < hd; i += panel {
			v := values[i*tokens : (i+panel)*tokens]
			d.k.gemm[rows](&y[i], 4*out, &e[0], 4*wide, &v[0], tokens, 1, &op.zeros[0])
		}
		for r := range rows {
			at := (head/op.heads*tokens+t+r)*op.heads*hd + head%op.heads*hd
			d.scale(op.dst[at:at+hd], y[r*out:r*out+hd], inv[r])
		}
		t += rows
	}
}
