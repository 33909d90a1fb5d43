package dit

import (
	"fmt"

	"dit8/core/compute"
	"dit8/core/internal/detmath"
)

// Cond is what one evaluation of the network is conditioned on, beside the image.
type Cond struct {
	T     float32 // time on the network's own clock
	Label int     // class, or the null class
	Mix   []Share // in place of Label: a mix of class embeddings

	R float32 // of Config.TwoTimes: the time that the average velocity reaches to

	// Of Config.GuidanceInput and IntervalInput.
	Omega      float32 // guidance scale, above 0; 1 is none
	TMin, TMax float32 // times between which it applies
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

// MaxTime bounds the times of a Cond and their difference.
const MaxTime = detmath.MaxAngle

// Conditioning holds what the network makes of a list of Conds: modulation vectors
// and context tokens, the part that does not see the image. It is computed once,
// before the sampling loop.
type Conditioning struct {
	rows    int
	blocks  []compute.F32 // one a block, [rows, 6D]: shift, scale, gate of msa, then of mlp; none where it is static
	final   compute.F32   // [rows, 2D]: shift, scale
	context compute.F32   // [rows, L, D]
	dev     compute.Device
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
	c.dev.Free(c.context)
}

// ConditioningLen is the number of float32 values that Condition keeps for one Cond.
func (c Config) ConditioningLen() int {
	n := c.Context.Len() * c.HiddenSize
	if c.Modulation == AdaLN {
		n += (6*c.Depth + 2) * c.HiddenSize
	}
	return n
}

// Condition computes the modulation vectors and context tokens of conds.
func (m *Model) Condition(conds []Cond) (*Conditioning, error) {
	for _, c := range conds {
		if err := m.check(c); err != nil {
			return nil, err
		}
	}
	c := &Conditioning{rows: len(conds), dev: m.dev}
	err := m.modulate(c, conds)
	if err == nil {
		err = m.tokens(c, conds)
	}
	if err == nil {
		err = compute.Lost(m.dev)
	}
	if err != nil {
		c.Free()
		return nil, err
	}
	return c, nil
}

func (m *Model) check(c Cond) error {
	for _, s := range c.shares() {
		if s.Label < 0 || s.Label > m.NullClass() {
			return fmt.Errorf("dit: label %d, allowed 0 to %d", s.Label, m.NullClass())
		}
	}
	for _, t := range []float32{c.T, c.R, c.T - c.R, c.TMin, c.TMax} {
		if !(t > -MaxTime && t < MaxTime) {
			return fmt.Errorf("dit: time %v, allowed within ±%d", t, MaxTime)
		}
	}
	if m.cfg.GuidanceInput() && !(c.Omega > 0) {
		return fmt.Errorf("dit: guidance %v, allowed above 0", c.Omega)
	}
	return nil
}

// modulate computes the modulation vectors: the AdaLN heads applied to
// SiLU(t_embedder(t) + y_embedder(label)) (models.py: DiT.forward, DiTBlock).
func (m *Model) modulate(c *Conditioning, conds []Cond) error {
	if m.cfg.Modulation == StaticModulation {
		return nil
	}
	d := m.cfg.HiddenSize
	act, err := m.embed(conds, 0, m.cfg.TimesStart == 0)
	if err != nil {
		return err
	}
	defer func() { m.dev.Free(act) }()
	head := func(l compute.Linear, width int) (compute.F32, error) {
		v, err := m.dev.Alloc(c.rows * width)
		if err == nil {
			m.dev.Linear(v, act, c.rows, l, compute.NoActivation)
		}
		return v, err
	}
	another := func(k int, second bool) error {
		m.dev.Free(act)
		act, err = m.embed(conds, k, second)
		return err
	}
	for i, b := range m.blocks {
		if i > 0 && (m.cfg.BlockEmbedders || i == m.cfg.TimesStart) {
			if err := another(i%len(m.embedders), true); err != nil {
				return err
			}
		}
		v, err := head(b.adaLN, 6*d)
		if err != nil {
			return err
		}
		c.blocks = append(c.blocks, v)
	}
	if m.cfg.BlockEmbedders || m.cfg.Times == TimesSplit && m.cfg.TimesStart == m.cfg.Depth {
		if err := another(0, true); err != nil {
			return err
		}
	}
	c.final, err = head(m.final.adaLN, 2*d)
	return err
}

// embed computes SiLU(t_embedder(t) + y_embedder(label)), [rows, D], with embedders
// k. For TimesSum r_embedder(t - r) is added; for TimesSplit second asks for the
// vector of r in place of t.
func (m *Model) embed(conds []Cond, k int, second bool) (compute.F32, error) {
	rows, d := len(conds), m.cfg.HiddenSize
	e := &m.embedders[k]
	c, err := m.times(&e.t, conds, func(c Cond) float32 {
		if second && m.cfg.Times == TimesSplit {
			return c.R
		}
		return c.T
	})
	if err != nil {
		return compute.F32{}, err
	}
	if m.cfg.Times == TimesSum { // (SoFlow, dit.py: DiT.forward)
		r, err := m.times(&m.context.r, conds, func(c Cond) float32 { return c.T - c.R })
		if err != nil {
			return compute.F32{}, err
		}
		for i, v := range r {
			c[i] = c[i] + v
		}
	}
	y := make([]float32, d)
	for i, cond := range conds {
		e.label(y, cond)
		for j, v := range c[i*d : (i+1)*d] {
			c[i*d+j] = compute.SiLU(v + y[j])
		}
	}
	out, err := m.dev.Alloc(rows * d)
	if err == nil {
		m.dev.Write(out, c)
	}
	return out, err
}

// label writes the embedding of a class, or of a mix of them, to y [D].
func (e *embedder) label(y []float32, cond Cond) {
	d := len(y)
	if cond.Mix == nil {
		copy(y, e.table[cond.Label*d:])
		return
	}
	clear(y)
	for _, s := range cond.Mix {
		for j, v := range e.table[s.Label*d : (s.Label+1)*d] {
			y[j] = y[j] + float32(s.Weight*v)
		}
	}
}

// times computes an embedder of a value of each Cond, [rows, D], in Go's memory.
func (m *Model) times(e *timestepEmbedder, conds []Cond, value func(Cond) float32) ([]float32, error) {
	rows, d := len(conds), m.cfg.HiddenSize
	freq := make([]float32, rows*FreqDim)
	for i, c := range conds {
		TimestepEmbedding(freq[i*FreqDim:(i+1)*FreqDim], value(c), m.cfg.FreqShift)
	}
	var bufs [3]compute.F32
	for i, n := range []int{rows * FreqDim, rows * d, rows * d} {
		b, err := m.dev.Alloc(n)
		if err != nil {
			return nil, err
		}
		defer m.dev.Free(b)
		bufs[i] = b
	}
	in, hidden, out := bufs[0], bufs[1], bufs[2]
	m.dev.Write(in, freq)
	m.dev.Linear(hidden, in, rows, e.mlp0, compute.WithSiLU)
	m.dev.Linear(out, hidden, rows, e.mlp2, compute.NoActivation)
	v := make([]float32, rows*d)
	m.dev.Read(v, out)
	return v, nil
}

// tokens computes the context tokens: each its own parameter and the embedding of its
// kind (JiT, model_jit.py: in_context_posemb; iMF, imfDiT.py: 339-350).
func (m *Model) tokens(c *Conditioning, conds []Cond) error {
	n, d, x := m.cfg.Context, m.cfg.HiddenSize, &m.context
	if n.Len() == 0 {
		return nil
	}
	tokens := make([]float32, 0, c.rows*n.Len()*d)
	for range conds {
		tokens = append(tokens, x.tokens...)
	}
	first := 0
	add := func(count int, row int, v []float32) {
		for k := first; k < first+count; k++ {
			t := tokens[(row*n.Len()+k)*d:]
			for j, w := range v {
				t[j] = t[j] + w
			}
		}
	}
	y := make([]float32, d)
	for row, cond := range conds {
		m.embedders[0].label(y, cond)
		add(n.Class, row, y)
	}
	first += n.Class
	for _, k := range []struct {
		count int
		e     *timestepEmbedder
		value func(Cond) float32
	}{
		{n.Omega, &x.omega, func(c Cond) float32 { return 1 - 1/c.Omega }},
		{n.TMin, &x.tMin, func(c Cond) float32 { return c.TMin }},
		{n.TMax, &x.tMax, func(c Cond) float32 { return c.TMax }},
		{n.Time, &m.embedders[0].t, func(c Cond) float32 { return c.T - c.R }},
	} {
		if k.count == 0 {
			continue
		}
		v, err := m.times(k.e, conds, k.value)
		if err != nil {
			return err
		}
		for row := range conds {
			add(k.count, row, v[row*d:(row+1)*d])
		}
		first += k.count
	}
	var err error
	if c.context, err = m.dev.Alloc(len(tokens)); err == nil {
		m.dev.Write(c.context, tokens)
	}
	return err
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
