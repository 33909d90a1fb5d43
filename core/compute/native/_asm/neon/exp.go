package main

// Registers of compute.Exp. Two registers of values are computed side by side:
// enough for one to work while the other waits, and constants keep theirs.
const (
	arg     vector = 4 // and the result
	poly    vector = 6
	power   vector = 8
	term    vector = 10
	most    vector = 12 // expSum's maximum
	firstOf vector = 16 // the constants
)

// Registers of constants.
const (
	one vector = firstOf + iota
	expRound
	expLog2E
	expLn2Hi
	expLn2Lo
	expMin
	expMax
	expC5
	expC4
	expC3
	expC2
	expC1
	expC0
	geluCubic
	geluScale
	minusTwo
)

// The constants of compute.Exp and compute.GELU in the order of their registers.
var constants = []float64{
	1, 12582912, 1.44269504088896341, 0.693359375, -2.12194440e-4, -87, 88,
	1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
	0.044715, 0.7978845608028654, -2,
}

func (f *function) expConstants() {
	for i, c := range constants {
		f.splat(f32(c), firstOf+vector(i))
	}
}

// exp computes arg = e^arg, in the order of compute.Exp.
func (f *function) exp() {
	both := func(do func(v, t, p, w vector)) {
		each(0, 2, func(i vector) { do(arg+i, poly+i, power+i, term+i) })
	}
	both(func(v, _, _, _ vector) { f.fmax(v, v, expMin) })
	both(func(v, _, _, _ vector) { f.fmin(v, v, expMax) })
	both(func(v, t, _, _ vector) { f.fmul(t, v, expLog2E) })
	both(func(_, t, _, _ vector) { f.fadd(t, t, expRound) }) // n in the lowest bits
	both(func(_, t, p, _ vector) { f.op("VSHL", "$23, %v.S4, %v.S4", t, p) })
	both(func(_, _, p, _ vector) { f.op("VADD", "%v.S4, %v.S4, %v.S4", one, p, p) }) // 2ⁿ: n and the exponent of one
	both(func(_, t, _, _ vector) { f.fsub(t, t, expRound) })
	both(func(_, t, _, w vector) { f.fmul(w, t, expLn2Hi) })
	both(func(v, _, _, w vector) { f.fsub(v, v, w) })
	both(func(_, t, _, w vector) { f.fmul(w, t, expLn2Lo) })
	both(func(v, _, _, w vector) { f.fsub(v, v, w) }) // the rest r of the argument
	both(func(v, t, _, _ vector) { f.fmul(t, v, expC5) })
	for _, c := range []vector{expC4, expC3, expC2, expC1} {
		both(func(_, t, _, _ vector) { f.fadd(t, t, c) })
		both(func(v, t, _, _ vector) { f.fmul(t, t, v) })
	}
	both(func(_, t, _, _ vector) { f.fadd(t, t, expC0) })
	both(func(v, _, _, w vector) { f.fmul(w, v, v) })
	both(func(_, t, _, w vector) { f.fmul(t, t, w) })
	both(func(v, t, _, _ vector) { f.fadd(t, t, v) })
	both(func(_, t, _, _ vector) { f.fadd(t, t, one) })
	both(func(v, t, p, _ vector) { f.fmul(v, t, p) })
}

// overOnePlusExp replaces sixteen values x at p by x/(1+e^v), with v as argument
// leaves it.
func (f *function) overOnePlusExp(p general, argument func(v, x vector)) {
	const x = vector(0)
	for range 2 {
		f.peek(p, x, 2)
		each(0, 2, func(i vector) { argument(arg+i, x+i) })
		f.exp()
		each(arg, 2, func(v vector) { f.fadd(v, v, one) })
		each(0, 2, func(i vector) { f.fdiv(arg+i, x+i, arg+i) })
		f.write(p, arg, 2)
	}
}
