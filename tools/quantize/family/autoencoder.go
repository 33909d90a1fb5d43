package family

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint"
)

// What a config.json says of an autoencoder, by diffusers' names.

// configured tells whether the config is there and is diffusers' own, whose defaults
// then count.
func (t *taker) configured() bool { return t.config["_class_name"] != nil }

// read reads a field into a value; what names the type in the error.
func (t *taker) read(name, what string, into any) (found bool) {
	raw, ok := t.config[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.fail("%s: %s is %.40s, expected %s", t.configFile(), name, strings.Join(strings.Fields(string(raw)), " "), what)
		return false
	}
	return true
}

func (t *taker) configText(name, otherwise string) (s string) {
	if !t.read(name, "a string", &s) {
		return otherwise
	}
	return s
}

// disagree says that the config and the tensors do not go together.
func (t *taker) disagree(name string, said, shown any) {
	t.fail("%s says %s %v, the tensors show %v", t.configFile(), name, said, shown)
}

// sameInt compares a field with what the tensors show.
func (t *taker) sameInt(name string, shown int) {
	if said := 0; t.read(name, "an integer", &said) && said != shown {
		t.disagree(name, said, shown)
	}
}

// sameInts is sameInt for a list.
func (t *taker) sameInts(name string, shown []int) {
	if said := []int(nil); t.read(name, "a list of integers", &said) && !slices.Equal(said, shown) {
		if len(said) > 2*autoencoder.MaxLevels {
			said = said[:2*autoencoder.MaxLevels]
		}
		t.disagree(name, said, shown)
	}
}

// sameBool compares a field, which diffusers takes for true where it's absent.
func (t *taker) sameBool(name string, shown bool) {
	said := true
	if !t.read(name, "true or false", &said) && !t.configured() {
		return
	}
	if said != shown {
		t.disagree(name, said, shown)
	}
}

// sameTypes compares the types of blocks with the attentions that the levels have.
func (t *taker) sameTypes(name, plain, attends string, h autoencoder.Half, reversed bool) {
	var said []string
	if !t.read(name, "a list of strings", &said) {
		return
	}
	n := len(h.Channels)
	if len(said) != n {
		t.disagree(name, fmt.Sprintf("of %d levels", len(said)), fmt.Sprintf("%d levels", n))
		return
	}
	for i, s := range said {
		k := i
		if reversed {
			k = n - 1 - i
		}
		want := plain
		if len(h.Attention) > 0 && h.Attention[k] {
			want = attends
		}
		if s != plain && s != attends {
			t.fail("%s: %s has %.60q, supported are %s and %s", t.configFile(), name, s, plain, attends)
		} else if s != want {
			t.disagree(name, s, want)
		}
	}
}

// checkConfig refuses a config of another network than the tensors are of.
func (t *kl) checkConfig() {
	d := t.cfg.Decoder
	t.sameInt("in_channels", t.cfg.ImageChannels)
	t.sameInt("out_channels", t.cfg.ImageChannels)
	t.sameInt("latent_channels", t.cfg.LatentChannels)
	t.sameInts("block_out_channels", d.Channels)
	t.sameTypes("up_block_types", "UpDecoderBlock2D", "AttnUpDecoderBlock2D", d, true)
	for _, n := range d.Layers {
		t.sameInt("layers_per_block", n-1)
	}
	t.sameBool("mid_block_add_attention", d.Mid)
	t.sameBool("use_post_quant_conv", d.Quant)
	if e := t.cfg.Encoder; e != nil {
		t.sameInts("block_out_channels", e.Channels)
		t.sameTypes("down_block_types", "DownEncoderBlock2D", "AttnDownEncoderBlock2D", *e, false)
		for _, n := range e.Layers {
			t.sameInt("layers_per_block", n)
		}
		t.sameBool("mid_block_add_attention", e.Mid)
		t.sameBool("use_quant_conv", e.Quant)
	} else if types := []string(nil); t.read("down_block_types", "a list of strings", &types) && len(types) != len(d.Channels) {
		t.disagree("down_block_types", fmt.Sprintf("of %d levels", len(types)), fmt.Sprintf("%d levels", len(d.Channels)))
	}
	if act := t.configText("act_fn", "silu"); act != "silu" && act != "swish" {
		t.fail("%s: act_fn is %.40q, supported is silu", t.configFile(), act)
	}
}

// sdScale is the scale of Stable Diffusion's latents (DiT/sample.py), diffusers' default.
const sdScale = 0.18215

// scaling is what becomes of a sampler's values before the decoder.
type scaling struct {
	core.Latents
	assumed bool
}

// latents reads how a sampler's values become the decoder's: z/scale + shift, or, with
// numbers for each channel, z·std/scale + mean. (diffusers, pipeline_stable_diffusion_xl.py;
// scripts/convert_sd3_to_diffusers.py; LightningDiT, inference.py)
func (t *taker) latents(channels int) (s scaling) {
	scale, shift := t.number("scaling_factor"), t.number("shift_factor")
	mean, std := t.numbers("latents_mean", channels), t.numbers("latents_std", channels)
	if (mean == nil) != (std == nil) {
		t.fail("%s: latents_mean and latents_std are there together or not at all", t.configFile())
	}
	if mean == nil && t.config["scaling_factor"] == nil {
		if mean, std = t.stats(channels); mean != nil && math.IsNaN(scale) {
			scale = 1
		}
	}
	if math.IsNaN(scale) {
		s.assumed = true
		scale = t.knownScale(channels)
	}
	if math.IsNaN(shift) {
		shift = 0
	}
	if scale <= 0 {
		t.fail("%s: scaling_factor is %v, expected a number above 0", t.configFile(), scale)
	}
	for c := range channels {
		m, d := shift, 1.0
		if mean != nil && std != nil {
			m, d = mean[c], std[c]
		}
		if d <= 0 {
			t.fail("latents_std has %v, expected numbers above 0", d)
		}
		s.Mean, s.Std = append(s.Mean, float32(m)), append(s.Std, float32(d/scale))
	}
	return s
}

// knownScale is the scale where no file says it.
func (t *taker) knownScale(channels int) float64 {
	if t.configured() || channels == 4 {
		t.note("scaling_factor %v, as Stable Diffusion's; another is given by -config", sdScale)
		return sdScale
	}
	t.note("scaling_factor 1: no file says what a sampler's latents of %d channels are multiplied by; give it by -config (SD3: scaling_factor 1.5305, shift_factor 0.0609; Flux: 0.3611, 0.1159)", channels)
	return 1
}

// number is a field, NaN where there is none.
func (t *taker) number(name string) float64 {
	v := math.NaN()
	t.read(name, "a finite number", &v)
	if math.IsInf(v, 0) || math.Abs(v) > math.MaxFloat32 {
		t.fail("%s: %s is %v, expected a finite number", t.configFile(), name, v)
	}
	return v
}

// numbers is a field with a number for each channel, nil where there is none.
func (t *taker) numbers(name string, channels int) (v []float64) {
	if t.read(name, "a list of finite numbers", &v) && len(v) != channels {
		t.fail("%s: %s has %d numbers, the latents have %d channels", t.configFile(), name, len(v), channels)
		return nil
	}
	return v
}

// statsFile has the mean and deviation of VA-VAE's latents, beside its weights
// (LightningDiT, inference.py).
const statsFile = "latents_stats.pt"

// stats reads the statistics beside the weights, if there are any: mean and std
// [1, C, 1, 1].
func (t *taker) stats(channels int) (mean, std []float64) {
	if len(t.c.Files) == 0 {
		return nil, nil
	}
	path := filepath.Join(filepath.Dir(t.c.Files[0]), statsFile)
	c, err := checkpoint.Open(path, "")
	if err != nil {
		return nil, nil
	}
	defer c.Close()
	for _, f := range []struct {
		name string
		to   *[]float64
	}{{"mean", &mean}, {"std", &std}} {
		x, ok := c.Lookup(f.name)
		if !ok || (param.Spec{Shape: x.Shape}).Len() != channels {
			t.fail("%s: no tensor %s of %d values", path, f.name, channels)
			return nil, nil
		}
		v, err := x.Floats()
		if err != nil {
			t.fail("%s: %w", path, err)
		}
		for _, a := range v {
			*f.to = append(*f.to, float64(a))
		}
	}
	t.note("mean and std of the latents from %s", statsFile)
	return mean, std
}

// autoencoder is the network, or what was wrong with it.
func (t *taker) autoencoder(cfg autoencoder.Config, s scaling) (Model, error) {
	m := Model{Autoencoder: &core.Autoencoder{Config: cfg, Latents: s.Latents, Assumed: s.assumed}, Notes: t.notes}
	if t.err == nil {
		t.err = m.Autoencoder.Check()
	}
	if t.err != nil {
		return m, t.err
	}
	m.Specs = cfg.Specs()
	m.Tensor = t.tensorOf
	return m, nil
}
