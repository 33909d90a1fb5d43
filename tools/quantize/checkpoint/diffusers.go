package checkpoint

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Diffusers is what the config.json of a DiTTransformer2DModel says.
type Diffusers struct {
	NumHeads       int
	FreqShift      int  // 1: the timestep embedding of diffusers
	BlockEmbedders bool // the blocks' embedders differ
}

// diffusersConfig is config.json (diffusers: dit_transformer_2d.py).
type diffusersConfig struct {
	Class       string  `json:"_class_name"`
	NumHeads    int     `json:"num_attention_heads"`
	HeadDim     int     `json:"attention_head_dim"`
	InChannels  int     `json:"in_channels"`
	OutChannels *int    `json:"out_channels"`
	Layers      int     `json:"num_layers"`
	SampleSize  int     `json:"sample_size"`
	PatchSize   int     `json:"patch_size"`
	Classes     int     `json:"num_embeds_ada_norm"`
	Norm        string  `json:"norm_type"`
	Activation  string  `json:"activation_fn"`
	Affine      bool    `json:"norm_elementwise_affine"`
	Eps         float64 `json:"norm_eps"`
	Bias        *bool   `json:"attention_bias"`
}

// check refuses variants of the transformer that are no DiT.
func (d diffusersConfig) check() error {
	if d.Class != "DiTTransformer2DModel" && d.Class != "Transformer2DModel" {
		return fmt.Errorf("config.json: _class_name is %.60q, allowed are DiTTransformer2DModel and Transformer2DModel", d.Class)
	}
	if d.Norm != "ada_norm_zero" || d.Activation != "gelu-approximate" || d.Affine || d.Bias != nil && !*d.Bias {
		return fmt.Errorf("config.json: norm_type %.40q, activation_fn %.40q, norm_elementwise_affine %v: a DiT has ada_norm_zero, gelu-approximate, false, and an attention_bias", d.Norm, d.Activation, d.Affine)
	}
	for _, f := range []struct {
		name string
		v    int
	}{
		{"num_attention_heads", d.NumHeads}, {"attention_head_dim", d.HeadDim}, {"in_channels", d.InChannels}, {"num_layers", d.Layers},
		{"sample_size", d.SampleSize}, {"patch_size", d.PatchSize}, {"num_embeds_ada_norm", d.Classes},
	} {
		if f.v < 1 || f.v > 1<<17 {
			return fmt.Errorf("config.json: %s is %d, allowed 1 to %d", f.name, f.v, 1<<17)
		}
	}
	if d.SampleSize > 1024 || d.SampleSize%d.PatchSize != 0 || d.NumHeads*d.HeadDim > 8192 || d.NumHeads*d.HeadDim%4 != 0 {
		return fmt.Errorf("config.json: sample_size %d with patch_size %d and %d heads of %d: allowed up to 1024, a multiple, and up to 8192 in all, a multiple of 4", d.SampleSize, d.PatchSize, d.NumHeads, d.HeadDim)
	}
	return nil
}

func (c *Checkpoint) isDiffusers() bool {
	return slices.ContainsFunc(c.Tensors, func(t Tensor) bool {
		return strings.HasPrefix(t.Name, "transformer_blocks.") || strings.HasPrefix(t.Name, "pos_embed.proj.")
	})
}

// fromDiffusers gives the tensors their official names
// (diffusers: scripts/convert_dit_to_diffusers.py, the other way).
func (c *Checkpoint) fromDiffusers(o Options) error {
	var cfg diffusersConfig
	if err := ReadJSON(c.Config, &cfg); err != nil {
		return fmt.Errorf("these are diffusers' parameter names, which need the config.json beside them: %w", err)
	}
	if err := cfg.check(); err != nil {
		return err
	}
	out := &Checkpoint{byName: make(map[string]int)}
	used := make(map[string]bool)
	var err error
	take := func(name string) Tensor {
		t, ok := c.Lookup(name)
		if !ok && err == nil {
			err = fmt.Errorf("tensor %s is missing", name)
		}
		used[name] = true
		return t
	}
	add := func(name string, t Tensor) {
		t.Name = name
		out.Tensors = append(out.Tensors, t)
	}
	linear := func(official, theirs string) {
		add(official+".weight", take(theirs+".weight"))
		add(official+".bias", take(theirs+".bias"))
	}
	linear("x_embedder.proj", "pos_embed.proj")
	hidden := cfg.NumHeads * cfg.HeadDim
	add("pos_embed", posEmbed(cfg.SampleSize/cfg.PatchSize, hidden))
	embedders := func(to string, block int) {
		emb := fmt.Sprintf("transformer_blocks.%d.norm1.emb.", block)
		linear(to+"t_embedder.mlp.0", emb+"timestep_embedder.linear_1")
		linear(to+"t_embedder.mlp.2", emb+"timestep_embedder.linear_2")
		add(to+"y_embedder.embedding_table.weight", take(emb+"class_embedder.embedding_table.weight"))
	}
	own, e := c.blockEmbedders(cfg.Layers)
	if e != nil {
		return e
	}
	if !own {
		embedders("", 0)
	}
	for i := range cfg.Layers {
		to, from := fmt.Sprintf("blocks.%d.", i), fmt.Sprintf("transformer_blocks.%d.", i)
		if own {
			embedders(to, i)
		} else {
			for _, n := range embedderNames {
				used[from+n] = true
			}
		}
		linear(to+"adaLN_modulation.1", from+"norm1.linear")
		for _, part := range []string{".weight", ".bias"} {
			qkv := []Tensor{take(from + "attn1.to_q" + part), take(from + "attn1.to_k" + part), take(from + "attn1.to_v" + part)}
			if err == nil {
				add(to+"attn.qkv"+part, concat(qkv))
			}
		}
		linear(to+"attn.proj", from+"attn1.to_out.0")
		linear(to+"mlp.fc1", from+"ff.net.0.proj")
		linear(to+"mlp.fc2", from+"ff.net.2")
		if err != nil {
			return err
		}
	}
	linear("final_layer.adaLN_modulation.1", "proj_out_1")
	linear("final_layer.linear", "proj_out_2")
	if err != nil {
		return err
	}
	for _, t := range c.Tensors {
		if !used[t.Name] {
			return fmt.Errorf("tensor %s: unexpected, a DiTTransformer2DModel of %d layers has none of this name", t.Name, cfg.Layers)
		}
	}
	c.Tensors = out.Tensors
	c.Diffusers = &Diffusers{NumHeads: cfg.NumHeads, BlockEmbedders: own}
	note := "diffusers' parameter names, computed as the official code does (-numerics official)"
	if !o.Official {
		c.Diffusers.FreqShift = 1
		note = "diffusers' parameter names and timestep embedding; weights that were converted from the official ones want -numerics official"
		if cfg.Eps != 0 && cfg.Eps != 1e-6 {
			note += fmt.Sprintf(" (norm_eps is %g before the MLPs; 1e-06 is computed, which differs where a token's variance is near that)", cfg.Eps)
		}
	}
	c.Notes = append(c.Notes, note)
	return c.index()
}

var embedderNames = []string{
	"norm1.emb.timestep_embedder.linear_1.weight", "norm1.emb.timestep_embedder.linear_1.bias",
	"norm1.emb.timestep_embedder.linear_2.weight", "norm1.emb.timestep_embedder.linear_2.bias",
	"norm1.emb.class_embedder.embedding_table.weight",
}

// blockEmbedders reports whether the blocks' embedders differ: diffusers keeps a
// copy in every block, which training may have moved apart.
func (c *Checkpoint) blockEmbedders(layers int) (bool, error) {
	for _, n := range embedderNames {
		var first []float32
		for i := range layers {
			t, ok := c.Lookup(fmt.Sprintf("transformer_blocks.%d.%s", i, n))
			if !ok {
				return false, fmt.Errorf("tensor transformer_blocks.%d.%s is missing", i, n)
			}
			v, err := t.Floats()
			if err != nil {
				return false, err
			}
			if i == 0 {
				first = v
			} else if !slices.Equal(first, v) {
				return true, nil
			}
		}
	}
	return false, nil
}

// concat puts tensors below each other.
func concat(ts []Tensor) Tensor {
	shape := slices.Clone(ts[0].Shape)
	for _, t := range ts[1:] {
		if len(t.Shape) != len(shape) || len(shape) == 0 || !slices.Equal(t.Shape[1:], ts[0].Shape[1:]) {
			return ts[0] // of a shape that is refused later
		}
		shape[0] += t.Shape[0]
	}
	return Tensor{Shape: shape, Floats: func() ([]float32, error) {
		var all []float32
		for _, t := range ts {
			v, err := t.Floats()
			if err != nil {
				return nil, err
			}
			all = append(all, v...)
		}
		return all, nil
	}}
}

// posEmbed is the sine and cosine table of a side×side grid, [1, side², d], which
// diffusers' files leave out (DiT/models.py: get_2d_sincos_pos_embed): for each
// token the columns' half, then the rows', each sines, then cosines.
func posEmbed(side, d int) Tensor {
	return Tensor{Shape: []int{1, side * side, d}, Floats: func() ([]float32, error) {
		v := make([]float32, 0, side*side*d)
		for row := range side {
			for col := range side {
				for _, p := range []int{col, row} {
					for _, f := range []func(float64) float64{math.Sin, math.Cos} {
						for k := range d / 4 {
							v = append(v, float32(f(float64(p)*math.Pow(10000, -float64(k)/float64(d/4)))))
						}
					}
				}
			}
		}
		return v, nil
	}}
}
