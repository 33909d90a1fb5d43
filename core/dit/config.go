package dit

import (
	"fmt"

	"dit8/core/compute"
	"dit8/core/param"
)

// Config is a network's shape. The JSON names are the official code's
// (DiT/models.py: DiT.__init__), with the MLP's width in place of its ratio. It is
// comparable with ==.
type Config struct {
	InputSize  int  `json:"input_size"`      // height and width of the (latent) image
	PatchSize  int  `json:"patch_size"`      // patch edge; divides InputSize
	InChannels int  `json:"in_channels"`     // C
	HiddenSize int  `json:"hidden_size"`     // D, a multiple of NumHeads
	Depth      int  `json:"depth"`           // number of blocks
	NumHeads   int  `json:"num_heads"`       // attention heads
	MLPHidden  int  `json:"mlp_hidden_size"` // F, the width of the MLP
	NumClasses int  `json:"num_classes"`     // without the null class, whose index this is
	LearnSigma bool `json:"learn_sigma"`     // the output has 2C channels, the last C a variance

	// What diffusers' DiTTransformer2DModel does in its own way.
	FreqShift      int  `json:"freq_shift,omitempty"`      // timestep frequencies are 10000^(-i/(128-FreqShift)), 0 or 1
	BlockEmbedders bool `json:"block_embedders,omitempty"` // each block has a t_embedder and y_embedder; the final layer takes the first block's

	// Switches of later families. The zero value of each is DiT's and SiT's.
	Norm       Norm       `json:"norm,omitempty"`
	MLP        MLP        `json:"mlp,omitempty"`
	QKNorm     bool       `json:"qk_norm,omitempty"` // RMS norm of each head of q and k, with weights, before Rope (arXiv 2302.05442)
	Rope       Rope       `json:"rope,omitempty"`
	Modulation Modulation `json:"modulation,omitempty"`
	Times      Times      `json:"times,omitempty"`
	TimesStart int        `json:"times_start,omitempty"` // of TimesSplit: the first block that sees the second time
	Context    Context    `json:"context,omitzero"`
}

// Norm is how a branch normalises its input. Its weights are folded into the
// modulation.
type Norm string

// The norms.
const (
	LayerNorm Norm = ""
	RMSNorm   Norm = "rms" // without a mean (JiT, model_jit.py)
)

// MLP is the form of the blocks' second branch.
type MLP string

// The MLPs.
const (
	GELU   MLP = ""       // fc2(gelu(fc1(x)))
	SwiGLU MLP = "swiglu" // w2(silu(w1(x)) ∘ w3(x)) (arXiv 2002.05202)
)

// Rope is how q and k are rotated by position: pairs of channels that are
// neighbours, by the position times a frequency each (arXiv 2104.09864).
type Rope string

// The rotations.
const (
	NoRope       Rope = ""
	AxialRope    Rope = "axial"    // half the pairs by row, half by column; context tokens are not turned (JiT, LightningDiT, pMF)
	SequenceRope Rope = "sequence" // by the index in the sequence, context tokens included (iMF)
)

// Modulation is where shift, scale and gate come from.
type Modulation string

// The modulations.
const (
	AdaLN            Modulation = ""       // computed from time and class (DiT)
	StaticModulation Modulation = "static" // stored: the same at all times (iMF, pMF)
)

// Times says which times the network sees, and how. A network of two times predicts
// the average velocity from t to an earlier time r.
type Times string

// The forms.
const (
	TimesOne   Times = ""      // t
	TimesSplit Times = "split" // t in the blocks before TimesStart, r in the others and the final layer (DMF)
	TimesSum   Times = "sum"   // t, and t-r by r_embedder, summed (MeanFlow, SoFlow)
	TimesToken Times = "token" // t-r as context tokens (iMF, pMF)
)

// Context is the number of tokens of each kind that stand in front of the image's,
// in this order, from block Start on. Each is a parameter of its own plus the
// embedding of its kind: of the class, the guidance scale, the ends of the interval
// in which it applies, the time (JiT, model_jit.py: in_context; iMF, imfDiT.py).
type Context struct {
	Class int `json:"class,omitempty"`
	Omega int `json:"omega,omitempty"`
	TMin  int `json:"t_min,omitempty"`
	TMax  int `json:"t_max,omitempty"`
	Time  int `json:"time,omitempty"`
	Start int `json:"start,omitempty"`
}

// Len is L, the number of context tokens.
func (c Context) Len() int { return c.Class + c.Omega + c.TMin + c.TMax + c.Time }

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
	MaxTokens    = 16384 // context tokens included
	MaxContext   = 256   // context tokens of one kind
)

// Check reports the first field that is out of its range.
func (c Config) Check() error {
	for _, f := range []struct {
		name          string
		got, min, max int
	}{
		{"input_size", c.InputSize, 1, MaxInputSize},
		{"patch_size", c.PatchSize, 1, MaxPatchSize},
		{"in_channels", c.InChannels, 1, MaxChannels},
		{"hidden_size", c.HiddenSize, 1, MaxHidden},
		{"depth", c.Depth, 1, MaxDepth},
		{"num_heads", c.NumHeads, 1, MaxHeads},
		{"mlp_hidden_size", c.MLPHidden, 1, MaxMLPHidden},
		{"num_classes", c.NumClasses, 1, MaxClasses},
		{"context.class", c.Context.Class, 0, MaxContext},
		{"context.omega", c.Context.Omega, 0, MaxContext},
		{"context.t_min", c.Context.TMin, 0, MaxContext},
		{"context.t_max", c.Context.TMax, 0, MaxContext},
		{"context.time", c.Context.Time, 0, MaxContext},
		{"context.start", c.Context.Start, 0, c.Depth - 1},
		{"times_start", c.TimesStart, 0, c.Depth},
	} {
		if f.got < f.min || f.got > f.max {
			return fmt.Errorf("dit: %s is %d, allowed %d to %d", f.name, f.got, f.min, f.max)
		}
	}
	switch {
	case c.FreqShift < 0 || c.FreqShift > 1:
		return fmt.Errorf("dit: freq_shift is %d, allowed 0 (DiT, SiT) or 1 (diffusers)", c.FreqShift)
	case c.InputSize%c.PatchSize != 0:
		return fmt.Errorf("dit: input_size %d is not a multiple of patch_size %d", c.InputSize, c.PatchSize)
	case c.HiddenSize%c.NumHeads != 0:
		return fmt.Errorf("dit: hidden_size %d is not a multiple of num_heads %d", c.HiddenSize, c.NumHeads)
	case c.Context.Len()+c.Tokens() > MaxTokens:
		return fmt.Errorf("dit: %d tokens (input_size %d / patch_size %d, squared, and %d of context), allowed up to %d",
			c.Context.Len()+c.Tokens(), c.InputSize, c.PatchSize, c.Context.Len(), MaxTokens)
	}
	return c.checkSwitches()
}

// checkSwitches refuses switches that are unknown or do not go together.
func (c Config) checkSwitches() error {
	for _, s := range []struct{ name, got, other string }{
		{"norm", string(c.Norm), string(RMSNorm)},
		{"mlp", string(c.MLP), string(SwiGLU)},
		{"modulation", string(c.Modulation), string(StaticModulation)},
	} {
		if s.got != "" && s.got != s.other {
			return fmt.Errorf("dit: %s is %q, allowed %q or none", s.name, s.got, s.other)
		}
	}
	static, tokens := c.Modulation == StaticModulation, c.Times == TimesToken
	switch {
	case c.Rope != NoRope && c.Rope != AxialRope && c.Rope != SequenceRope:
		return fmt.Errorf("dit: rope is %q, allowed %q, %q or none", c.Rope, AxialRope, SequenceRope)
	case c.Rope == AxialRope && c.headDim()%4 != 0, c.Rope == SequenceRope && c.headDim()%2 != 0:
		return fmt.Errorf("dit: heads of %d channels cannot be rotated: rope %q needs a multiple of %d", c.headDim(), c.Rope, map[Rope]int{AxialRope: 4, SequenceRope: 2}[c.Rope])
	case c.Times != TimesOne && c.Times != TimesSplit && c.Times != TimesSum && !tokens:
		return fmt.Errorf("dit: times is %q, allowed %q, %q, %q or none", c.Times, TimesSplit, TimesSum, TimesToken)
	case tokens != static || tokens != (c.Context.Time > 0):
		return fmt.Errorf("dit: times %q, modulation %q and %d time tokens: time as tokens and a static modulation go together", c.Times, c.Modulation, c.Context.Time)
	case c.Times != TimesSplit && c.TimesStart != 0:
		return fmt.Errorf("dit: times_start is %d, allowed 0 unless times is %q", c.TimesStart, TimesSplit)
	case c.Context.Len() == 0 && c.Context.Start != 0:
		return fmt.Errorf("dit: context.start is %d without context tokens", c.Context.Start)
	case c.BlockEmbedders && (static || c.Times != TimesOne || c.Context.Len() > 0):
		return fmt.Errorf("dit: block_embedders go with one time, AdaLN and no context tokens")
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

// TwoTimes tells whether the network predicts an average velocity, from t to r.
func (c Config) TwoTimes() bool { return c.Times != TimesOne }

// GuidanceInput tells whether the guidance scale is an input of the network.
func (c Config) GuidanceInput() bool { return c.Context.Omega > 0 }

// IntervalInput tells whether the interval in which guidance applies is one.
func (c Config) IntervalInput() bool { return c.Context.TMin > 0 || c.Context.TMax > 0 }

func (c Config) headDim() int { return c.HiddenSize / c.NumHeads }

func (c Config) norm() compute.Norm {
	if c.Norm == RMSNorm {
		return compute.RMSNorm
	}
	return compute.LayerNorm
}

// FreqDim is the width of the sinusoidal timestep embedding (models.py:
// frequency_embedding_size).
const FreqDim = 256

// Specs lists every tensor that the network c has, by its official parameter
// name and in the order in which a forward pass needs them. Those of later families
// have the names of DiT for what DiT has.
func (c Config) Specs() []param.Spec { return param.Specs(newModel(nil, c).places()) }
