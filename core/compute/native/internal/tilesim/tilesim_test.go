//go:build linux && amd64

package tilesim

import (
	"encoding/hex"
	"strings"
	"testing"
)

// registers have 0x1000·i in register i.
func registers() *[16]uint64 {
	var r [16]uint64
	for i := range r {
		r[i] = 0x1000 * uint64(i)
	}
	return &r
}

// The bytes are as GNU as writes them.
func TestDecode(t *testing.T) {
	for spelling, c := range map[string]struct {
		code string
		want instruction
	}{
		"ldtilecfg (%rax)":                       {"c4e2784900", instruction{operation: loadConfig, size: 5}},
		"ldtilecfg 0x40(%r12)":                   {"c4c27849442440", instruction{operation: loadConfig, size: 7, a: 4, address: 0xc040}},
		"tilerelease":                            {"c4e27849c0", instruction{operation: release, size: 5}},
		"tilezero %tmm5":                         {"c4e27b49e8", instruction{operation: zero, size: 5, dst: 5}},
		"tileloadd (%rsi,%r8,1),%tmm4":           {"c4a27b4b2406", instruction{operation: load, size: 6, dst: 4, a: 4, address: 0x6000, stride: 0x8000}},
		"tileloaddt1 0x40(%rbx,%r9,2),%tmm7":     {"c4a2794b7c4b40", instruction{operation: load, size: 7, dst: 7, a: 4, address: 0x3040, stride: 0x12000}},
		"tilestored %tmm3,-0x840(%r10,%rcx,1)":   {"c4c27a4b9c0ac0f7ffff", instruction{operation: store, size: 10, dst: 3, a: 4, address: 0xa000 - 0x840, stride: 0x1000}},
		"tileloadd (%rdx),%tmm0, without stride": {"c4e27b4b0422", instruction{operation: load, size: 6, a: 4, address: 0x2000}},
		"tdpbusd %tmm6,%tmm4,%tmm0":              {"c4e2495ec4", instruction{operation: dot, size: 5, a: 4, b: 6, signedB: true}},
		"tdpbssd %tmm7,%tmm5,%tmm3":              {"c4e2435edd", instruction{operation: dot, size: 5, dst: 3, a: 5, b: 7, signedA: true, signedB: true}},
		"tdpbsud %tmm1,%tmm0,%tmm2":              {"c4e2725ed0", instruction{operation: dot, size: 5, dst: 2, b: 1, signedA: true}},
		"tdpbuud %tmm1,%tmm0,%tmm2":              {"c4e2705ed0", instruction{operation: dot, size: 5, dst: 2, b: 1}},
	} {
		if got, ok := decode(bytesOf(t, c.code), registers()); !ok || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", spelling, got, ok, c.want)
		}
	}
	for name, code := range map[string]string{
		"nothing": "", "ud2": "0f0b", "vpaddd": "c4e275fec2", "sttilecfg": "c4e2794900", "tilezero of two": "c4e27349c0",
		"tileloadd relative to rip": "c4e27b4b0500000000", "tdpbf16ps": "c4e24a5cc4", "256 bits": "c4e27c4900", "tdpbusd with W": "c4e2c95ec4", "ldtilecfg of an address alone": "c4e278490425",
	} {
		if got, ok := decode(bytesOf(t, code), registers()); ok {
			t.Errorf("%s was taken for %+v", name, got)
		}
	}
}

func bytesOf(t *testing.T, code string) (b [maxCode]byte) {
	raw, err := hex.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[:], raw)
	return b
}

// fake is memory from address 0 on.
type fake []byte

func (f fake) read(b []byte, address uint64) error {
	if address+uint64(len(b)) > uint64(len(f)) {
		return errFault
	}
	copy(b, f[address:])
	return nil
}

func (f fake) write(b []byte, address uint64) error {
	if address+uint64(len(b)) > uint64(len(f)) {
		return errFault
	}
	copy(f[address:], b)
	return nil
}

// configured has tiles 0 of 2×8, 1 of 2×12 and 2 of 3×8 rows and bytes.
func configured(t *testing.T) *tiles {
	t.Helper()
	c := make(fake, 64)
	c[0] = 1
	for i, size := range [][2]byte{{2, 8}, {2, 12}, {3, 8}} {
		c[48+i], c[16+2*i] = size[0], size[1]
	}
	var s tiles
	if err := s.do(instruction{operation: loadConfig}, c); err != nil {
		t.Fatal(err)
	}
	return &s
}

// Signs are what tells the four products apart: 0xff is 255 or -1.
func TestDot(t *testing.T) {
	for _, c := range []struct {
		signedA, signedB bool
		want             int32
	}{{false, false, 255 * 254}, {false, true, 255 * -2}, {true, false, -254}, {true, true, 2}} {
		s := configured(t)
		s.data[1][1][4], s.data[2][1][5] = 0xff, 0 // of another input
		s.data[1][1][5], s.data[2][1][5] = 0xff, 0xfe
		s.data[2][1][4] = 0
		s.data[0][1][4] = 100 // the output is row 1, column 1
		if err := s.do(instruction{operation: dot, a: 1, b: 2, signedA: c.signedA, signedB: c.signedB}, nil); err != nil {
			t.Fatal(err)
		}
		got := int32(s.data[0][1][4]) | int32(s.data[0][1][5])<<8 | int32(s.data[0][1][6])<<16 | int32(s.data[0][1][7])<<24
		if got != 100+c.want {
			t.Errorf("signed %v × signed %v: %d, want %d", c.signedA, c.signedB, got-100, c.want)
		}
		s.data[0][1] = [maxBytes]byte{}
		if s.data[0] != [maxRows][maxBytes]byte{} {
			t.Error("another output was written")
		}
	}
}

func TestMemory(t *testing.T) {
	s := configured(t)
	m := make(fake, 64)
	for i := range m {
		m[i] = byte(i)
	}
	if err := s.do(instruction{operation: load, dst: 2, address: 3, stride: 10}, m); err != nil {
		t.Fatal(err)
	}
	if got := s.data[2][2]; got != [maxBytes]byte{23, 24, 25, 26, 27, 28, 29, 30} {
		t.Errorf("row 2 is %v", got)
	}
	clear(m)
	if err := s.do(instruction{operation: store, dst: 2, address: 40, stride: 8}, m); err != nil {
		t.Fatal(err)
	}
	if m[39] != 0 || m[40] != 3 || m[63] != 30 {
		t.Errorf("stored %v", m[39:])
	}
	if err := s.do(instruction{operation: load, dst: 2, address: 50, stride: 8}, m); err != errFault {
		t.Errorf("a load behind memory: %v", err)
	}
}

// What a processor calls invalid is an error, which kernels under test show by dying.
func TestInvalid(t *testing.T) {
	var none tiles
	for want, f := range map[string]func() error{
		"no configuration": func() error { return none.do(instruction{operation: zero}, nil) },
		"tile 3 has no":    func() error { return configured(t).do(instruction{operation: zero, dst: 3}, nil) },
		"must differ":      func() error { return configured(t).do(instruction{operation: dot, a: 1, b: 1}, nil) },
		"tiles of":         func() error { return configured(t).do(instruction{operation: dot, a: 2, b: 1}, nil) },
		"palette 2":        func() error { return none.configure(append(fake{2}, make(fake, 63)...), 0) },
		"reserved":         func() error { return none.configure(append(fake{1, 0, 1}, make(fake, 61)...), 0) },
		"17 rows": func() error {
			c := append(fake{1}, make(fake, 63)...)
			c[16], c[48] = 64, 17
			return none.configure(c, 0)
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s := configured(t)
	if err := s.do(instruction{operation: release}, nil); err != nil || s.configured {
		t.Errorf("released: %v, configured %v", err, s.configured)
	}
}
