package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Attention in integers: compute.AttentionBlock says what it computes. Weights of
// keys and values are int16, two keys to four bytes. Widths of heads are multiples
// of eight; a register of AVX-512 may be the last with half of its values.

// words multiplies int16 as vnni does int8.
type words struct{ vnni }

func (words) start(acc reg.VecPhysical, _ reg.GPVirtual, _, _ int) {
	VXORPS(acc.AsX(), acc.AsX(), acc.AsX())
}

func (words) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v := s.reg(2*s.rows + 2)
	VPBROADCASTD(row, v)
	for h := range s.halves {
		vpdpwssd(s.reg(2*s.rows+h), v, acc[h])
	}
}

// vpdpwssd adds the products of int16 to acc.
func vpdpwssd(w, u Op, acc reg.VecPhysical) {
	Instruction(&ir.Instruction{
		Opcode: "VPDPWSSD", Operands: []Op{w, u, acc}, Inputs: []Op{w, u, acc}, Outputs: []Op{acc}, ISA: []string{"AVX512_VNNI"},
	})
}

// vexWords is words on AVX2's registers.
type vexWords struct{ words }

func (vexWords) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v := 2*s.rows + 2
	VPBROADCASTD(row, s.reg(v))
	for h := range s.halves {
		vexDot("VPDPWSSD", 0x52, 2*s.rows+h, v, acc[h])
	}
}

// maddwd is words without VNNI.
type maddwd struct{ words }

func (p maddwd) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v := s.reg(2*s.rows + 2)
	VPBROADCASTD(row, v)
	for h := range s.halves {
		p.multiply(s, acc[h], h)
	}
}

// multiply is half of a step, of what lies in registers.
func (maddwd) multiply(s isa, acc reg.VecPhysical, half int) {
	p := s.reg(2*s.rows + min(3+half, s.spare()-1))
	VPMADDWD(s.reg(2*s.rows+half), s.reg(2*s.rows+2), p)
	VPADDD(p, acc, acc)
}

func (s isa) attention() {
	s.columns("columnSums", func(acc, v reg.VecPhysical) { VADDPS(v, acc, acc) })
	s.columns("columnMax", func(acc, v reg.VecPhysical) {
		s.and(v, s.reg(magnitude), v)
		VMAXPS(v, acc, acc)
	})
	s.quantizeRows("quantizeRows", rowsOfBytes)
	s.quantizeRows("quantizeKeys", keyRows)
	s.packValues()
	s.attentionWeights(false)
}

// some is the part of a register that a piece of a row fills: all or eight values.
func some(v reg.VecPhysical, half bool) reg.VecPhysical {
	if half {
		return v.AsY().(reg.VecPhysical)
	}
	return v
}

// magnitude is the register of the mask that columns loads.
const magnitude = 15

// columns folds columns over rows: dst [n], x [rows, n]. As many columns as four
// registers hold are done at once, then one register's, then eight.
func (s isa) columns(name string, fold func(acc, v reg.VecPhysical)) {
	TEXT(name+s.suffix, NOSPLIT, "func(dst, x *float32, stride, rows, n int)")
	Pragma("noescape")
	dst, x, stride, n := param("dst"), param("x"), param("stride"), param("n")
	at, left := GP64(), GP64()
	s.splat("magnitude", 0x7fffffff, magnitude)
	pass := func(label string, registers int, half bool) {
		columns := registers * s.lanes()
		if half {
			columns = 8
		}
		Label(label)
		CMPQ(n, U32(columns))
		JL(LabelRef(label + "Done"))
		for i := range registers {
			s.zero(s.reg(i))
		}
		MOVQ(x, at)
		Load(Param("rows"), left)
		Label(label + "Row")
		for i := range registers {
			VMOVUPS(mem(at, i*s.bytes), some(s.reg(4+i), half))
			fold(s.reg(i), s.reg(4+i))
		}
		ADDQ(stride, at)
		DECQ(left)
		JNZ(LabelRef(label + "Row"))
		for i := range registers {
			VMOVUPS(some(s.reg(i), half), mem(dst, i*s.bytes))
		}
		ADDQ(U32(4*columns), dst)
		ADDQ(U32(4*columns), x)
		SUBQ(U32(columns), n)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	pass("four", 4, false)
	pass("one", 1, false)
	if s.bytes == 64 {
		pass("half", 1, true)
	}
	VZEROUPPER()
	RET()
}

// rowForm is what quantizeRows makes of rows.
type rowForm int

const (
	rowsOfBytes rowForm = iota
	wideRows
	keyRows
)

// quantizeRows is compute.QuantizeRow of rows: q [rows, n], filled up to sixteens with
// zeros. Keys have their mean subtracted; to others' bytes *zero is added by exclusive
// or. Wide rows are int16; of AVX-512 there are none.
func (s isa) quantizeRows(name string, form rowForm) {
	keys := form == keyRows
	if keys {
		TEXT(name+s.suffix, NOSPLIT, "func(q *int8, qStride int, x *float32, stride int, mean, scales *float32, rows, n int)")
	} else {
		TEXT(name+s.suffix, NOSPLIT, "func(q *int8, qStride int, x *float32, stride int, zero *int8, scales *float32, rows, n int)")
	}
	Pragma("noescape")
	q, qStride, x, stride := param("q"), param("qStride"), param("x"), param("stride")
	var mean reg.GPVirtual
	if keys {
		mean = param("mean")
	} else if form == rowsOfBytes {
		VPBROADCASTB(mem(param("zero"), 0), s.reg(10))
	}
	scales, rows, n := param("scales"), param("rows"), param("n")
	at, m, to, left := GP64(), GP64(), GP64(), GP64()
	const acc, v, inv = 0, 2, 6
	parts := 64 / s.bytes
	magnitude := s.splat("magnitude", 0x7fffffff, 7)
	least := s.splat("minAbsMax", f32(1e-30), 8)
	most := s.splat("f127", f32(127), 9)
	const wide, wideAcc = 16, 20 // registers of 64 values, where there are so many
	if s.bytes == 64 {
		VMOVDQU32(transposed(), s.reg(24))
	}

	// load leaves values in n registers from v on, of eight values with zeros.
	load := func(v, n int, half bool) {
		for part := range n {
			r := some(s.reg(v+part), half)
			if half && part > 0 {
				s.zero(s.reg(v + part))
				continue
			}
			VMOVUPS(mem(at, part*s.bytes), r)
			if keys {
				VSUBPS(mem(m, part*s.bytes), r, r)
			}
		}
	}
	// each is a loop over a row: by 64 values where registers suffice, by sixteen, and
	// eight that are left.
	each := func(label string, by64, body func()) {
		MOVQ(x, at)
		if keys {
			MOVQ(mean, m)
		}
		MOVQ(n, left)
		step := func(label, rest string, values int, do func()) {
			SUBQ(Imm(uint64(values)), left)
			JL(LabelRef(rest))
			Label(label)
			do()
			ADDQ(U32(4*values), at)
			if keys {
				ADDQ(U32(4*values), m)
			}
			SUBQ(Imm(uint64(values)), left)
			JGE(LabelRef(label))
			Label(rest)
			ADDQ(Imm(uint64(values)), left)
		}
		if s.bytes == 64 {
			step(label+"64", label+"Rest", 64, func() {
				load(wide, 4, false)
				by64()
			})
		}
		step(label, label+"Half", 16, func() {
			load(v, parts, false)
			body()
		})
		JZ(LabelRef(label + "Done"))
		load(v, parts, true)
		body()
		Label(label + "Done")
	}
	// larger takes magnitudes, but not those of what is not a number.
	larger := func(v, acc reg.VecPhysical) {
		s.and(v, magnitude, v)
		VMAXPS(acc, v, acc)
	}

	Label("row")
	for part := range parts {
		s.zero(s.reg(acc + part))
	}
	if s.bytes == 64 {
		for i := range 4 {
			s.zero(s.reg(wideAcc + i))
		}
	}
	each("largest", func() {
		for i := range 4 {
			larger(s.reg(wide+i), s.reg(wideAcc+i))
		}
	}, func() {
		for part := range parts {
			larger(s.reg(v+part), s.reg(acc+part))
		}
	})
	if s.bytes == 64 {
		for i := range 4 {
			VMAXPS(s.reg(wideAcc+i), s.reg(acc), s.reg(acc))
		}
	}
	s.fold(func(a, b reg.VecPhysical) { VMAXPS(b, a, a) })
	// 127/top and top/127 or, where top is too small, zeros
	VCMPPS(Imm(29), least.AsX(), reg.X0, reg.X1) // greater or equal, and ordered
	VDIVSS(reg.X0, most.AsX(), reg.X2)
	VANDPS(reg.X1, reg.X2, reg.X2)
	VBROADCASTSS(reg.X2, s.reg(inv))
	VDIVSS(most.AsX(), reg.X0, reg.X2)
	VANDPS(reg.X1, reg.X2, reg.X2)
	VMOVSS(reg.X2, mem(scales, 0))
	MOVQ(q, to)
	each("round", func() {
		w := func(i int) reg.VecPhysical { return s.reg(wide + i) }
		for i := range 4 {
			VMULPS(s.reg(inv), w(i), w(i))
			VCVTPS2DQ(w(i), w(i))
		}
		VPACKSSDW(w(1), w(0), w(0)) // four values of each, by turns
		VPACKSSDW(w(3), w(2), w(2))
		VPACKSSWB(w(2), w(0), w(0))
		VPERMD(w(0), s.reg(24), w(0))
		if !keys {
			VPXORD(reg.Z10, w(0), w(0))
		}
		VMOVDQU32(w(0), mem(to, 0))
		ADDQ(Imm(64), to)
	}, func() {
		for part := range parts {
			VMULPS(s.reg(inv), s.reg(v+part), s.reg(v+part))
			VCVTPS2DQ(s.reg(v+part), s.reg(v+part))
		}
		if form == wideRows {
			VPACKSSDW(reg.Y3, reg.Y2, reg.Y2) // values 0-3, 8-11 | 4-7, 12-15
			VPERMQ(Imm(0b11011000), reg.Y2, reg.Y2)
			VMOVDQU(reg.Y2, mem(to, 0))
			ADDQ(Imm(32), to)
			return
		}
		if s.bytes == 64 {
			VPMOVDB(s.reg(v), reg.X4)
		} else {
			VEXTRACTI128(Imm(1), s.reg(v), reg.X4)
			VEXTRACTI128(Imm(1), s.reg(v+1), reg.X5)
			VPACKSSDW(reg.X4, reg.X2, reg.X4)
			VPACKSSDW(reg.X5, reg.X3, reg.X5)
			VPACKSSWB(reg.X5, reg.X4, reg.X4)
		}
		if !keys {
			VPXOR(reg.X10, reg.X4, reg.X4)
		}
		VMOVDQU(reg.X4, mem(to, 0))
		ADDQ(Imm(16), to)
	})
	ADDQ(qStride, q)
	ADDQ(stride, x)
	ADDQ(Imm(4), scales)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// fold leaves what sixteen partial results come to in the first lane of register 0;
// it uses register 1 too.
func (s isa) fold(op func(a, b reg.VecPhysical)) {
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
}

// packKeys lays out eight rows of int8 as dot wants weights, at w with four inputs
// of a panel every step bytes, and their corrections for a zero of -128. It is
// AVX2's and for all.
func packKeys() {
	TEXT("packKeysAVX2", NOSPLIT, "func(w *int8, step int, q *int8, stride int, corrections *int32, groups int)")
	Pragma("noescape")
	w, step, q, stride, n := param("w"), param("step"), param("q"), param("stride"), param("groups")
	stride3, q4 := triple(stride), GP64()
	LEAQ(Mem{Base: q, Index: stride, Scale: 4}, q4)
	y := func(i int) reg.VecPhysical { return ymm(i) }
	VPXOR(y(0), y(0), y(0))
	VBROADCASTSS(constant("bytes1", 0x01010101), y(1))
	VBROADCASTSS(constant("wordsMinus128", 0xff80ff80), y(2))
	Label("inputs")
	for i := range 4 { // row i in the lower half, row 4+i in the upper
		VMOVDQU(at(i, q, q4, stride, stride3, 0), y(4+i).AsX())
		VINSERTI128(Imm(1), at(4+i, q, q4, stride, stride3, 0), y(4+i), y(4+i))
	}
	for i := range 2 {
		VPUNPCKLDQ(y(5+2*i), y(4+2*i), y(8+2*i)) // inputs 0 and 1 of two rows
		VPUNPCKHDQ(y(5+2*i), y(4+2*i), y(9+2*i)) // 2 and 3
	}
	for i := range 2 {
		VPUNPCKLQDQ(y(10+i), y(8+i), y(4+2*i))
		VPUNPCKHQDQ(y(10+i), y(8+i), y(5+2*i))
	}
	for i := range 4 {
		VMOVDQU(y(4+i), mem(w, 0))
		ADDQ(step, w)
		VPMADDUBSW(y(4+i), y(1), y(8+i))
		VPMADDWD(y(2), y(8+i), y(8+i))
		VPADDD(y(8+i), y(0), y(0))
	}
	ADDQ(Imm(16), q)
	ADDQ(Imm(16), q4)
	DECQ(n)
	JNZ(LabelRef("inputs"))
	VMOVDQU(y(0), mem(param("corrections"), 0))
	VZEROUPPER()
	RET()
}

// packKeysWide lays out eight rows of int8 as widened wants weights, at w with four inputs
// of a panel every step bytes.
func packKeysWide() {
	TEXT("packKeysWideAVX2", NOSPLIT, "func(w *int8, step int, q *int8, stride int, corrections *int32, groups int)")
	Pragma("noescape")
	w, step, q, stride, n := param("w"), param("step"), param("q"), param("stride"), param("groups")
	SHRQ(Imm(1), step) // a pair's
	stride3, q4 := triple(stride), GP64()
	LEAQ(Mem{Base: q, Index: stride, Scale: 4}, q4)
	x := func(i int) reg.VecPhysical { return ymm(i).AsX().(reg.VecPhysical) }
	Label("inputs")
	for i := range 8 {
		VMOVDQU(at(i, q, q4, stride, stride3, 0), x(i))
	}
	for i := range 4 { // pairs of two rows
		VPUNPCKLWD(x(2*i+1), x(2*i), x(8+i))
		VPUNPCKHWD(x(2*i+1), x(2*i), x(12+i))
	}
	for half := range 2 { // the first four pairs, and the last
		from := 8 + 4*half
		for i := range 2 { // of four rows
			VPUNPCKLDQ(x(from+2*i+1), x(from+2*i), x(2*i))
			VPUNPCKHDQ(x(from+2*i+1), x(from+2*i), x(2*i+1))
		}
		for i := range 2 { // of eight
			VPUNPCKLQDQ(x(2+i), x(i), x(4))
			VPUNPCKHQDQ(x(2+i), x(i), x(5))
			for j := range 2 {
				VMOVDQU(x(4+j), mem(w, 0))
				ADDQ(step, w)
			}
		}
	}
	ADDQ(Imm(16), q)
	ADDQ(Imm(16), q4)
	DECQ(n)
	JNZ(LabelRef("inputs"))
	RET()
}

// packValues rounds a register's columns of pairs of rows of x, with a factor for
// each column, to int16, at w with a pair every step bytes. n is 8 where the
// register holds more columns than there are.
func (s isa) packValues() {
	TEXT("packValues"+s.suffix, NOSPLIT, "func(w *int8, step int, x *float32, stride int, inv *float32, pairs, n int)")
	Pragma("noescape")
	w, step, x, stride, inv, pairs := param("w"), param("step"), param("x"), param("stride"), param("inv"), param("pairs")
	low := s.splat("lowWord", 0xffff, 1)
	loop := func(label string, half bool) {
		VMOVUPS(mem(inv, 0), some(s.reg(0), half))
		Label(label)
		for i := range 2 {
			v := s.reg(2 + i)
			VMOVUPS(at(i, x, nil, stride, nil, 0), some(v, half))
			VMULPS(s.reg(0), v, v)
			VCVTPS2DQ(v, v)
		}
		s.and(s.reg(2), low, s.reg(2))
		VPSLLD(Imm(16), s.reg(3), s.reg(3))
		s.or(s.reg(3), s.reg(2), s.reg(2))
		VMOVUPS(s.reg(2), mem(w, 0))
		ADDQ(step, w)
		LEAQ(Mem{Base: x, Index: stride, Scale: 2}, x)
		DECQ(pairs)
		JNZ(LabelRef(label))
		VZEROUPPER()
		RET()
	}
	if s.bytes == 64 {
		CMPQ(param("n"), Imm(16))
		JE(LabelRef("all"))
		loop("nextHalf", true)
		Label("all")
	}
	loop("next", false)
}

func (s isa) or(a Op, b, dst reg.VecPhysical) {
	if s.bytes == 64 {
		VPORD(a, b, dst)
	} else {
		VORPS(a, b, dst)
	}
}

// attentionWeights replaces rows of n scores by their weights, int16 at the start of
// each row, and gives one over their sums. n is a multiple of 32 or, of AVX2, 16. With
// digits, of AVX-512 alone, weights are 64 upper digits of seven bits and then as many
// lower ones, and n is a multiple of that.
func (s isa) attentionWeights(digits bool) {
	TEXT("attentionWeights"+s.suffix, NOSPLIT, "func(scores *float32, stride int, scales *float32, factor float32, inv *float32, rows, n int)")
	Pragma("noescape")
	x, stride, scales, inv, rows, n := param("scores"), param("stride"), param("scales"), param("inv"), param("rows"), param("n")
	lanes, blocks := 2*s.lanes(), 1 // that are done at a time
	shift := map[int]uint64{64: 5, 32: 4}[s.bytes]
	if digits {
		blocks, shift = 2, 6
		s.splatWord("words127", 127, s.reg(16))
	}
	SHRQ(Imm(shift), n)
	at, to, left := GP64(), GP64(), GP64()
	// registers: 0 and 1 partial results, 2 the largest score, 3 the row's factor,
	// 4 to 6 values, 7 and on constants
	most := s.splat("f65535", f32(65535), 8)
	c := func(i int) reg.VecPhysical { return s.reg(9 + i) }
	for i, w := range []int{-1272, 7494, 22478, 32512} {
		s.splatWord([]string{"exp2C3", "exp2C2", "exp2C1", "exp2C0"}[i], w, c(i))
	}
	if s.bytes == 64 {
		s.splatWord("words16384", 16384, c(4))
		s.splatWord("words1", 1, c(5))
		VMOVDQU64(unpacked(), c(6))
	} else {
		VBROADCASTI128(powers(), c(4))
		s.splatWord("words257", 0x101, s.reg(7))
		s.splatWord("words7800", 0x7800, s.reg(15))
		s.splatWord("words1", 1, c(5))
	}

	Label("row")
	MOVQ(x, at)
	MOVQ(n, left)
	for i := range 2 {
		s.splat("lowest", f32(-3.4028234663852886e38), i)
	}
	Label("largest")
	for i := range 2 * blocks {
		VMAXPS(mem(at, i*s.bytes), s.reg(i%2), s.reg(i%2))
	}
	ADDQ(U32(4*lanes*blocks), at)
	DECQ(left)
	JNZ(LabelRef("largest"))
	VMAXPS(s.reg(1), s.reg(0), s.reg(0))
	s.foldOne(func(a, b reg.VecPhysical) { VMAXPS(b, a, a) })
	VBROADCASTSS(reg.X0, s.reg(2))
	m, err := Param("factor").Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(mem(scales, 0), reg.X3)
	VMULSS(m.Addr, reg.X3, reg.X3)
	VBROADCASTSS(reg.X3, s.reg(3))

	MOVQ(x, at)
	MOVQ(x, to)
	MOVQ(n, left)
	s.zero(s.reg(0))
	Label("next")
	for block := range blocks {
		d, f, r := s.reg(4), s.reg(5), s.reg(6)
		for i := range 2 {
			v := s.reg(4 + i)
			VSUBPS(mem(at, 4*lanes*block+i*s.bytes), s.reg(2), v)
			VMULPS(s.reg(3), v, v)
			VMINPS(most, v, v) // most, too, for what is not a number
			VCVTPS2DQ(v, v)
		}
		VPACKUSDW(f, d, d)
		VPSLLW(Imm(4), d, f)
		VPSRLW(Imm(1), f, f)
		VPMULHRSW(c(0), f, r)
		VPADDW(c(1), r, r)
		VPMULHRSW(f, r, r)
		VPSUBW(c(2), r, r)
		VPMULHRSW(f, r, r)
		VPADDW(c(3), r, r)
		VPSRLW(Imm(12), d, d)
		s.power(d, c(4))
		VPMULHRSW(d, r, r)
		if s.bytes == 64 {
			vpdpwssd(c(5), r, reg.Z0)
			VPERMQ(r, c(6), r)
		}
		if digits {
			VPSRLW(Imm(7), r, d)
			VPANDD(s.reg(16), r, r)
			VPMOVWB(d, mem(to, lanes*block))
			VPMOVWB(r, mem(to, lanes*(2+block)))
		} else if s.bytes == 64 {
			VMOVDQU64(r, mem(to, 0))
		} else {
			VPMADDWD(c(5), r, d)
			VPADDD(d, reg.Y0, reg.Y0)
			VPERMQ(Imm(0b11011000), r, r)
			VMOVDQU(r, mem(to, 0))
		}
	}
	ADDQ(U32(4*lanes*blocks), at)
	ADDQ(U32(2*lanes*blocks), to)
	DECQ(left)
	JNZ(LabelRef("next"))

	s.foldOne(func(a, b reg.VecPhysical) { VPADDD(b, a, a) })
	VCVTDQ2PS(reg.X0, reg.X0)
	VMOVSS(constant("one", f32(1)), reg.X1)
	VDIVSS(reg.X0, reg.X1, reg.X0)
	VMOVSS(reg.X0, mem(inv, 0))
	ADDQ(stride, x)
	ADDQ(Imm(4), scales)
	ADDQ(Imm(4), inv)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// foldOne is fold of the lanes of register 0 alone.
func (s isa) foldOne(op func(a, b reg.VecPhysical)) {
	if s.bytes == 64 {
		s.fold(op)
		return
	}
	VEXTRACTF128(Imm(1), reg.Y0, reg.X1)
	op(reg.X0, reg.X1)
	VMOVHLPS(reg.X0, reg.X0, reg.X1)
	op(reg.X0, reg.X1)
	VMOVSHDUP(reg.X0, reg.X1)
	op(reg.X0, reg.X1)
}

// splatWord puts an int16 into every lane of v.
func (s isa) splatWord(name string, w int, v reg.VecPhysical) {
	VBROADCASTSS(constant(name, uint32(uint16(w))*0x10001), v)
}

// power replaces n by 16384>>n. AVX2 looks up both bytes in a table of powers: the
// lower byte's at n, and the upper one's at n+8 where that is below 16: as 0x78+n it
// is a number from 0x80 on elsewhere, where VPSHUFB gives 0.
func (s isa) power(n, table reg.VecPhysical) {
	if s.bytes == 64 {
		VPSRLVW(n, table, n)
		return
	}
	VPMULLW(s.reg(7), n, n) // n in both bytes
	VPADDW(s.reg(15), n, n)
	VPSHUFB(n, table, n)
}

// unpacked is the order of quadwords that undoes VPACKUSDW's.
func unpacked() Mem {
	m := GLOBL("unpacked", RODATA|NOPTR)
	for i, q := range []uint64{0, 2, 4, 6, 1, 3, 5, 7} {
		DATA(8*i, U64(q))
	}
	return m
}

// transposed is the order of doublewords that undoes two steps of packing.
func transposed() Mem {
	if m, ok := constants["transposed"]; ok {
		return m
	}
	m := GLOBL("transposed", RODATA|NOPTR)
	constants["transposed"] = m
	for i := range 16 {
		DATA(4*i, U32(4*(i%4)+i/4))
	}
	return m
}

// powers are 0 and, from the seventh byte on, 128 to 1 and 0.
func powers() Mem {
	m := GLOBL("powers", RODATA|NOPTR)
	DATA(0, U64(0x80<<56))
	DATA(8, U64(0x0001020408102040))
	return m
}
