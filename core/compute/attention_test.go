package compute

import (
	"math"
	"testing"
)

// Exp2Steps is within 2.4 of 16256·2^(-d/4096), from the largest weight down to 0,
// never rising.
func TestExp2Steps(t *testing.T) {
	if got := Exp2Steps(0); got != MaxExp2 {
		t.Errorf("at 0 it is %d, want %d", got, MaxExp2)
	}
	last := int32(MaxExp2)
	for d := range int32(65536) {
		got := Exp2Steps(d)
		if want := MaxExp2 * math.Exp2(-float64(d)/4096); math.Abs(float64(got)-want) > 2.4 {
			t.Fatalf("Exp2Steps(%d) = %d, want %.1f", d, got, want)
		}
		if got > last || got < 0 {
			t.Fatalf("Exp2Steps(%d) = %d after %d", d, got, last)
		}
		last = got
	}
}

func TestExpSteps(t *testing.T) {
	nan := float32(math.NaN())
	for x, want := range map[float32]int32{0: 0, 0.5: 0, 1.5: 2, 2.5: 2, 65534.4: 65534, 65535: 65535, 1e30: 65535, float32(math.Inf(1)): 65535} {
		if got := ExpSteps(x); got != want {
			t.Errorf("ExpSteps(%v) = %d, want %d", x, got, want)
		}
	}
	if got := ExpSteps(nan); got != 65535 {
		t.Errorf("of what is not a number: %d", got)
	}
}
