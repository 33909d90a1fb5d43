package main

import (
	"math"
	"strings"
)

// A row kernel works on n values, n a multiple of sixteen: the callers do the rest
// in Go. Reductions give sixteen partial results, of values that are sixteen apart.

// four are the registers that hold sixteen values.
const four = 4

// each runs do for n registers from v on.
func each(v vector, n int, do func(v vector)) {
	for i := range vector(n) {
		do(v + i)
	}
}

// kernel writes a function over n values: body does sixteen of them and moves the
// pointers, those among the parameters but for p. prepare runs first.
func (w *writer) kernel(name, params, result string, prepare func(f *function), body func(f *function, p []general)) *function {
	f := w.text(name+"NEON", params, result)
	var p []general
	for name := range strings.SplitSeq(params, ", ") {
		name, _, _ = strings.Cut(name, " ")
		if f.params[name].pointer && name != "p" {
			p = append(p, f.load(name))
		}
	}
	n := f.load("n")
	if prepare != nil {
		prepare(f)
	}
	f.op("LSR", "$4, %v", n)
	f.op("CBZ", "%v, done", n)
	f.label("next")
	body(f, p)
	f.countdown(n, "next")
	f.label("done")
	return f
}

// each is a kernel that writes values.
func (w *writer) each(name, params string, prepare func(f *function), body func(f *function, p []general)) {
	w.kernel(name, params, "", prepare, body).ret()
}

// reduce is a kernel that folds values into partial results in V0 to V3, which it
// leaves at p, and returns what they come to under op: those eight apart, four, two
// and one.
func (w *writer) reduce(name, params string, op func(f *function, d, n, m vector), prepare func(f *function), body func(f *function, p []general)) {
	f := w.kernel(name, "p *[16]float32, "+params, "float32", func(f *function) {
		each(0, four, f.clear)
		if prepare != nil {
			prepare(f)
		}
	}, body)
	f.write(f.load("p"), 0, four)
	op(f, 0, 0, 2)
	op(f, 1, 1, 3)
	op(f, 0, 0, 1)
	f.op("VEXT", "$8, V0.B16, V0.B16, V1.B16")
	op(f, 0, 0, 1)
	f.op("VDUP", "V0.S[1], V1.S4")
	op(f, 0, 0, 1)
	f.op("FMOVS", "F0, ret+%d(FP)", f.result)
	f.ret()
}

func f32(v float64) uint32 { return math.Float32bits(float32(v)) }

func (w *writer) rowKernels() {
	// Values lie in V4 to V7, what they are combined with in V16 to V19 and in as
	// many registers after those.
	const v, a, b = vector(4), vector(16), vector(20)

	w.each("quantize", "q *int8, x *float32, inv float32, n int", func(f *function) {
		f.scalar("inv", 0)
		f.splat(f32(12582912), 1)
	}, func(f *function, p []general) {
		f.read(p[1], v, four)
		each(v, four, func(v vector) {
			f.fmul(v, v, 0)
			f.fadd(v, v, 1) // the rounded value in the lowest bits
		})
		f.op("VUZP1", "V5.H8, V4.H8, V4.H8")
		f.op("VUZP1", "V7.H8, V6.H8, V6.H8")
		f.op("VUZP1", "V6.B16, V4.B16, V4.B16")
		f.write(p[0], v, 1)
	})

	w.reduce("absMax", "x *float32, n int", (*function).fmax, nil, func(f *function, p []general) {
		f.read(p[0], v, four)
		each(0, four, func(acc vector) {
			f.fabs(v+acc, v+acc)
			f.fmax(acc, acc, v+acc)
		})
	})

	w.reduce("maximum", "x *float32, n int", (*function).fmax, func(f *function) {
		each(0, four, func(acc vector) { f.splat(f32(-math.MaxFloat32), acc) })
	}, func(f *function, p []general) {
		f.read(p[0], v, four)
		each(0, four, func(acc vector) { f.fmax(acc, acc, v+acc) })
	})

	w.reduce("sum", "x *float32, n int", (*function).fadd, nil, func(f *function, p []general) {
		f.read(p[0], v, four)
		each(0, four, func(acc vector) { f.fadd(acc, acc, v+acc) })
	})

	w.reduce("sumSquares", "x *float32, mean float32, n int", (*function).fadd, func(f *function) { f.scalar("mean", a) }, func(f *function, p []general) {
		f.read(p[0], v, four)
		each(0, four, func(acc vector) {
			f.fsub(v+acc, v+acc, a)
			f.fmul(v+acc, v+acc, v+acc)
			f.fadd(acc, acc, v+acc)
		})
	})

	w.each("modulate", "dst, x, shift, scale *float32, mean, rstd float32, n int", func(f *function) {
		f.scalar("mean", 0)
		f.scalar("rstd", 1)
		f.splat(f32(1), 2)
	}, func(f *function, p []general) {
		f.read(p[1], v, four)
		f.read(p[2], a, four)
		f.read(p[3], b, four)
		each(0, four, func(i vector) {
			f.fsub(v+i, v+i, 0)
			f.fmul(v+i, v+i, 1)
			f.fadd(b+i, b+i, 2)
			f.fmul(v+i, v+i, b+i)
			f.fadd(v+i, v+i, a+i)
		})
		f.write(p[0], v, four)
	})

	w.each("gate", "dst, y, gate *float32, n int", nil, func(f *function, p []general) {
		f.read(p[1], v, four)
		f.read(p[2], a, four)
		f.peek(p[0], b, four)
		each(0, four, func(i vector) {
			f.fmul(v+i, v+i, a+i)
			f.fadd(v+i, v+i, b+i)
		})
		f.write(p[0], v, four)
	})

	w.each("add", "dst, x *float32, n int", nil, func(f *function, p []general) {
		f.peek(p[0], v, four)
		f.read(p[1], a, four)
		each(0, four, func(i vector) { f.fadd(v+i, v+i, a+i) })
		f.write(p[0], v, four)
	})

	w.each("scale", "dst, x *float32, by float32, n int", func(f *function) { f.scalar("by", 0) }, func(f *function, p []general) {
		f.read(p[1], v, four)
		each(v, four, func(v vector) { f.fmul(v, v, 0) })
		f.write(p[0], v, four)
	})

	w.each("multiply", "dst, x *float32, n int", nil, func(f *function, p []general) {
		f.peek(p[0], v, four)
		f.read(p[1], a, four)
		each(0, four, func(i vector) { f.fmul(v+i, v+i, a+i) })
		f.write(p[0], v, four)
	})

	w.rotate()

	w.reduce("expSum", "x *float32, max float32, n int", (*function).fadd, func(f *function) {
		f.scalar("max", most)
		f.expConstants()
	}, func(f *function, p []general) {
		for pair := range vector(2) {
			f.peek(p[0], arg, 2)
			each(arg, 2, func(v vector) { f.fsub(v, v, most) })
			f.exp()
			f.write(p[0], arg, 2)
			each(0, 2, func(i vector) { f.fadd(2*pair+i, 2*pair+i, arg+i) })
		}
	})

	// x/(1+e^(-2u)), u = √(2/π)·(x + 0.044715·x³)
	w.each("gelu", "x *float32, n int", (*function).expConstants, func(f *function, p []general) {
		f.overOnePlusExp(p[0], func(v, x vector) {
			f.fmul(v, x, x)
			f.fmul(v, v, x)
			f.fmul(v, v, geluCubic)
			f.fadd(v, x, v)
			f.fmul(v, v, geluScale)
			f.fmul(v, v, minusTwo)
		})
	})

	w.fastGELU()

	w.each("silu", "x *float32, n int", (*function).expConstants, func(f *function, p []general) {
		f.overOnePlusExp(p[0], f.fneg)
	})
}

// fastGELU is compute.FastGELU, of two registers of values side by side.
func (w *writer) fastGELU() {
	const x, u, t, t2, t4, p = vector(0), vector(2), vector(4), vector(6), vector(16), vector(18)
	const end, c0, c1, c2, c3, zero = vector(20), vector(21), vector(22), vector(23), vector(24), vector(25)
	w.each("fastGELU", "x *float32, n int", func(f *function) {
		for i, c := range []float64{4.5, 1.5827673e-4, 2.6406511e-5, -6.656136e-6, 6.731011e-8} {
			f.splat(f32(c), end+vector(i))
		}
		f.clear(zero)
	}, func(f *function, from []general) {
		both := func(do func(i vector)) { each(0, 2, do) }
		for range 2 {
			f.peek(from[0], x, 2)
			both(func(i vector) { f.fabs(u+i, x+i) })
			both(func(i vector) { f.fsub(t+i, end, u+i) })
			both(func(i vector) { f.fmax(t+i, t+i, zero) })
			both(func(i vector) { f.fmul(t2+i, t+i, t+i) })
			both(func(i vector) { f.fmul(t4+i, t2+i, t2+i) })
			both(func(i vector) { f.fmul(p+i, t2+i, c3) })
			both(func(i vector) { f.fadd(p+i, p+i, c2) })
			both(func(i vector) { f.fmul(p+i, p+i, t+i) })
			both(func(i vector) { f.fadd(p+i, p+i, c1) })
			both(func(i vector) { f.fmul(p+i, p+i, t4+i) })
			both(func(i vector) { f.fadd(p+i, p+i, c0) })
			both(func(i vector) { f.fmul(p+i, p+i, t4+i) })
			both(func(i vector) { f.fmul(p+i, p+i, u+i) })
			both(func(i vector) { f.fmax(x+i, x+i, zero) }) // +0 of either zero
			both(func(i vector) { f.fsub(x+i, x+i, p+i) })
			f.write(from[0], x, 2)
		}
	})
}

// rotate computes x = (x·rstd)·weight and turns pairs of neighbours (a, b), for which
// rope has (cos, sin): (a·cos - b·sin, b·cos + a·sin). Loads and stores part the pairs.
func (w *writer) rotate() {
	const rstd, x, weight, rope, product = vector(0), vector(4), vector(8), vector(16), vector(20)
	w.each("rotate", "x, weight, rope *float32, rstd float32, n int", func(f *function) { f.scalar("rstd", rstd) }, func(f *function, p []general) {
		at := f.register() // behind what is read of x
		f.op("MOVD", "%v, %v", p[0], at)
		for i := range vector(2) {
			f.readPairs(at, x+2*i)
			f.readPairs(p[1], weight+2*i)
			f.readPairs(p[2], rope+2*i)
		}
		each(0, four, func(i vector) { f.fmul(x+i, x+i, rstd) })
		each(0, four, func(i vector) { f.fmul(x+i, x+i, weight+i) })
		for i := vector(0); i < four; i += 2 {
			a, b, cos, sin, y := x+i, x+i+1, rope+i, rope+i+1, product+2*i
			f.fmul(y, a, cos)
			f.fmul(y+1, b, sin)
			f.fmul(y+2, b, cos)
			f.fmul(y+3, a, sin)
			f.fsub(a, y, y+1)
			f.fadd(b, y+2, y+3)
			f.writePairs(p[0], a)
		}
	})
}
