// Package proof compares a model with the outputs of the official code, passes of the
// network and samples, and measures how far apart values are.
package proof

import (
	"fmt"
	"math"

	"dit8/core"
)

// Comparison says how far values are from those of a reference.
type Comparison struct {
	Name, Note string
	Rel        float64 // ‖got-want‖/‖want‖
	MaxAbs     float64 // the largest |got-want|
	Differ     float64 // of bytes, the part that differs
}

// Compare compares values with those that were wanted.
func Compare(name string, got, want []float32) Comparison {
	r := Comparison{Name: name}
	var d, n float64
	for i, w := range want {
		e := float64(got[i]) - float64(w)
		d += e * e
		n += float64(w) * float64(w)
		r.MaxAbs = max(r.MaxAbs, math.Abs(e))
	}
	r.Rel = math.Sqrt(d / n)
	if d == 0 {
		r.Rel = 0
	}
	return r
}

// MaxPSNR stands for equal images, as JSON has no infinity.
const MaxPSNR = 200

// SignalToNoise is a peak signal-to-noise ratio in dB, of n values whose differences'
// squares add up to sum.
func SignalToNoise(peak, sum float64, n int) float64 {
	if sum == 0 {
		return MaxPSNR
	}
	return min(MaxPSNR, 10*math.Log10(peak*peak*float64(n)/sum))
}

// LevelPSNR is that of pixels of 256 levels.
func LevelPSNR(a, b []float32, p core.Pixels) float64 {
	level := func(v float32) float64 {
		return math.Floor(float64(max(0, min(1, p.Mean+p.Std*v)))*255 + 0.5)
	}
	sum := 0.0
	for i := range a {
		d := level(a[i]) - level(b[i])
		sum += d * d
	}
	return SignalToNoise(255, sum, len(a))
}

// RangePSNR is that of values whose peak is the range of want.
func RangePSNR(got, want []float32) float64 {
	lo, hi, sum := want[0], want[0], 0.0
	for i, w := range want {
		lo, hi = min(lo, w), max(hi, w)
		d := float64(got[i]) - float64(w)
		sum += d * d
	}
	return SignalToNoise(float64(hi-lo), sum, len(want))
}

// Decibels writes a ratio.
func Decibels(v float64) string {
	if v >= MaxPSNR {
		return "exact"
	}
	return fmt.Sprintf("%.1f", v)
}

// WithUnit writes a ratio with its unit.
func WithUnit(v float64) string {
	if v >= MaxPSNR {
		return Decibels(v)
	}
	return Decibels(v) + " dB"
}
