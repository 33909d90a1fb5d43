package convert

import (
	"dit8/core/compute"
	"dit8/core/param"
)

// late is a convolver that reads a convolution's weights when it runs, and forgets them then: in floats those of an
// autoencoder take several times its file, and a pass needs each but once.
type late struct {
	compute.Convolver
	tensor func(name string) (param.Tensor, error)
	err    error // the first, after which nothing is computed
}

type lateConv struct{ compute.ConvWeights }

func (c lateConv) In() int  { return c.ConvWeights.In }
func (c lateConv) Out() int { return c.ConvWeights.Out }

// NewConv keeps all of w but its weights.
func (l *late) NewConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	w.F32 = nil
	return lateConv{w}, nil
}

// Conv prepares the convolution and computes it.
func (l *late) Conv(out compute.ConvOutput, in compute.ConvInput, c compute.Conv) {
	if l.err != nil {
		return
	}
	w := c.(lateConv).ConvWeights
	x, err := l.tensor(w.Name + ".weight")
	if err != nil {
		l.err = err
		return
	}
	w.F32 = x.F32
	conv, err := l.Convolver.NewConv(w)
	if err != nil {
		l.err = err
		return
	}
	l.Convolver.Conv(out, in, conv)
	compute.FreeConv(conv)
}

// tensors are those of specs in float32, with zeros in place of what is read late.
func (l *late) tensors(m *Model, specs []param.Spec) Tensors {
	var zeros []float32
	return func(yield func(param.Tensor, error) bool) {
		var rest []param.Spec
		for _, s := range specs {
			if !isConv(s) {
				rest = append(rest, s)
				continue
			}
			if s.Len() > len(zeros) {
				zeros = make([]float32, s.Len())
			}
			if !yield(param.Tensor{Name: s.Name, Shape: s.Shape, F32: zeros[:s.Len()]}, nil) {
				return
			}
		}
		m.read(rest, Types{Default: "f32"})(yield)
	}
}

// isConv tells the weights of 3×3 convolutions.
func isConv(s param.Spec) bool { return len(s.Shape) == 4 }
