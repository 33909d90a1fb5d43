package dit

import (
	"fmt"

	"dit8/core/compute"
)

// pass is one forward pass.
type pass struct {
	*Model
	n, tokens int           // images, and tokens of each: T, or L+T behind context tokens
	c         *Conditioning // rows [at, at+groups)
	at        int
	groups    int
}

// Forward runs the network on n images x [n, C, H, W] and writes its prediction
// to out [n, Cout, H, W]. The images fall into groups of n/groups consecutive
// ones; group g is conditioned by row at+g of c. It fails with compute.ErrLost where the
// device was lost. (models.py: DiT.forward)
func (m *Model) Forward(out, x []float32, n int, c *Conditioning, at, groups int) error {
	cfg := m.cfg
	if n < 1 || groups < 1 || n%groups != 0 || at < 0 || at+groups > c.rows {
		return fmt.Errorf("dit: %d images in %d groups from row %d of %d", n, groups, at, c.rows)
	}
	if len(x) != n*cfg.ImageLen() || len(out) != n*cfg.outLen() {
		return fmt.Errorf("dit: forward of %d images: %d values in, %d out", n, len(x), len(out))
	}
	if err := m.reserve(n); err != nil {
		return err
	}
	p := &pass{m, n, cfg.Tokens(), c, at, groups}
	p.embed(x) // x_embedder + pos_embed        [N·T, D]
	for i := range m.blocks {
		if i == cfg.Context.Start {
			p.prepend() // context tokens       [N·(L+T), D]
		}
		p.block(i)
	}
	p.cut()      //                             [N·T, D]
	p.final(out) // final_layer, unpatchify     [N, Cout, H, W]
	return compute.Lost(m.dev)
}

func (p *pass) embed(x []float32) {
	s := p.image(p.cfg.InChannels)
	img := p.work.img.Slice(0, s.Len())
	p.dev.Write(img, x)
	p.dev.PatchEmbed(p.rows(p.work.x, p.cfg.HiddenSize), img, s, p.patch, p.pos)
}

// prepend puts each image's context tokens in front of its own.
func (p *pass) prepend() {
	l, t, d := p.cfg.Context.Len(), p.cfg.Tokens(), p.cfg.HiddenSize
	if l == 0 {
		return
	}
	image := p.rows(p.work.h, d)
	p.dev.Copy(image, p.rows(p.work.x, d))
	p.tokens += l
	for i := range p.n {
		row := p.at + i*p.groups/p.n
		to := p.work.x.Slice(i*p.tokens*d, (i+1)*p.tokens*d)
		p.dev.Copy(to.Slice(0, l*d), p.c.context.Slice(row*l*d, (row+1)*l*d))
		p.dev.Copy(to.Slice(l*d, to.Len), image.Slice(i*t*d, (i+1)*t*d))
	}
}

// cut leaves the image's tokens.
func (p *pass) cut() {
	l, t, d := p.cfg.Context.Len(), p.cfg.Tokens(), p.cfg.HiddenSize
	if l == 0 {
		return
	}
	for i := range p.n {
		p.dev.Copy(p.work.h.Slice(i*t*d, (i+1)*t*d), p.work.x.Slice((i*p.tokens+l)*d, (i+1)*p.tokens*d))
	}
	p.tokens = t
	p.dev.Copy(p.rows(p.work.x, d), p.rows(p.work.h, d))
}

// block … (models.py: DiTBlock.forward)
func (p *pass) block(i int) {
	b, d, f, n := &p.blocks[i], p.cfg.HiddenSize, p.cfg.MLPHidden, p.n*p.tokens
	shiftMSA, scaleMSA, gateMSA, shiftMLP, scaleMLP, gateMLP := p.adaLN(i)
	x, h := p.rows(p.work.x, d), p.rows(p.work.h, d)
	qkv, hidden := p.rows(p.work.wide, 3*d), p.rows(p.work.wide, f)
	// x = x + gate_msa * attn(modulate(norm1(x), shift_msa, scale_msa))
	p.dev.NormModulate(h, x, n, d, p.cfg.norm(), shiftMSA, scaleMSA)
	p.dev.Linear(qkv, h, n, b.qkv, compute.NoActivation) // [N·T, 3D]
	heads := compute.Heads{N: p.n, Tokens: p.tokens, Heads: p.cfg.NumHeads, Dim: p.cfg.headDim(), Int8: b.qkv.Int8()}
	if p.rope.Len > 0 { // q_norm, k_norm, rope
		all := p.rope.Len / heads.Dim // the last are the image's
		p.dev.NormRotate(qkv, heads, b.qNorm, b.kNorm, p.rope.Slice((all-p.tokens)*heads.Dim, p.rope.Len))
	}
	p.dev.Attention(h, qkv, heads)
	p.dev.LinearGate(x, h, n, b.proj, gateMSA)
	// x = x + gate_mlp * mlp(modulate(norm2(x), shift_mlp, scale_mlp))
	p.dev.NormModulate(h, x, n, d, p.cfg.norm(), shiftMLP, scaleMLP)
	if p.cfg.MLP == SwiGLU {
		p.dev.LinearSwiGLU(hidden, h, n, b.w1, b.w3) // [N·T, F]
		p.dev.LinearGate(x, hidden, n, b.w2, gateMLP)
		return
	}
	p.dev.Linear(hidden, h, n, b.fc1, compute.WithGELU) // [N·T, F]
	p.dev.LinearGate(x, hidden, n, b.fc2, gateMLP)
}

// final … (models.py: FinalLayer.forward, unpatchify)
func (p *pass) final(out []float32) {
	d, n := p.cfg.HiddenSize, p.n*p.tokens
	x, h, last := p.rows(p.work.x, d), p.rows(p.work.h, d), p.rows(p.work.outRows, p.finalLinear.Out())
	v := p.vectors(p.Model.final, p.c.final, 2)
	p.dev.NormModulate(h, x, n, d, p.cfg.norm(), v(0), v(1))
	p.dev.Linear(last, h, n, p.finalLinear, compute.NoActivation) // [N·T, P·P·Cout]
	s := p.image(p.cfg.OutChannels())
	img := p.work.out.Slice(0, s.Len())
	p.dev.Unpatchify(img, last, s)
	p.dev.Read(out, img)
}

func (p *pass) image(channels int) compute.Image {
	return compute.Image{N: p.n, C: channels, H: p.cfg.InputSize, W: p.cfg.InputSize, P: p.cfg.PatchSize}
}

// rows are those of the tokens in a buffer, each so wide.
func (p *pass) rows(f compute.F32, width int) compute.F32 { return f.Slice(0, p.n*p.tokens*width) }

// adaLN is what modulates block i.
func (p *pass) adaLN(i int) (shiftMSA, scaleMSA, gateMSA, shiftMLP, scaleMLP, gateMLP compute.PerGroup) {
	var computed compute.F32
	if p.c.blocks != nil {
		computed = p.c.blocks[i]
	}
	v := p.vectors(p.blocks[i].modulator, computed, 6)
	return v(0), v(1), v(2), v(3), v(4), v(5)
}

// vectors gives the parts of the modulation's rows, count of them.
func (p *pass) vectors(m modulator, computed compute.F32, count int) func(part int) compute.PerGroup {
	d, at, v := p.cfg.HiddenSize, p.at*count, computed
	stride := count * d
	if p.cfg.Modulation == StaticModulation {
		at, v, stride = 0, m.static, 0 // one row for all groups
	}
	return func(part int) compute.PerGroup {
		return compute.PerGroup{V: v.Slice((at+part)*d, v.Len), Stride: stride, Rows: p.n * p.tokens / p.groups}
	}
}
