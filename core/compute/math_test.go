package compute

import (
	"math"
	"testing"
)

func TestExp(t *testing.T) {
	worst := 0.0
	for i := -870000; i <= 880000; i++ {
		x := float32(i) / 10000
		want := math.Exp(float64(x))
		worst = max(worst, math.Abs(float64(Exp(x))-want)/want)
	}
	if worst > 2e-7 {
		t.Errorf("largest relative error %.2e", worst)
	}
	for _, c := range [][2]float32{{0, 1}, {-1000, Exp(ExpMin)}, {1000, Exp(ExpMax)}, {float32(math.Inf(1)), Exp(ExpMax)}} {
		if got := Exp(c[0]); got != c[1] {
			t.Errorf("Exp(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}

func TestActivations(t *testing.T) {
	for i := -20000; i <= 20000; i++ {
		x := float32(i) / 1000
		v := float64(x)
		gelu := 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
		if got := float64(GELU(x)); math.Abs(got-gelu) > 1e-6*max(1, math.Abs(v)) {
			t.Fatalf("GELU(%v) = %v, want %v", x, got, gelu)
		}
		if got := float64(FastGELU(x)); math.Abs(got-gelu) > min(5e-5, 7e-5*math.Abs(v)) {
			t.Fatalf("FastGELU(%v) = %v, want %v", x, got, gelu)
		}
		if got, want := float64(SiLU(x)), v/(1+math.Exp(-v)); math.Abs(got-want) > 1e-6*max(1, math.Abs(v)) {
			t.Fatalf("SiLU(%v) = %v, want %v", x, got, want)
		}
	}
	if FastGELU(0) != 0 || FastGELU(1e38) != 1e38 || FastGELU(-1e38) != 0 || math.Signbit(float64(FastGELU(float32(math.Copysign(0, -1))))) {
		t.Error("FastGELU is wrong at 0 or far out")
	}
	if GELU(0) != 0 || SiLU(0) != 0 || GELU(1e10) != 1e10 {
		t.Error("GELU or SiLU is wrong at 0 or far out")
	}
}

func TestQuantizeRow(t *testing.T) {
	for _, c := range []struct {
		x     []float32
		q     []int8
		scale float32
	}{
		{[]float32{}, []int8{}, 0},
		{[]float32{0, 0}, []int8{0, 0}, 0},
		{[]float32{1e-31, -1e-31}, []int8{0, 0}, 0},
		{[]float32{127, -127, 0.5, 1.5, 2.5, -0.5, -1.5}, []int8{127, -127, 0, 2, 2, 0, -2}, 1},
		{[]float32{-2, 1}, []int8{-127, 64}, 2.0 / 127},
		{[]float32{3e38, -3e38}, []int8{127, -127}, float32(3e38) / 127},
	} {
		q := make([]int8, len(c.x))
		if s := QuantizeRow(q, c.x); s != c.scale {
			t.Errorf("%v: scale %v, want %v", c.x, s, c.scale)
		}
		for i := range q {
			if q[i] != c.q[i] {
				t.Errorf("%v: %v, want %v", c.x, q, c.q)
				break
			}
		}
	}
}

// Rounding to int8 is what math.RoundToEven does, for every half and its neighbours.
func TestRoundEven(t *testing.T) {
	for i := -400; i <= 400; i++ {
		x := float32(i) / 2
		for _, v := range []float32{math.Nextafter32(x, -1000), x, math.Nextafter32(x, 1000)} {
			if got, want := RoundEven(v), float32(math.RoundToEven(float64(v))); got != want {
				t.Errorf("RoundEven(%v) = %v, want %v", v, got, want)
			}
		}
	}
}
