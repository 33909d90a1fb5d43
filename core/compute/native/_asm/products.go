package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Both products compute tiles of some rows and two registers of outputs, again
// and again for further rows. Strides are in bytes.
type tile struct {
	s    isa
	rows int
	acc  [][2]reg.VecPhysical

	dst, dstStride, dst3 reg.GPVirtual
	src, stride, stride3 reg.GPVirtual
	src4, dst4           reg.GPVirtual // rows 4 to 7, where there are any
}

const (
	dotParams  = "dst *float32, dstStride int, q *int8, qStride int, w *int8, groups, tiles int, rowScale, colScale, bias *float32, corrections *int32"
	gemmParams = "dst *float32, dstStride int, a *float32, aStride int, b *float32, k, tiles int, bias *float32"
)

// param loads a parameter, again at each use where registers are few.
func param(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// countdown jumps back to a label until the parameter tiles is 0.
func countdown(label string) {
	m, err := Param("tiles").Resolve()
	if err != nil {
		panic(err)
	}
	DECQ(m.Addr)
	JNZ(LabelRef(label))
}

// triple gives 3·r.
func triple(r reg.GPVirtual) reg.GPVirtual {
	t := GP64()
	LEAQ(Mem{Base: r, Index: r, Scale: 2}, t)
	return t
}

// at is the address of row i, disp bytes further.
func at(i int, base, base4, stride, stride3 reg.GPVirtual, disp int) Mem {
	if i >= 4 {
		base, i = base4, i-4
	}
	switch i {
	case 1:
		return Mem{Base: base, Index: stride, Scale: 1, Disp: disp}
	case 2:
		return Mem{Base: base, Index: stride, Scale: 2, Disp: disp}
	case 3:
		return Mem{Base: base, Index: stride3, Scale: 1, Disp: disp}
	}
	return Mem{Base: base, Disp: disp}
}

func (t *tile) srcRow(i, disp int) Mem { return at(i, t.src, t.src4, t.stride, t.stride3, disp) }
func (t *tile) dstRow(i, disp int) Mem { return at(i, t.dst, t.dst4, t.dstStride, t.dst3, disp) }

// advance moves the source by n bytes along its rows.
func (t *tile) advance(n int) {
	ADDQ(U32(n), t.src)
	if t.rows > 4 {
		ADDQ(U32(n), t.src4)
	}
}

func newTile(s isa, rows int) *tile {
	t := &tile{s: s, rows: rows}
	for i := range rows {
		t.acc = append(t.acc, [2]reg.VecPhysical{s.reg(2 * i), s.reg(2*i + 1)})
	}
	return t
}

// rowPointers sets the addresses of a tile's rows, first being row 0.
func (t *tile) rowPointers(first reg.GPVirtual) {
	MOVQ(first, t.src)
	if t.rows > 4 {
		LEAQ(Mem{Base: first, Index: t.stride, Scale: 4}, t.src4)
		LEAQ(Mem{Base: t.dst, Index: t.dstStride, Scale: 4}, t.dst4)
	}
}

// nextRows moves to the next tile.
func (t *tile) nextRows(first reg.GPVirtual) {
	for range t.rows / 4 {
		LEAQ(Mem{Base: first, Index: t.stride, Scale: 4}, first)
		LEAQ(Mem{Base: t.dst, Index: t.dstStride, Scale: 4}, t.dst)
	}
	for range t.rows % 4 {
		ADDQ(t.stride, first)
		ADDQ(t.dstStride, t.dst)
	}
}

// begin loads the addresses and strides of the output and of source, the rows'.
func (t *tile) begin(source string) (first reg.GPVirtual) {
	t.dst, t.dstStride = param("dst"), param("dstStride")
	first, t.stride = param(source), param(source+"Stride")
	t.dst3, t.stride3 = triple(t.dstStride), triple(t.stride)
	t.src, t.src4, t.dst4 = GP64(), GP64(), GP64()
	return first
}

// product is how an instruction set multiplies integers. Weights lie by registers,
// each with as many inputs of every output as four bytes of a row hold.
type product interface {
	// setup loads constants that step and quantize need.
	setup(s isa)
	// start sets an accumulator of the output register that half names.
	start(acc reg.VecPhysical, corrections reg.GPVirtual, half, bytes int)
	// steps is how many steps a group takes: sixteen inputs of int8.
	steps() int
	// weights loads the registers of weights, bytes of each.
	weights(s isa, w Mem, bytes int)
	// step adds the products with four bytes of a row to the accumulators.
	step(s isa, acc [2]reg.VecPhysical, row Mem)
}

// int8Product is that of int8 values.
type int8Product interface {
	product
	// register is half of a step, of what lies in registers.
	register(s isa, acc reg.VecPhysical, half int)
	// quantize writes the function that rounds a row.
	quantize(s isa)
}

// dot computes dst = float32(q·Wᵀ)·(rowScale·colScale) + bias in tiles of r rows.
func (s isa) dot(name string, r int, p product) {
	TEXT(name+s.suffix, NOSPLIT, "func("+dotParams+")")
	Pragma("noescape")
	t := newTile(s, r)
	first := t.begin("q")
	rowScale := param("rowScale")
	p.setup(s)

	Label("tile")
	t.rowPointers(first)
	w, n, corrections := param("w"), param("groups"), param("corrections")
	for i := range r {
		for h := range s.halves {
			p.start(t.acc[i][h], corrections, h, s.bytes)
		}
	}
	Label("inputs")
	steps := p.steps()
	for u := range steps {
		bytes := 4 * s.bytes / steps
		p.weights(s, Mem{Base: w, Disp: s.halves * u * bytes}, bytes)
		for i := range r {
			p.step(s, t.acc[i], t.srcRow(i, 4*u))
		}
	}
	ADDQ(U32(4*s.halves*s.bytes), w)
	t.advance(4 * steps)
	DECQ(n)
	JNZ(LabelRef("inputs"))

	top, colScale, bias := 2*s.rows, param("colScale"), param("bias")
	var cs, b [2]Op
	for h := range s.halves {
		cs[h], b[h] = Mem{Base: colScale, Disp: h * s.bytes}, Mem{Base: bias, Disp: h * s.bytes}
		if s.spare() >= 6 {
			VMOVUPS(cs[h], s.reg(top+h))
			VMOVUPS(b[h], s.reg(top+2+h))
			cs[h], b[h] = s.reg(top+h), s.reg(top+2+h)
		}
	}
	rs, f := s.reg(top+min(4, s.spare()-2)), s.reg(top+min(5, s.spare()-1))
	for i := range r {
		VBROADCASTSS(Mem{Base: rowScale, Disp: 4 * i}, rs)
		for h := range s.halves {
			VCVTDQ2PS(t.acc[i][h], t.acc[i][h])
			VMULPS(cs[h], rs, f)
			VMULPS(f, t.acc[i][h], t.acc[i][h])
			VADDPS(b[h], t.acc[i][h], t.acc[i][h])
			VMOVUPS(t.acc[i][h], t.dstRow(i, h*s.bytes))
		}
	}
	ADDQ(U32(4*r), rowScale)
	t.nextRows(first)
	countdown("tile")
	VZEROUPPER()
	RET()
}

// gemm computes dst = a·B + bias in tiles of r rows, float32: sums start from zero
// and run in the order of k, each product rounded by itself.
func (s isa) gemm(r int) {
	TEXT(fmt.Sprintf("gemm%d%s", r, s.suffix), NOSPLIT, "func("+gemmParams+")")
	Pragma("noescape")
	t := newTile(s, r)
	first := t.begin("a")
	top := 2 * s.rows
	b := [2]reg.VecPhysical{s.reg(top), s.reg(top + 1)}
	v, product := s.reg(top+2), [2]reg.VecPhysical{s.reg(top + 3), s.reg(top + min(4, s.spare()-1))}
	var w reg.GPVirtual
	step := func(u int) {
		for h := range 2 {
			VMOVUPS(Mem{Base: w, Disp: (2*u + h) * s.bytes}, b[h])
		}
		for i := range r {
			VBROADCASTSS(t.srcRow(i, 4*u), v)
			for h := range 2 {
				VMULPS(b[h], v, product[h])
				VADDPS(product[h], t.acc[i][h], t.acc[i][h])
			}
		}
	}

	Label("tile")
	t.rowPointers(first)
	w = param("b")
	n := param("k")
	for i := range r {
		for h := range 2 {
			s.zero(t.acc[i][h])
		}
	}
	SUBQ(Imm(4), n)
	JL(LabelRef("rest"))
	Label("four")
	for u := range 4 {
		step(u)
	}
	ADDQ(U32(8*s.bytes), w)
	t.advance(16)
	SUBQ(Imm(4), n)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(Imm(4), n)
	JZ(LabelRef("done"))
	Label("one")
	step(0)
	ADDQ(U32(2*s.bytes), w)
	t.advance(4)
	DECQ(n)
	JNZ(LabelRef("one"))
	Label("done")
	bias := param("bias")
	for i := range r {
		for h := range 2 {
			VADDPS(Mem{Base: bias, Disp: h * s.bytes}, t.acc[i][h], t.acc[i][h])
			VMOVUPS(t.acc[i][h], t.dstRow(i, h*s.bytes))
		}
	}
	t.nextRows(first)
	countdown("tile")
	VZEROUPPER()
	RET()
}

// zero clears a register with an instruction that AVX-512F has.
func (s isa) zero(v reg.VecPhysical) {
	if s.bytes == 64 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// vnni multiplies unsigned with signed bytes: activations are stored with 128
// added, and sums start from -128·Σw.
type vnni struct{}

func (vnni) setup(isa) {}

func (vnni) steps() int { return 4 }

func (vnni) start(acc reg.VecPhysical, corrections reg.GPVirtual, half, bytes int) {
	VMOVUPS(Mem{Base: corrections, Disp: half * bytes}, acc)
}

func (vnni) weights(s isa, w Mem, bytes int) {
	for h := range s.halves {
		VMOVUPS(w.Offset(h*bytes), s.reg(2*s.rows+h))
	}
}

func (vnni) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v := s.reg(2*s.rows + 2)
	VPBROADCASTD(row, v)
	for h := range 2 {
		vpdpbusd(s.reg(2*s.rows+h), v, acc[h])
	}
}

// vpdpbusd adds the products of unsigned bytes u and signed bytes w to acc.
func vpdpbusd(w, u, acc reg.VecPhysical) {
	Instruction(&ir.Instruction{
		Opcode: "VPDPBUSD", Operands: []Op{w, u, acc}, Inputs: []Op{w, u, acc}, Outputs: []Op{acc}, ISA: []string{"AVX512_VNNI"},
	})
}

// avxVNNI is vnni on AVX2's registers, for processors without AVX-512.
type avxVNNI struct{ vnni }

func (avxVNNI) step(s isa, acc [2]reg.VecPhysical, row Mem) {
	v := 2*s.rows + 2
	VPBROADCASTD(row, s.reg(v))
	for h := range 2 {
		vexDot("VPDPBUSD", 0x50, 2*s.rows+h, v, acc[h])
	}
}

func (avxVNNI) register(s isa, acc reg.VecPhysical, half int) {
	vexDot("VPDPBUSD", 0x50, 2*s.rows+half, 2*s.rows+2, acc)
}

// vexDot is vpdpbusd, or vpdpwssd, on YMM registers in AVX-VNNI's encoding, which Go's
// assembler does not know: VEX.256.66.0F38.W0 50 /r, or 52 (Intel SDM, volume 2).
func vexDot(name string, opcode uint32, w, u int, acc reg.VecPhysical) {
	a := -1
	for i := range 16 {
		if ymm(i) == acc {
			a = i
		}
	}
	b1 := 0xe2 &^ (a >> 3 << 7) &^ (w >> 3 << 5) // R, X, B inverted, and the map
	b2 := (^u&15)<<3 | 0x05                      // W, the first source inverted, 256 bits, prefix 66
	modrm := 0xc0 | a&7<<3 | w&7
	Comment(fmt.Sprintf("%s Y%d, Y%d, Y%d", name, w, u, a))
	Instruction(&ir.Instruction{Opcode: "LONG", Operands: []Op{U32(0xc4 | uint32(b1)<<8 | uint32(b2)<<16 | opcode<<24)}})
	Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(modrm)}})
}

// widened multiplies int16: inputs are, and weights become so when they are loaded. Without VNNI
// that takes as many instructions as products of bytes, which need the sign of one on the other and
// a second step to int32, but fewer registers, so that tiles have six rows.
type widened struct{ maddwd }

func (widened) steps() int { return 8 }

func (widened) setup(isa) {}

func (widened) weights(s isa, w Mem, bytes int) {
	for h := range 2 {
		VPMOVSXBW(w.Offset(h*bytes), s.reg(2*s.rows+h))
	}
}

// peak runs the int8 product on registers alone, n times with as many
// accumulators as a tile has: the most that a core can do.
func (s isa) peak() {
	TEXT("peak"+s.suffix, NOSPLIT, "func(n int)")
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	s.int8.setup(s)
	Label("again")
	for range s.int8.steps() {
		for i := range s.rows {
			for h := range 2 {
				s.int8.register(s, s.reg(2*i+h), h)
			}
		}
	}
	DECQ(n)
	JNZ(LabelRef("again"))
	VZEROUPPER()
	RET()
}

func (vnni) register(s isa, acc reg.VecPhysical, half int) {
	vpdpbusd(s.reg(2*s.rows+half), s.reg(2*s.rows+2), acc)
}

func (p widened) register(s isa, acc reg.VecPhysical, half int) { p.multiply(s, acc, half) }
