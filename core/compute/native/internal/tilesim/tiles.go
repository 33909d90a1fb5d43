//go:build linux && amd64

package tilesim

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	maxRows  = 16
	maxBytes = 64 // of a row
)

// tiles are those of a thread (Intel SDM, volume 1, chapter 18).
type tiles struct {
	configured bool
	rows       [8]int
	bytes      [8]int // of a row
	data       [8][maxRows][maxBytes]byte
}

// memory is that of the traced program.
type memory interface {
	read(b []byte, address uint64) error
	write(b []byte, address uint64) error
}

// errFault is an access to memory that is not there.
var errFault = errors.New("no memory there")

// do executes an instruction. An error other than errFault is what the processor would
// call an invalid operation, or a general protection fault.
func (s *tiles) do(i instruction, m memory) error {
	if i.operation != loadConfig && i.operation != release {
		for _, t := range i.uses() {
			if !s.configured || s.rows[t] == 0 || s.bytes[t] == 0 {
				return fmt.Errorf("%v: tile %d has no configuration", i, t)
			}
		}
	}
	switch i.operation {
	case loadConfig:
		return s.configure(m, i.address)
	case release:
		*s = tiles{}
	case zero:
		s.data[i.dst] = [maxRows][maxBytes]byte{}
	case load:
		var t [maxRows][maxBytes]byte
		for r := range s.rows[i.dst] {
			if err := m.read(t[r][:s.bytes[i.dst]], i.address+uint64(r)*i.stride); err != nil {
				return err
			}
		}
		s.data[i.dst] = t
	case store:
		for r := range s.rows[i.dst] {
			if err := m.write(s.data[i.dst][r][:s.bytes[i.dst]], i.address+uint64(r)*i.stride); err != nil {
				return err
			}
		}
	case dot:
		return s.dot(i)
	}
	return nil
}

// configure is LDTILECFG.
func (s *tiles) configure(m memory, address uint64) error {
	var c [64]byte
	if err := m.read(c[:], address); err != nil {
		return err
	}
	*s = tiles{}
	if c[0] == 0 {
		return nil // as after TILERELEASE
	}
	if c[0] != 1 || c[1] != 0 {
		return fmt.Errorf("configuration: palette %d, first row %d, allowed: 1 and 0", c[0], c[1])
	}
	for t := range 16 {
		bytes, rows := int(binary.LittleEndian.Uint16(c[16+2*t:])), int(c[48+t])
		if t >= 8 && (bytes != 0 || rows != 0) || bytes > maxBytes || rows > maxRows || (bytes == 0) != (rows == 0) {
			return fmt.Errorf("configuration: tile %d has %d rows of %d bytes", t, rows, bytes)
		}
		if t < 8 {
			s.rows[t], s.bytes[t] = rows, bytes
		}
	}
	for _, b := range c[2:16] {
		if b != 0 {
			return errors.New("configuration: a reserved byte is not zero")
		}
	}
	s.configured = true
	return nil
}

// dot adds products of four bytes each to the int32 of a tile: rows of a with columns
// of b, of which each row has four.
func (s *tiles) dot(i instruction) error {
	c, a, b := i.dst, i.a, i.b
	if c == a || c == b || a == b {
		return fmt.Errorf("%v: the tiles must differ", i)
	}
	quads := s.bytes[a] / 4
	if s.bytes[a]%4 != 0 || s.bytes[b]%4 != 0 || s.bytes[c] != s.bytes[b] || s.rows[c] != s.rows[a] || quads != s.rows[b] {
		return fmt.Errorf("%v: tiles of %d×%d, %d×%d and %d×%d rows and bytes", i, s.rows[c], s.bytes[c], s.rows[a], s.bytes[a], s.rows[b], s.bytes[b])
	}
	var factors [maxRows][maxBytes]int32 // b's, by outputs
	for k := range quads {
		for j := range s.bytes[b] {
			factors[j/4][4*k+j%4] = factor(s.data[b][k][j], i.signedB)
		}
	}
	for r := range s.rows[c] {
		sums := &s.data[c][r]
		var row [maxBytes]int32
		for k := range s.bytes[a] {
			row[k] = factor(s.data[a][r][k], i.signedA)
		}
		for n := range s.bytes[c] / 4 {
			sum := int32(binary.LittleEndian.Uint32(sums[4*n:]))
			for k, v := range &row { // zeros where a row is shorter
				sum += v * factors[n][k]
			}
			binary.LittleEndian.PutUint32(sums[4*n:], uint32(sum))
		}
	}
	return nil
}

func factor(b byte, signed bool) int32 {
	if signed {
		return int32(int8(b))
	}
	return int32(b)
}
