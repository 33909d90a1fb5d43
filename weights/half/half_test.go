package half

import (
	"math"
	"testing"
)

func TestAllFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := ToFloat32(h)
		if f != f {
			if h&0x7c00 != 0x7c00 || h&0x3ff == 0 {
				t.Fatalf("%#04x is NaN", h)
			}
			if g := FromFloat32(f); g&0x7c00 != 0x7c00 || g&0x3ff == 0 {
				t.Fatalf("NaN became %#04x", g)
			}
			continue
		}
		exp, frac := int(h>>10&0x1f), float64(h&0x3ff)
		want := math.Ldexp(1024+frac, exp-25)
		if exp == 0 {
			want = math.Ldexp(frac, -24)
		}
		if exp == 31 {
			want = math.Inf(1)
		}
		if h&0x8000 != 0 {
			want = -want
		}
		if float64(f) != want || math.Signbit(float64(f)) != math.Signbit(want) {
			t.Fatalf("%#04x is %v, want %v", h, f, want)
		}
		if g := FromFloat32(f); g != h {
			t.Fatalf("%#04x came back as %#04x", h, g)
		}
		if !IsExact(f) {
			t.Fatalf("%#04x is not exact", h)
		}
	}
}

// Between two neighbours everything rounds to the nearer, halves to the even one.
func TestRounding(t *testing.T) {
	for i := range 0x7bff {
		lo, hi := ToFloat32(uint16(i)), ToFloat32(uint16(i+1))
		mid := lo + (hi-lo)/2
		even := uint16(i + i&1)
		for f, want := range map[float32]uint16{
			math.Nextafter32(mid, lo): uint16(i), mid: even, math.Nextafter32(mid, hi): uint16(i + 1),
		} {
			if got := FromFloat32(f); got != want {
				t.Fatalf("%v is %#04x, want %#04x", f, got, want)
			}
			if got := FromFloat32(-f); got != want|0x8000 {
				t.Fatalf("%v is %#04x, want %#04x", -f, got, want|0x8000)
			}
			if IsExact(f) && f != lo && f != hi {
				t.Fatalf("%v is called exact", f)
			}
		}
	}
	for f, want := range map[float32]uint16{65504: 0x7bff, 65519.996: 0x7bff, 65520: 0x7c00, 1e30: 0x7c00, 1e-30: 0} {
		if got := FromFloat32(f); got != want {
			t.Errorf("%v is %#04x, want %#04x", f, got, want)
		}
	}
	if BF16ToFloat32(0x3fc0) != 1.5 || BF16ToFloat32(0xc000) != -2 {
		t.Error("bfloat16 is wrong")
	}
}
