package dit

import (
	"fmt"

	"dit8/core/compute"
	"dit8/core/internal/detmath"
)

// Cond is what one modulation row is computed from.
type Cond struct {
	T     float32 // time on the network's own clock
	Label int     // class, or the null class
	Mix   []Share // in place of Label: a mix of class embeddings
}

// Share is a class's part in a mix.
type Share struct {
	Label  int
	Weight float32 // of its embedding; those of a mix should sum to 1
}

func (c Cond) shares() []Share {
	if c.Mix != nil {
		return c.Mix
	}
	return []Share{{c.Label, 1}}
}

// MaxTime bounds |Cond.T|.
const MaxTime = detmath.MaxAngle

// Conditioning holds the modulation vectors of a list of Conds: the part of the
// network that does not see the image. It is computed once, before the sampling
// loop.
type Conditioning struct {
	rows   int
	blocks []compute.F32 // one a block, [rows, 6D]: shift, scale, gate of msa, then of mlp
	final  compute.F32   // [rows, 2D]: shift, scale
	dev    compute.Device
}

// Rows is the number of Conds.
func (c *Conditioning) Rows() int { return c.rows }

// ReadBlock copies what modulates block i for Cond row to dst [6D]: shift_msa,
// scale_msa, gate_msa, shift_mlp, scale_mlp, gate_mlp, [D] each (models.py:
// DiTBlock). It fails on a block, row or length that is not there.
func (c *Conditioning) ReadBlock(dst []float32, i, row int) error {
	if i < 0 || i >= len(c.blocks) {
		return fmt.Errorf("dit: modulation of block %d of %d", i, len(c.blocks))
	}
	return c.read(dst, c.blocks[i], row)
}

// ReadFinal copies what modulates the final layer for Cond row to dst [2D]: shift,
// scale, [D] each (models.py: FinalLayer). It fails as ReadBlock does.
func (c *Conditioning) ReadFinal(dst []float32, row int) error { return c.read(dst, c.final, row) }

func (c *Conditioning) read(dst []float32, v compute.F32, row int) error {
	if row < 0 || row >= c.rows {
		return fmt.Errorf("dit: modulation row %d of %d", row, c.rows)
	}
	n := v.Len / c.rows
	if len(dst) != n {
		return fmt.Errorf("dit: %d values for a modulation row of %d", len(dst), n)
	}
	c.dev.Read(dst, v.Slice(row*n, (row+1)*n))
	return nil
}

// EditBlock lets edit change what modulates block i, [rows, 6D] in the order of
// ReadBlock.
func (c *Conditioning) EditBlock(i int, edit func(v []float32)) {
	v := make([]float32, c.blocks[i].Len)
	c.dev.Read(v, c.blocks[i])
	edit(v)
	c.dev.Write(c.blocks[i], v)
}

// Free gives the vectors' memory back.
func (c *Conditioning) Free() {
	for _, b := range c.blocks {
		c.dev.Free(b)
	}
	c.dev.Free(c.final)
}

// ConditioningLen is the number of float32 values that Condition keeps for one Cond.
func (c Config) ConditioningLen() int { return (6*c.Depth + 2) * c.HiddenSize }

// Condition computes the modulation vectors of conds: the AdaLN heads applied to
// SiLU(t_embedder(t) + y_embedder(label)) (models.py: DiT.forward, DiTBlock).
func (m *Model) Condition(conds []Cond) (*Conditioning, error) {
	rows, d := len(conds), m.cfg.HiddenSize
	for _, c := range conds {
		for _, s := range c.shares() {
			if s.Label < 0 || s.Label > m.NullClass() {
				return nil, fmt.Errorf("dit: label %d, allowed 0 to %d", s.Label, m.NullClass())
			}
		}
		if !(c.T > -MaxTime && c.T < MaxTime) {
			return nil, fmt.Errorf("dit: time %v, allowed within ±%d", c.T, MaxTime)
		}
	}
	first, err := m.embed(conds, 0)
	if err != nil {
		return nil, err
	}
	defer m.dev.Free(first)
	c := &Conditioning{rows: rows, blocks: make([]compute.F32, len(m.blocks)), dev: m.dev}
	for i, b := range m.blocks {
		if c.blocks[i], err = m.dev.Alloc(rows * 6 * d); err != nil {
			c.Free()
			return nil, err
		}
		act, own := first, i > 0 && i < len(m.embedders)
		if own {
			if act, err = m.embed(conds, i); err != nil {
				c.Free()
				return nil, err
			}
		}
		m.dev.Linear(c.blocks[i], act, rows, b.adaLN, compute.NoActivation)
		if own {
			m.dev.Free(act)
		}
	}
	if c.final, err = m.dev.Alloc(rows * 2 * d); err != nil {
		c.Free()
		return nil, err
	}
	m.dev.Linear(c.final, first, rows, m.finalAdaLN, compute.NoActivation)
	return c, nil
}

// embed computes SiLU(t_embedder(t) + y_embedder(label)), [rows, D], with embedders
// k.
func (m *Model) embed(conds []Cond, k int) (compute.F32, error) {
	rows, d := len(conds), m.cfg.HiddenSize
	e := &m.embedders[k]
	freq := make([]float32, rows*FreqDim)
	for i, c := range conds {
		TimestepEmbedding(freq[i*FreqDim:(i+1)*FreqDim], c.T, m.cfg.FreqShift)
	}
	var bufs [3]compute.F32
	for i, n := range []int{rows * FreqDim, rows * d, rows * d} {
		b, err := m.dev.Alloc(n)
		if err != nil {
			for _, b := range bufs[:i] {
				m.dev.Free(b)
			}
			return compute.F32{}, err
		}
		bufs[i] = b
	}
	in, hidden, out := bufs[0], bufs[1], bufs[2]
	defer m.dev.Free(in)
	defer m.dev.Free(hidden)
	m.dev.Write(in, freq)
	m.dev.Linear(hidden, in, rows, e.tMLP0, compute.WithSiLU)
	m.dev.Linear(out, hidden, rows, e.tMLP2, compute.NoActivation)
	c := make([]float32, rows*d)
	m.dev.Read(c, out)
	mix := make([]float32, d)
	for i, cond := range conds {
		y := e.table[cond.Label*d : (cond.Label+1)*d]
		if cond.Mix != nil {
			y = mix
			clear(y)
			for _, s := range cond.Mix {
				for j, v := range e.table[s.Label*d : (s.Label+1)*d] {
					y[j] = y[j] + float32(s.Weight*v)
				}
			}
		}
		for j, v := range c[i*d : (i+1)*d] {
			c[i*d+j] = compute.SiLU(v + y[j])
		}
	}
	m.dev.Write(out, c)
	return out, nil
}

// TimestepEmbedding writes the sinusoidal embedding of t to dst [FreqDim]: the
// cosines of t·10000^(-i/128), then the sines (models.py:
// TimestepEmbedder.timestep_embedding); with a shift of 1 of t·10000^(-i/127)
// (diffusers: Timesteps, downscale_freq_shift).
func TimestepEmbedding(dst []float32, t float32, shift int) {
	ratio := 0.93057204092969897 // 10000^(-1/128)
	if shift == 1 {
		ratio = 0.93004494584813918
	}
	f := 1.0
	for i := range FreqDim / 2 {
		sin, cos := detmath.SinCos(float64(float64(t) * f))
		dst[i], dst[i+FreqDim/2] = float32(cos), float32(sin)
		f = float64(f * ratio)
	}
}
