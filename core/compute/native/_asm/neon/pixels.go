package main

import "strings"

// Kernels over rows of pixels, whose n channels, n a multiple of sixteen, are taken
// sixteen at a time, all pixels of these before the next.

// channels is a kernel over pixels stride bytes apart. perChannel names pointers to a
// value a channel; begin gets sixteen channels' and the first pixel, then body each pixel,
// then end what was gathered.
func (w *writer) channels(name, perChannel string, begin func(f *function, p []general, x general), body func(f *function, x general), end func(f *function, p []general)) {
	f := w.text(name+"NEON", perChannel+", x *float32, stride, pixels, n int", "")
	var p []general
	for name := range strings.SplitSeq(perChannel, ", ") {
		p = append(p, f.load(name))
	}
	x, stride, n, at, left := f.load("x"), f.load("stride"), f.load("n"), f.register(), f.register()
	f.label("channels")
	f.arg("pixels", left)
	f.op("MOVD", "%v, %v", x, at)
	begin(f, p, x)
	f.label("pixel")
	body(f, at)
	f.op("ADD", "%v, %v", stride, at)
	f.countdown(left, "pixel")
	end(f, p)
	for _, r := range append(p, x) {
		f.op("ADD", "$64, %v", r)
	}
	f.op("SUB", "$16, %v", n)
	f.op("CBNZ", "%v, channels", n)
	f.ret()
}

func (w *writer) pixels() {
	const v, a, b, c = vector(0), vector(4), vector(16), vector(20)
	nothing := func(*function, []general) {}

	w.channels("pixelSums", "sum, low, high", func(f *function, p []general, x general) {
		each(a, four, f.clear)
		f.peek(x, b, four)
		f.peek(x, c, four)
	}, func(f *function, x general) {
		f.peek(x, v, four)
		each(0, four, func(i vector) { f.fadd(a+i, a+i, v+i) })
		each(0, four, func(i vector) { f.fmin(b+i, b+i, v+i) })
		each(0, four, func(i vector) { f.fmax(c+i, c+i, v+i) })
	}, func(f *function, p []general) {
		for i, from := range []vector{a, b, c} {
			f.poke(p[i], from, four)
		}
	})

	w.channels("pixelSquares", "sum, mean", func(f *function, p []general, _ general) {
		each(a, four, f.clear)
		f.peek(p[1], b, four)
	}, func(f *function, x general) {
		f.peek(x, v, four)
		each(0, four, func(i vector) { f.fsub(v+i, v+i, b+i) })
		each(0, four, func(i vector) { f.fmul(v+i, v+i, v+i) })
		each(0, four, func(i vector) { f.fadd(a+i, a+i, v+i) })
	}, func(f *function, p []general) { f.poke(p[0], a, four) })

	// affine computes dst = (x - mean)·scale + shift, with pixels stride bytes apart in both.
	var to, from general
	w.channels("affine", "dst, mean, scale, shift", func(f *function, p []general, x general) {
		if to == 0 {
			to, from = f.register(), f.register()
		}
		f.op("SUB", "%v, %v, %v", x, p[0], to) // from x to dst
		for i, v := range []vector{a, b, c} {
			f.peek(p[1+i], v, four)
		}
	}, func(f *function, x general) {
		f.peek(x, v, four)
		each(0, four, func(i vector) { f.fsub(v+i, v+i, a+i) })
		each(0, four, func(i vector) { f.fmul(v+i, v+i, b+i) })
		each(0, four, func(i vector) { f.fadd(v+i, v+i, c+i) })
		f.op("ADD", "%v, %v, %v", to, x, from)
		f.poke(from, v, four)
	}, nothing)

	w.quantizeWords()
}

// quantizeWords rounds 32 channels of pixels: q [pixels, 32] = rne(x·inverse).
func (w *writer) quantizeWords() {
	f := w.text("quantizeWordsNEON", "q *int16, x *float32, stride int, inverse *float32, pixels int", "")
	q, x, stride, inverse, n, at := f.load("q"), f.load("x"), f.load("stride"), f.load("inverse"), f.load("pixels"), f.register()
	const v, factors, round = vector(0), vector(16), vector(24)
	for h := range vector(2) {
		f.read(inverse, factors+4*h, four)
	}
	f.splat(f32(12582912), round)
	f.label("pixel")
	f.op("MOVD", "%v, %v", x, at)
	for h := range vector(2) {
		f.read(at, v+4*h, four)
	}
	each(0, 8, func(i vector) {
		f.fmul(v+i, v+i, factors+i)
		f.fadd(v+i, v+i, round) // the rounded value in the lowest bits
	})
	for i := range vector(4) {
		f.op("VUZP1", "%v.H8, %v.H8, %v.H8", v+2*i+1, v+2*i, v+i)
	}
	f.write(q, v, four)
	f.op("ADD", "%v, %v", stride, x)
	f.countdown(n, "pixel")
	f.ret()
}
