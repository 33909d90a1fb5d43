package autoencoder

import (
	"context"
	"fmt"

	"dit8/core/compute"
)

// A pass runs steps over three buffers: one has the picture, the others are for what
// becomes of it. Steps are listed first, so that the buffers are made once, and no
// larger than they have to be.

// step is one of a pass.
type step struct {
	h, w, c int   // of the picture after it
	need    int   // values of the second buffer
	third   int   // of the third
	wide    int   // of the picture's own buffer, where more than the picture before and after it
	swap    bool  // whether the result is in the second
	work    int64 // multiply-adds
	run     func(p *pass)
}

// plan is a pass, made from the picture that it begins with.
type plan struct {
	h, w, c int
	steps   []step
}

// add adds a step that makes a picture of this size in the second buffer, or in place.
func (l *plan) add(s step) {
	l.h, l.w, l.c = s.h, s.w, s.c
	l.steps = append(l.steps, s)
}

// convolve adds a convolution, with doubling or halving.
func (l *plan) convolve(out compute.ConvWeights, o convOptions) {
	h, w := l.h, l.w
	if o.up {
		h, w = 2*h, 2*w
	}
	h, w = out.Size(h), out.Size(w)
	l.add(step{h: h, w: w, c: out.Out, need: h * w * out.Out, swap: true, work: int64(h*w*out.Out) * int64(9*l.c), run: func(p *pass) {
		to := p.second(h * w * out.Out)
		in := compute.ConvInput{X: p.picture(), H: p.h, W: p.w, Up: o.up}
		if o.norm != nil {
			in.Norm = p.groupNorm(*o.norm)
		}
		p.dev.Conv(compute.ConvOutput{Dst: to, ReLU: o.relu}, in, *o.conv)
	}})
}

// convOptions are of a convolution. What it points to is filled when the pass runs.
type convOptions struct {
	conv     *compute.Conv
	norm     *norm
	up, relu bool
}

// linear adds a 1×1 convolution.
func (l *plan) linear(w *compute.Linear, out int) {
	n := l.h * l.w
	l.add(step{h: l.h, w: l.w, c: out, need: n * out, swap: true, work: int64(n*out) * int64(l.c), run: func(p *pass) {
		p.dev.Linear(p.second(n*out), p.picture(), n, *w, compute.NoActivation)
	}})
}

// resnet adds one: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x)))))). (diffusers,
// resnet.py: ResnetBlock2D)
func (l *plan) resnet(r *resnet) {
	n, h, w := l.h*l.w, l.h, l.w
	work, band := int64(n*r.out)*int64(9*r.in+9*r.out), 0
	if r.in != r.out {
		band = min(n, bandRows) * r.out
	}
	l.add(step{h: h, w: w, c: r.out, need: n * r.out, third: band, wide: n * max(r.in, r.out), work: work, run: func(p *pass) {
		hidden := p.second(n * r.out)
		p.dev.Conv(compute.ConvOutput{Dst: hidden}, compute.ConvInput{X: p.picture(), H: h, W: w, Norm: p.groupNorm(r.norm1)}, r.conv1)
		if r.shortcut != nil {
			p.shortcut(r)
		}
		x := p.buffer(0).Slice(0, n*r.out)
		p.dev.Conv(compute.ConvOutput{Dst: x, Residual: x}, compute.ConvInput{X: hidden, H: h, W: w, Norm: p.groupNorm(r.norm2)}, r.conv2)
	}})
}

// bandRows is how many pixels a shortcut computes at a time.
const bandRows = 1024

// shortcut computes a 1×1 convolution in place, by bands: from the first where rows get
// narrower, else from the last, so that none is overwritten before it was read.
func (p *pass) shortcut(r *resnet) {
	n := p.h * p.w
	x, band := p.buffer(0), p.buffer(2)
	bands := (n + bandRows - 1) / bandRows
	for i := range bands {
		if r.out > r.in {
			i = bands - 1 - i
		}
		from, to := i*bandRows, min(n, (i+1)*bandRows)
		y := band.Slice(0, (to-from)*r.out)
		p.dev.Linear(y, x.Slice(from*r.in, to*r.in), to-from, r.shortcut, compute.NoActivation)
		p.dev.Copy(x.Slice(from*r.out, to*r.out), y)
	}
}

// attention adds one over all pixels, with one head: x + out(attention(norm(x))).
// (diffusers, attention_processor.py: Attention)
func (l *plan) attention(a *attention) {
	n, c := l.h*l.w, l.c
	work := int64(n) * int64(c) * int64(4*c+2*n)
	l.add(step{h: l.h, w: l.w, c: c, need: n * c, third: 3 * n * c, work: work, run: func(p *pass) {
		x, h, qkv := p.picture(), p.second(n*c), p.buffer(2).Slice(0, 3*n*c)
		p.dev.GroupNorm(h, x, p.h, p.w, p.groupNorm(a.norm))
		p.dev.Linear(qkv, h, n, a.qkv, compute.NoActivation)
		p.dev.Attention(h, qkv, compute.Heads{N: 1, Tokens: n, Heads: 1, Dim: c})
		p.dev.LinearGate(x, h, n, a.out, compute.PerGroup{V: p.ones, Rows: n})
	}})
}

// work is all multiply-adds.
func (l *plan) work() (n int64) {
	for _, s := range l.steps {
		n += s.work
	}
	return n
}

// sizes are those of the buffers, h, w and c being of the picture that the pass begins
// with. The first has it.
func (l *plan) sizes(h, w, c int) (n [3]int) {
	own := 0
	n[own] = h * w * c
	for _, s := range l.steps {
		n[own] = max(n[own], s.wide)
		n[1-own] = max(n[1-own], s.need)
		n[2] = max(n[2], s.third)
		if s.swap {
			own = 1 - own
		}
	}
	return n
}

// workspace are the buffers.
type workspace [3]compute.F32

// pass is a plan on its way.
type pass struct {
	*Model
	own     int // which buffer has the picture
	h, w, c int
}

// buffer is the picture's own, the second or the third.
func (p *pass) buffer(i int) compute.F32 {
	if i == 2 {
		return p.work[2]
	}
	return p.work[p.own^i]
}

func (p *pass) picture() compute.F32     { return p.buffer(0).Slice(0, p.h*p.w*p.c) }
func (p *pass) second(n int) compute.F32 { return p.buffer(1).Slice(0, n) }

func (p *pass) groupNorm(n norm) compute.GroupNorm {
	return compute.GroupNorm{Groups: p.cfg.Groups, Weight: n.weight, Bias: n.bias}
}

// run runs a plan on a picture [C, H, W] and writes what comes of it to out. see, where
// it's not nil, is told after each step how much of the work is done. It ends with
// ctx's error within one step of ctx's end, and with compute.ErrLost where the device was lost.
func (m *Model) run(ctx context.Context, l *plan, out, in []float32, h, w, c int, see func(done float64)) error {
	if err := m.reserve(l.sizes(h, w, c)); err != nil {
		return err
	}
	p := &pass{Model: m, h: h, w: w, c: c}
	m.dev.Write(p.picture(), rows(in, c))
	done, all := int64(0), max(1, l.work())
	for _, s := range l.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.run(p)
		if s.swap {
			p.own = 1 - p.own
		}
		p.h, p.w, p.c = s.h, s.w, s.c
		if done += s.work; see != nil {
			see(float64(done) / float64(all))
		}
	}
	values := make([]float32, len(out))
	m.dev.Read(values, p.picture())
	planes(out, values, p.c)
	return compute.Lost(m.dev)
}

// reserve makes the buffers at least so large.
func (m *Model) reserve(sizes [3]int) (err error) {
	for i, n := range sizes {
		if m.work[i].Len < n {
			m.dev.Free(m.work[i])
			m.work[i] = compute.F32{}
			if m.work[i], err = m.dev.Alloc(n); err != nil {
				return fmt.Errorf("autoencoder: %w", err)
			}
		}
	}
	if m.ones.Len > 0 {
		return nil
	}
	ones := make([]float32, m.cfg.Widest())
	for i := range ones {
		ones[i] = 1
	}
	if m.ones, err = m.dev.Alloc(len(ones)); err != nil {
		return fmt.Errorf("autoencoder: %w", err)
	}
	m.dev.Write(m.ones, ones)
	return nil
}

// Release gives back the memory that pictures take, until the next one.
func (m *Model) Release() {
	for i, b := range m.work {
		m.dev.Free(b)
		m.work[i] = compute.F32{}
	}
	m.dev.Free(m.ones)
	m.ones = compute.F32{}
}

// Widest is the largest number of channels.
func (c Config) Widest() (n int) {
	halves := []Half{c.Decoder}
	if c.Encoder != nil {
		halves = append(halves, *c.Encoder)
	}
	for _, h := range halves {
		for _, channels := range h.Channels {
			n = max(n, channels)
		}
	}
	return n
}

// rows brings planes [C, N] to rows [N, C].
func rows(planes []float32, c int) []float32 {
	v, n := make([]float32, len(planes)), len(planes)/c
	for i := range n {
		for k := range c {
			v[i*c+k] = planes[k*n+i]
		}
	}
	return v
}

// planes is rows undone.
func planes(dst, rows []float32, c int) {
	n := len(rows) / c
	for i := range n {
		for k := range c {
			dst[k*n+i] = rows[i*c+k]
		}
	}
}
