package family

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"dit8/tools/quantize/checkpoint"
)

// Diffusers is the DiTTransformer2DModel of diffusers, which has names of its own and,
// unless its weights were converted from the official ones, a timestep embedding.
var Diffusers = Family{
	Name: "diffusers",
	Is: func(c *checkpoint.Checkpoint) bool {
		return slices.ContainsFunc(c.Tensors, func(t checkpoint.Tensor) bool {
			return strings.HasPrefix(t.Name, "transformer_blocks.") || strings.HasPrefix(t.Name, "pos_embed.proj.")
		})
	},
	Read: readDiffusers,
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

func readDiffusers(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "DiT or SiT")
	var d diffusersConfig
	if err := checkpoint.ReadJSON(c.Config, &d); err != nil {
		return Model{}, fmt.Errorf("these are diffusers' parameter names, which need the config.json beside them: %w", err)
	}
	if err := d.check(); err != nil {
		return Model{}, err
	}
	own, err := blockEmbedders(c, d.Layers)
	if err != nil {
		return Model{}, err
	}
	t.diffusers(d, own)
	t.done(fmt.Sprintf("a DiTTransformer2DModel of %d layers", d.Layers))
	t.note("%s", d.numerics(s))
	shape := ditParts
	if own {
		shape.table = "blocks.0." + shape.table
	}
	cfg := t.shape(shape, d.Layers)
	cfg.BlockEmbedders = own
	if s.Numerics != "official" {
		cfg.FreqShift = 1
	}
	cfg.NumHeads = t.heads(cfg, ditModels, d.NumHeads)
	return t.model(cfg, t.convention(cfg))
}

// diffusers gives the tensors their official names (diffusers:
// scripts/convert_dit_to_diffusers.py, the other way). own says that the blocks keep
// their own embedders.
func (t *taker) diffusers(d diffusersConfig, own bool) {
	t.linear("x_embedder.proj", "pos_embed.proj")
	t.put("pos_embed", posEmbed(d.SampleSize/d.PatchSize, d.NumHeads*d.HeadDim), nil)
	for i := range d.Layers {
		to, from := fmt.Sprintf("blocks.%d.", i), fmt.Sprintf("transformer_blocks.%d.", i)
		switch {
		case own:
			t.diffusersEmbedders(to, from)
		case i == 0:
			t.diffusersEmbedders("", from)
		default:
			for _, n := range embedderNames {
				t.get(from + n) // a copy of the first block's
			}
		}
		t.linear(to+"adaLN_modulation.1", from+"norm1.linear")
		t.rows(to+"attn.qkv", from+"attn1.to_q", from+"attn1.to_k", from+"attn1.to_v")
		t.linear(to+"attn.proj", from+"attn1.to_out.0")
		t.linear(to+"mlp.fc1", from+"ff.net.0.proj")
		t.linear(to+"mlp.fc2", from+"ff.net.2")
	}
	t.linear("final_layer.adaLN_modulation.1", "proj_out_1")
	t.linear("final_layer.linear", "proj_out_2")
}

func (t *taker) diffusersEmbedders(to, block string) {
	t.linear(to+"t_embedder.mlp.0", block+"norm1.emb.timestep_embedder.linear_1")
	t.linear(to+"t_embedder.mlp.2", block+"norm1.emb.timestep_embedder.linear_2")
	t.same(to+"y_embedder.embedding_table.weight", block+"norm1.emb.class_embedder.embedding_table.weight")
}

// numerics says what will be computed.
func (d diffusersConfig) numerics(s Said) string {
	if s.Numerics == "official" {
		return "diffusers' parameter names, computed as the official code does (-numerics official)"
	}
	note := "diffusers' parameter names and timestep embedding; weights that were converted from the official ones want -numerics official"
	if d.Eps != 0 && d.Eps != 1e-6 {
		note += fmt.Sprintf(" (norm_eps is %g before the MLPs; 1e-06 is computed, which differs where a token's variance is near that)", d.Eps)
	}
	return note
}

var embedderNames = []string{
	"norm1.emb.timestep_embedder.linear_1.weight", "norm1.emb.timestep_embedder.linear_1.bias",
	"norm1.emb.timestep_embedder.linear_2.weight", "norm1.emb.timestep_embedder.linear_2.bias",
	"norm1.emb.class_embedder.embedding_table.weight",
}

// blockEmbedders reports whether the blocks' embedders differ: diffusers keeps a
// copy in every block, which training may have moved apart.
func blockEmbedders(c *checkpoint.Checkpoint, layers int) (bool, error) {
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

// posEmbed is the sine and cosine table of a side×side grid, [1, side², d], which
// diffusers' files leave out (DiT/models.py: get_2d_sincos_pos_embed): for each
// token the columns' half, then the rows', each sines, then cosines.
func posEmbed(side, d int) tensor {
	return tensor{Name: "pos_embed", Shape: []int{1, side * side, d}, Floats: func() ([]float32, error) {
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
