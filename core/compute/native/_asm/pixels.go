package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Kernels over rows of pixels, whose n channels, n a multiple of sixteen, are taken a
// few registers at a time, all pixels of these before the next.

// channels is a kernel over pixels stride bytes apart. pointers are those of a value a
// channel; begin gets some registers' first, then body the registers' of a pixel at x,
// then end.
func (s isa) channels(name, params string, perChannel []string, begin func(p []reg.GPVirtual, x reg.GPVirtual, registers int), body func(p []reg.GPVirtual, x reg.GPVirtual, registers int), end func(p []reg.GPVirtual, registers int)) {
	TEXT(name+s.suffix, NOSPLIT, "func("+params+", x *float32, stride, pixels, n int)")
	Pragma("noescape")
	var p []reg.GPVirtual
	for _, name := range perChannel {
		p = append(p, param(name))
	}
	x, stride, n := param("x"), param("stride"), param("n")
	at, left := GP64(), GP64()
	pass := func(label string, registers int) {
		Label(label)
		CMPQ(n, U32(registers*s.lanes()))
		JL(LabelRef(label + "Done"))
		MOVQ(x, at)
		Load(Param("pixels"), left)
		begin(p, x, registers)
		Label(label + "Pixel")
		body(p, at, registers)
		ADDQ(stride, at)
		DECQ(left)
		JNZ(LabelRef(label + "Pixel"))
		if end != nil {
			end(p, registers)
		}
		for _, r := range append(p, x) {
			ADDQ(U32(registers*s.bytes), r)
		}
		SUBQ(U32(registers*s.lanes()), n)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	pass("four", 4)
	pass("one", 1)
	VZEROUPPER()
	RET()
}

func (s isa) pixels() {
	// register i of kind k
	of := func(k, i int) reg.VecPhysical { return s.reg(4*k + i) }

	s.channels("pixelSums", "sum, low, high *float32", []string{"sum", "low", "high"}, func(_ []reg.GPVirtual, x reg.GPVirtual, registers int) {
		for i := range registers {
			s.zero(of(0, i))
			VMOVUPS(mem(x, i*s.bytes), of(1, i))
			VMOVUPS(of(1, i), of(2, i))
		}
	}, func(_ []reg.GPVirtual, x reg.GPVirtual, registers int) {
		for i := range registers {
			v := of(3, i)
			VMOVUPS(mem(x, i*s.bytes), v)
			VADDPS(v, of(0, i), of(0, i))
			VMINPS(v, of(1, i), of(1, i))
			VMAXPS(v, of(2, i), of(2, i))
		}
	}, func(p []reg.GPVirtual, registers int) {
		for k := range 3 {
			for i := range registers {
				VMOVUPS(of(k, i), mem(p[k], i*s.bytes))
			}
		}
	})

	s.channels("pixelSquares", "sum, mean *float32", []string{"sum", "mean"}, func(p []reg.GPVirtual, _ reg.GPVirtual, registers int) {
		for i := range registers {
			s.zero(of(0, i))
			VMOVUPS(mem(p[1], i*s.bytes), of(1, i))
		}
	}, func(_ []reg.GPVirtual, x reg.GPVirtual, registers int) {
		for i := range registers {
			v := of(3, i)
			VMOVUPS(mem(x, i*s.bytes), v)
			VSUBPS(of(1, i), v, v)
			VMULPS(v, v, v)
			VADDPS(v, of(0, i), of(0, i))
		}
	}, func(p []reg.GPVirtual, registers int) {
		for i := range registers {
			VMOVUPS(of(0, i), mem(p[0], i*s.bytes))
		}
	})

	s.affine()
	s.quantizeWords()
}

// affine computes dst = (x - mean)·scale + shift of pixels [pixels, n], stride bytes
// apart in both.
func (s isa) affine() {
	of := func(k, i int) reg.VecPhysical { return s.reg(4*k + i) }
	var to reg.GPVirtual
	s.channels("affine", "dst, mean, scale, shift *float32", []string{"dst", "mean", "scale", "shift"}, func(p []reg.GPVirtual, x reg.GPVirtual, registers int) {
		if to == nil {
			to = GP64()
		}
		MOVQ(p[0], to)
		SUBQ(x, to) // from x to dst
		for k := range 3 {
			for i := range registers {
				VMOVUPS(mem(p[1+k], i*s.bytes), of(k, i))
			}
		}
	}, func(_ []reg.GPVirtual, x reg.GPVirtual, registers int) {
		for i := range registers {
			v := of(3, i)
			VMOVUPS(mem(x, i*s.bytes), v)
			VSUBPS(of(0, i), v, v)
			VMULPS(of(1, i), v, v)
			VADDPS(of(2, i), v, v)
			VMOVUPS(v, Mem{Base: x, Index: to, Scale: 1, Disp: i * s.bytes})
		}
	}, nil)
}

// quantizeWords rounds 32 channels of pixels: q [pixels, 32] = rne(x·inverse).
func (s isa) quantizeWords() {
	TEXT("quantizeWords"+s.suffix, NOSPLIT, "func(q *int16, x *float32, stride int, inverse *float32, pixels int)")
	Pragma("noescape")
	q, x, stride, inverse, n := param("q"), param("x"), param("stride"), param("inverse"), param("pixels")
	registers := 2 * chunk / s.bytes
	round := s.splat("expRound", f32(12582912), 2*registers)
	for i := range registers {
		VMOVUPS(mem(inverse, i*s.bytes), s.reg(i))
	}
	Label("pixel")
	for i := range registers {
		v := s.reg(registers + i)
		s.round(x, i*s.bytes, s.reg(i), round, v)
		if s.bytes == 64 {
			VPMOVDW(v, mem(q, i*32))
			continue
		}
		VPSUBD(round, v, v)
		if i%2 == 1 {
			low := s.reg(registers + i - 1)
			VPACKSSDW(v, low, low) // values 0-3, 8-11 | 4-7, 12-15
			VPERMQ(Imm(0b11011000), low, low)
			VMOVDQU(low, mem(q, i/2*32))
		}
	}
	ADDQ(stride, x)
	ADDQ(U32(chunk), q)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// siluWords is affine, SiLU and quantizeWords at once, on AVX-512's registers: the
// operations of exponential, without its second loop, for the two halves of 32 channels
// and the pixels that the processor looks ahead to are enough to keep it busy.
func (s isa) siluWords() {
	TEXT("siluWords"+s.suffix, NOSPLIT, "func(q *int16, mean, scale, shift, inverse, x *float32, stride, pixels int)")
	Pragma("noescape")
	q, x, stride, n := param("q"), param("x"), param("stride"), param("pixels")
	type pair [2]reg.VecPhysical
	next := 0
	registers := func() (p pair) {
		for h := range p {
			p[h] = s.reg(next)
			next++
		}
		return p
	}
	channel := func(name string) pair {
		from, p := param(name), registers()
		for h := range p {
			VMOVUPS(mem(from, h*s.bytes), p[h])
		}
		return p
	}
	mean, scale, shift, inverse := channel("mean"), channel("scale"), channel("shift"), channel("inverse")
	constants := map[string]reg.VecPhysical{"sign": s.splat("sign", 1<<31, next)}
	next++
	for _, name := range append(argumentConstants[:len(argumentConstants):len(argumentConstants)], polynomialConstants[1:]...) {
		constants[name] = s.splat(name, f32(floats[name]), next)
		next++
	}
	u, v, t, power, w := registers(), registers(), registers(), registers(), registers()
	each := func(f func(h int)) { f(0); f(1) }
	op := func(do func(ops ...Op), name string, from, to pair) {
		each(func(h int) { do(constants[name], from[h], to[h]) })
	}
	Label("pixel")
	each(func(h int) { VMOVUPS(mem(x, h*s.bytes), u[h]) })
	each(func(h int) { VSUBPS(mean[h], u[h], u[h]) })
	each(func(h int) { VMULPS(scale[h], u[h], u[h]) })
	each(func(h int) { VADDPS(shift[h], u[h], u[h]) })
	each(func(h int) { VPXORD(constants["sign"], u[h], v[h]) })
	op(VMAXPS, "expMin", v, v)
	op(VMINPS, "expMax", v, v)
	op(VMULPS, "expLog2E", v, t)
	op(VADDPS, "expRound", t, t)
	each(func(h int) { VPSLLD(Imm(23), t[h], power[h]) })
	each(func(h int) { VPADDD(constants["one"], power[h], power[h]) })
	op(VSUBPS, "expRound", t, t)
	op(VMULPS, "expLn2Hi", t, w)
	each(func(h int) { VSUBPS(w[h], v[h], v[h]) })
	op(VMULPS, "expLn2Lo", t, w)
	each(func(h int) { VSUBPS(w[h], v[h], v[h]) })
	op(VMULPS, "expC5", v, t)
	for _, name := range []string{"expC4", "expC3", "expC2", "expC1"} {
		op(VADDPS, name, t, t)
		each(func(h int) { VMULPS(v[h], t[h], t[h]) })
	}
	op(VADDPS, "expC0", t, t)
	each(func(h int) { VMULPS(v[h], v[h], w[h]) })
	each(func(h int) { VMULPS(w[h], t[h], t[h]) })
	each(func(h int) { VADDPS(v[h], t[h], t[h]) })
	op(VADDPS, "one", t, t)
	each(func(h int) { VMULPS(power[h], t[h], v[h]) })
	op(VADDPS, "one", v, v)
	each(func(h int) { VDIVPS(v[h], u[h], v[h]) })
	each(func(h int) { VMULPS(inverse[h], v[h], v[h]) })
	op(VADDPS, "expRound", v, v)
	each(func(h int) { VPMOVDW(v[h], mem(q, 32*h)) })
	ADDQ(stride, x)
	ADDQ(U32(chunk), q)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}
