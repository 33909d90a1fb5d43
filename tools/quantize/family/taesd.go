package family

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dit8/core/autoencoder"
	"dit8/tools/quantize/checkpoint"
)

// TAESD is the small autoencoder of madebyollin/taesd (taesd.py), in its own form of
// two files, decoder and encoder, each the layers of an nn.Sequential, and in diffusers'
// (AutoencoderTiny), where the decoder's first layer, a clamp, is not counted.
var TAESD = Family{
	Name: "taesd",
	Is: func(c *checkpoint.Checkpoint) bool {
		return className(c) == tinyClass || className(c) == "" &&
			(has(c, "decoder.layers.0.weight") || has(c, "encoder.layers.0.weight") || sequential(c, "decoder.") || sequential(c, "encoder.") || sequential(c, ""))
	},
	Read: readTAESD,
}

// sequential tells whether there are layers of taesd.py.
func sequential(c *checkpoint.Checkpoint, prefix string) bool {
	return has(c, prefix+"1.weight", prefix+"3.conv.0.weight") || has(c, prefix+"0.weight", prefix+"1.conv.0.weight")
}

// taesd takes a TAESD off a checkpoint.
type taesd struct {
	*taker
	layers map[string]string // the file's tensors by diffusers' names, without "layers."
	cfg    autoencoder.Config
}

func readTAESD(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := &taesd{taker: take(c, s, "TAESD"), layers: make(map[string]string)}
	t.class(tinyClass)
	t.rename()
	t.shape()
	t.checkConfig()
	t.tensors()
	t.done("a TAESD of this shape")
	n := t.cfg.LatentChannels
	one := scaling{} // it takes what samplers make
	one.Mean, one.Std = make([]float32, n), slices.Repeat([]float32{1}, n)
	return t.autoencoder(t.cfg, one)
}

// rename names the tensors as diffusers does: decoder.N… and encoder.N….
func (t *taesd) rename() {
	for _, x := range t.c.Tensors {
		half, rest, ok := strings.Cut(x.Name, ".")
		if half != "decoder" && half != "encoder" || !ok {
			half, rest = "decoder", x.Name // the file of a decoder alone
		}
		if after, ok := strings.CutPrefix(rest, "layers."); ok {
			t.layers[half+"."+after] = x.Name
			continue
		}
		number, after, _ := strings.Cut(rest, ".")
		i, err := strconv.Atoi(number)
		if half == "decoder" {
			if i--; i < 0 {
				t.fail("tensor %s: a decoder of taesd.py begins with 1.weight: this is an encoder", x.Name)
			}
		}
		if err == nil && i >= 0 {
			t.layers[fmt.Sprintf("%s.%d.%s", half, i, after)] = x.Name
		}
	}
}

// shape reads the levels off the layers that are blocks.
func (t *taesd) shape() {
	first := t.dimsOf("decoder.0.weight")
	if len(t.layers) == 0 || t.err != nil {
		return
	}
	t.cfg = autoencoder.Config{Kind: autoencoder.Tiny, LatentChannels: first[1]}
	var last int
	t.cfg.Decoder, last = t.half("decoder", 2, 2)
	slices.Reverse(t.cfg.Decoder.Layers)
	t.cfg.ImageChannels = t.dimsOf(fmt.Sprintf("decoder.%d.weight", last))[0]
	if t.layers["encoder.0.weight"] == "" {
		t.note("there is no encoder: the file decodes alone, and edits no images")
		return
	}
	e, _ := t.half("encoder", 1, 1)
	t.cfg.Encoder = &e
}

func (t *taesd) dimsOf(name string) []int {
	own, ok := t.layers[name]
	if !ok {
		t.fail("tensor %s is missing: this is no TAESD", strings.Replace(name, ".", ".layers.", 1))
		return make([]int, 4)
	}
	return t.dims(own, 4)
}

// half counts the blocks of each level, from layer at on. Between two levels are so
// many layers, of which the last has weights.
func (t *taesd) half(name string, at, between int) (h autoencoder.Half, last int) {
	width := t.dimsOf(name + ".0.weight")[0]
	for range autoencoder.MaxLevels {
		n := 0
		for ; t.layers[fmt.Sprintf("%s.%d.conv.0.weight", name, at)] != ""; at++ {
			n++
		}
		h.Channels, h.Layers = append(h.Channels, width), append(h.Layers, n)
		if next := fmt.Sprintf("%s.%d.conv.0.weight", name, at+between); t.layers[next] == "" {
			break
		}
		at += between
	}
	return h, at
}

// checkConfig refuses a config of another network than the tensors are of.
func (t *taesd) checkConfig() {
	t.sameInt("in_channels", t.cfg.ImageChannels)
	t.sameInt("out_channels", t.cfg.ImageChannels)
	t.sameInt("latent_channels", t.cfg.LatentChannels)
	t.sameInts("decoder_block_out_channels", t.cfg.Decoder.Channels)
	blocks := slices.Clone(t.cfg.Decoder.Layers)
	slices.Reverse(blocks)
	t.sameInts("num_decoder_blocks", blocks)
	if e := t.cfg.Encoder; e != nil {
		t.sameInts("encoder_block_out_channels", e.Channels)
		t.sameInts("num_encoder_blocks", e.Layers)
	}
	t.sameInt("upsampling_scaling_factor", 2)
	for name, want := range map[string]string{"act_fn": "relu", "upsample_fn": "nearest"} {
		if said := t.configText(name, want); said != want {
			t.fail("%s: %s is %.40q, supported is %s", t.configFile(), name, said, want)
		}
	}
}

// tensors makes those of the network. The convolutions between levels have no bias.
func (t *taesd) tensors() {
	if t.err == nil {
		t.err = t.cfg.Check()
	}
	if t.err != nil {
		return
	}
	for _, s := range t.cfg.Specs() {
		own := t.layers[strings.Replace(s.Name, ".layers.", ".", 1)]
		switch {
		case own == "" && strings.HasSuffix(s.Name, ".bias") && !strings.Contains(s.Name, ".conv.") && t.between(s.Name):
			t.zero(s.Name, s.Shape...)
		case own == "":
			t.fail("tensor %s is missing", s.Name)
		case len(s.Shape) == 4:
			t.kernel(s.Name, t.get(own), s.Shape)
		default:
			t.same(s.Name, own)
		}
	}
	t.checkShapes(t.cfg.Specs())
}

// between tells whether a layer is neither the first nor the last.
func (t *taesd) between(bias string) bool {
	half, rest, _ := strings.Cut(bias, ".layers.")
	i, _ := index(rest, 1<<10)
	return i > 0 && t.layers[fmt.Sprintf("%s.%d.conv.0.weight", half, i+1)] != ""
}
