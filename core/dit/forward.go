package dit

import (
	"fmt"

	"dit8/core/compute"
)

// workspace holds the activations of a forward pass of up to n images.
type workspace struct {
	n       int
	img     compute.F32 // input images [n, C, H, W]
	out     compute.F32 // output images [n, Cout, H, W]
	x       compute.F32 // residual stream [n·T, D]
	h       compute.F32 // normalised input of a branch, attention output [n·T, D]
	wide    compute.F32 // qkv [n·T, 3D], MLP hidden [n·T, F]
	outRows compute.F32 // final layer [n·T, P·P·Cout]
}

// WorkspaceLen is the number of float32 values that a forward pass needs for
// each image of its batch.
func (c Config) WorkspaceLen() int {
	sum := 0
	for _, n := range c.workspace() {
		sum += n
	}
	return sum
}

// workspace gives the size of each field of a workspace for one image.
func (c Config) workspace() [6]int {
	pixels := c.InputSize * c.InputSize
	t, d := c.Tokens(), c.HiddenSize
	return [6]int{c.InChannels * pixels, c.OutChannels() * pixels, t * d, t * d, t * max(3*d, c.MLPHidden), c.OutChannels() * pixels}
}

func (w *workspace) buffers() [6]*compute.F32 {
	return [6]*compute.F32{&w.img, &w.out, &w.x, &w.h, &w.wide, &w.outRows}
}

func (w *workspace) free(dev compute.Device) {
	for _, b := range w.buffers() {
		dev.Free(*b)
	}
	*w = workspace{}
}

func (m *Model) reserve(n int) error {
	w := &m.work
	if n <= w.n {
		return nil
	}
	w.free(m.dev)
	for i, size := range m.cfg.workspace() {
		b, err := m.dev.Alloc(n * size)
		if err != nil {
			return err
		}
		*w.buffers()[i] = b
	}
	w.n = n
	return nil
}

// Forward runs the network on n images x [n, C, H, W] and writes its prediction
// to out [n, Cout, H, W]. The images fall into groups of n/groups consecutive
// ones; group g is modulated by row at+g of c. (models.py: DiT.forward)
func (m *Model) Forward(out, x []float32, n int, c *Conditioning, at, groups int) error {
	cfg := m.cfg
	if n < 1 || groups < 1 || n%groups != 0 || at < 0 || at+groups > c.rows {
		return fmt.Errorf("dit: %d images in %d groups from row %d of %d", n, groups, at, c.rows)
	}
	pixels := cfg.InputSize * cfg.InputSize
	if len(x) != n*cfg.InChannels*pixels || len(out) != n*cfg.OutChannels()*pixels {
		return fmt.Errorf("dit: forward of %d images: %d values in, %d out", n, len(x), len(out))
	}
	if err := m.reserve(n); err != nil {
		return err
	}
	t, d := cfg.Tokens(), cfg.HiddenSize
	rows := n * t
	cut := func(f compute.F32, width int) compute.F32 { return f.Slice(0, rows*width) }
	in := compute.Image{N: n, C: cfg.InChannels, H: cfg.InputSize, W: cfg.InputSize, P: cfg.PatchSize}
	img := m.work.img.Slice(0, in.Len())
	tokens, h := cut(m.work.x, d), cut(m.work.h, d)
	qkv, hidden := cut(m.work.wide, 3*d), cut(m.work.wide, cfg.MLPHidden)

	m.dev.Write(img, x)
	m.dev.PatchEmbed(tokens, img, in, m.patch, m.pos)
	for i := range m.blocks {
		b := &m.blocks[i]
		mod := func(chunk int) compute.PerGroup { return part(c.blocks[i], chunk, 6, d, at, rows/groups) }
		// x = x + gate_msa * attn(modulate(norm1(x), shift_msa, scale_msa))
		m.dev.NormModulate(h, tokens, rows, d, mod(0), mod(1))
		m.dev.Linear(qkv, h, rows, b.qkv, compute.NoActivation) // [N·T, 3D]
		m.dev.Attention(h, qkv, n, t, cfg.NumHeads, d/cfg.NumHeads)
		m.dev.LinearGate(tokens, h, rows, b.proj, mod(2))
		// x = x + gate_mlp * mlp(modulate(norm2(x), shift_mlp, scale_mlp))
		m.dev.NormModulate(h, tokens, rows, d, mod(3), mod(4))
		m.dev.Linear(hidden, h, rows, b.fc1, compute.WithGELU) // [N·T, F]
		m.dev.LinearGate(tokens, hidden, rows, b.fc2, mod(5))
	}
	m.dev.NormModulate(h, tokens, rows, d, part(c.final, 0, 2, d, at, rows/groups), part(c.final, 1, 2, d, at, rows/groups))
	last := cut(m.work.outRows, m.finalLinear.Out())
	m.dev.Linear(last, h, rows, m.finalLinear, compute.NoActivation) // [N·T, P·P·Cout]
	in.C = cfg.OutChannels()
	img = m.work.out.Slice(0, in.Len())
	m.dev.Unpatchify(img, last, in)
	m.dev.Read(out, img)
	return nil
}

// part is one of the vectors that a row of modulation v [rows, of·d] consists of,
// for the groups that start at row at.
func part(v compute.F32, chunk, of, d, at, rows int) compute.PerGroup {
	return compute.PerGroup{V: v.Slice((at*of+chunk)*d, v.Len), Stride: of * d, Rows: rows}
}
