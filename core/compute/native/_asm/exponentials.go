package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels with an exponential take it in two loops over blocks of values. One
// loop would be a long chain of dependent steps, of which too few fit the
// processor's window; and the constants of one loop fit AVX2's registers.

// blockValues is how many values the loops pass by turns.
const blockValues = 128

// The constants of compute.Exp, compute.GELU and compute.FastGELU.
var floats = map[string]float64{
	"one": 1, "expRound": 12582912, "expLog2E": 1.44269504088896341, "expLn2Hi": 0.693359375, "expLn2Lo": -2.12194440e-4,
	"expMin": -87, "expMax": 88, "expC5": 1.9875691500e-4, "expC4": 1.3981999507e-3, "expC3": 8.3334519073e-3,
	"expC2": 4.1665795894e-2, "expC1": 1.6666665459e-1, "expC0": 5.0000001201e-1,
	"geluCubic": 0.044715, "geluScale": 0.7978845608028654, "minusTwo": -2,
	"geluEnd": 4.5, "fastGELU0": 1.5827673e-4, "fastGELU1": 2.6406511e-5, "fastGELU2": -6.656136e-6, "fastGELU3": 6.731011e-8,
}

var (
	argumentConstants   = []string{"expMin", "expMax", "expLog2E", "expRound", "one", "expLn2Hi", "expLn2Lo"}
	polynomialConstants = []string{"one", "expC5", "expC4", "expC3", "expC2", "expC1", "expC0"}
)

// Registers 0 and 1 hold partial sums, 2 a parameter, 3 to 6 are temporaries.
const (
	parameter = 2
	value     = 3
	temporary = 4
	spare     = 5
	firstFree = 7
)

// load gives a function that returns the register of a constant. Those that find
// no register are loaded into the spare one at each use.
func (s isa) load(names []string) func(name string) reg.VecPhysical {
	regs := map[string]reg.VecPhysical{}
	for i, name := range names {
		if s.bytes == 64 || firstFree+i < 16 {
			regs[name] = s.splat(name, f32(floats[name]), firstFree+i)
		}
	}
	return func(name string) reg.VecPhysical {
		if v, ok := regs[name]; ok {
			return v
		}
		return s.splat(name, f32(floats[name]), spare)
	}
}

// exponential is a kernel over values of x. argument turns a value in its register
// into the exponent, with more constants; result does with the exponential, in the
// same register, whatever the kernel is for.
func (s isa) exponential(name, signature string, sums bool, prepare func(), more []string,
	argument func(get func(string) reg.VecPhysical), result func(get func(string) reg.VecPhysical, x Mem, part int)) {
	TEXT(name+s.suffix, 0, signature)
	Pragma("noescape")
	block := AllocLocal(2 * 4 * blockValues) // reduced arguments, then powers of two
	x, n := param("x"), param("n")
	if sums {
		for part := range 64 / s.bytes {
			s.zero(s.reg(part))
		}
	}
	if prepare != nil {
		prepare()
	}
	SHRQ(Imm(4), n)
	JZ(LabelRef("done"))
	Label("block")
	count, now, left, at := GP64(), GP64(), GP64(), GP64()
	MOVQ(U32(blockValues/16), count)
	CMPQ(n, count)
	CMOVQLT(n, count)

	v, t, w := s.reg(value), s.reg(temporary), s.reg(spare+1)
	stage := func(label string, body func(part, disp int)) {
		LEAQ(block, at)
		MOVQ(count, left)
		Label(label)
		for part := range 64 / s.bytes {
			body(part, part*s.bytes)
		}
		ADDQ(Imm(64), now)
		ADDQ(Imm(64), at)
		DECQ(left)
		JNZ(LabelRef(label))
	}
	get := s.load(append(argumentConstants[:len(argumentConstants):len(argumentConstants)], more...))
	MOVQ(x, now)
	stage("arguments", func(part, disp int) {
		VMOVUPS(mem(now, disp), v)
		argument(get)
		VMAXPS(get("expMin"), v, v)
		VMINPS(get("expMax"), v, v)
		VMULPS(get("expLog2E"), v, t)
		VADDPS(get("expRound"), t, t) // n in the lowest bits
		VPSLLD(Imm(23), t, w)
		VPADDD(get("one"), w, w) // 2ⁿ: n and the exponent of one
		VMOVUPS(w, mem(at, 4*blockValues+disp))
		VSUBPS(get("expRound"), t, t)
		VMULPS(get("expLn2Hi"), t, w)
		VSUBPS(w, v, v)
		VMULPS(get("expLn2Lo"), t, w)
		VSUBPS(w, v, v)
		VMOVUPS(v, mem(at, disp))
	})
	get = s.load(polynomialConstants)
	MOVQ(x, now)
	stage("results", func(part, disp int) {
		VMOVUPS(mem(at, disp), v)
		VMULPS(get("expC5"), v, t)
		for _, name := range []string{"expC4", "expC3", "expC2", "expC1"} {
			VADDPS(get(name), t, t)
			VMULPS(v, t, t)
		}
		VADDPS(get("expC0"), t, t)
		VMULPS(v, v, w)
		VMULPS(w, t, t)
		VADDPS(v, t, t)
		VADDPS(get("one"), t, t)
		VMULPS(mem(at, 4*blockValues+disp), t, v)
		result(get, mem(now, disp), part)
	})
	MOVQ(now, x)
	SUBQ(count, n)
	JNZ(LabelRef("block"))
	Label("done")
	if sums {
		s.results(true)
	}
	VZEROUPPER()
	RET()
}

func (s isa) exponentials() {
	v, t := s.reg(value), s.reg(temporary)

	s.exponential("expSum", "func(p *[16]float32, x *float32, max float32, n int) float32", true,
		func() { s.scalar("max", parameter) }, nil,
		func(func(string) reg.VecPhysical) { VSUBPS(s.reg(parameter), v, v) },
		func(_ func(string) reg.VecPhysical, x Mem, part int) {
			VMOVUPS(v, x)
			VADDPS(v, s.reg(part), s.reg(part))
		})

	// x/(1+e^(-2u)), u = √(2/π)·(x + 0.044715·x³)
	quotient := func(get func(string) reg.VecPhysical, x Mem, _ int) {
		VADDPS(get("one"), v, v)
		VMOVUPS(x, t)
		VDIVPS(v, t, v)
		VMOVUPS(v, x)
	}
	s.exponential("gelu", "func(x *float32, n int)", false, nil, []string{"geluCubic", "geluScale", "minusTwo"},
		func(get func(string) reg.VecPhysical) {
			VMULPS(v, v, t)
			VMULPS(v, t, t)
			VMULPS(get("geluCubic"), t, t)
			VADDPS(t, v, v)
			VMULPS(get("geluScale"), v, v)
			VMULPS(get("minusTwo"), v, v)
		}, quotient)

	s.exponential("silu", "func(x *float32, n int)", false, func() { s.splat("sign", 1<<31, parameter) }, nil,
		func(func(string) reg.VecPhysical) { s.xor(s.reg(parameter), v, v) }, quotient)
}
