package dit

import "fmt"

// Config is a network's shape. The JSON names are the official code's
// (DiT/models.py: DiT.__init__), with the MLP's width in place of its ratio.
type Config struct {
	InputSize  int  `json:"input_size"`      // height and width of the (latent) image
	PatchSize  int  `json:"patch_size"`      // patch edge; divides InputSize
	InChannels int  `json:"in_channels"`     // C
	HiddenSize int  `json:"hidden_size"`     // D, a multiple of NumHeads
	Depth      int  `json:"depth"`           // number of blocks
	NumHeads   int  `json:"num_heads"`       // attention heads
	MLPHidden  int  `json:"mlp_hidden_size"` // width of fc1
	NumClasses int  `json:"num_classes"`     // without the null class, whose index this is
	LearnSigma bool `json:"learn_sigma"`     // the output has 2C channels, the last C a variance

	// What diffusers' DiTTransformer2DModel does in its own way.
	FreqShift      int  `json:"freq_shift,omitempty"`      // timestep frequencies are 10000^(-i/(128-FreqShift)), 0 or 1
	BlockEmbedders bool `json:"block_embedders,omitempty"` // each block has a t_embedder and y_embedder; the final layer takes the first block's
}

// Limits of Config. They bound what a hostile file can ask for and are several
// times the largest published model (DiT-XL/2: hidden 1152, depth 28).
const (
	MaxInputSize = 1024
	MaxPatchSize = 64
	MaxChannels  = 64
	MaxHidden    = 8192
	MaxDepth     = 128
	MaxHeads     = 128
	MaxMLPHidden = 32768
	MaxClasses   = 1 << 17
	MaxTokens    = 16384
)

// Check reports the first field that is out of its range.
func (c Config) Check() error {
	for _, f := range []struct {
		name     string
		got, max int
	}{
		{"input_size", c.InputSize, MaxInputSize},
		{"patch_size", c.PatchSize, MaxPatchSize},
		{"in_channels", c.InChannels, MaxChannels},
		{"hidden_size", c.HiddenSize, MaxHidden},
		{"depth", c.Depth, MaxDepth},
		{"num_heads", c.NumHeads, MaxHeads},
		{"mlp_hidden_size", c.MLPHidden, MaxMLPHidden},
		{"num_classes", c.NumClasses, MaxClasses},
	} {
		if f.got < 1 || f.got > f.max {
			return fmt.Errorf("dit: %s is %d, allowed 1 to %d", f.name, f.got, f.max)
		}
	}
	switch {
	case c.FreqShift < 0 || c.FreqShift > 1:
		return fmt.Errorf("dit: freq_shift is %d, allowed 0 (DiT, SiT) or 1 (diffusers)", c.FreqShift)
	case c.InputSize%c.PatchSize != 0:
		return fmt.Errorf("dit: input_size %d is not a multiple of patch_size %d", c.InputSize, c.PatchSize)
	case c.HiddenSize%c.NumHeads != 0:
		return fmt.Errorf("dit: hidden_size %d is not a multiple of num_heads %d", c.HiddenSize, c.NumHeads)
	case c.Tokens() > MaxTokens:
		return fmt.Errorf("dit: %d tokens (input_size %d / patch_size %d, squared), allowed up to %d", c.Tokens(), c.InputSize, c.PatchSize, MaxTokens)
	}
	return nil
}

// Tokens is T, the number of patches of an image.
func (c Config) Tokens() int { n := c.InputSize / c.PatchSize; return n * n }

// OutChannels is the number of channels that the network returns.
func (c Config) OutChannels() int {
	if c.LearnSigma {
		return 2 * c.InChannels
	}
	return c.InChannels
}

// ImageLen is the number of values of one input image, C·H·W.
func (c Config) ImageLen() int { return c.InChannels * c.InputSize * c.InputSize }

// FreqDim is the width of the sinusoidal timestep embedding (models.py:
// frequency_embedding_size).
const FreqDim = 256

// Role tells what a tensor is for, which decides how it may be stored.
type Role uint8

// The roles of tensors.
const (
	Bias      Role = iota // added vectors
	Embedding             // looked up or added: label table, pos_embed
	Projection
	Modulator // AdaLN heads and timestep MLP: run once per request
	Matrix    // linear layers of the blocks: run every step
)

// Spec names one tensor of a network.
type Spec struct {
	Name  string
	Shape []int
	Role  Role
}

// Len is the product of the shape.
func (s Spec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Specs lists every tensor that the network c has, by its official parameter
// name and in the order in which a forward pass needs them.
func (c Config) Specs() []Spec {
	d := c.HiddenSize
	var s []Spec
	add := func(role Role, name string, shape ...int) { s = append(s, Spec{name, shape, role}) }
	linear := func(role Role, name string, out, in int) {
		add(role, name+".weight", out, in)
		add(Bias, name+".bias", out)
	}
	add(Projection, "x_embedder.proj.weight", d, c.InChannels, c.PatchSize, c.PatchSize)
	add(Bias, "x_embedder.proj.bias", d)
	add(Embedding, "pos_embed", 1, c.Tokens(), d)
	embedders := func(prefix string) {
		linear(Modulator, prefix+"t_embedder.mlp.0", d, FreqDim)
		linear(Modulator, prefix+"t_embedder.mlp.2", d, d)
		add(Embedding, prefix+"y_embedder.embedding_table.weight", c.NumClasses+1, d)
	}
	if !c.BlockEmbedders {
		embedders("")
	}
	for i := range c.Depth {
		b := fmt.Sprintf("blocks.%d.", i)
		if c.BlockEmbedders {
			embedders(b)
		}
		linear(Modulator, b+"adaLN_modulation.1", 6*d, d)
		linear(Matrix, b+"attn.qkv", 3*d, d)
		linear(Matrix, b+"attn.proj", d, d)
		linear(Matrix, b+"mlp.fc1", c.MLPHidden, d)
		linear(Matrix, b+"mlp.fc2", d, c.MLPHidden)
	}
	linear(Modulator, "final_layer.adaLN_modulation.1", 2*d, d)
	linear(Projection, "final_layer.linear", c.PatchSize*c.PatchSize*c.OutChannels(), d)
	return s
}
