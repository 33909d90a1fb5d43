package family

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dit8/core/autoencoder"
	"dit8/tools/quantize/checkpoint"
)

// AutoencoderKL is the autoencoder of Stable Diffusion and of those after it, in
// diffusers' form (models/autoencoders/autoencoder_kl.py) and in CompVis' own
// (CompVis/latent-diffusion, ldm/modules/diffusionmodules/model.py), bare or within a
// whole checkpoint; VA-VAE's is CompVis' (LightningDiT, tokenizer/autoencoder.py).
var AutoencoderKL = Family{
	Name: "autoencoderkl",
	Is: func(c *checkpoint.Checkpoint) bool {
		if class := className(c); class != "" {
			return strings.Contains(class, "Autoencoder") && class != tinyClass || strings.HasPrefix(class, "VQ")
		}
		return slices.ContainsFunc(c.Tensors, func(t checkpoint.Tensor) bool {
			name := withoutPrefix(t.Name)
			return slices.Contains([]string{"decoder.conv_in.weight", "encoder.conv_in.weight", "decoder.conv_out.weight", vqCodebook}, name)
		})
	},
	Read: readAutoencoderKL,
}

const (
	klClass    = "AutoencoderKL"
	tinyClass  = "AutoencoderTiny"
	vqCodebook = "quantize.embedding.weight"
)

// className is what diffusers' config.json calls the network.
func className(c *checkpoint.Checkpoint) (name string) {
	var config struct {
		Class any `json:"_class_name"`
	}
	if _, err := c.ReadConfig(&config); err != nil {
		return ""
	}
	name, _ = config.Class.(string)
	return name
}

// wholePrefixes are those of the autoencoder within whole checkpoints.
var wholePrefixes = []string{"first_stage_model.", "vae."}

func withoutPrefix(name string) string {
	for _, p := range wholePrefixes {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

// kl takes an AutoencoderKL off a checkpoint.
type kl struct {
	*taker
	names map[string]string // the file's, by diffusers'
	cfg   autoencoder.Config
}

func readAutoencoderKL(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := &kl{taker: take(c, s, "AutoencoderKL")}
	t.class(klClass)
	t.rename()
	t.halves()
	t.cfg.Groups = t.groups()
	t.checkConfig()
	t.tensors()
	t.done("an AutoencoderKL of this shape")
	return t.autoencoder(t.cfg, t.latents(t.cfg.LatentChannels))
}

// class refuses the config of another network.
func (t *taker) class(want string) {
	if class := t.configText("_class_name", want); class != want {
		t.fail("%s: _class_name is %.60q, supported are %q and %q", t.configFile(), class, klClass, tinyClass)
	}
}

// onlyTraining are the parts of checkpoints that nothing but training uses.
var onlyTraining = []string{"loss.*", "model_ema.*", "foundation_model.*", "linear_proj.*"}

// rename finds the autoencoder's tensors and names them as diffusers does.
func (t *kl) rename() {
	whole := slices.ContainsFunc(t.c.Tensors, func(x tensor) bool { return withoutPrefix(x.Name) != x.Name })
	levels := t.compVisLevels()
	t.names = make(map[string]string)
	for _, x := range t.c.Tensors {
		bare := withoutPrefix(x.Name)
		if bare == vqCodebook {
			t.fail("tensor %s: this is a VQ model, which has a table of codes; supported is AutoencoderKL", x.Name)
		}
		if part, _, _ := strings.Cut(bare, "."); !slices.Contains([]string{"encoder", "decoder", "quant_conv", "post_quant_conv"}, part) {
			continue
		}
		name := diffusersName(bare, levels)
		if other, twice := t.names[name]; twice {
			t.fail("tensors %s and %s are both %s", other, x.Name, name)
		}
		t.names[name] = x.Name
	}
	for _, pattern := range onlyTraining {
		t.skip(pattern, "for training alone")
	}
	if whole {
		for _, p := range wholePrefixes {
			for _, pattern := range onlyTraining {
				t.skip(p+pattern, "for training alone")
			}
		}
		t.skipOthers()
	}
}

// skipOthers leaves out what stands beside the autoencoder in a whole checkpoint.
func (t *kl) skipOthers() {
	taken, n := make(map[string]bool), 0
	for _, name := range t.names {
		taken[name] = true
	}
	for _, x := range t.c.Tensors {
		if !taken[x.Name] && !t.used[x.Name] && withoutPrefix(x.Name) == x.Name {
			t.used[x.Name] = true
			n++
		}
	}
	if n > 0 {
		t.note("%d tensors of other networks in the checkpoint are left out", n)
	}
}

// compVisLevels is the number of levels in CompVis' names of the decoder, which count
// them the other way round.
func (t *kl) compVisLevels() int {
	n := 0
	for _, x := range t.c.Tensors {
		if rest, ok := strings.CutPrefix(withoutPrefix(x.Name), "decoder.up."); ok {
			if i, ok := index(rest, autoencoder.MaxLevels); ok {
				n = max(n, i+1)
			}
		}
	}
	return n
}

// index is the number that a name begins with, below a limit.
func index(name string, limit int) (int, bool) {
	part, _, _ := strings.Cut(name, ".")
	i, err := strconv.Atoi(part)
	return i, err == nil && i >= 0 && i < limit && strconv.Itoa(i) == part
}

// compVis are the path parts that CompVis' code names otherwise.
var compVis = map[string]string{
	"down": "down_blocks", "mid": "mid_block", "block": "resnets", "block_1": "resnets.0", "block_2": "resnets.1",
	"attn": "attentions", "attn_1": "attentions.0", "upsample": "upsamplers.0", "downsample": "downsamplers.0",
	"nin_shortcut": "conv_shortcut", "norm_out": "conv_norm_out",
}

// inAttention are the parts of an attention: CompVis' names, and those of diffusers
// before 0.15.
var inAttention = map[string]string{
	"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0",
	"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0",
}

// diffusersName brings a name to diffusers' own, part by part. (diffusers,
// scripts/convert_vae_pt_to_diffusers.py)
func diffusersName(name string, levels int) string {
	parts := strings.Split(name, ".")
	attention := false
	for i, p := range parts {
		if i > 0 && parts[i-1] == "up" {
			if k, ok := index(p, levels); ok {
				parts[i-1], parts[i] = "up_blocks", strconv.Itoa(levels-1-k)
			}
			continue
		}
		to, ok := compVis[p]
		if attention {
			to, ok = inAttention[p]
		}
		attention = attention || p == "attn" || p == "attn_1" || p == "attentions"
		if ok {
			parts[i] = to
		}
	}
	return strings.Join(parts, ".")
}

// has tells whether there is a tensor, by diffusers' name.
func (t *kl) has(name string) bool { return t.names[name] != "" }

// shapeOf is the shape of the weight of a convolution.
func (t *kl) shapeOf(name string) []int {
	if !t.has(name) {
		t.fail("tensor %s is missing: this is no AutoencoderKL", name)
		return make([]int, 4)
	}
	x, _ := t.c.Lookup(t.names[name])
	if len(x.Shape) != 4 {
		t.fail("%w", misshapen(x, "four dimensions"))
		return make([]int, 4)
	}
	return x.Shape
}

// halves reads the shapes of decoder and encoder off those of the tensors.
func (t *kl) halves() {
	if len(t.names) == 0 {
		t.fail("no autoencoder is in it: no tensor decoder.conv_in.weight, nor one with the prefix %s", strings.Join(wholePrefixes, " or "))
	}
	if !t.has("decoder.conv_in.weight") && t.has("encoder.conv_in.weight") {
		t.fail("tensor decoder.conv_in.weight is missing: an encoder alone makes no pictures")
	}
	t.cfg.LatentChannels = t.shapeOf("decoder.conv_in.weight")[1]
	t.cfg.ImageChannels = t.shapeOf("decoder.conv_out.weight")[0]
	t.cfg.Decoder = t.half("decoder.up_blocks.", "decoder.mid_block.", "post_quant_conv.weight")
	slices.Reverse(t.cfg.Decoder.Channels)
	slices.Reverse(t.cfg.Decoder.Layers)
	slices.Reverse(t.cfg.Decoder.Attention)
	if t.has("encoder.conv_out.weight") {
		e := t.half("encoder.down_blocks.", "encoder.mid_block.", "quant_conv.weight")
		t.cfg.Encoder = &e
		return
	}
	n := 0
	for name, own := range t.names {
		if strings.HasPrefix(name, "encoder.") || strings.HasPrefix(name, "quant_conv.") {
			t.used[own] = true
			n++
		}
	}
	if n > 0 {
		t.note("%d tensors of an encoder that is not whole are left out", n)
	}
	t.note("there is no encoder: the file decodes alone, and edits no images")
}

// half reads levels in the order of their names.
func (t *kl) half(blocks, mid, quant string) (h autoencoder.Half) {
	h.Mid, h.Quant = t.hasAny(mid+"attentions."), t.has(quant)
	for i := 0; i < autoencoder.MaxLevels && t.hasAny(fmt.Sprintf("%s%d.", blocks, i)); i++ {
		level := fmt.Sprintf("%s%d.", blocks, i)
		layers := 0
		for layers < autoencoder.MaxLayers && t.hasAny(fmt.Sprintf("%sresnets.%d.", level, layers)) {
			layers++
		}
		channels := 0
		if layers > 0 {
			channels = t.shapeOf(level + "resnets.0.conv1.weight")[0]
		} else {
			channels = t.shapeOf(level + "downsamplers.0.conv.weight")[0]
		}
		h.Channels, h.Layers = append(h.Channels, channels), append(h.Layers, layers)
		h.Attention = append(h.Attention, t.hasAny(level+"attentions."))
	}
	if !slices.Contains(h.Attention, true) {
		h.Attention = nil
	}
	if len(h.Channels) == 0 {
		t.fail("no tensors %s*: this is no AutoencoderKL", blocks)
	}
	return h
}

// hasAny tells whether there are tensors below a name.
func (t *kl) hasAny(prefix string) bool {
	for name := range t.names {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// groups is the number of groups of every norm, which no tensor shows.
func (t *kl) groups() int {
	n := t.configInt("norm_num_groups")
	if _, ok := t.config["norm_num_groups"]; !ok {
		n = 32
		t.note("norm_num_groups 32, as in all published models (ldm/modules/diffusionmodules/model.py: Normalize)")
	}
	return n
}

// tensors makes those of the network.
func (t *kl) tensors() {
	if err := t.cfg.Check(); err != nil {
		t.fail("%w", err)
	}
	if t.err != nil {
		return
	}
	for _, s := range t.cfg.Specs() {
		layer, part, _ := cutLast(s.Name)
		switch base, joined := strings.CutSuffix(layer, ".to_qkv"); {
		case joined:
			var all []tensor
			for _, x := range []string{".to_q.", ".to_k.", ".to_v."} {
				all = append(all, t.squeezed(base+x+part, len(s.Shape)))
			}
			if t.err == nil {
				x, err := below(all...)
				t.put(s.Name, x, err)
			}
		case len(s.Shape) == 4:
			t.kernel(s.Name, t.own(s.Name), s.Shape)
		default:
			t.put(s.Name, t.squeezed(s.Name, len(s.Shape)), nil)
		}
	}
	t.checkShapes(t.cfg.Specs())
}

func cutLast(name string) (before, after string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

// own takes a tensor of the file by diffusers' name.
func (t *kl) own(name string) tensor {
	if !t.has(name) {
		t.fail("tensor %s is missing", name)
		return tensor{Name: name}
	}
	return t.get(t.names[name])
}

// squeezed is a tensor of n dimensions; a matrix may be that of a 1×1 convolution.
func (t *kl) squeezed(name string, n int) tensor {
	x := t.own(name)
	if n == 2 && len(x.Shape) == 4 && x.Shape[2] == 1 && x.Shape[3] == 1 {
		x.Shape = x.Shape[:2]
	}
	if t.err == nil && len(x.Shape) != n {
		t.fail("%w", misshapen(x, "%d dimensions", n))
	}
	return x
}

// kernel takes the weights of a convolution [out, in, 3, 3] as [out, 3, 3, in].
func (t *taker) kernel(to string, x tensor, shape []int) {
	if t.err != nil {
		return
	}
	out, in := shape[0], shape[3]
	if !slices.Equal(x.Shape, []int{out, in, shape[1], shape[2]}) {
		t.fail("%w", misshapen(x, "[%d %d %d %d]", out, in, shape[1], shape[2]))
		return
	}
	taps := shape[1] * shape[2]
	t.put(to, fold(to, shape, func(v [][]float32) []float32 {
		w := make([]float32, len(v[0]))
		for o := range out {
			for c := range in {
				for k := range taps {
					w[(o*taps+k)*in+c] = v[0][(o*in+c)*taps+k]
				}
			}
		}
		return w
	}, x), nil)
}
