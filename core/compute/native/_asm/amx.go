package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products on AMX's tiles, which are registers of sixteen rows of 64 bytes. The matrix
// unit and those of vectors work side by side: between a tile's steps the rows of the
// tile before are finished. avo knows no tiles and gives them no registers, so these
// kernels name those of the processor.

const tilesParams = "config *[64]byte, dst *float32, dstStride int, q *int8, qStride int, w *int8, steps, rows, panels int, " +
	"rowScale, colScale, bias *float32, corrections *int32, gate *float32, lastMask, perStep int, buffer *int32"

var (
	rowA     = reg.RSI // inputs of the first sixteen rows
	rowB     = reg.RDI // and of the other sixteen
	weights  = reg.RBX
	steps    = reg.RCX // left of a tile; each is of 64 inputs
	ahead    = reg.RDX // weights to be fetched for later
	stride   = reg.R8  // of inputs
	wide     = reg.R9  // 128: the stride of weights and of sums
	sums     = reg.R10 // of the tile before: its rows that are left
	out      = reg.R11 // where they go
	rowScale = reg.R12
	left     = reg.R13
	scratch  = reg.RAX
)

// tileKernel computes panels of 32 outputs in tiles of up to 16·high rows. One that is
// called Mix multiplies weights of attention, of which a row has 64 upper digits and then
// as many lower ones: the second half of its tiles is the lower digits' sums.
type tileKernel struct {
	finish string // what becomes of a product: "", "GELU", "Gate" or "Mix"
	high   int
	gelu   fastGELU
}

func (k *tileKernel) mixes() bool { return k.finish == "Mix" }

// sets is how many pairs of tiles have sums.
func (k *tileKernel) sets() int {
	if k.mixes() {
		return 2
	}
	return k.high
}

// inputBytes are those that a step takes of a row, as a power of two.
func (k *tileKernel) inputBytes() uint64 {
	if k.mixes() {
		return 7
	}
	return 6
}

func tiles() {
	for _, finish := range []string{"", "GELU", "Gate"} {
		for high := 1; high <= 2; high++ {
			(&tileKernel{finish: finish, high: high}).write()
		}
	}
	(&tileKernel{finish: "Mix", high: 1}).write()
	packDigits()
	s := s512
	s.suffix = "AMX"
	s.attentionWeights(true)
	tilePeak()
}

func (k *tileKernel) write() {
	name := fmt.Sprintf("tiles%s%dAMX", k.finish, k.high)
	if k.mixes() {
		name = "tilesMixAMX"
	}
	TEXT(name, NOSPLIT, "func("+tilesParams+")")
	Pragma("noescape")
	rowsLeft := AllocLocal(8) // of the panel
	Load(Param("config"), scratch)
	loadConfig(scratch)
	Load(Param("qStride"), stride)
	MOVQ(U32(128), wide)
	XORQ(left, left)
	if k.finish == "GELU" {
		k.gelu = s512.fastGELUConstants(columnGate + 15)
	}

	Label("panel")
	Load(Param("q"), rowA)
	Load(Param("rows"), scratch)
	MOVQ(scratch, rowsLeft)
	Load(Param("steps"), ahead) // the next panel's weights
	SHLQ(Imm(11), ahead)
	ADDQ(address("w"), ahead)

	Label("tile")
	for t := range 2 * k.sets() {
		tileZero(t)
	}
	if k.high == 2 {
		MOVQ(stride, rowB)
		SHLQ(Imm(4), rowB)
		ADDQ(rowA, rowB)
	}
	Load(Param("w"), weights)
	Load(Param("steps"), steps)

	Label("work")
	k.step()
	k.finishRows()
	MOVQ(steps, scratch)
	ORQ(left, scratch)
	JNZ(LabelRef("work"))
	CMPQ(address("panels"), Imm(0))
	JE(LabelRef("done"))

	// the sums wait for the next tile's steps
	Load(Param("buffer"), sums)
	for t := range 2 * k.sets() {
		tileStore(t, sums, wide, t/2*2048+t%2*64)
	}
	MOVQ(rowsLeft, left)
	CMPQ(left, address("rows"))
	JNE(LabelRef("samePanel"))
	Load(Param("dst"), out)
	Load(Param("rowScale"), rowScale)
	Label("samePanel")
	k.loadColumns()
	MOVQ(U32(16*k.high), scratch)
	CMPQ(left, scratch)
	CMOVQGT(scratch, left)
	SUBQ(left, rowsLeft)
	JZ(LabelRef("panelDone"))
	MOVQ(stride, scratch) // on to the next rows, back to their first input
	SHLQ(Imm(uint64(3+k.high)), scratch)
	ADDQ(scratch, rowA)
	Load(Param("steps"), scratch)
	SHLQ(Imm(k.inputBytes()), scratch)
	SUBQ(scratch, rowA)
	JMP(LabelRef("tile"))

	Label("panelDone")
	Load(Param("steps"), scratch)
	SHLQ(Imm(11), scratch)
	ADDQ(scratch, address("w"))
	for _, name := range []string{"dst", "colScale", "bias", "corrections", "gate"} {
		ADDQ(U32(128), address(name))
	}
	DECQ(address("panels"))
	JNZ(LabelRef("panel"))
	tileRelease()
	JMP(LabelRef("work")) // steps are 0: the last rows remain
	Label("done")
	VZEROUPPER()
	RET()
}

// address is a parameter where the caller left it.
func address(name string) Mem {
	m, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return m.Addr
}

// step multiplies 64 inputs, if there are any left: tiles 0 to 3 are the sums, 4 and 5
// inputs, 6 and 7 weights.
func (k *tileKernel) step() {
	CMPQ(steps, Imm(0))
	JE(LabelRef("noStep"))
	tileLoad(6, weights, wide, 0)
	tileLoadOnce(4, rowA, stride, 0)
	tileDot(0, 4, 6)
	tileLoad(7, weights, wide, 64)
	tileDot(1, 4, 7)
	if k.sets() == 2 {
		if k.mixes() {
			tileLoadOnce(5, rowA, stride, 64)
		} else {
			tileLoadOnce(5, rowB, stride, 0)
		}
		tileDot(2, 5, 6)
		tileDot(3, 5, 7)
		if !k.mixes() {
			ADDQ(Imm(64), rowB)
		}
	}
	ADDQ(U32(1<<k.inputBytes()), rowA)
	ADDQ(U32(2048), weights)
	for i := range 4 {
		PREFETCHT1(Mem{Base: ahead, Disp: 64 * i})
	}
	ADDQ(U32(256), ahead)
	DECQ(steps)
	Label("noStep")
}

// Registers of a panel's columns, a pair each.
const (
	columnScale = 0
	columnBias  = 2
	correction  = 4
	columnGate  = 6
)

// loadColumns loads what a panel's columns have, and masks of those to be written.
func (k *tileKernel) loadColumns() {
	Load(Param("panels"), scratch)
	CMPQ(scratch, Imm(1))
	MOVL(U32(0xffffffff), scratch.As32())
	CMOVQEQ(address("lastMask"), scratch)
	KMOVD(scratch.As32(), reg.K1)
	KSHIFTRD(Imm(16), reg.K1, reg.K2)
	for _, c := range []struct {
		name     string
		register int
	}{{"colScale", columnScale}, {"bias", columnBias}, {"corrections", correction}} {
		if k.mixes() && c.register == correction {
			continue
		}
		Load(Param(c.name), scratch)
		for half := range 2 {
			VMOVUPS(Mem{Base: scratch, Disp: 64 * half}, zmm(c.register+half))
		}
	}
	if k.finish == "Gate" {
		Load(Param("gate"), scratch)
		for half := range 2 {
			VMOVUPS_Z(Mem{Base: scratch, Disp: 64 * half}, mask(half), zmm(columnGate+half))
		}
	}
}

func mask(half int) reg.OpmaskPhysical { return []reg.OpmaskPhysical{reg.K1, reg.K2}[half] }

// finishRows does perStep of the rows that are left.
func (k *tileKernel) finishRows() {
	CMPQ(left, Imm(0))
	JE(LabelRef("rowsDone"))
	Load(Param("perStep"), scratch)
	Label("row")
	k.row()
	DECQ(left)
	JZ(LabelRef("rowsDone"))
	DECQ(scratch)
	JNZ(LabelRef("row"))
	Label("rowsDone")
}

// row is float32(sum + correction)·(rowScale·columnScale) + bias, and GELU or a gate.
// Digits' sums have no correction, but make one sum.
func (k *tileKernel) row() {
	const scale, first, each = columnGate + 2, columnGate + 3, 6 // registers: a half has six
	VBROADCASTSS(Mem{Base: rowScale}, zmm(scale))
	for half := range 2 {
		v, f := zmm(first+each*half), zmm(first+each*half+1)
		if k.mixes() {
			VPSLLD(Imm(7), Mem{Base: sums, Disp: 64 * half}, v)
			VPADDD(Mem{Base: sums, Disp: 2048 + 64*half}, v, v)
		} else {
			VPADDD(Mem{Base: sums, Disp: 64 * half}, zmm(correction+half), v)
		}
		VCVTDQ2PS(v, v)
		VMULPS(zmm(columnScale+half), zmm(scale), f)
		VMULPS(f, v, v)
		VADDPS(zmm(columnBias+half), v, v)
	}
	if k.finish == "GELU" {
		k.gelu.replace(first, first+each)
	}
	for half := range 2 {
		v, f, to := zmm(first+each*half), zmm(first+each*half+1), Mem{Base: out, Disp: 64 * half}
		if k.finish == "Gate" {
			VMULPS(zmm(columnGate+half), v, v)
			VMOVUPS_Z(to, mask(half), f)
			VADDPS(f, v, v)
		}
		VMOVUPS(v, mask(half), to)
	}
	ADDQ(Imm(4), rowScale)
	ADDQ(U32(128), sums)
	ADDQ(address("dstStride"), out)
}

// packDigits rounds sixteen columns of groups of four rows of x, with a factor for each
// column, to int8, at w with a group every step bytes. n is 8 where there are no more
// columns.
func packDigits() {
	TEXT("packValuesAMX", NOSPLIT, "func(w *int8, step int, x *float32, stride int, inv *float32, groups, n int)")
	Pragma("noescape")
	w, step, x, stride, inv, groups := param("w"), param("step"), param("x"), param("stride"), param("inv"), param("groups")
	stride3 := triple(stride)
	low := s512.splat("lowByte", 0xff, 5)
	loop := func(label string, half bool) {
		VMOVUPS(mem(inv, 0), some(zmm(0), half))
		Label(label)
		for i := range 4 {
			v := zmm(1 + i)
			VMOVUPS(at(i, x, nil, stride, stride3, 0), some(v, half))
			VMULPS(zmm(0), v, v)
			VCVTPS2DQ(v, v)
			if i < 3 {
				VPANDD(low, v, v)
			}
			if i > 0 {
				VPSLLD(Imm(uint64(8*i)), v, v)
				VPORD(v, zmm(1), zmm(1))
			}
		}
		VMOVUPS(zmm(1), mem(w, 0))
		ADDQ(step, w)
		LEAQ(Mem{Base: x, Index: stride, Scale: 4}, x)
		DECQ(groups)
		JNZ(LabelRef(label))
		VZEROUPPER()
		RET()
	}
	CMPQ(param("n"), Imm(16))
	JE(LabelRef("all"))
	loop("nextHalf", true)
	Label("all")
	loop("next", false)
}

// tilePeak does as many products as the peak of AVX512 does for n, on tiles alone.
func tilePeak() {
	TEXT("peakAMX", NOSPLIT, "func(n int)")
	config := GLOBL("wholeTiles", RODATA|NOPTR)
	for i, v := range []uint64{1, 0, 0x0040004000400040, 0x0040004000400040, 0, 0, 0x1010101010101010, 0} {
		DATA(8*i, U64(v))
	}
	Load(Param("n"), steps)
	LEAQ(config, scratch)
	loadConfig(scratch)
	for t := range 8 {
		tileZero(t)
	}
	ADDQ(Imm(15), steps)
	SHRQ(Imm(4), steps) // one has 4·8·32·4 products, four tiles have sixteen times as many
	Label("again")
	for t := range 4 {
		tileDot(t, 4+t/2, 6+t%2)
	}
	DECQ(steps)
	JNZ(LabelRef("again"))
	tileRelease()
	RET()
}

// Instructions that Go's assembler doesn't know, by their bytes (Intel SDM, volume 2).

// Prefixes, as a VEX prefix has them.
const (
	prefixNone = iota
	prefix66
	prefixF3
	prefixF2
)

// vex is an instruction of the map 0F38 with a register and a second source in its
// VEX prefix.
func vex(spelling string, prefix, opcode, modrm, source, extension int, more ...int) {
	Comment(spelling)
	for _, b := range append([]int{0xc4, 0xe2 &^ extension, (^source&15)<<3 | prefix, opcode, modrm}, more...) {
		Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []Op{U8(b)}})
	}
}

// number is a general register's.
func number(r reg.GPPhysical) int {
	for i, g := range []reg.GPPhysical{reg.RAX, reg.RCX, reg.RDX, reg.RBX, reg.RSP, reg.RBP, reg.RSI, reg.RDI, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13} {
		if g == r {
			return i
		}
	}
	panic("not a register that tiles are addressed by")
}

// tileMemory is an instruction with rows in memory, stride bytes apart.
func tileMemory(name string, prefix, t int, base, stride reg.GPPhysical, disp int) {
	b, x := number(base), number(stride)
	modrm, bytes := 0x44|t<<3, []int{x&7<<3 | b&7, disp}
	if disp > 127 {
		modrm, bytes = 0x84|t<<3, []int{bytes[0], disp & 255, disp >> 8, 0, 0}
	}
	vex(fmt.Sprintf("%s TMM%d, %d(%v)(%v*1)", name, t, disp, base.Asm(), stride.Asm()), prefix, 0x4b, modrm, 0, b>>3<<5|x>>3<<6, bytes...)
}

func tileLoad(t int, base, stride reg.GPPhysical, disp int) {
	tileMemory("TILELOADD", prefixF2, t, base, stride, disp)
}

// tileLoadOnce hints that the memory won't be read soon again.
func tileLoadOnce(t int, base, stride reg.GPPhysical, disp int) {
	tileMemory("TILELOADDT1", prefix66, t, base, stride, disp)
}

func tileStore(t int, base, stride reg.GPPhysical, disp int) {
	tileMemory("TILESTORED", prefixF3, t, base, stride, disp)
}

// loadConfig takes a register that needs no SIB byte.
func loadConfig(at reg.GPPhysical) {
	vex("LDTILECFG ("+at.Asm()+")", prefixNone, 0x49, number(at)&7, 0, number(at)>>3<<5)
}

func tileRelease() { vex("TILERELEASE", prefixNone, 0x49, 0xc0, 0, 0) }

func tileZero(t int) { vex(fmt.Sprintf("TILEZERO TMM%d", t), prefixF2, 0x49, 0xc0|t<<3, 0, 0) }

// tileDot adds to tile c the products of a's unsigned and b's signed bytes.
func tileDot(c, a, b int) {
	vex(fmt.Sprintf("TDPBUSD TMM%d, TMM%d, TMM%d", c, a, b), prefix66, 0x5e, 0xc0|c<<3|a, b, 0)
}
