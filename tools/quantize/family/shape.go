package family

import (
	"strconv"
	"strings"

	"dit8/core/dit"
	"dit8/tools/quantize/checkpoint"
)

// depth is one more than the highest index of the blocks whose names have a prefix.
func depth(c *checkpoint.Checkpoint, prefix string) (n int) {
	for _, t := range c.Tensors {
		rest, ok := strings.CutPrefix(t.Name, prefix)
		index, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(index); ok && err == nil && i >= 0 && i < dit.MaxDepth {
			n = max(n, i+1)
		}
	}
	return n
}

// parts are the names of the tensors that show a network's shape.
type parts struct{ patch, pos, table, mlp, final string }

// shape reads the network's shape off the shapes of its tensors: everything but the
// number of heads.
func (t *taker) shape(p parts, depth int) (c dit.Config) {
	patch := t.dims(p.patch, 4) // [D, C, p, p]
	pos := t.dims(p.pos, 3)     // [1, T, D]
	table := t.dims(p.table, 2) // [classes+1, D]
	final := t.dims(p.final, 2) // [p·p·C, D]
	if depth == 0 {
		t.fail("no blocks.0.* tensors: this is no %s with the official parameter names", t.what)
	}
	mlp := t.dims(p.mlp, 2) // [F, D]
	if t.err != nil {
		return c
	}
	c = dit.Config{HiddenSize: patch[0], InChannels: patch[1], PatchSize: patch[2], NumClasses: table[0] - 1, Depth: depth, MLPHidden: mlp[0]}
	side := t.side(p.pos, pos[1])
	switch {
	case c.PatchSize < 1 || c.PatchSize > dit.MaxPatchSize || c.InChannels < 1 || c.InChannels > dit.MaxChannels:
		t.fail("tensor %s: shape %v, allowed are 1 to %d channels and patches of 1 to %d", p.patch, patch, dit.MaxChannels, dit.MaxPatchSize)
	case c.NumClasses < 1:
		t.fail("tensor %s: %d rows, at least a class and the null class are needed (-no-null-class if there is none)", p.table, table[0])
	}
	c.InputSize = side * c.PatchSize
	switch one := c.PatchSize * c.PatchSize * c.InChannels; final[0] {
	case one:
	case 2 * one:
		c.LearnSigma = true
	default:
		t.fail("tensor %s: %d rows, expected %d (p·p·C) or %d (with a variance)", p.final, final[0], one, 2*one)
	}
	return c
}

// side is that of a square grid of so many tokens.
func (t *taker) side(pos string, tokens int) (side int) {
	for side*side < tokens && side < dit.MaxInputSize {
		side++
	}
	if side*side != tokens || side == 0 {
		t.fail("tensor %s: %d tokens are not a square grid of up to %d×%[3]d", pos, tokens, dit.MaxInputSize)
	}
	return side
}

// dims is the shape of a tensor that must be there and have n dimensions; zeros after
// a mistake.
func (t *taker) dims(name string, n int) []int {
	switch x, ok := t.find(name); {
	case !ok:
		t.fail("tensor %s is missing: this is no %s with the official parameter names", name, t.what)
	case len(x.Shape) != n:
		t.fail("tensor %s: shape %v has %d dimensions, expected %d", name, x.Shape, len(x.Shape), n)
	default:
		return x.Shape
	}
	return make([]int, n)
}
