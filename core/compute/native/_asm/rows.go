package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A row kernel works on n values, n a multiple of sixteen: the callers do the rest
// in Go. Reductions give sixteen partial results, of values that are sixteen apart.

// pointers loads the parameters of a kernel that are pointers, and n.
func pointers(names ...string) (p []reg.GPVirtual, n reg.GPVirtual) {
	for _, name := range names {
		p = append(p, Load(Param(name), GP64()).(reg.GPVirtual))
	}
	return p, Load(Param("n"), GP64()).(reg.GPVirtual)
}

// loop runs body for n/16 times sixteen values: body works on the register of
// values that starts disp bytes after each pointer and is the part-th of them.
func (s isa) loop(p []reg.GPVirtual, n reg.GPVirtual, body func(part, disp int)) {
	SHRQ(Imm(4), n)
	JZ(LabelRef("done"))
	Label("next")
	for part := range 64 / s.bytes {
		body(part, part*s.bytes)
	}
	for _, a := range p {
		ADDQ(Imm(64), a)
	}
	DECQ(n)
	JNZ(LabelRef("next"))
	Label("done")
}

// reduce is a loop that folds values into partial results at p and returns what they
// come to: their sum in compute.FoldSum's order, or the largest.
func (s isa) reduce(name, params string, pointer []string, add bool, prepare func(), fold func(acc reg.VecPhysical, p []reg.GPVirtual, disp int)) {
	TEXT(name+s.suffix, NOSPLIT, "func(p *[16]float32, "+params+") float32")
	Pragma("noescape")
	p, n := pointers(pointer...)
	for part := range 64 / s.bytes {
		s.zero(s.reg(part))
	}
	if prepare != nil {
		prepare()
	}
	s.loop(p, n, func(part, disp int) { fold(s.reg(part), p, disp) })
	s.results(add)
	VZEROUPPER()
	RET()
}

// results stores the partial results and returns what they come to.
func (s isa) results(add bool) {
	out := Load(Param("p"), GP64()).(reg.GPVirtual)
	for part := range 64 / s.bytes {
		VMOVUPS(s.reg(part), Mem{Base: out, Disp: part * s.bytes})
	}
	// all of them: eight apart, four, two, one
	op := func(a, b reg.VecPhysical) {
		if add {
			VADDPS(b, a, a)
		} else {
			VMAXPS(b, a, a)
		}
	}
	if s.bytes == 64 {
		VEXTRACTF64X4(Imm(1), reg.Z0, reg.Y1)
	}
	op(reg.Y0, reg.Y1)
	VEXTRACTF128(Imm(1), reg.Y0, reg.X1)
	op(reg.X0, reg.X1)
	VMOVHLPS(reg.X0, reg.X0, reg.X1)
	op(reg.X0, reg.X1)
	VMOVSHDUP(reg.X0, reg.X1)
	op(reg.X0, reg.X1)
	Store(reg.X0.AsX(), ReturnIndex(0))
}

// each is a loop that writes values.
func (s isa) each(name, params string, pointer []string, prepare func(), body func(p []reg.GPVirtual, disp int)) {
	TEXT(name+s.suffix, NOSPLIT, "func("+params+")")
	Pragma("noescape")
	p, n := pointers(pointer...)
	if prepare != nil {
		prepare()
	}
	s.loop(p, n, func(_, disp int) { body(p, disp) })
	VZEROUPPER()
	RET()
}

// scalar broadcasts a float32 parameter.
func (s isa) scalar(name string, r int) reg.VecPhysical {
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(m.Addr, s.reg(r))
	return s.reg(r)
}

func mem(p reg.GPVirtual, disp int) Mem { return Mem{Base: p, Disp: disp} }

func f32(v float64) uint32 { return math.Float32bits(float32(v)) }

func (s isa) rowKernels() {
	v, t := s.reg(4), s.reg(5)

	var mask reg.VecPhysical
	s.reduce("absMax", "x *float32, n int", []string{"x"}, false, func() { mask = s.splat("magnitude", 0x7fffffff, 2) },
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) {
			s.and(mem(p[0], disp), mask, v)
			VMAXPS(v, acc, acc)
		})

	s.reduce("maximum", "x *float32, n int", []string{"x"}, false, func() {
		// the partial results start from the lowest value
		for part := range 64 / s.bytes {
			s.splat("lowest", f32(-math.MaxFloat32), part)
		}
	}, func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) { VMAXPS(mem(p[0], disp), acc, acc) })

	s.reduce("sum", "x *float32, n int", []string{"x"}, true, nil,
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) { VADDPS(mem(p[0], disp), acc, acc) })

	var mean reg.VecPhysical
	s.reduce("sumSquares", "x *float32, mean float32, n int", []string{"x"}, true, func() { mean = s.scalar("mean", 2) },
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) {
			VMOVUPS(mem(p[0], disp), v)
			VSUBPS(mean, v, v)
			VMULPS(v, v, v)
			VADDPS(v, acc, acc)
		})

	var rstd, one reg.VecPhysical
	s.each("modulate", "dst, x, shift, scale *float32, mean, rstd float32, n int", []string{"dst", "x", "shift", "scale"}, func() {
		mean, rstd, one = s.scalar("mean", 0), s.scalar("rstd", 1), s.splat("one", f32(1), 2)
	}, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[1], disp), v)
		VSUBPS(mean, v, v)
		VMULPS(rstd, v, v)
		VADDPS(mem(p[3], disp), one, t)
		VMULPS(t, v, v)
		VADDPS(mem(p[2], disp), v, v)
		VMOVUPS(v, mem(p[0], disp))
	})

	s.each("gate", "dst, y, gate *float32, n int", []string{"dst", "y", "gate"}, nil, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[1], disp), v)
		VMULPS(mem(p[2], disp), v, v)
		VADDPS(mem(p[0], disp), v, v)
		VMOVUPS(v, mem(p[0], disp))
	})

	s.each("add", "dst, x *float32, n int", []string{"dst", "x"}, nil, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[0], disp), v)
		VADDPS(mem(p[1], disp), v, v)
		VMOVUPS(v, mem(p[0], disp))
	})

	var by reg.VecPhysical
	s.each("scale", "dst, x *float32, by float32, n int", []string{"dst", "x"}, func() { by = s.scalar("by", 0) },
		func(p []reg.GPVirtual, disp int) {
			VMULPS(mem(p[1], disp), by, v)
			VMOVUPS(v, mem(p[0], disp))
		})

	s.each("multiply", "dst, x *float32, n int", []string{"dst", "x"}, nil, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[0], disp), v)
		VMULPS(mem(p[1], disp), v, v)
		VMOVUPS(v, mem(p[0], disp))
	})

	s.rotate()
	s.fastGELU()
}

// fastGELU is compute.FastGELU.
func (s isa) fastGELU() {
	var c fastGELU
	s.each("fastGELU", "x *float32, n int", []string{"x"}, func() { c = s.fastGELUConstants(6) }, func(from []reg.GPVirtual, disp int) {
		VMOVUPS(mem(from[0], disp), s.reg(0))
		c.replace(0)
		VMOVUPS(s.reg(0), mem(from[0], disp))
	})
}

// fastGELU are the registers of its constants.
type fastGELU struct {
	s                               isa
	mask, zero, end, c0, c1, c2, c3 reg.VecPhysical
}

// fastGELUConstants loads them into seven registers.
func (s isa) fastGELUConstants(first int) fastGELU {
	g := fastGELU{s: s, mask: s.splat("magnitude", 0x7fffffff, first), zero: s.reg(first + 1)}
	s.zero(g.zero)
	for i, v := range []*reg.VecPhysical{&g.end, &g.c0, &g.c1, &g.c2, &g.c3} {
		name := []string{"geluEnd", "fastGELU0", "fastGELU1", "fastGELU2", "fastGELU3"}[i]
		*v = s.splat(name, f32(floats[name]), first+2+i)
	}
	return g
}

// replace does registers side by side, each with the five after it.
func (g fastGELU) replace(registers ...int) {
	all := func(step func(x, u, t, t2, t4, p reg.VecPhysical)) {
		for _, r := range registers {
			step(g.s.reg(r), g.s.reg(r+1), g.s.reg(r+2), g.s.reg(r+3), g.s.reg(r+4), g.s.reg(r+5))
		}
	}
	all(func(x, u, _, _, _, _ reg.VecPhysical) { g.s.and(x, g.mask, u) })
	all(func(_, u, t, _, _, _ reg.VecPhysical) { VSUBPS(u, g.end, t) })
	all(func(_, _, t, _, _, _ reg.VecPhysical) { VMAXPS(g.zero, t, t) })
	all(func(_, _, t, t2, _, _ reg.VecPhysical) { VMULPS(t, t, t2) })
	all(func(_, _, _, t2, t4, _ reg.VecPhysical) { VMULPS(t2, t2, t4) })
	all(func(_, _, _, t2, _, p reg.VecPhysical) { VMULPS(g.c3, t2, p) })
	all(func(_, _, _, _, _, p reg.VecPhysical) { VADDPS(g.c2, p, p) })
	all(func(_, _, t, _, _, p reg.VecPhysical) { VMULPS(t, p, p) })
	all(func(_, _, _, _, _, p reg.VecPhysical) { VADDPS(g.c1, p, p) })
	all(func(_, _, _, _, t4, p reg.VecPhysical) { VMULPS(t4, p, p) })
	all(func(_, _, _, _, _, p reg.VecPhysical) { VADDPS(g.c0, p, p) })
	all(func(_, _, _, _, t4, p reg.VecPhysical) { VMULPS(t4, p, p) })
	all(func(_, u, _, _, _, p reg.VecPhysical) { VMULPS(u, p, p) })
	all(func(x, _, _, _, _, _ reg.VecPhysical) { VMAXPS(g.zero, x, x) }) // +0 of either zero
	all(func(x, _, _, _, _, p reg.VecPhysical) { VSUBPS(p, x, x) })
}

// rotate computes x = (x·rstd)·weight and turns pairs of neighbours (a, b), for which
// rope has (cos, sin): (a·cos - b·sin, b·cos + a·sin).
func (s isa) rotate() {
	v, swapped, cos, sin := s.reg(4), s.reg(5), s.reg(6), s.reg(7)
	var rstd, minus reg.VecPhysical
	s.each("rotate", "x, weight, rope *float32, rstd float32, n int", []string{"x", "weight", "rope"}, func() {
		rstd, minus = s.scalar("rstd", 0), s.reg(1)
		VBROADCASTSD(constant64("minusFirst", 1<<31), minus) // of a pair; a - y is a + (-y)
	}, func(p []reg.GPVirtual, disp int) {
		VMULPS(mem(p[0], disp), rstd, v)
		VMULPS(mem(p[1], disp), v, v)
		VMOVSLDUP(mem(p[2], disp), cos)
		VMOVSHDUP(mem(p[2], disp), sin)
		VPERMILPS(Imm(0b10110001), v, swapped)
		VMULPS(cos, v, v)
		VMULPS(sin, swapped, swapped)
		s.xor(minus, swapped, swapped)
		VADDPS(swapped, v, v)
		VMOVUPS(v, mem(p[0], disp))
	})
}

func (s isa) and(a Op, b, dst reg.VecPhysical) {
	if s.bytes == 64 {
		VPANDD(a, b, dst)
	} else {
		VANDPS(a, b, dst)
	}
}

func (s isa) xor(a Op, b, dst reg.VecPhysical) {
	if s.bytes == 64 {
		VPXORD(a, b, dst)
	} else {
		VXORPS(a, b, dst)
	}
}
