package calib

import (
	"math"
	"slices"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// A recorder sees what convolutions see: after norm and SiLU, before pixels are doubled.
func TestConvRecorder(t *testing.T) {
	r := &ConvRecorder{Convolver: generic.New(), Layers: make(map[string]*Channels)}
	w := compute.ConvWeights{Name: "c", In: 2, Out: 1, Kernel: 3, Stride: 1, Pad: 1, F32: make([]float32, 18), Bias: []float32{7}}
	c, err := r.NewConv(w)
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{1, -4, 3, 2}
	f32 := func(v []float32) compute.F32 { return compute.F32{Host: v, Len: len(v)} }
	y := make([]float32, 8)
	r.Conv(compute.ConvOutput{Dst: f32(y)}, compute.ConvInput{X: f32(x), H: 1, W: 2, Up: true}, c)
	l := r.Layers["c"]
	if !slices.Equal(l.AbsMax, []float32{3, 4}) || !slices.Equal(l.Sum, []float64{4, -2}) || !slices.Equal(l.Squares, []float64{10, 20}) || l.Count != 2 || y[7] != 7 {
		t.Errorf("seen: %+v, computed %v", l, y)
	}
	r.Conv(compute.ConvOutput{Dst: f32(y[:2])}, compute.ConvInput{X: f32(x), H: 1, W: 2, Norm: compute.GroupNorm{Groups: 1, Weight: f32([]float32{0, 0}), Bias: f32([]float32{6, 0})}}, c)
	if want := float64(compute.SiLU(6)); l.AbsMax[0] != float32(want) || l.Sum[0] != 4+2*want || l.Count != 4 {
		t.Errorf("seen after a norm: %+v", l)
	}
}

// Factors follow the inputs' sizes, errors fall with them where a channel stands out, and
// what is lost on average is found.
func TestChannels(t *testing.T) {
	l := &Channels{AbsMax: []float32{1, 1, 400, 1}, Sum: []float64{0, 10, 0, 0}, Squares: []float64{10, 10, 4e5, 10}, Count: 10}
	all := l.Smoothings()
	if len(all) != len(convStrengths) || !slices.Equal(all[0], []float32{1, 1, 1, 1}) {
		t.Fatalf("factors %v", all)
	}
	for i, s := range all {
		if want := math.Pow(200, -convStrengths[i]); math.Abs(float64(s[2]/s[0])-want) > 1e-3*want {
			t.Errorf("factors %v: ratio %v, want %v", s, s[2]/s[0], want)
		}
	}
	w := make([]float32, 2*9*4)
	for i := range w {
		w[i] = float32(i%5) - 2
	}
	if none, some := l.Error(w, w, all[0]), l.Error(w, w, all[2]); some > none/4 {
		t.Errorf("12 bits err by %g, with factors by %g", none, some)
	}
	q := slices.Clone(w)
	for i := range 9 {
		q[4*i+1] -= 0.5  // of the first output, the channel whose mean is 1
		q[36+4*i+2] -= 1 // of the second, one whose mean is 0
	}
	if lost := l.Lost(w, q); !slices.Equal(lost, []float32{4.5, 0}) {
		t.Errorf("lost %v", lost)
	}
}
