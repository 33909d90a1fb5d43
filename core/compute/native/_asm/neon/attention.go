package main

// Attention in integers: compute.AttentionBlock says what it computes. Widths of heads
// are multiples of eight.

// digits multiplies weights of attention, of which a row has sixteen upper digits and
// then as many lower ones, with int8 values: dot products of bytes take a half of the
// instructions that those of int16 would.
type digits struct{}

func (digits) suffix() string { return "SDOT" }
func (digits) rows() int      { return 4 }

// sums has a chain for each digit.
func (digits) sums(rows int) int { return 2 * 2 * rows }

func (digits) registers() (vector, int) { return row, 2 }

func (digits) group(f *function, t *tile, load func(v vector)) {
	load(operand)
	load(operand + 4)
	for u := range 4 {
		for i := range t.rows {
			for digit := range 2 {
				for h := range 2 {
					f.sdotElement(t.acc(digit, i, h), operand+vector(2*u+h), row+vector(2*i+digit), u)
				}
			}
		}
	}
}

func (digits) total(f *function, t *tile) {
	each(0, 2*t.rows, func(v vector) {
		f.op("VSHL", "$7, %v.S4, %v.S4", v, v)
		f.op("VADD", "%v.S4, %v.S4, %v.S4", t.acc(1, 0, 0)+v, v, v)
	})
}

// matrixDigits does it by smmla, whose first matrix is eight upper and eight lower digits
// of a row: four accumulators, each of both digits' products with two outputs.
type matrixDigits struct{ digits }

func (matrixDigits) suffix() string { return "SMMLA" }

// acc is the accumulator of a pair of outputs. They are where total wants them.
func (matrixDigits) acc(t *tile, row, outputs int) vector { return t.acc(outputs%2, row, outputs/2) }

func (p matrixDigits) group(f *function, t *tile, load func(v vector)) {
	const w, low = operand, operand + 4
	for i := range vector(t.rows) {
		upper, lower := row+2*i, row+2*i+1
		f.op("VZIP1", "%v.D2, %v.D2, %v.D2", lower, upper, low+i)
		f.op("VZIP2", "%v.D2, %v.D2, %v.D2", lower, upper, upper)
	}
	for half := range 2 {
		load(w)
		for i := range t.rows {
			inputs := low + vector(i)
			if half == 1 {
				inputs = row + vector(2*i)
			}
			for j := range 4 {
				f.smmla(p.acc(t, i, j), inputs, w+vector(j))
			}
		}
	}
}

func (p matrixDigits) total(f *function, t *tile) {
	for i := range t.rows {
		for outputs := 0; outputs < 4; outputs += 2 {
			const upper = operand
			a, b := p.acc(t, i, outputs), p.acc(t, i, outputs+1)
			f.op("VZIP1", "%v.D2, %v.D2, %v.D2", b, a, upper)
			f.op("VZIP2", "%v.D2, %v.D2, %v.D2", b, a, b)
			f.op("VSHL", "$7, %v.S4, %v.S4", upper, upper)
			f.op("VADD", "%v.S4, %v.S4, %v.S4", upper, b, a)
		}
	}
}

// words multiplies weights of attention as int16: values are so too, eight of a panel
// for each key.
type words struct{}

func (words) suffix() string    { return "NEON" }
func (words) rows() int         { return 4 }
func (words) sums(rows int) int { return 2 * rows }

// registers are among the first sixteen, as smlalElement needs them.
func (words) registers() (vector, int) { return 8, 1 }

func (words) group(f *function, t *tile, load func(v vector)) {
	for key := range 8 {
		w := operand + vector(key%8)
		if key%4 == 0 {
			load(w)
		}
		for i := range t.rows {
			for h := range 2 {
				f.smlalElement(t.acc(0, i, h), w, 8+vector(i), key, h == 1)
			}
		}
	}
}

func (words) total(*function, *tile) {}

func (w *writer) attention() {
	w.dot("mix", digits{}, digits{}.rows())
	w.dot("mix", matrixDigits{}, digits{}.rows())
	w.dot("mix", words{}, words{}.rows())
	w.columns("columnSums", func(f *function, acc, v vector) { f.fadd(acc, acc, v) })
	w.columns("columnMax", func(f *function, acc, v vector) {
		f.fabs(v, v)
		f.fmax(acc, acc, v)
	})
	w.quantizeRows("quantizeRows", false)
	w.quantizeRows("quantizeKeys", true)
	w.packKeys()
	w.packKeysSMMLA()
	w.packDigits()
	w.packMatrixDigits()
	w.packWords()
	w.attentionWeights("SDOT", func(f *function, to general, v vector) {
		const lower, mask = 16, 31
		f.op("VUZP1", "%v.B16, %v.B16, %v.B16", v+1, v, vector(lower+1))
		f.op("VAND", "%v.B16, %v.B16, %v.B16", vector(mask), vector(lower+1), vector(lower+1))
		f.shrnLow(lower, v)
		f.shrnHigh(lower, v+1)
		f.write(to, lower, 2)
	})
	w.attentionWeights("NEON", func(f *function, to general, v vector) { f.write(to, v, 2) })
}

// columns folds columns over rows: dst [n], x [rows, n].
func (w *writer) columns(name string, fold func(f *function, acc, v vector)) {
	f := w.text(name+"NEON", "dst, x *float32, stride, rows, n int", "")
	dst, x, stride, n := f.load("dst"), f.load("x"), f.load("stride"), f.load("n")
	at, left := f.register(), f.register()
	for _, columns := range []int{16, 8} {
		name := map[int]string{16: "sixteen", 8: "eight"}[columns]
		registers := columns / 4
		f.label(name)
		f.op("CMP", "$%d, %v", columns, n)
		f.op("BLT", "%sDone", name)
		each(0, registers, f.clear)
		f.op("MOVD", "%v, %v", x, at)
		f.arg("rows", left)
		f.label(name + "Row")
		f.peek(at, 4, registers)
		f.op("ADD", "%v, %v", stride, at)
		each(0, registers, func(acc vector) { fold(f, acc, 4+acc) })
		f.countdown(left, name+"Row")
		f.write(dst, 0, registers)
		f.op("ADD", "$%d, %v", 4*columns, x)
		f.op("SUB", "$%d, %v", columns, n)
		f.op("B", "%s", name)
		f.label(name + "Done")
	}
	f.ret()
}

// quantizeRows is compute.QuantizeRow of rows: q [rows, n], filled up to sixteens with
// zeros. Keys have their mean subtracted; the others' zero is 0 here.
func (w *writer) quantizeRows(name string, keys bool) {
	other := "zero *int8, scales"
	if keys {
		other = "mean, scales"
	}
	f := w.text(name+"NEON", "q *int8, qStride int, x *float32, stride int, "+other+" *float32, rows, n int", "")
	q, qStride, x, stride := f.load("q"), f.load("qStride"), f.load("x"), f.load("stride")
	scales, rows, n := f.load("scales"), f.load("rows"), f.load("n")
	var mean general
	if keys {
		mean = f.load("mean")
	}
	at, m, to, left := f.register(), f.register(), f.register(), f.register()
	const v, means, inv, round, most, least = vector(4), vector(16), vector(20), vector(21), vector(22), vector(23)
	f.splat(f32(12582912), round)
	f.splat(f32(127), most)
	f.splat(f32(1e-30), least)
	// pass is a loop over a row, of sixteen values a time and then of eight.
	pass := func(name string, body func(registers int)) {
		f.op("MOVD", "%v, %v", x, at)
		if keys {
			f.op("MOVD", "%v, %v", mean, m)
		}
		f.op("SUBS", "$16, %v, %v", n, left)
		f.op("BLT", "%sEight", name)
		piece := func(registers int) {
			f.read(at, v, registers)
			if keys {
				f.read(m, means, registers)
				each(0, registers, func(i vector) { f.fsub(v+i, v+i, means+i) })
			}
			body(registers)
		}
		f.label(name)
		piece(4)
		f.op("SUBS", "$16, %v", left)
		f.op("BGE", "%s", name)
		f.label(name + "Eight")
		f.op("ADDS", "$16, %v", left)
		f.op("BEQ", "%sDone", name)
		piece(2)
		f.label(name + "Done")
	}
	f.label("row")
	each(0, four, f.clear)
	pass("largest", func(registers int) {
		each(0, registers, func(acc vector) {
			f.fabs(v+acc, v+acc)
			f.fmax(acc, acc, v+acc)
		})
	})
	f.fmax(0, 0, 1)
	f.fmax(2, 2, 3)
	f.fmax(0, 0, 2)
	f.fmaxv(0, 0)
	// 127/top and top/127 or, where top is too small, zeros
	f.fcmge(3, 0, least)
	f.op("FDIVS", "F0, F%d, F1", most)
	f.op("FDIVS", "F%d, F0, F2", most)
	f.op("VAND", "V3.B16, V1.B16, V1.B16")
	f.op("VAND", "V3.B16, V2.B16, V2.B16")
	f.op("VDUP", "V1.S[0], %v.S4", inv)
	f.op("FMOVS.P", "F2, 4(%v)", scales)
	f.op("MOVD", "%v, %v", q, to)
	pass("round", func(registers int) {
		each(v, registers, func(v vector) {
			f.fmul(v, v, inv)
			f.fadd(v, v, round) // the rounded value in the lowest bits
		})
		each(v+vector(registers), 4-registers, f.clear)
		f.op("VUZP1", "V5.H8, V4.H8, V4.H8")
		f.op("VUZP1", "V7.H8, V6.H8, V6.H8")
		f.op("VUZP1", "V6.B16, V4.B16, V4.B16")
		f.write(to, v, 1)
	})
	f.op("ADD", "%v, %v", qStride, q)
	f.op("ADD", "%v, %v", stride, x)
	f.countdown(rows, "row")
	f.ret()
}

// packKeys lays out eight rows of int8 as dot wants weights, four inputs of a panel
// every step bytes.
func (w *writer) packKeys() {
	f := w.text("packKeysNEON", "w *int8, step int, q *int8, stride int, corrections *int32, groups int", "")
	to, step, q, stride, n := f.load("w"), f.load("step"), f.load("q"), f.load("stride"), f.load("groups")
	at := f.register()
	zip := func(which int, n, m, d vector) {
		f.op(map[int]string{1: "VZIP1", 2: "VZIP2"}[which], "%v.S4, %v.S4, %v.S4", m, n, d)
	}
	f.label("inputs")
	f.op("MOVD", "%v, %v", q, at)
	for i := range vector(8) {
		f.peek(at, i, 1)
		f.op("ADD", "%v, %v", stride, at)
	}
	for half := range vector(2) { // four rows
		const t, out = vector(8), vector(16)
		r := 4 * half
		zip(1, r, r+2, t)
		zip(1, r+1, r+3, t+1)
		zip(2, r, r+2, t+2)
		zip(2, r+1, r+3, t+3)
		for i := range vector(2) {
			zip(1, t+2*i, t+2*i+1, out+4*i+half)
			zip(2, t+2*i, t+2*i+1, out+4*i+2+half)
		}
	}
	for i := range vector(4) {
		f.op("VST1", "%s, (%v)", list(16+2*i, 2, "S4"), to)
		f.op("ADD", "%v, %v", step, to)
	}
	f.op("ADD", "$16, %v", q)
	f.countdown(n, "inputs")
	f.ret()
}

// packKeysSMMLA lays them out for smmla, eight inputs of a panel beside each other, with
// those every two steps.
func (w *writer) packKeysSMMLA() {
	f := w.text("packKeysSMMLA", "w *int8, step int, q *int8, stride int, corrections *int32, groups int", "")
	to, step, q, stride, n := f.load("w"), f.load("step"), f.load("q"), f.load("stride"), f.load("groups")
	at := f.register()
	const rows, out = vector(0), vector(16)
	f.op("LSL", "$1, %v", step)
	f.label("inputs")
	f.op("MOVD", "%v, %v", q, at)
	for i := range vector(8) {
		f.peek(at, rows+i, 1)
		f.op("ADD", "%v, %v", stride, at)
	}
	for half, zip := range []string{"VZIP1", "VZIP2"} {
		for i := range vector(4) {
			f.op(zip, "%v.D2, %v.D2, %v.D2", rows+2*i+1, rows+2*i, out+4*vector(half)+i)
		}
		f.poke(to, out+4*vector(half), 4)
		f.op("ADD", "%v, %v", step, to)
	}
	f.op("ADD", "$16, %v", q)
	f.countdown(n, "inputs")
	f.ret()
}

const packParams = "w *int8, step int, x *float32, stride int, inv *float32, groups, n int"

// packDigits rounds eight columns of x to int8, with a factor for each column, four
// rows beside each other, at w with those every step bytes.
func (w *writer) packDigits() { w.pack("packValuesSDOT", 4, (*function).joinDigits, 2) }

// joinDigits makes two registers of the lowest bytes of four rows.
func (f *function) joinDigits(v vector) {
	for h := range vector(2) {
		for i := range vector(3) {
			f.op("VSLI", "$%d, %v.S4, %v.S4", 8*(i+1), v+2*(i+1)+h, v+h)
		}
	}
}

// packMatrixDigits has eight rows beside each other.
func (w *writer) packMatrixDigits() {
	w.pack("packValuesSMMLA", 8, func(f *function, v vector) {
		f.joinDigits(v)
		f.joinDigits(v + 8)
		zip := func(which string, h, to vector) { f.op(which, "%v.S4, %v.S4, %v.S4", v+8+h, v+h, to) }
		zip("VZIP1", 1, v+2)
		zip("VZIP2", 1, v+3)
		zip("VZIP2", 0, v+1)
		zip("VZIP1", 0, v)
	}, 4)
}

// packWords rounds eight columns of rows to int16.
func (w *writer) packWords() {
	w.pack("packValuesNEON", 1, func(f *function, v vector) { f.op("VUZP1", "%v.H8, %v.H8, %v.H8", v+1, v, v) }, 1)
}

// pack writes a function over groups of rows: join puts their two registers each,
// with rounded values in the lowest bits, into the first of all, of which it fills
// some.
func (w *writer) pack(name string, rows int, join func(f *function, v vector), filled int) {
	f := w.text(name, packParams, "")
	to, step, x, stride, n := f.load("w"), f.load("step"), f.load("x"), f.load("stride"), f.load("groups")
	const inv, round, v = vector(0), vector(2), vector(4)
	f.peek(f.load("inv"), inv, 2)
	f.splat(f32(12582912), round)
	f.label("next")
	for i := range vector(rows) {
		f.peek(x, v+2*i, 2)
		f.op("ADD", "%v, %v", stride, x)
	}
	each(v, 2*rows, func(v vector) { f.fmul(v, v, inv+v%2) })
	each(v, 2*rows, func(v vector) { f.fadd(v, v, round) })
	join(f, v)
	f.op("VST1", "%s, (%v)", list(v, filled, "S4"), to)
	f.op("ADD", "%v, %v", step, to)
	f.countdown(n, "next")
	f.ret()
}

// attentionWeights replaces rows of n scores by their weights, two bytes each at the
// start of each row, and gives one over their sums. store writes sixteen of int16.
func (w *writer) attentionWeights(suffix string, store func(f *function, to general, v vector)) {
	f := w.text("attentionWeights"+suffix, "scores *float32, stride int, scales *float32, factor float32, inv *float32, rows, n int", "")
	x, stride, scales, inv, rows, n := f.load("scores"), f.load("stride"), f.load("scales"), f.load("inv"), f.load("rows"), f.load("n")
	at, to, left := f.register(), f.register(), f.register()
	const (
		v                    = vector(4)
		shifted, weights     = vector(16), vector(18) // two each
		factor, top, by, sum = vector(20), vector(21), vector(22), vector(23)
		largest, c3          = vector(24), vector(25)
		minusOne             = vector(29)
		one                  = vector(30)
	)
	f.scalar("factor", factor)
	f.splat(f32(65535), largest)
	for i, c := range []int16{-1272, 7494, 22478, 32512, -1} {
		f.splat(uint32(uint16(c))*0x10001, c3+vector(i))
	}
	f.splat(f32(1), one)
	f.splat(0x7f7f7f7f, 31)

	f.label("row")
	each(0, four, func(acc vector) { f.splat(f32(-3.4028234663852886e38), acc) })
	f.op("MOVD", "%v, %v", x, at)
	f.op("LSR", "$4, %v, %v", n, left)
	f.label("largest")
	f.read(at, v, four)
	each(0, four, func(acc vector) { f.fmax(acc, acc, v+acc) })
	f.countdown(left, "largest")
	f.fmax(0, 0, 1)
	f.fmax(2, 2, 3)
	f.fmax(0, 0, 2)
	f.fmaxv(0, 0)
	f.op("VDUP", "V0.S[0], %v.S4", top)
	f.readLanes(scales, by)
	f.fmul(by, by, factor)

	f.clear(sum)
	f.op("MOVD", "%v, %v", x, at)
	f.op("MOVD", "%v, %v", x, to)
	f.op("LSR", "$4, %v, %v", n, left)
	f.label("next")
	f.read(at, v, four)
	each(v, four, func(v vector) { f.fsub(v, top, v) })
	each(v, four, func(v vector) { f.fmul(v, v, by) })
	each(v, four, func(v vector) { f.fminnm(v, v, largest) })
	each(v, four, func(v vector) { f.fcvtnu(v, v) })
	both := func(do func(d, s, r vector)) {
		each(0, 2, func(i vector) { do(v+i, shifted+i, weights+i) })
	}
	f.op("VUZP1", "V5.H8, V4.H8, V4.H8")
	f.op("VUZP1", "V7.H8, V6.H8, V5.H8")
	both(func(d, s, _ vector) { f.op("VSHL", "$4, %v.H8, %v.H8", d, s) })
	both(func(_, s, _ vector) { f.op("VUSHR", "$1, %v.H8, %v.H8", s, s) })
	both(func(_, s, r vector) { f.sqrdmulh(r, s, c3) })
	both(func(_, _, r vector) { f.op("VADD", "%v.H8, %v.H8, %v.H8", c3+1, r, r) })
	both(func(_, s, r vector) { f.sqrdmulh(r, s, r) })
	both(func(_, _, r vector) { f.op("VSUB", "%v.H8, %v.H8, %v.H8", c3+2, r, r) })
	both(func(_, s, r vector) { f.sqrdmulh(r, s, r) })
	both(func(_, _, r vector) { f.op("VADD", "%v.H8, %v.H8, %v.H8", c3+3, r, r) })
	both(func(d, _, _ vector) { f.op("VUSHR", "$12, %v.H8, %v.H8", d, d) })
	both(func(d, _, _ vector) { f.op("VSUB", "%v.H8, %v.H8, %v.H8", d, minusOne, d) })
	both(func(d, _, r vector) { f.urshl(r, r, d) })
	both(func(_, _, r vector) { f.sadalp(sum, r) })
	store(f, to, weights)
	f.countdown(left, "next")

	f.addv(0, sum)
	f.scvtf(0, 0)
	f.op("FDIVS", "F0, F%d, F0", one)
	f.op("FMOVS.P", "F0, 4(%v)", inv)
	f.op("ADD", "%v, %v", stride, x)
	f.countdown(rows, "row")
	f.ret()
}
