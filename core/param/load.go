package param

import (
	"fmt"
	"iter"
	"strings"

	"dit8/core/compute"
)

// Place is where a network keeps a parameter, or the weight and bias of a layer.
// Exactly one of Linear, Conv, Device and Host is set.
type Place struct {
	Name  string // official; that of a layer is without .weight and .bias
	Role  Role
	Shape []int // of the parameter, or of the weight [out, in…]; the bias is [out]

	Linear *compute.Linear // a layer of the device
	Conv   *compute.Conv   // a convolution of the device, a Convolver; its weight is [out, kernel, kernel, in]
	Device *compute.F32    // values in the device's memory
	Host   *[]float32      // values in Go's memory

	Float32     bool // the device takes this layer in float32 alone
	Stride, Pad int  // of a convolution
}

// layer tells whether a place takes a weight and a bias.
func (p Place) layer() bool { return p.Linear != nil || p.Conv != nil }

// Specs lists the tensors of places, in their order.
func Specs(places []Place) []Spec {
	var s []Spec
	for _, p := range places {
		if !p.layer() {
			s = append(s, Spec{p.Name, p.Shape, p.Role})
			continue
		}
		s = append(s, Spec{p.Name + ".weight", p.Shape, p.Role}, Spec{p.Name + ".bias", p.Shape[:1], Bias})
	}
	return s
}

// Free gives the device's memory that places hold back, also of those that were not
// filled.
func Free(dev compute.Device, places []Place) {
	for _, p := range places {
		switch {
		case p.Linear != nil:
			compute.FreeLinear(*p.Linear)
			*p.Linear = nil
		case p.Conv != nil:
			compute.FreeConv(*p.Conv)
			*p.Conv = nil
		case p.Device != nil:
			dev.Free(*p.Device)
			*p.Device = compute.F32{}
		}
	}
}

// Load fills places from tensors in any order, each once. Layers are handed to the
// device as soon as both their weight and bias are there, so that a stream is never
// held whole. It fails on missing, unknown, repeated or wrongly shaped tensors, naming
// them, and then keeps nothing of the device's memory.
func Load(dev compute.Device, places []Place, tensors iter.Seq2[Tensor, error]) error {
	l := loader{dev: dev, want: make(map[string]target), half: make(map[string]Tensor)}
	for i := range places {
		for _, s := range Specs(places[i : i+1]) {
			l.want[s.Name] = target{s, &places[i]}
		}
	}
	all := len(l.want)
	err := l.load(tensors)
	for _, s := range Specs(places) {
		if _, missing := l.want[s.Name]; missing && err == nil {
			err = fmt.Errorf("tensor %s: missing (%d of %d tensors are)", s.Name, len(l.want), all)
		}
	}
	if err != nil {
		Free(dev, places)
	}
	return err
}

// loader is a Load on its way.
type loader struct {
	dev  compute.Device
	want map[string]target // tensors not yet seen
	half map[string]Tensor // by layer: the weight or bias that waits for its other half
}

// target is what a tensor must be, and its place.
type target struct {
	Spec
	place *Place
}

func (l *loader) load(tensors iter.Seq2[Tensor, error]) error {
	for t, err := range tensors {
		if err != nil {
			return err
		}
		to, ok := l.want[t.Name]
		if !ok {
			return fmt.Errorf("tensor %s: unknown or repeated", t.Name)
		}
		delete(l.want, t.Name)
		if err := t.Check(to.Spec); err != nil {
			return err
		}
		if err := l.accept(t, to.place); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
	}
	return nil
}

// accept puts one tensor into its place.
func (l *loader) accept(t Tensor, p *Place) error {
	switch {
	case p.Host != nil:
		*p.Host = t.Floats()
		return nil
	case p.Device != nil:
		f, err := l.dev.Alloc(t.Len())
		if err != nil {
			return err
		}
		*p.Device = f
		l.dev.Write(f, t.Floats())
		return nil
	}
	weight, ok := l.half[p.Name]
	if !ok {
		l.half[p.Name] = t
		return nil
	}
	delete(l.half, p.Name)
	bias := t
	if strings.HasSuffix(t.Name, ".weight") {
		weight, bias = t, weight
	}
	if p.Conv != nil {
		return l.convolution(p, weight, bias)
	}
	rows := p.Shape[0]
	w := compute.Weights{Name: p.Name, In: weight.Len() / rows, Out: rows, I8: weight.I8, Scale: weight.Scale, Bias: bias.Floats()}
	if p.Float32 || w.I8 == nil {
		w.F32, w.I8, w.Scale = weight.Floats(), nil, nil
	}
	var err error
	*p.Linear, err = l.dev.NewLinear(w)
	return err
}

// convolution hands a convolution to the device.
func (l *loader) convolution(p *Place, weight, bias Tensor) (err error) {
	dev, ok := l.dev.(compute.Convolver)
	if !ok {
		return fmt.Errorf("the device %s has no convolutions", l.dev.Name())
	}
	w := compute.ConvWeights{
		Name: p.Name, In: p.Shape[3], Out: p.Shape[0], Kernel: p.Shape[1], Stride: p.Stride, Pad: p.Pad, Bias: bias.Floats(),
		I8: weight.I8, Scale: weight.Scale, Smooth: weight.Smooth,
	}
	if w.I8 == nil {
		w.F32 = weight.F32
	}
	*p.Conv, err = dev.NewConv(w)
	return err
}
