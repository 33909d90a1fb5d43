package calib

import (
	"fmt"
	"math"
	"strings"

	"dit8/core/compute"
	"dit8/core/dit"
)

// A rotation by Hadamard's matrix spreads what is large in one channel over many
// (QuaRot, arXiv 2404.00456). fc2's input comes out of GELU, so that its rotation
// cannot be folded into what stands before: a device would have to do it. Rotator is
// such a device, to measure what that would buy.

// rotate turns each row of n values of x, in place, by blocks of the largest power of
// two that divides n.
func rotate(x []float32, n int) {
	size := n & -n
	norm := float32(1 / math.Sqrt(float64(size)))
	for ; len(x) > 0; x = x[size:] {
		b := x[:size]
		for h := 1; h < size; h *= 2 {
			for i := 0; i < size; i += 2 * h {
				for j := i; j < i+h; j++ {
					b[j], b[j+h] = b[j]+b[j+h], b[j]-b[j+h]
				}
			}
		}
		for i := range b {
			b[i] *= norm
		}
	}
}

// RotateWeights rotates the rows of the weights of fc2, or w2, in all blocks: the matrix is its own
// inverse.
func RotateWeights(tensors map[string][]float32, cfg dit.Config) error {
	for i := range cfg.Depth {
		name := fmt.Sprintf("blocks.%d.mlp.%s.weight", i, LastOf(cfg))
		w, ok := tensors[name]
		if !ok {
			return fmt.Errorf("calib: there is no tensor %s", name)
		}
		rotate(w, cfg.MLPHidden)
	}
	return nil
}

// Rotator is a device that rotates the inputs of the layers fc2, for models whose
// weights RotateWeights turned.
type Rotator struct {
	*Recorder
	buf []float32
}

// NewRotator rotates on dev, whose memory is Go's.
func NewRotator(dev compute.Device) *Rotator { return &Rotator{Recorder: NewRecorder(dev)} }

// LinearGate rotates x if w is fc2.
func (r *Rotator) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	l := w.(linear)
	if isFC2(l.Name) {
		r.buf = append(r.buf[:0], x.Host...)
		rotate(r.buf, l.Layer.In)
		x = compute.F32{Host: r.buf, Len: len(r.buf)}
	}
	r.Recorder.LinearGate(dst, x, rows, w, gate)
}

func isFC2(layer string) bool {
	return strings.HasSuffix(layer, ".mlp.fc2") || strings.HasSuffix(layer, ".mlp.w2")
}

// LastOf names the last layer of a network's MLPs.
func LastOf(cfg dit.Config) string {
	if cfg.MLP == dit.SwiGLU {
		return "w2"
	}
	return "fc2"
}
