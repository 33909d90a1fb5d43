// Package calib improves the rounding of a network's matrices to int8 by what their
// inputs look like when it samples: no data is needed, the network makes its own.
package calib

import (
	"math/rand/v2"

	"dit8/core/compute"
)

// Layer is what was seen of the inputs of a linear layer.
type Layer struct {
	Name   string // of the layer: a tensor's name without .weight
	In     int
	AbsMax []float32 // largest |x| of each input channel, [In]
	X      []float32 // a random sample of input rows, [rows, In]

	rows, seen int // rows to keep, and those seen
}

// Recorder is a device that computes on another one, whose memory is Go's, and sees
// the inputs of a network's linear layers.
type Recorder struct {
	compute.Device
	layers map[string]*Layer
	random *rand.Rand
}

// NewRecorder records one network. It keeps 2048 input rows of each layer, or twice
// its width.
func NewRecorder(dev compute.Device) *Recorder {
	return &Recorder{Device: dev, layers: make(map[string]*Layer), random: rand.New(rand.NewPCG(1, 2))}
}

// Layers are the network's layers by name.
func (r *Recorder) Layers() map[string]*Layer { return r.layers }

type linear struct {
	compute.Linear
	*Layer
}

func (l linear) In() int { return l.Linear.In() }

// NewLinear prepares the layer that w names.
func (r *Recorder) NewLinear(w compute.Weights) (compute.Linear, error) {
	inner, err := r.Device.NewLinear(w)
	if err != nil {
		return nil, err
	}
	l := &Layer{Name: w.Name, In: w.In, AbsMax: make([]float32, w.In), rows: max(2048, 2*w.In)}
	r.layers[w.Name] = l
	return linear{inner, l}, nil
}

// PatchEmbed is not recorded: its layer stays float.
func (r *Recorder) PatchEmbed(dst, img compute.F32, s compute.Image, w compute.Linear, pos compute.F32) {
	r.Device.PatchEmbed(dst, img, s, w.(linear).Linear, pos)
}

// Linear records x.
func (r *Recorder) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	l := w.(linear)
	l.record(x.Host, r.random)
	r.Device.Linear(dst, x, rows, l.Linear, act)
}

// LinearGate records x.
func (r *Recorder) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	l := w.(linear)
	l.record(x.Host, r.random)
	r.Device.LinearGate(dst, x, rows, l.Linear, gate)
}

// LinearSwiGLU records x, which both layers see.
func (r *Recorder) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	g, l := gate.(linear), w.(linear)
	g.record(x.Host, r.random)
	l.record(x.Host, r.random)
	r.Device.LinearSwiGLU(dst, x, rows, g.Linear, l.Linear)
}

// record keeps each row seen so far with the same probability (reservoir sampling).
func (l *Layer) record(x []float32, random *rand.Rand) {
	n := len(l.AbsMax)
	for ; len(x) > 0; x = x[n:] {
		row := x[:n]
		for j, v := range row {
			l.AbsMax[j] = max(l.AbsMax[j], v, -v)
		}
		l.seen++
		if l.seen <= l.rows {
			l.X = append(l.X, row...)
		} else if i := random.IntN(l.seen); i < l.rows {
			copy(l.X[i*n:], row)
		}
	}
}
