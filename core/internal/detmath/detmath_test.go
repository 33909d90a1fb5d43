package detmath

import (
	"math"
	"testing"
)

// The functions are compared with package math, which is accurate to an ulp or
// so on every architecture though not equal between them.
func TestAgainstMath(t *testing.T) {
	near := func(name string, x, got, want, scale float64) {
		t.Helper()
		if math.Abs(got-want) > 4e-16*scale {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, want)
		}
	}
	for i := range 200000 {
		x := (float64(i)/100 - 1000) * 1.000123
		s, c := SinCos(x)
		near("sin", x, s, math.Sin(x), 1)
		near("cos", x, c, math.Cos(x), 1)
		u := float64(i) / 200000
		s, c = SinCosTurns(u)
		near("sin turns", u, s, math.Sin(2*math.Pi*u), 4)
		near("cos turns", u, c, math.Cos(2*math.Pi*u), 4)
		v := (float64(i) + 0.5) / 70000
		near("log", v, Log(v), math.Log(v), max(1, math.Abs(math.Log(v))))
		e := float64(i)/500 - 200
		near("exp", e, Exp(e)/math.Exp(e), 1, 2)
	}
	if s, c := SinCos(0); s != 0 || c != 1 {
		t.Errorf("SinCos(0) = %v, %v", s, c)
	}
	if Log(1) != 0 {
		t.Errorf("Log(1) = %v", Log(1))
	}
}

// Bits that every architecture must give.
func TestGoldenBits(t *testing.T) {
	s, c := SinCos(123.456)
	for _, g := range []struct {
		name string
		got  float64
		want uint64
	}{
		{"sin", s, 0xbfe9b9dadc41aeb6},
		{"cos", c, 0xbfe307e5980a1559},
		{"log", Log(0.1234), 0xc000bd147400b759},
	} {
		if b := math.Float64bits(g.got); b != g.want {
			t.Errorf("%s: bits %#x, want %#x", g.name, b, g.want)
		}
	}
}
