package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dit8/core/dit"
	"dit8/tools/quantize/checkpoint"
)

// inferConfig reads the network's shape off the shapes of its tensors: everything
// but the number of heads.
func inferConfig(in *checkpoint.Checkpoint) (c dit.Config, err error) {
	if err := foreign(in); err != nil {
		return c, err
	}
	dims := func(name string, n int) []int {
		t, ok := in.Lookup(name)
		switch {
		case err != nil:
		case !ok:
			err = fmt.Errorf("tensor %s is missing: this is no DiT or SiT with the official parameter names", name)
		case len(t.Shape) != n:
			err = fmt.Errorf("tensor %s: shape %v has %d dimensions, expected %d", name, t.Shape, len(t.Shape), n)
		default:
			return t.Shape
		}
		return make([]int, n)
	}
	patch := dims("x_embedder.proj.weight", 4) // [D, C, p, p]
	pos := dims("pos_embed", 3)                // [1, T, D]
	embedder := ""
	if in.Diffusers != nil && in.Diffusers.BlockEmbedders {
		embedder = "blocks.0."
	}
	table := dims(embedder+"y_embedder.embedding_table.weight", 2)
	final := dims("final_layer.linear.weight", 2)
	c = dit.Config{HiddenSize: patch[0], InChannels: patch[1], PatchSize: patch[2], NumClasses: table[0] - 1}
	if in.Diffusers != nil {
		c.FreqShift, c.BlockEmbedders = in.Diffusers.FreqShift, in.Diffusers.BlockEmbedders
	}
	if c.Depth = depth(in); err == nil && c.Depth == 0 {
		return c, fmt.Errorf("no blocks.0.* tensors: this is no DiT or SiT with the official parameter names")
	}
	c.MLPHidden = dims("blocks.0.mlp.fc1.weight", 2)[0]
	if err != nil {
		return c, err
	}
	side := 0
	for side*side < pos[1] && side < dit.MaxInputSize {
		side++
	}
	if side*side != pos[1] || side == 0 {
		return c, fmt.Errorf("tensor pos_embed: %d tokens are not a square grid of up to %d×%[2]d", pos[1], dit.MaxInputSize)
	}
	if c.PatchSize < 1 || c.PatchSize > dit.MaxPatchSize || c.InChannels < 1 || c.InChannels > dit.MaxChannels {
		return c, fmt.Errorf("tensor x_embedder.proj.weight: shape %v, allowed are 1 to %d channels and patches of 1 to %d", patch, dit.MaxChannels, dit.MaxPatchSize)
	}
	if c.NumClasses < 1 {
		return c, fmt.Errorf("tensor y_embedder.embedding_table.weight: %d rows, at least a class and the null class are needed", table[0])
	}
	c.InputSize = side * c.PatchSize
	switch one := c.PatchSize * c.PatchSize * c.InChannels; final[0] {
	case one:
	case 2 * one:
		c.LearnSigma = true
	default:
		return c, fmt.Errorf("tensor final_layer.linear.weight: %d rows, expected %d (p·p·C) or %d (with a variance)", final[0], one, 2*one)
	}
	return c, nil
}

// depth is one more than the highest index of a block.
func depth(in *checkpoint.Checkpoint) (n int) {
	for _, t := range in.Tensors {
		rest, ok := strings.CutPrefix(t.Name, "blocks.")
		index, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(index); ok && err == nil && i >= 0 && i < dit.MaxDepth {
			n = max(n, i+1)
		}
	}
	return n
}

// foreign recognises checkpoints of other networks.
func foreign(in *checkpoint.Checkpoint) error {
	for _, t := range in.Tensors {
		switch n := t.Name; {
		case strings.HasPrefix(n, "decoder."), strings.HasPrefix(n, "post_quant_conv."), strings.HasPrefix(n, "first_stage_model."):
			return fmt.Errorf("tensor %s: this is a VAE, not a Diffusion Transformer; VAEs are not supported yet", n)
		}
	}
	if len(in.Tensors) == 0 {
		return fmt.Errorf("the file has no tensors")
	}
	return nil
}

// checkTensors compares the file's tensors with what a network of this shape has.
func checkTensors(in *checkpoint.Checkpoint, cfg dit.Config) error {
	want := make(map[string]bool)
	for _, s := range cfg.Specs() {
		want[s.Name] = true
		t, ok := in.Lookup(s.Name)
		if !ok {
			return fmt.Errorf("tensor %s is missing", s.Name)
		}
		if !slices.Equal(t.Shape, s.Shape) {
			return fmt.Errorf("tensor %s: shape is %v, expected %v", s.Name, t.Shape, s.Shape)
		}
	}
	for _, t := range in.Tensors {
		if !want[t.Name] {
			return fmt.Errorf("tensor %s: unexpected, a DiT of depth %d has none of this name", t.Name, cfg.Depth)
		}
	}
	return nil
}

// official are the models of the official code by the name that it gives them
// (DiT/models.py: DiT_models, SiT/models.py: SiT_models).
var official = map[string]struct{ hidden, depth, heads int }{
	"XL": {1152, 28, 16}, "L": {1024, 24, 16}, "B": {768, 12, 12}, "S": {384, 12, 6},
}

var modelName = regexp.MustCompile(`^(DiT|SiT)-(XL|L|B|S)/([248])$`)

// named is the number of heads of an official model, which must have the shape of
// cfg.
func named(name string, cfg dit.Config) (int, error) {
	m := modelName.FindStringSubmatch(name)
	if m == nil {
		return 0, fmt.Errorf("the model's name is %.60q, known are DiT- or SiT-, then S, B, L or XL, then /2, /4 or /8", name)
	}
	o := official[m[2]]
	if patch := int(m[3][0] - '0'); o.hidden != cfg.HiddenSize || o.depth != cfg.Depth || patch != cfg.PatchSize {
		return 0, fmt.Errorf("%s has hidden_size %d, depth %d and patches of %d, the tensors show %d, %d and %d",
			name, o.hidden, o.depth, patch, cfg.HiddenSize, cfg.Depth, cfg.PatchSize)
	}
	return o.heads, nil
}

// heads decides on the number of heads, which no tensor shows. note is told where it
// is not what was asked for.
func (o options) heads(cfg dit.Config, in *checkpoint.Checkpoint, beside config, note func(string, ...any)) (n int, err error) {
	trained := in.Args["model"]
	switch {
	case o.model != "":
		if n, err = named(o.model, cfg); err == nil && o.numHeads > 0 && o.numHeads != n {
			err = fmt.Errorf("-num-heads is %d, -model %s has %d", o.numHeads, o.model, n)
		}
	case o.numHeads > 0:
		n = o.numHeads
	case in.Diffusers != nil:
		n = in.Diffusers.NumHeads
	case beside.NumHeads > 0:
		n = beside.NumHeads
		note("num_heads %d, from config.json", n)
	case modelName.MatchString(trained):
		if n, err = named(trained, cfg); err == nil {
			note("num_heads %d, as of %s, which the checkpoint says it is", n, trained)
		}
	default:
		for name, m := range official {
			if m.hidden == cfg.HiddenSize {
				n = m.heads
				note("num_heads %d, as in the official models of hidden_size %d (%s)", n, m.hidden, name)
			}
		}
		if n == 0 {
			return 0, fmt.Errorf("no tensor shows the number of attention heads: give -num-heads (hidden_size is %d)", cfg.HiddenSize)
		}
	}
	if err == nil && cfg.HiddenSize%n != 0 {
		err = fmt.Errorf("num_heads is %d, which does not divide hidden_size %d", n, cfg.HiddenSize)
	}
	return n, err
}
