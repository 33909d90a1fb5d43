package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// narrow computes a row of a 3×3 convolution with three outputs, across pixels: dst [3,
// pixels] from three rows [channels, …] of planes and w [3, 3, channels, 3]. Each sum
// starts from zero, in the order of rows, columns, channels. A block is as many pixels as
// vectors registers hold.
func (s isa) narrow(vectors int) {
	TEXT("narrow"+s.suffix, NOSPLIT, "func(dst *float32, dstStride int, rows *[3]*float32, planeStride, channels int, w *float32, blocks int)")
	Pragma("noescape")
	const outs = 3
	dst, rows, stride := param("dst"), param("rows"), param("planeStride")
	done, left := GP64(), param("blocks")
	XORQ(done, done)
	acc := func(o, i int) reg.VecPhysical { return s.reg(o*vectors + i) }
	x := func(i int) reg.VecPhysical { return s.reg(outs*vectors + i) }
	weight, product := s.reg((outs+1)*vectors), s.reg((outs+1)*vectors+1)
	Label("block")
	w, at, n := param("w"), GP64(), GP64()
	for o := range outs {
		for i := range vectors {
			s.zero(acc(o, i))
		}
	}
	for ky := range 3 {
		for kx := range 3 {
			label := fmt.Sprintf("tap%d%d", ky, kx)
			MOVQ(mem(rows, 8*ky), at)
			LEAQ(Mem{Base: at, Index: done, Scale: 1, Disp: 4 * kx}, at)
			Load(Param("channels"), n)
			Label(label)
			for i := range vectors {
				VMOVUPS(mem(at, i*s.bytes), x(i))
			}
			for o := range outs {
				VBROADCASTSS(mem(w, 4*o), weight)
				for i := range vectors {
					VMULPS(x(i), weight, product)
					VADDPS(product, acc(o, i), acc(o, i))
				}
			}
			ADDQ(stride, at)
			ADDQ(Imm(4*outs), w)
			DECQ(n)
			JNZ(LabelRef(label))
		}
	}
	out := GP64()
	MOVQ(dst, out)
	for o := range outs {
		for i := range vectors {
			VMOVUPS(acc(o, i), mem(out, i*s.bytes))
		}
		if o < outs-1 {
			addParam("dstStride", out)
		}
	}
	ADDQ(U32(vectors*s.bytes), dst)
	ADDQ(U32(vectors*s.bytes), done)
	DECQ(left)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// addParam adds a parameter to a register.
func addParam(name string, to reg.GPVirtual) {
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	ADDQ(m.Addr, to)
}
