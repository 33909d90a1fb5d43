package dit

import "dit8/core/internal/detmath"

// newRope writes the angles of all positions to the device, for networks that
// normalise or rotate q and k.
func (m *Model) newRope() (err error) {
	c := m.cfg
	if c.Rope == NoRope && !c.QKNorm {
		return nil
	}
	l, t, hd := c.Context.Len(), c.Tokens(), c.headDim()
	table := make([]float32, (l+t)*hd)
	for i := range l + t {
		c.rotation(table[i*hd:(i+1)*hd], i-l)
	}
	if m.rope, err = m.dev.Alloc(len(table)); err == nil {
		m.dev.Write(m.rope, table)
	}
	return err
}

// rotation writes cosine and sine of the angle by which each pair of channels of
// the image's token i turns, [head_dim]. Context tokens have numbers below 0.
//
// Pair j turns by p·10000^(-j/q) of q frequencies: with AxialRope of q = head_dim/4
// by p = row, then of as many by column (JiT, util/model_util.py:
// VisionRotaryEmbeddingFast); with SequenceRope of q = head_dim/2 by the index in the
// whole sequence (iMF, imfDiT.py: precompute_freqs_cis).
func (c Config) rotation(dst []float32, i int) {
	n := len(dst) / 2 // pairs
	pairs := func(from, count, position int) {
		ratio, f := detmath.Exp(-ln10000/float64(count)), 1.0
		for j := from; j < from+count; j++ {
			sin, cos := detmath.SinCos(float64(float64(position) * f))
			dst[2*j], dst[2*j+1] = float32(cos), float32(sin)
			f = float64(f * ratio)
		}
	}
	grid := c.InputSize / c.PatchSize
	switch {
	case c.Rope == SequenceRope:
		pairs(0, n, c.Context.Len()+i)
	case c.Rope == AxialRope && i >= 0:
		pairs(0, n/2, i/grid)
		pairs(n/2, n/2, i%grid)
	default: // not turned
		pairs(0, n, 0)
	}
}

const ln10000 = 9.210340371976182736
