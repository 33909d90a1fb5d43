package convert

import (
	"flag"
	"fmt"
	"path"
	"slices"
	"strings"

	"dit8/core/dit"
	"dit8/tools/quantize/family"
)

// unsaid is a number that was not given.
const unsaid = -1

// ModelFlags adds the flags that say what a checkpoint is.
func (s *Source) ModelFlags(f *flag.FlagSet) {
	f.StringVar(&s.Weights, "weights", "", "which `weights` of a checkpoint that has several: their key, as ema, model or ema.shadow, or what their tensors' names begin with, as ema_model; default: averaged ones where there are any")
	f.Var(&s.Ignore, "ignore", "`PATTERN`: leave out tensors whose name matches, as 'aux_head.*'; may be given again")
	f.BoolVar(&s.Said.NoNullClass, "no-null-class", false, "the network was trained without a null class (class_dropout_prob 0): every row of its table is a class; there is no guidance then")
	f.StringVar(&s.Said.Numerics, "numerics", "", "for diffusers' folders: diffusers (compute what it computes) or official (for weights converted from the official ones); default: diffusers")
	f.StringVar(&s.About.Labels, "labels", "", "`file` of class names: JSON with an array, an object from \"0\", \"1\", … to names or from names to numbers, or id2label, or a text with a name a line; or imagenet, which is the default for published networks of 1000 classes")
	f.StringVar(&s.About.Vocabulary, "vocabulary", "", "JSON `file` of the words, styles and synonyms that a network is told in place of classes, as tools/train writes it; default: vocabulary.json beside the checkpoint, if its rows are these")
	f.IntVar(&s.Said.NumHeads, "num-heads", 0, "attention `heads`; default: those of -model, of config.json beside the checkpoint, of the model that the checkpoint says it is, or of the official model of this width")
	f.StringVar(&s.Said.Model, "model", "", "the official model's `name`, as DiT-XL/2, JiT-B/16 or pMF-B-16, which says of what family it is, and what its tensors do not show")
	f.StringVar(&s.Said.Family, "family", "", "the `family`: "+strings.Join(family.Names(), ", ")+"; default: what the tensors, the training's arguments or the file's name show")
	f.StringVar(&s.Config, "config", "", "JSON `file` of what no tensor shows, by the official code's names, as num_heads, in_context_start or dmf_depth; default: config.json beside the checkpoint")
	f.StringVar(&s.Said.Convention, "convention", "", "what the network was trained to predict: ours (velocity ε-x, t=1 is noise), sit (official SiT) or dit (official DiT, ε); default: what a training checkpoint says, else dit for outputs with a variance, else ours")
	f.IntVar(&s.Said.GuidedChannels, "guided-channels", -1, "output `channels` that guidance applies to, 0 for all; default: 3 for sit and dit, as their samplers do, else 0")
	f.StringVar(&s.About.Name, "name", "", "the model's name; default: the checkpoint's file name")
	f.StringVar(&s.About.License, "license", "", "licence of the weights")
	f.StringVar(&s.About.Source, "source", "", "where the weights come from")
	f.IntVar(&s.steps, "steps", unsaid, "default `number` of steps for sampling; default: the family's, else 20")
	f.Float64Var(&s.guidance, "guidance", unsaid, "default guidance `scale` for sampling; default: the family's, else 3")
}

// Flags adds the flags of ModelFlags, and those of what goes into the file beside it.
func (s *Source) Flags(f *flag.FlagSet) {
	f.StringVar(&s.Autoencoder, "vae", "", "the autoencoder of the network's latents, a `folder or file` that goes into OUT too: of diffusers, CompVis, VA-VAE or TAESD")
	f.StringVar(&s.AutoencoderConfig, "vae-config", "", "JSON `file` of what no tensor of -vae shows, by diffusers' names, as norm_num_groups or scaling_factor; default: config.json beside it")
	f.StringVar(&s.Preview, "preview", "", "a TAESD of the same latents, a `folder or file` whose decoder goes into OUT too and makes the pictures on the way; default: a linear map of latents to colours")
	s.ModelFlags(f)
}

// CheckFlags refuses what flags may not say.
func (s Source) CheckFlags() error {
	switch {
	case s.About.Labels != "" && s.About.Vocabulary != "":
		return fmt.Errorf("-labels and -vocabulary both say what the classes are: give one")
	case s.AutoencoderConfig != "" && s.Autoencoder == "":
		return fmt.Errorf("-vae-config says something of -vae, which is missing")
	case s.Said.NumHeads < 0 || s.Said.NumHeads > dit.MaxHeads:
		return fmt.Errorf("-num-heads is %d, allowed: 1 to %d", s.Said.NumHeads, dit.MaxHeads)
	case s.Said.GuidedChannels < -1 || s.Said.GuidedChannels > dit.MaxChannels:
		return fmt.Errorf("-guided-channels is %d, allowed: 0 (all) to %d", s.Said.GuidedChannels, dit.MaxChannels)
	}
	for _, c := range []choice{
		{"numerics", s.Said.Numerics, []string{"diffusers", "official"}},
		{"convention", s.Said.Convention, []string{"ours", "sit", "dit"}},
		{"family", s.Said.Family, family.Names()},
	} {
		if c.is != "" { // says nothing
			if err := c.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Flags adds the flags of how a model is stored.
func (o *Options) Flags(f *flag.FlagSet) {
	f.StringVar(&o.Default, "type", "int8", "int8 (8-bit matrices and convolutions, 16-bit floats for the rest), f16 or f32")
	f.Var(&o.Keep, "keep", "`PATTERN=TYPE`: store tensors whose name matches as int8, f16 or f32, as 'final_layer.*=f32' or 'blocks.*.mlp.fc2=f16'; may be given again, the last that matches counts")
	f.StringVar(&o.Compress, "compress", "small", "small, or fast: leave what would shrink by less than a sixteenth as it is, which saves a browser time")
}

// CheckFlags refuses what flags may not say.
func (o Options) CheckFlags() error {
	if err := (choice{"type", o.Default, []string{"int8", "f16", "f32"}}).check(); err != nil {
		return err
	}
	return choice{"compress", o.Compress, []string{"small", "fast"}}.check()
}

// choice is a flag of a few values.
type choice struct {
	flag, is string
	allowed  []string
}

func (c choice) check() error {
	if !slices.Contains(c.allowed, c.is) {
		return fmt.Errorf("-%s is %q, allowed: %s", c.flag, c.is, strings.Join(c.allowed, ", "))
	}
	return nil
}

// Patterns are those of -ignore.
type Patterns []string

// String is what a flag.Value has to have.
func (p *Patterns) String() string { return "" }

// Set adds a pattern of path.Match.
func (p *Patterns) Set(s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Errorf("the pattern %.100q is not one: %w", s, err)
	}
	*p = append(*p, s)
	return nil
}
