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

// reduce is a loop that folds values into partial results at p.
func (s isa) reduce(name, params string, pointer []string, prepare func(), fold func(acc reg.VecPhysical, p []reg.GPVirtual, disp int)) {
	TEXT(name+s.suffix, NOSPLIT, "func(p *[16]float32, "+params+")")
	Pragma("noescape")
	p, n := pointers(pointer...)
	for part := range 64 / s.bytes {
		s.zero(s.reg(part))
	}
	if prepare != nil {
		prepare()
	}
	s.loop(p, n, func(part, disp int) { fold(s.reg(part), p, disp) })
	out := Load(Param("p"), GP64()).(reg.GPVirtual)
	for part := range 64 / s.bytes {
		VMOVUPS(s.reg(part), Mem{Base: out, Disp: part * s.bytes})
	}
	VZEROUPPER()
	RET()
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
	s.reduce("absMax", "x *float32, n int", []string{"x"}, func() { mask = s.splat("magnitude", 0x7fffffff, 2) },
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) {
			s.and(mem(p[0], disp), mask, v)
			VMAXPS(v, acc, acc)
		})

	s.reduce("maximum", "x *float32, n int", []string{"x"}, func() {
		// the partial results start from the lowest value
		for part := range 64 / s.bytes {
			s.splat("lowest", f32(-math.MaxFloat32), part)
		}
	}, func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) { VMAXPS(mem(p[0], disp), acc, acc) })

	s.reduce("sum", "x *float32, n int", []string{"x"}, nil,
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) { VADDPS(mem(p[0], disp), acc, acc) })

	var mean reg.VecPhysical
	s.reduce("sumSquares", "x *float32, mean float32, n int", []string{"x"}, func() { mean = s.scalar("mean", 2) },
		func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) {
			VMOVUPS(mem(p[0], disp), v)
			VSUBPS(mean, v, v)
			VMULPS(v, v, v)
			VADDPS(v, acc, acc)
		})

	var e exponential
	var most reg.VecPhysical
	s.reduce("expSum", "x *float32, max float32, n int", []string{"x"}, func() {
		most = s.scalar("max", 2)
		e = s.exponential()
	}, func(acc reg.VecPhysical, p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[0], disp), v)
		VSUBPS(most, v, v)
		e.of(v, t, s.reg(3))
		VMOVUPS(v, mem(p[0], disp))
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

	// x/(1+e^(-2u)), u = √(2/π)·(x + 0.044715·x³)
	x := s.reg(0)
	s.each("gelu", "x *float32, n int", []string{"x"}, func() { e = s.exponential() }, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[0], disp), x)
		VMULPS(x, x, v)
		VMULPS(x, v, v)
		VMULPS(e.value("geluCubic", t), v, v)
		VADDPS(v, x, v)
		VMULPS(e.value("geluScale", t), v, v)
		VMULPS(e.value("minusTwo", t), v, v)
		e.of(v, t, s.reg(3))
		VADDPS(e.one, v, v)
		VDIVPS(v, x, v)
		VMOVUPS(v, mem(p[0], disp))
	})

	var sign reg.VecPhysical
	s.each("silu", "x *float32, n int", []string{"x"}, func() {
		e = s.exponential()
		sign = s.splat("sign", 1<<31, 1)
	}, func(p []reg.GPVirtual, disp int) {
		VMOVUPS(mem(p[0], disp), x)
		s.xor(sign, x, v)
		e.of(v, t, s.reg(3))
		VADDPS(e.one, v, v)
		VDIVPS(v, x, v)
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

// exponential is compute.Exp: its constants, in registers where there are enough.
type exponential struct {
	s    isa
	one  reg.VecPhysical
	regs map[string]reg.VecPhysical
}

// The constants of compute.Exp, those that are used most first, and of compute.GELU.
var floats = []struct {
	name  string
	value float64
}{
	{"one", 1}, {"expRound", 12582912}, {"expLog2E", 1.44269504088896341}, {"expLn2Hi", 0.693359375}, {"expLn2Lo", -2.12194440e-4},
	{"expMin", -87}, {"expMax", 88}, {"expC5", 1.9875691500e-4}, {"expC4", 1.3981999507e-3}, {"expC3", 8.3334519073e-3},
	{"expC2", 4.1665795894e-2}, {"expC1", 1.6666665459e-1}, {"expC0", 5.0000001201e-1},
	{"geluCubic", 0.044715}, {"geluScale", 0.7978845608028654}, {"minusTwo", -2},
}

// Registers that exponentials use: power and product are temporaries, constants
// lie in those that follow.
const (
	power = 6 + iota
	product
	firstConstant
)

func (s isa) exponential() exponential {
	e := exponential{s: s, regs: map[string]reg.VecPhysical{}}
	for i, c := range floats {
		if s.bytes == 64 || firstConstant+i < 16 {
			e.regs[c.name] = s.splat(c.name, f32(c.value), firstConstant+i)
		}
	}
	e.one = e.regs["one"]
	return e
}

// value is a register that holds a constant: its own, or t after a load.
func (e exponential) value(name string, t reg.VecPhysical) reg.VecPhysical {
	if v, ok := e.regs[name]; ok {
		return v
	}
	for _, c := range floats {
		if c.name == name {
			VBROADCASTSS(constant(name, f32(c.value)), t)
		}
	}
	return t
}

// of computes v = e^v with temporaries t and u.
func (e exponential) of(v, t, u reg.VecPhysical) {
	get := func(name string) reg.VecPhysical { return e.value(name, u) }
	p, w := e.s.reg(power), e.s.reg(product)
	VMAXPS(get("expMin"), v, v)
	VMINPS(get("expMax"), v, v)
	VMULPS(get("expLog2E"), v, t)
	VADDPS(get("expRound"), t, t) // n in the lowest bits
	VPSLLD(Imm(23), t, p)
	VPADDD(e.one, p, p) // 2ⁿ: n and the exponent of one
	VSUBPS(get("expRound"), t, t)
	VMULPS(get("expLn2Hi"), t, w)
	VSUBPS(w, v, v)
	VMULPS(get("expLn2Lo"), t, w)
	VSUBPS(w, v, v) // the rest r of the argument
	VMULPS(get("expC5"), v, t)
	for _, name := range []string{"expC4", "expC3", "expC2", "expC1"} {
		VADDPS(get(name), t, t)
		VMULPS(v, t, t)
	}
	VADDPS(get("expC0"), t, t)
	VMULPS(v, v, w)
	VMULPS(w, t, t)
	VADDPS(v, t, t)
	VADDPS(e.one, t, t)
	VMULPS(p, t, v)
}
