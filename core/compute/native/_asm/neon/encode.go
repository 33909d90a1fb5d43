package main

import "fmt"

// Instructions that Go's assembler does not know (Arm ARM, C7.2), with their
// operands in Arm's order: the result, then n and m.

// word writes an instruction and, beside it, how Arm spells it.
func (f *function) word(code uint32, format string, args ...any) {
	fmt.Fprintf(&f.w.asm, "\tWORD $0x%08x // %s\n", code, fmt.Sprintf(format, args...))
}

// two encodes an instruction with one source.
func two(code uint32, d, n vector) uint32 { return code | uint32(n)<<5 | uint32(d) }

// three encodes an instruction with two sources.
func three(code uint32, d, n, m vector) uint32 { return two(code, d, n) | uint32(m)<<16 }

// element encodes an instruction whose second source is the i-th 32 bits of m.
func element(code uint32, d, n, m vector, i int) uint32 {
	return three(code, d, n, m) | uint32(i&1)<<21 | uint32(i>>1)<<11
}

// float writes an operation on four float32.
func (f *function) float(name string, code uint32, d, n, m vector) {
	f.word(three(code, d, n, m), "%s v%d.4s, v%d.4s, v%d.4s", name, d, n, m)
}

func (f *function) fadd(d, n, m vector) { f.float("fadd", 0x4e20d400, d, n, m) }
func (f *function) fsub(d, n, m vector) { f.float("fsub", 0x4ea0d400, d, n, m) } // n - m
func (f *function) fmul(d, n, m vector) { f.float("fmul", 0x6e20dc00, d, n, m) }
func (f *function) fdiv(d, n, m vector) { f.float("fdiv", 0x6e20fc00, d, n, m) } // n / m
func (f *function) fmax(d, n, m vector) { f.float("fmax", 0x4e20f400, d, n, m) }
func (f *function) fmin(d, n, m vector) { f.float("fmin", 0x4ea0f400, d, n, m) }

func (f *function) fabs(d, n vector) {
	f.word(two(0x4ea0f800, d, n), "fabs v%d.4s, v%d.4s", d, n)
}

func (f *function) fneg(d, n vector) {
	f.word(two(0x6ea0f800, d, n), "fneg v%d.4s, v%d.4s", d, n)
}

// scvtf converts int32 to float32.
func (f *function) scvtf(d, n vector) {
	f.word(two(0x4e21d800, d, n), "scvtf v%d.4s, v%d.4s", d, n)
}

// fmulElement multiplies n with the i-th value of m.
func (f *function) fmulElement(d, n, m vector, i int) {
	f.word(element(0x4f809000, d, n, m, i), "fmul v%d.4s, v%d.4s, v%d.s[%d]", d, n, m, i)
}

// sdotElement adds to each int32 of d the products of its four bytes of n with the
// i-th four bytes of m.
func (f *function) sdotElement(d, n, m vector, i int) {
	f.word(element(0x4f80e000, d, n, m, i), "sdot v%d.4s, v%d.16b, v%d.4b[%d]", d, n, m, i)
}

// smmla adds to d the products of two rows of n, eight bytes each, with two of m: n's
// first with both of m, then n's second.
func (f *function) smmla(d, n, m vector) {
	f.word(three(0x4e80a400, d, n, m), "smmla v%d.4s, v%d.16b, v%d.16b", d, n, m)
}

// smullLow and smullHigh multiply the lower and the upper eight bytes.
func (f *function) smullLow(d, n, m vector) {
	f.word(three(0x0e20c000, d, n, m), "smull v%d.8h, v%d.8b, v%d.8b", d, n, m)
}

func (f *function) smullHigh(d, n, m vector) {
	f.word(three(0x4e20c000, d, n, m), "smull2 v%d.8h, v%d.16b, v%d.16b", d, n, m)
}

// smlalLow and smlalHigh add the products of such bytes to d.
func (f *function) smlalLow(d, n, m vector) {
	f.word(three(0x0e208000, d, n, m), "smlal v%d.8h, v%d.8b, v%d.8b", d, n, m)
}

func (f *function) smlalHigh(d, n, m vector) {
	f.word(three(0x4e208000, d, n, m), "smlal2 v%d.8h, v%d.16b, v%d.16b", d, n, m)
}

// sadalp adds neighbouring int16 of n to the int32 of d.
func (f *function) sadalp(d, n vector) {
	f.word(two(0x4e606800, d, n), "sadalp v%d.4s, v%d.8h", d, n)
}

// smlalElement adds to d the products of n's lower, or upper, four int16 with the i-th
// int16 of m, one of the first sixteen registers.
func (f *function) smlalElement(d, n, m vector, i int, upper bool) {
	code, name, half := uint32(0x0f402000), "smlal", "4h"
	if upper {
		code, name, half = 0x4f402000, "smlal2", "8h"
	}
	code |= uint32(i>>2)<<11 | uint32(i>>1&1)<<21 | uint32(i&1)<<20
	f.word(three(code, d, n, m), "%s v%d.4s, v%d.%s, v%d.h[%d]", name, d, n, half, m, i)
}

// fminnm is fmin but gives m where n is not a number.
func (f *function) fminnm(d, n, m vector) { f.float("fminnm", 0x4ea0c400, d, n, m) }

// fcmge sets the bits of lanes where n is at least m, and clears the others'.
func (f *function) fcmge(d, n, m vector) { f.float("fcmge", 0x6e20e400, d, n, m) }

// fcvtnu rounds to uint32, ties to even.
func (f *function) fcvtnu(d, n vector) {
	f.word(two(0x6e21a800, d, n), "fcvtnu v%d.4s, v%d.4s", d, n)
}

// fmaxv and addv leave what four lanes come to in the first.
func (f *function) fmaxv(d, n vector) { f.word(two(0x6e30f800, d, n), "fmaxv s%d, v%d.4s", d, n) }
func (f *function) addv(d, n vector)  { f.word(two(0x4eb1b800, d, n), "addv s%d, v%d.4s", d, n) }

// sqrdmulh is the rounded product of Q15 numbers.
func (f *function) sqrdmulh(d, n, m vector) {
	f.word(three(0x6e60b400, d, n, m), "sqrdmulh v%d.8h, v%d.8h, v%d.8h", d, n, m)
}

// urshl shifts uint16 of n left by m or, where that is negative, right with rounding.
func (f *function) urshl(d, n, m vector) {
	f.word(three(0x6e605400, d, n, m), "urshl v%d.8h, v%d.8h, v%d.8h", d, n, m)
}

// shrnLow and shrnHigh shift int16 right by 7 into the lower and the upper eight bytes.
func (f *function) shrnLow(d, n vector) {
	f.word(two(0x0f098400, d, n), "shrn v%d.8b, v%d.8h, #7", d, n)
}

func (f *function) shrnHigh(d, n vector) {
	f.word(two(0x4f098400, d, n), "shrn2 v%d.16b, v%d.8h, #7", d, n)
}

// sxtl widens the lower eight bytes, and sshr2 shifts int32 right by 2.
func (f *function) sxtl(d, n vector) { f.word(two(0x0f08a400, d, n), "sxtl v%d.8h, v%d.8b", d, n) }
func (f *function) sshr2(d, n vector) {
	f.word(two(0x4f3e0400, d, n), "sshr v%d.4s, v%d.4s, #2", d, n)
}

// fmaxnm is fmax but gives m where n is not a number.
func (f *function) fmaxnm(d, n, m vector) { f.float("fmaxnm", 0x4e20c400, d, n, m) }
