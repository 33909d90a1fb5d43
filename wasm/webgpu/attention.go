//go:build js

package webgpu

import (
	"fmt"
	"math"

	"dit8/core/compute"
)

// MaxHeadDim is the most channels that a head of attention can have.
const MaxHeadDim = 512

// Attention computes softmax(q·Dim^-½ · kᵀ)·v for each image and head, in float32 or by the
// definition of compute.AttentionBlock's comment.
func (d *Device) Attention(dst, qkv compute.F32, h compute.Heads) {
	h.CheckAttention(dst, qkv)
	if h.Dim > MaxHeadDim {
		panic(fmt.Sprintf("webgpu: attention: heads of %d channels, allowed up to %d", h.Dim, MaxHeadDim))
	}
	all := h.N * h.Heads
	if all*h.Tokens*h.Dim == 0 {
		return
	}
	words, fours := over(h.Dim, 4), over(h.Tokens, 4)
	scale := 1 / float32(math.Sqrt(float64(h.Dim)))
	if h.Int8 {
		scale = compute.AttentionScale(h.Dim)
	}
	to := d.operand(dst)
	x := d.apart(0, to, d.operand(qkv), qkv.Len)
	params := []uint32{
		uint32(h.Tokens), uint32(h.Heads), uint32(h.Dim), uint32(words), to.at, x.at, math.Float32bits(scale), uint32(fours),
	}
	work := 2 * h.Rows() * h.Tokens * h.Width()
	queries := func(op operation, from operand, params []uint32) {
		each := work / h.Tokens
		step := max(1, atOnce/each)
		for first := 0; first < h.Tokens; first += step {
			some := min(step, h.Tokens-first)
			d.run(op, some*each, [3]int{some, all, 1}, [operands]operand{to, from}, append(params, uint32(first))...)
		}
	}
	if !h.Int8 {
		queries(attentionF32Op, x, append(params, make([]uint32, 7)...))
		return
	}
	at := 0
	for _, n := range []int{
		all * h.Tokens * words, all * h.Tokens * words, all * fours * h.Dim, // q, k, v
		all * h.Tokens, all * h.Tokens, all * h.Dim, all * h.Dim, // their scales, means of keys
	} {
		params = append(params, uint32(at))
		at += n
	}
	s := d.scratch(other, 4*at)
	d.run(columnsOp, 4*qkv.Len, [3]int{over(h.Dim, lanes), all, 1}, [operands]operand{s, x}, params...)
	d.run(headsOp, 4*qkv.Len, [3]int{over(h.Tokens, lanes), all, 2}, [operands]operand{s, x}, params...)
	queries(attentionI8Op, s, params)
}
