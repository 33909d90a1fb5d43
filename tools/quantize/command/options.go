package command

import (
	"flag"
	"fmt"
	"path"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/dit"
	"dit8/tools/quantize/calib"
	"dit8/tools/quantize/convert"
	"dit8/tools/quantize/family"
	"dit8/tools/quantize/report"
)

// unsaid is a number that was not given.
const unsaid = -1

// options are the flags of a conversion.
type options struct {
	out, compress, weights string
	types                  convert.Types
	said                   family.Said
	about                  convert.About
	calibration            calib.Options
	config                 string
	vae, vaeConfig         string
	preview                string
	ignore                 patterns
	steps, images          int
	guidance               float64
	reports                reports
	force, dryRun          bool
}

func (o *options) flags(f *flag.FlagSet) {
	f.StringVar(&o.out, "o", "", "the .dit8 `file` to write")
	f.StringVar(&o.types.Default, "type", "int8", "int8 (8-bit matrices and convolutions, 16-bit floats for the rest), f16 or f32")
	f.Var(&o.types.Keep, "keep", "`PATTERN=TYPE`: store tensors whose name matches as int8, f16 or f32, as 'final_layer.*=f32' or 'blocks.*.mlp.fc2=f16'; may be given again, the last that matches counts")
	f.StringVar(&o.vae, "vae", "", "the autoencoder of the network's latents, a `folder or file` that goes into OUT too: of diffusers, CompVis, VA-VAE or TAESD")
	f.StringVar(&o.vaeConfig, "vae-config", "", "JSON `file` of what no tensor of -vae shows, by diffusers' names, as norm_num_groups or scaling_factor; default: config.json beside it")
	f.StringVar(&o.preview, "preview", "", "a TAESD of the same latents, a `folder or file` whose decoder goes into OUT too and makes the pictures on the way; default: a linear map of latents to colours")
	f.StringVar(&o.compress, "compress", "small", "small, or fast: leave what would shrink by less than a sixteenth as it is, which saves a browser time")
	f.BoolVar(&o.calibration.Smooth, "smooth", false, "calibrate, and move spread from activations to weights where that helps; it folds factors into AdaLN, so that a request's -modulate of gamma means something else")
	f.BoolVar(&o.calibration.GPTQ, "gptq", false, "calibrate, and round so that errors make up for each other (GPTQ)")
	f.Var(&o.reports, "report", "sample images in float32 and as quantised, and write how far they are apart to `FILE`, .json or .html, or as a table to -; may be given again")
	f.BoolVar(&o.force, "f", false, "replace OUT if it exists")
	f.BoolVar(&o.dryRun, "dry-run", false, "do everything but write OUT: say what the file would be, and its size")
	o.modelFlags(f)
}

// modelFlags are those that say what a checkpoint is, and what it is tried on.
func (o *options) modelFlags(f *flag.FlagSet) {
	f.StringVar(&o.weights, "weights", "", "which `weights` of a checkpoint that has several: their key, as ema, model or ema.shadow, or what their tensors' names begin with, as ema_model; default: averaged ones where there are any")
	f.Var(&o.ignore, "ignore", "`PATTERN`: leave out tensors whose name matches, as 'aux_head.*'; may be given again")
	f.BoolVar(&o.said.NoNullClass, "no-null-class", false, "the network was trained without a null class (class_dropout_prob 0): every row of its table is a class; there is no guidance then")
	f.StringVar(&o.said.Numerics, "numerics", "", "for diffusers' folders: diffusers (compute what it computes) or official (for weights converted from the official ones); default: diffusers")
	f.StringVar(&o.about.Labels, "labels", "", "`file` of class names: JSON with an array, an object from \"0\", \"1\", … to names or from names to numbers, or id2label, or a text with a name a line; or imagenet, which is the default for published networks of 1000 classes")
	f.StringVar(&o.about.Vocabulary, "vocabulary", "", "JSON `file` of the words, styles and synonyms that a network is told in place of classes, as tools/train writes it; default: vocabulary.json beside the checkpoint, if its rows are these")
	f.IntVar(&o.said.NumHeads, "num-heads", 0, "attention `heads`; default: those of -model, of config.json beside the checkpoint, of the model that the checkpoint says it is, or of the official model of this width")
	f.StringVar(&o.said.Model, "model", "", "the official model's `name`, as DiT-XL/2, JiT-B/16 or pMF-B-16, which says of what family it is, and what its tensors do not show")
	f.StringVar(&o.said.Family, "family", "", "the `family`: "+strings.Join(family.Names(), ", ")+"; default: what the tensors, the training's arguments or the file's name show")
	f.StringVar(&o.config, "config", "", "JSON `file` of what no tensor shows, by the official code's names, as num_heads, in_context_start or dmf_depth; default: config.json beside the checkpoint")
	f.StringVar(&o.said.Convention, "convention", "", "what the network was trained to predict: ours (velocity ε-x, t=1 is noise), sit (official SiT) or dit (official DiT, ε); default: what a training checkpoint says, else dit for outputs with a variance, else ours")
	f.IntVar(&o.said.GuidedChannels, "guided-channels", -1, "output `channels` that guidance applies to, 0 for all; default: 3 for sit and dit, as their samplers do, else 0")
	f.StringVar(&o.about.Name, "name", "", "the model's name; default: the checkpoint's file name")
	f.StringVar(&o.about.License, "license", "", "licence of the weights")
	f.StringVar(&o.about.Source, "source", "", "where the weights come from")
	f.IntVar(&o.steps, "steps", unsaid, "default `number` of steps for sampling; default: the family's, else 20")
	f.Float64Var(&o.guidance, "guidance", unsaid, "default guidance `scale` for sampling; default: the family's, else 3")
	f.IntVar(&o.images, "images", 32, "`images` of a report")
	f.IntVar(&o.calibration.Images, "calibration", 16, "`images` that calibration samples")
}

func (o options) check() error {
	switch {
	case o.out == "" && !o.dryRun:
		return usagef("-o is missing: the file to write")
	case o.out == "-":
		return usagef("-o is -: a model is written to a file, so that it is never half there")
	case o.about.Labels != "" && o.about.Vocabulary != "":
		return usagef("-labels and -vocabulary both say what the classes are: give one")
	case o.vaeConfig != "" && o.vae == "":
		return usagef("-vae-config says something of -vae, which is missing")
	}
	for _, c := range []struct {
		flag, is string
		allowed  []string
	}{
		{"type", o.types.Default, []string{"int8", "f16", "f32"}},
		{"compress", o.compress, []string{"small", "fast"}},
		{"numerics", o.said.Numerics, []string{"diffusers", "official"}},
		{"convention", o.said.Convention, []string{"ours", "sit", "dit"}},
		{"family", o.said.Family, family.Names()},
	} {
		empty := c.is == "" && c.flag != "type" && c.flag != "compress" // says nothing
		if !empty && !slices.Contains(c.allowed, c.is) {
			return usagef("-%s is %q, allowed: %s", c.flag, c.is, strings.Join(c.allowed, ", "))
		}
	}
	return o.checkNumbers()
}

func (o options) checkNumbers() error {
	switch {
	case o.said.NumHeads < 0 || o.said.NumHeads > dit.MaxHeads:
		return usagef("-num-heads is %d, allowed: 1 to %d", o.said.NumHeads, dit.MaxHeads)
	case o.said.GuidedChannels < -1 || o.said.GuidedChannels > dit.MaxChannels:
		return usagef("-guided-channels is %d, allowed: 0 (all) to %d", o.said.GuidedChannels, dit.MaxChannels)
	case o.images < 1 || o.images > 1024:
		return usagef("-images is %d, allowed: 1 to 1024", o.images)
	case o.calibration.Images < 1 || o.calibration.Images > 1024:
		return usagef("-calibration is %d, allowed: 1 to 1024", o.calibration.Images)
	}
	return nil
}

// sampler are the defaults that were asked for.
func (o options) sampler(a convert.About) convert.About {
	if o.steps != unsaid {
		a.Steps = &o.steps
	}
	if o.guidance != unsaid {
		a.Guidance = &o.guidance
	}
	return a
}

// store is how the file is to be stored.
func (o options) store() convert.Options {
	return convert.Options{Types: o.types, Small: o.compress == "small"}
}

// report is what a report of a model compares.
func (o options) report(m core.Info) report.Options {
	return report.Options{Store: o.store(), Calibration: o.calibration, Trial: calib.TrialOf(m, o.images)}
}

// patterns are those of -ignore.
type patterns []string

func (p *patterns) String() string { return "" }

// Set adds a pattern of path.Match.
func (p *patterns) Set(s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Errorf("the pattern %.100q is not one: %w", s, err)
	}
	*p = append(*p, s)
	return nil
}

// reports are the files that -report names.
type reports []string

func (r *reports) String() string { return "" }

// Set adds a file.
func (r *reports) Set(s string) error {
	if s != "-" && !strings.HasSuffix(s, ".json") && !strings.HasSuffix(s, ".html") {
		return fmt.Errorf("%.100q is neither - nor a .json or .html file", s)
	}
	*r = append(*r, s)
	return nil
}

// files are the reports that are not printed.
func (r reports) files() []string {
	return slices.DeleteFunc(slices.Clone(r), func(s string) bool { return s == "-" })
}
