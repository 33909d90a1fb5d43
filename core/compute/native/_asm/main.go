// Command asm writes the amd64 assembly of package native: generate.sh, or "make
// asm" at the top, runs it once for each instruction set.
package main

import (
	"flag"
	"fmt"
	"log"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is what the kernels are written over: registers of some width, which are
// counted from 0, and the form that an int8 product takes.
type isa struct {
	suffix string
	reg    func(i int) reg.VecPhysical
	bytes  int // of a register
	rows   int // most rows of a tile
	halves int // registers of outputs
	int8   int8Product
	int16  product
}

func main() {
	name := flag.String("isa", "", "avx512, avx2, avxvnni, amx or cpu")
	flag.Parse()
	ConstraintExpr("amd64,!purego")
	switch *name {
	case "avx512":
		s := s512
		write(s)
		s.winograd(13, words{})
		s.narrow(4)
		s.siluWords()
	case "avx2":
		s := isa{"AVX2", ymm, 32, 6, 2, widened{}, maddwd{}}
		write(s)
		s.quantizeRows("quantizeRowsWide", wideRows)
		packKeysWide()
		s.winograd(6, lastMaddwd{})
		s.narrow(3)
		packKeys()
	case "avxvnni": // the rest is AVX2's
		s := isa{"AVXVNNI", ymm, 32, 4, 2, avxVNNI{}, vexWords{}}
		s.products()
		s.int8.quantize(s)
		s.peak()
		s.planeProducts(6, vexWords{})
	case "amx": // the rest is AVX512's
		tiles()
	case "cpu":
		cpuid()
	default:
		log.Fatalf("-isa is %q, allowed: avx512, avx2, avxvnni, amx, cpu", *name)
	}
	Generate()
}

// s512 is AVX-512 with VNNI.
var s512 = isa{"AVX512", zmm, 64, 8, 2, vnni{}, words{}}

func zmm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
		reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}[i]
}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

// spare is how many registers a tile leaves.
func (s isa) spare() int { return s.bytes/2 - 2*s.rows }

// lanes is the number of float32 values of a register.
func (s isa) lanes() int { return s.bytes / 4 }

// products writes those of integers.
func (s isa) products() {
	for r := 1; r <= s.rows; r++ {
		s.dot(fmt.Sprint("dot", r), r, s.int8)
	}
	s.dot("mix", s.rows, s.int16)
	s.halves = 1
	s.dot("mixHalf", s.rows, s.int16)
}

func write(s isa) {
	s.products()
	for r := 1; r <= s.rows; r++ {
		s.gemm(r)
	}
	s.rowKernels()
	s.exponentials()
	s.attention()
	s.pixels()
	s.int8.quantize(s)
	s.peak()
}

// splat gives a register that holds a constant in every lane.
func (s isa) splat(name string, bits uint32, r int) reg.VecPhysical {
	v := s.reg(r)
	VBROADCASTSS(constant(name, bits), v)
	return v
}

var constants = map[string]Mem{}

func constant(name string, bits uint32) Mem { return data(name, U32(bits)) }

func constant64(name string, bits uint64) Mem { return data(name, U64(bits)) }

func data(name string, bits Constant) Mem {
	if m, ok := constants[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	DATA(0, bits)
	constants[name] = m
	return m
}

// cpuid writes functions that tell what the machine and its operating system support.
func cpuid() {
	TEXT("cpuid", NOSPLIT, "func(leaf, sub uint32) (a, b, c, d uint32)")
	Load(Param("leaf"), reg.EAX)
	Load(Param("sub"), reg.ECX)
	CPUID()
	Store(reg.EAX, ReturnIndex(0))
	Store(reg.EBX, ReturnIndex(1))
	Store(reg.ECX, ReturnIndex(2))
	Store(reg.EDX, ReturnIndex(3))
	RET()
	TEXT("xgetbv", NOSPLIT, "func() (a uint32)")
	XORL(reg.ECX, reg.ECX)
	XGETBV()
	Store(reg.EAX, ReturnIndex(0))
	RET()
}
