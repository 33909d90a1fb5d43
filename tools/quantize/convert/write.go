package convert

import (
	"context"
	"errors"
	"io"

	"dit8/core/param"
	"dit8/tools/quantize/calib"
	"dit8/weights"
)

// Options are how a model is stored.
type Options struct {
	Types
	Compress string // small: every byte that there is to gain; fast is the zero value too
}

// Writer writes models so.
func (o Options) Writer() weights.Writer {
	return weights.Writer{Round16: o.Round16, Small: o.Compress == "small"}
}

// Stored yields f's tensors in their types, the rounded ones as they are.
func (o Options) Stored(f calib.Floats, rounded map[string]param.Tensor) Tensors {
	return func(yield func(param.Tensor, error) bool) {
		for _, s := range f.Config.Specs() {
			t, ok := rounded[s.Name]
			if !ok {
				t = o.stored(s, f.Tensor(s), nil)
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// WithAutoencoder yields the network's tensors and then the autoencoder's, if m has one.
func (m Model) WithAutoencoder(network Tensors, t Types) Tensors {
	return func(yield func(param.Tensor, error) bool) {
		for x, err := range network {
			if !yield(x, err) {
				return
			}
		}
		if m.Autoencoder == nil {
			return
		}
		for x, err := range m.autoencoderTensors(t) {
			if !yield(x, err) {
				return
			}
		}
	}
}

// Watched stops a stream of m's tensors between two of them when ctx is done, and
// tells progress of those that went by.
func (m Model) Watched(ctx context.Context, from Tensors, progress calib.Progress) Tensors {
	total, done := Parameters(m.Specs()), 0
	return func(yield func(param.Tensor, error) bool) {
		for t, err := range from {
			if err == nil && ctx.Err() != nil {
				err = errors.New("interrupted, nothing was written")
			}
			if !yield(t, err) {
				return
			}
			done += t.Len()
			progress(t.Name, done, total)
		}
	}
}

// Write writes a model's file. spool holds what waits for the last tensor; nil is
// memory.
func (m Model) Write(to io.Writer, spool weights.Spool, from Tensors, o Options) error {
	w := o.Writer()
	w.Spool = spool
	return w.WriteModel(to, m.Header, from)
}

// Size is the size that the file would have.
func (m Model) Size(from Tensors, o Options) (int64, error) {
	var n counter
	err := m.Write(&n, nil, from, o)
	return int64(n), err
}

// counter counts bytes.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
