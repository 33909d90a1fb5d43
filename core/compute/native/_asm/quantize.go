package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// round computes x·inv + 1.5·2²³, whose lowest bits hold the rounded value.
func (s isa) round(x reg.GPVirtual, disp int, inv, round, dst reg.VecPhysical) {
	VMULPS(mem(x, disp), inv, dst)
	VADDPS(round, dst, dst)
}

const quantizeParams = "q *int8, x *float32, inv float32, n int"

func (vnni) quantize(s isa) {
	TEXT("quantize"+s.suffix, NOSPLIT, "func("+quantizeParams+")")
	Pragma("noescape")
	p, n := pointers("q", "x")
	inv, round := s.scalar("inv", 0), s.splat("expRound", f32(12582912), 1)
	VBROADCASTSS(constant("bytes128", 0x80808080), reg.X2)
	s.loop(p[1:], n, func(_, disp int) {
		s.round(p[1], disp, inv, round, s.reg(3))
		VPMOVDB(s.reg(3), reg.X4)
		VPXOR(reg.X2, reg.X4, reg.X4) // 128 added
		VMOVDQU(reg.X4, mem(p[0], 0))
		ADDQ(Imm(16), p[0])
	})
	VZEROUPPER()
	RET()
}

func (widened) quantize(s isa) { s.quantizeYMM(false) }

func (avxVNNI) quantize(s isa) { s.quantizeYMM(true) }

// quantizeYMM rounds sixteen values, with 128 added where offset is set.
func (s isa) quantizeYMM(offset bool) {
	TEXT("quantize"+s.suffix, NOSPLIT, "func("+quantizeParams+")")
	Pragma("noescape")
	p, n := pointers("q", "x")
	inv, round := s.scalar("inv", 0), s.splat("expRound", f32(12582912), 1)
	if offset {
		VBROADCASTSS(constant("bytes128", 0x80808080), reg.X2)
	}
	s.loop(p[1:], n, func(part, disp int) {
		v := s.reg(3 + part)
		s.round(p[1], disp, inv, round, v)
		VPSUBD(round, v, v)
		if part == 0 {
			return
		}
		VPACKSSDW(reg.Y4, reg.Y3, reg.Y3) // values 0-3, 8-11 | 4-7, 12-15
		VPERMQ(Imm(0b11011000), reg.Y3, reg.Y3)
		VEXTRACTI128(Imm(1), reg.Y3, reg.X4)
		VPACKSSWB(reg.X4, reg.X3, reg.X3)
		if offset {
			VPXOR(reg.X2, reg.X3, reg.X3)
		}
		VMOVDQU(reg.X3, mem(p[0], 0))
		ADDQ(Imm(16), p[0])
	})
	VZEROUPPER()
	RET()
}
