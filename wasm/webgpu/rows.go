//go:build js

package webgpu

import "dit8/core/compute"

// PatchEmbed computes dst = patches(img)·Wᵀ + b + pos.
func (d *Device) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	l, t := w.(*linear), s.Tokens()
	compute.SameLen("patch embed img", img.Len, s.Len())
	compute.SameLen("patch embed width", l.in, s.PatchLen())
	compute.SameLen("patch embed pos", pos.Len, t*l.out)
	compute.SameLen("patch embed dst", dst.Len, s.N*t*l.out)
	if s.Len() == 0 {
		return
	}
	x := d.scratch(other, 4*s.Len())
	d.image(patchesOp, x, d.operand(img), s)
	d.product(d.operand(dst), x, s.Len(), s.N*t, l, epilogue{positioned, d.operand(pos), pos.Len, l.out, t})
}

// Unpatchify moves token values to their pixels.
func (d *Device) Unpatchify(img, tokens compute.F32, s compute.Image) {
	compute.SameLen("unpatchify img", img.Len, s.Len())
	compute.SameLen("unpatchify tokens", tokens.Len, s.Len())
	to := d.operand(img)
	d.image(unpatchifyOp, to, d.apart(0, to, d.operand(tokens), tokens.Len), s)
}

func (d *Device) image(op operation, dst, x operand, s compute.Image) {
	d.run(op, s.Len(), many(over(s.Len(), lanes)), [operands]operand{dst, x},
		uint32(s.Len()), uint32(s.C), uint32(s.H), uint32(s.W), uint32(s.P), dst.at, x.at)
}

const (
	lanes = 64 // threads of a workgroup
	teams = 4  // rows that one has for norms
)

// NormModulate computes dst = norm(x)·(1+scale) + shift. dst may be x.
func (d *Device) NormModulate(dst, x compute.F32, rows, dim int, norm compute.Norm, shift, scale compute.PerGroup) {
	compute.SameLen("norm x", x.Len, rows*dim)
	compute.SameLen("norm dst", dst.Len, rows*dim)
	checkVectors("shift", shift, rows, dim)
	checkVectors("scale", scale, rows, dim)
	to := d.operand(dst)
	from := d.apart(0, to, d.operand(x), x.Len)
	b := d.apart(1, to, d.operand(shift.V), shift.V.Len)
	a := d.apart(2, to, d.operand(scale.V), scale.V.Len)
	d.run(normOp, 4*x.Len, many(over(rows, teams)), [operands]operand{to, from, b, a},
		uint32(rows), uint32(dim), uint32(norm), to.at, from.at,
		b.at, uint32(shift.Stride), uint32(shift.Rows), a.at, uint32(scale.Stride), uint32(scale.Rows))
}

// NormRotate changes queries and keys in place.
func (d *Device) NormRotate(qkv compute.F32, h compute.Heads, qNorm, kNorm, rope compute.F32) {
	h.CheckRotate(qkv, qNorm, kNorm, rope)
	to := d.operand(qkv)
	turns := d.apart(0, to, d.operand(rope), rope.Len)
	q := d.apart(1, to, d.operand(qNorm), qNorm.Len)
	k := d.apart(2, to, d.operand(kNorm), kNorm.Len)
	normed := uint32(0)
	if qNorm.Len > 0 {
		normed = 1
	}
	d.run(rotateOp, 4*qkv.Len, many(over(2*h.Heads*h.Rows(), teams)), [operands]operand{to, turns, q, k},
		uint32(h.Rows()), uint32(h.Tokens), uint32(h.Heads), uint32(h.Dim), to.at, q.at, k.at, turns.at, normed)
}
