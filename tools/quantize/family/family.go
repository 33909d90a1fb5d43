// Package family knows the networks that people publish, a file for each: how to
// recognise one, to read what it is like off its tensors, and to bring these to the
// names and forms that core/dit has, by folds that are exact.
package family

import (
	"fmt"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/checkpoint/torchfile"
)

// Family is a kind of network.
type Family struct {
	Name     string
	Prefix   string // of its official models' names
	ImageNet bool   // what is published of it is trained on ImageNet
	// Is recognises a checkpoint by the names and shapes of its tensors, and by what
	// it says of its training.
	Is func(*checkpoint.Checkpoint) bool
	// Read reads one. What it has noted it returns with an error too.
	Read func(*checkpoint.Checkpoint, Said) (Model, error)
}

// All are the families. A checkpoint is of one of them at most.
var All = []Family{AutoencoderKL, TAESD, Diffusers, JiT, LightningDiT, REPA, DMF, SoFlow, IMF, PMF, SiT, DiT}

// Model is a network as core/dit has it, or an autoencoder as core/autoencoder has it.
type Model struct {
	Network    *dit.Config // nil of an autoencoder
	Convention flow.Convention
	Defaults   core.Defaults // of the published sampler; without steps, none
	StepCounts []int         // of networks of few steps
	Latents    core.Latents
	ImageNet   bool // its classes are ImageNet's
	// Autoencoder is nil of a network.
	Autoencoder *core.Autoencoder
	Specs       []param.Spec // in the order of use
	// Tensor computes a tensor in float32, also for several goroutines at a time.
	Tensor func(name string) (param.Tensor, error)
	Notes  []string // what was assumed
}

// Read reads a checkpoint of the family that was said, or else of the one that it is
// recognised as. One of none is taken for a DiT, to say what it lacks.
func Read(c *checkpoint.Checkpoint, s Said) (Model, error) {
	if err := foreign(c); err != nil {
		return Model{}, err
	}
	if err := rooted(c); err != nil {
		return Model{}, err
	}
	f, note, err := find(c, s)
	if err != nil {
		return Model{}, err
	}
	if s.Numerics != "" && f.Name != Diffusers.Name {
		return Model{}, fmt.Errorf("-numerics is for diffusers' folders, these are the official parameter names")
	}
	noNull := withoutNull(c, &s)
	m, err := f.Read(c, s)
	if err == nil {
		err = m.agrees(f, s.Convention)
	}
	m.Convention.NoNullClass = noNull
	if note != "" {
		m.Notes = append([]string{note}, m.Notes...)
	}
	m.ImageNet = f.ImageNet
	return m, err
}

// plain tells whether the family leaves open what its networks predict.
func (f Family) plain() bool {
	return f.Name == DiT.Name || f.Name == SiT.Name || f.Name == Diffusers.Name
}

// agrees refuses a convention that is not that of a family whose own is known.
func (m Model) agrees(f Family, said string) error {
	c, own := conventions[said], m.Convention
	if said == "" || f.plain() || c.Prediction == own.Prediction && c.Clock == own.Clock && !own.Average {
		return nil
	}
	return fmt.Errorf("-convention %s, but what a %s predicts is known: %s on the %s clock; leave the flag out", said, f.Name, own.Prediction, own.Clock)
}

// Names are those of all families.
func Names() (names []string) {
	for _, f := range All {
		names = append(names, f.Name)
	}
	return names
}

// find decides on a family: the one that was said, by its name or by that of one of its
// models, else the one that the tensors and the arguments of the training show, else
// the one that the file's name has in it, as a note then says.
func find(c *checkpoint.Checkpoint, s Said) (f Family, note string, err error) {
	for _, f := range All {
		if f.Name == s.Family {
			return f, "", nil
		}
	}
	if s.Family != "" {
		return f, "", fmt.Errorf("the family is %.40q, known are %s", s.Family, strings.Join(Names(), ", "))
	}
	for _, f := range All {
		if f.Prefix != "" && strings.HasPrefix(s.Model, f.Prefix) {
			return f, "", nil
		}
	}
	for _, f := range All {
		if f.Is(c) && f.Name != DiT.Name {
			return f, fmt.Sprintf("family %s, as its tensors or the training's arguments show", f.Name), nil
		}
	}
	for _, f := range []Family{REPA, DMF} { // whose tensors may be a DiT's
		if isDiT(c) && s.Convention == "" && strings.Contains(strings.ToLower(s.File), f.Name) {
			return f, fmt.Sprintf("family %s, as the file's name says", f.Name), nil
		}
	}
	return DiT, "", nil
}

// marks are tensors that show what the names of a network begin with, where its root has
// a name of the training program's own.
var marks = []string{ditParts.patch, "x_embedder.proj1.weight", "pos_embed.proj.weight", "decoder.conv_in.weight"}

// rooted takes the names of a network that no root of the usual ones has.
func rooted(c *checkpoint.Checkpoint) error {
	if slices.ContainsFunc(All, func(f Family) bool { return f.Is(c) }) {
		return nil
	}
	for _, m := range marks {
		roots := c.Roots(m)
		average := slices.DeleteFunc(slices.Clone(roots), func(r string) bool { return !torchfile.IsAverage(r) })
		if len(average) == 1 {
			roots = average
		}
		switch len(roots) {
		case 0:
		case 1:
			return c.Take(roots[0])
		default:
			for i, r := range roots {
				roots[i] = strings.TrimSuffix(r, ".")
			}
			return fmt.Errorf("the file has several networks, choose by -weights: %s", strings.Join(roots, ", "))
		}
	}
	return nil
}

// foreign refuses what no family is.
func foreign(c *checkpoint.Checkpoint) error {
	if len(c.Tensors) == 0 {
		return fmt.Errorf("the file has no tensors")
	}
	named := func(part string) bool { // anywhere in a name
		return slices.ContainsFunc(c.Tensors, func(t checkpoint.Tensor) bool { return strings.Contains("."+t.Name, "."+part) })
	}
	if ldm := strings.Contains(c.Root, "diffusion_model") || named("diffusion_model."); ldm && !named("blocks.") && !AutoencoderKL.Is(c) {
		return fmt.Errorf("tensor %s%s: this is a U-Net's checkpoint: neither a Diffusion Transformer nor an autoencoder is in it", c.Root, c.Tensors[0].Name)
	}
	return nil
}

// has tells whether a checkpoint has tensors of all these names.
func has(c *checkpoint.Checkpoint, names ...string) bool {
	for _, n := range names {
		if _, ok := c.Lookup(n); !ok {
			return false
		}
	}
	return true
}
