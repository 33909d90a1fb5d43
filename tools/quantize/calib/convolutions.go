package calib

import (
	"math"
	"slices"

	"dit8/core/compute"
)

// Channels is what was seen of the inputs of a convolution, after norm and SiLU.
type Channels struct {
	AbsMax  []float32 // [In]
	Sum     []float64 // Σu
	Squares []float64 // Σu²
	Count   int       // of pixels
}

// ConvRecorder is a device that computes on another one and sees the inputs of convolutions.
type ConvRecorder struct {
	compute.Convolver
	Layers map[string]*Channels // by the layers' names

	picture []float32 // of a device with a memory of its own
}

type convolution struct {
	compute.Conv
	*Channels
}

// NewConv prepares the convolution that w names.
func (r *ConvRecorder) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	inner, err := r.Convolver.NewConv(w)
	if err != nil {
		return nil, err
	}
	c := &Channels{AbsMax: make([]float32, w.In), Sum: make([]float64, w.In), Squares: make([]float64, w.In)}
	r.Layers[w.Name] = c
	return convolution{inner, c}, nil
}

// Conv records what the convolution sees.
func (r *ConvRecorder) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	l := c.(convolution)
	seen := in
	seen.Up = false
	seen.X, seen.Norm.Weight, seen.Norm.Bias = r.host(in.X, &r.picture), r.host(in.Norm.Weight, new([]float32)), r.host(in.Norm.Bias, new([]float32))
	rows := compute.NewConvRows(seen, l.In())
	for y := range in.H {
		l.record(rows.Row(y)[l.In() : (in.W+1)*l.In()])
	}
	r.Convolver.Conv(out, in, l.Conv)
}

// host is f in Go's memory, in buf where it lies elsewhere.
func (r *ConvRecorder) host(f compute.F32, buf *[]float32) compute.F32 {
	if f.Host != nil || f.Len == 0 {
		return f
	}
	*buf = slices.Grow((*buf)[:0], f.Len)[:f.Len]
	r.Read(*buf, f)
	return compute.F32{Host: *buf, Len: f.Len}
}

func (l *Channels) record(x []float32) {
	n := len(l.AbsMax)
	for ; len(x) > 0; x = x[n:] {
		for c, v := range x[:n] {
			l.AbsMax[c] = max(l.AbsMax[c], v, -v)
			l.Sum[c] += float64(v)
			l.Squares[c] += float64(v) * float64(v)
		}
		l.Count++
	}
}

// convStrengths are the exponents that Smoothings offers, 0 being none.
var convStrengths = []float64{0, 0.25, 0.5, 0.75, 1}

// Smoothings are factors of the input channels that a convolution may take: the inverse
// of their size to some power. Inputs have bits to spare, weights do not, so that weights
// that meet large inputs had better be large (as in arXiv 2306.00978).
func (l *Channels) Smoothings() (all [][]float32) {
	size := make([]float64, len(l.Squares))
	largest := 0.0
	for c, v := range l.Squares {
		size[c] = math.Sqrt(v / float64(max(1, l.Count)))
		largest = max(largest, size[c])
	}
	for _, a := range convStrengths {
		logs := 0.0
		for _, v := range size {
			logs -= a * math.Log(max(v, largest/1e3, 1e-20))
		}
		mean := math.Exp(logs / float64(len(size)))
		s := make([]float32, len(size))
		for c, v := range size {
			s[c] = float32(max(1.0/64, min(64, math.Pow(max(v, largest/1e3, 1e-20), -a)/mean)))
		}
		all = append(all, s)
	}
	return all
}

// Error is how far outputs may be from exact ones: the mean of their squares, added up
// over outputs, when weights w [out, 9, In] became q and inputs are rounded to 12 bits with
// factors smooth.
func (l *Channels) Error(w, q, smooth []float32) float64 {
	top := float32(0)
	for c, m := range l.AbsMax {
		top = max(top, m*smooth[c])
	}
	n, step := len(smooth), float64(top)/compute.ConvMax
	var sum float64
	for c, f := range smooth {
		weights, rounding := 0.0, 0.0
		for i := c; i < len(w); i += n {
			d := float64(w[i]) - float64(q[i])
			weights += d * d
			rounding += float64(q[i]) * float64(q[i])
		}
		sum += weights*l.variance(c) + rounding*step*step/12/float64(f*f)
	}
	return sum
}

// variance is that of channel c about its mean, whose part of an error Lost corrects.
func (l *Channels) variance(c int) float64 {
	n := float64(max(1, l.Count))
	mean := l.Sum[c] / n
	return max(0, l.Squares[c]/n-mean*mean)
}

// Lost is what each output loses on average when weights w [out, 9, In] become q.
func (l *Channels) Lost(w, q []float32) []float32 {
	n := len(l.Sum)
	lost := make([]float32, len(w)/9/n)
	for o := range lost {
		var sum float64
		for i := o * 9 * n; i < (o+1)*9*n; i++ {
			sum += (float64(w[i]) - float64(q[i])) * l.Sum[i%n]
		}
		lost[o] = float32(sum / float64(max(1, l.Count)))
	}
	return lost
}
