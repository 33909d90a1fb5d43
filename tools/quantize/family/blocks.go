package family

import (
	"fmt"
	"strings"

	"dit8/core/dit"
)

// blocks takes the blocks of networks that keep DiT's names but for the weights of
// their norms, "" for none, which are folded into the heads; a gated MLP w12, the gate
// first, and w3; and heads without shifts.
func (t *taker) blocks(cfg dit.Config, norm1, norm2 string) {
	for i := range cfg.Depth {
		b := fmt.Sprintf("blocks.%d.", i)
		head := b + "adaLN_modulation.1"
		scale1, scale2, take := 1, 4, t.head
		if w, ok := t.c.Lookup(head + ".weight"); ok && outputs(w) == 4*cfg.HiddenSize {
			scale1, scale2, take = 1, 4, t.shiftless
		}
		norms := make(map[int]string)
		if norm1 != "" {
			norms[scale1], norms[scale2] = b+norm1, b+norm2
		}
		take(head, head, norms)
		if cfg.MLP == dit.SwiGLU {
			t.split(b+"mlp.w12", b+"mlp.w1", b+"mlp.w3")
			t.linear(b+"mlp.w2", b+"mlp.w3")
		}
	}
}

// embedder takes a timestep embedder.
func (t *taker) embedder(to, from string) {
	t.linear(to+".mlp.0", from+".mlp.0")
	t.linear(to+".mlp.2", from+".mlp.2")
}

// renamed takes all tensors of a prefix under another one.
func (t *taker) renamed(from, to string) {
	for _, x := range t.c.Tensors {
		if rest, ok := strings.CutPrefix(x.Name, from); ok {
			t.same(to+rest, x.Name)
		}
	}
}

// headsOf is the number of heads that a table of head_dim columns shows, 0 where it's
// missing.
func (t *taker) headsOf(cfg dit.Config, table string) int {
	x, ok := t.c.Lookup(table)
	if !ok || len(x.Shape) == 0 {
		return 0
	}
	dim := x.Shape[len(x.Shape)-1]
	if dim < 1 || cfg.HiddenSize%dim != 0 {
		t.fail("tensor %s: shape is %v, its last dimension does not divide hidden_size %d", table, x.Shape, cfg.HiddenSize)
		return 0
	}
	return cfg.HiddenSize / dim
}

// count is the number of vectors of a tensor that must be there.
func (t *taker) count(name string) int {
	x, ok := t.c.Lookup(name)
	if !ok {
		t.fail("tensor %s is missing", name)
		return 0
	}
	n, _, err := vectors(x)
	if err != nil {
		t.fail("%w", err)
	}
	return n
}
