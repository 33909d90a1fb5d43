//go:build linux && amd64

package tilesim

import (
	"encoding/binary"
	"fmt"
)

type operation uint8

const (
	loadConfig operation = iota // LDTILECFG
	release                     // TILERELEASE
	zero                        // TILEZERO
	load                        // TILELOADD, TILELOADDT1
	store                       // TILESTORED
	dot                         // TDPBSSD and its like
)

// instruction is one of those of AMX-TILE and AMX-INT8, but for STTILECFG.
type instruction struct {
	operation        operation
	size             int // bytes of code
	dst, a, b        int // tiles
	signedA, signedB bool
	address, stride  uint64 // of rows in memory
}

func (i instruction) String() string {
	return [...]string{"ldtilecfg", "tilerelease", "tilezero", "tileload", "tilestore", "tdp"}[i.operation] + fmt.Sprintf(" %d, %d, %d", i.dst, i.a, i.b)
}

// uses are the tiles that an instruction needs.
func (i instruction) uses() []int {
	if i.operation == dot {
		return []int{i.dst, i.a, i.b}
	}
	return []int{i.dst}
}

// Prefixes, as a VEX prefix has them.
const (
	prefixNone = iota
	prefix66
	prefixF3
	prefixF2
)

// maxCode is how long an instruction is at most.
const maxCode = 15

// decode reads the instruction at the start of code, with the values of the sixteen
// general registers: VEX prefix of three bytes, opcode, ModRM, SIB, displacement
// (Intel SDM, volume 2, 2.3 and the pages of the instructions).
func decode(code [maxCode]byte, registers *[16]uint64) (i instruction, ok bool) {
	const vex3, map0F38 = 0xc4, 2
	prefix, opcode, modrm := int(code[2]&3), code[3], code[4]
	if code[0] != vex3 || code[1]&31 != map0F38 || code[2]&0x84 != 0 { // 128 bits, W0
		return i, false
	}
	// higher bits of register numbers, inverted; there are eight tiles
	r, x, b, source := code[1]>>7^1, code[1]>>6&1^1, code[1]>>5&1^1, code[2]>>3&15^15
	mode, reg, rm := modrm>>6, modrm>>3&7, modrm&7
	i = instruction{size: 5, dst: int(reg), a: int(rm), b: int(source)}
	inRegisters := mode == 3
	if !inRegisters {
		i.size += i.memory(code[5:], mode, rm, x<<3, b<<3, registers)
	}
	if i.size > maxCode {
		return i, false
	}
	none := source == 0 && r == 0 // neither a second source nor a ninth tile
	switch {
	case opcode == 0x49 && prefix == prefixNone && none && reg == 0 && inRegisters && rm == 0:
		i.operation = release
	case opcode == 0x49 && prefix == prefixNone && none && reg == 0 && !inRegisters:
		i.operation = loadConfig
	case opcode == 0x49 && prefix == prefixF2 && none && inRegisters && rm == 0:
		i.operation = zero
	case opcode == 0x4b && (prefix == prefixF2 || prefix == prefix66) && none && !inRegisters && rm == 4:
		i.operation = load
	case opcode == 0x4b && prefix == prefixF3 && none && !inRegisters && rm == 4:
		i.operation = store
	case opcode == 0x5e && inRegisters && r == 0 && b == 0 && source < 8:
		i.operation = dot
		i.signedA, i.signedB = prefix == prefixF2 || prefix == prefixF3, prefix == prefixF2 || prefix == prefix66
	default:
		return i, false
	}
	return i, true
}

// memory sets the address and, where there is a SIB byte, the stride of an operand in
// memory, and returns how many bytes of code say it.
func (i *instruction) memory(code []byte, mode, rm, x, b byte, registers *[16]uint64) (size int) {
	base := int(rm | b)
	if rm == 4 {
		sib := code[0]
		base, size = int(sib&7|b), 1
		if index := sib>>3&7 | x; index != 4 {
			i.stride = registers[index] << (sib >> 6)
		}
	}
	if mode == 0 && base&7 == 5 {
		return maxCode // no base, or one relative to the instruction: kernels here have neither
	}
	i.address = registers[base]
	switch mode {
	case 1:
		i.address += uint64(int8(code[size]))
		size++
	case 2:
		i.address += uint64(int32(binary.LittleEndian.Uint32(code[size:])))
		size += 4
	}
	return size
}
