package family

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/tools/quantize/checkpoint"
)

const autoencoders = "../../../testdata/golden-vae"

// laid is a folder of the golden's, with the good one's weights where it has none.
func laid(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(autoencoders, "vae_bad", name)
	if f, err := filepath.Glob(dir + "/*.[sc][ak]*"); err != nil || len(f) > 0 {
		return dir
	}
	to := t.TempDir()
	for file, from := range map[string]string{"config.json": dir, "diffusion_pytorch_model.safetensors": filepath.Join(autoencoders, "vae_bad/good")} {
		b, err := os.ReadFile(filepath.Join(from, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, file), b, 0o644)
		}
		if err != nil && file != "config.json" {
			t.Fatal(err)
		}
	}
	return to
}

// What goes with no autoencoder is refused, in a line that says why.
func TestBadAutoencoders(t *testing.T) {
	for name, want := range map[string]string{
		"cfg_block_out_channels":    "block_out_channels [4 12], the tensors show [4 8]",
		"cfg_latent_channels":       "latent_channels 8, the tensors show 4",
		"cfg_layers_more":           "layers_per_block 2, the tensors show 1",
		"cfg_layers_fewer":          "layers_per_block 1, the tensors show 2",
		"cfg_levels_fewer":          "block_out_channels [8]",
		"cfg_types_count":           "3 levels, the tensors show 2",
		"cfg_groups_do_not_divide":  "norm_num_groups 5 does not divide",
		"cfg_groups_zero":           "norm_num_groups is 0",
		"cfg_groups_negative":       "norm_num_groups is -4",
		"cfg_channels_negative":     "block_out_channels [-4 8]",
		"cfg_channels_huge":         "the tensors show [4 8]",
		"cfg_layers_huge":           "layers_per_block 2147483648",
		"cfg_float_channels":        "expected a list of integers",
		"cfg_no_post_quant_conv":    "use_post_quant_conv false",
		"cfg_wants_post_quant_conv": "use_post_quant_conv true",
		"cfg_no_attention":          "mid_block_add_attention false",
		"cfg_class_vq":              `"VQModel"`,
		"cfg_class_dc":              `"AutoencoderDC"`,
		"cfg_class_asymmetric":      `"AsymmetricAutoencoderKL"`,
		"cfg_act_gelu":              `act_fn is "gelu"`,
		"cfg_block_unknown":         "SkipUpBlock2D",
		"cfg_scale_zero":            "scaling_factor is 0",
		"cfg_scale_string":          "expected a finite number",
		"cfg_scale_nan":             "invalid character",
		"cfg_scale_huge":            "1e400",
		"cfg_shift_infinite":        "invalid character",
		"cfg_latents_mean_length":   "3 numbers, the latents have 4 channels",
		"cfg_latents_std_zero":      "latents_std has 0",
		"cfg_not_json":              "unexpected end of JSON",
		"cfg_array":                 "a JSON array, expected an object",
		"cfg_missing":               "norm_num_groups 32 does not divide 4",
		"ckpt_vq":                   "VQ model",
		"ckpt_state_dict_is_a_list": "not a dictionary of tensors",
		"ckpt_no_vae":               "nor an autoencoder is in it",
		"ckpt_both_prefixes":        "are both decoder.conv_in.weight",
	} {
		c, err := checkpoint.Open(laid(t, name), "")
		if err == nil {
			_, err = Read(c, Said{GuidedChannels: -1})
			c.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// opened is a checkpoint with its tensors' names and shapes changed.
func opened(t *testing.T, path string, change func(x *checkpoint.Tensor) bool, all ...checkpoint.Tensor) *checkpoint.Checkpoint {
	t.Helper()
	in, err := checkpoint.OpenAutoencoder(filepath.Join(autoencoders, path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	for _, x := range in.Tensors {
		x.Shape = slices.Clone(x.Shape)
		if change(&x) {
			all = append(all, x)
		}
	}
	c, err := checkpoint.Of(all...)
	if err != nil {
		t.Fatal(err)
	}
	c.Config = in.Config
	return c
}

// What the tensors lack or have too much is named.
func TestBadTensorsOfAutoencoders(t *testing.T) {
	const conv = "decoder.up_blocks.1.resnets.0.conv1.weight"
	shape := func(name string, shape ...int) func(x *checkpoint.Tensor) bool {
		return func(x *checkpoint.Tensor) bool {
			if x.Name == name {
				x.Shape = shape
			}
			return true
		}
	}
	without := func(part string) func(x *checkpoint.Tensor) bool {
		return func(x *checkpoint.Tensor) bool { return !strings.HasPrefix(x.Name, part) }
	}
	rename := func(from, to string) func(x *checkpoint.Tensor) bool {
		return func(x *checkpoint.Tensor) bool {
			x.Name = strings.Replace(x.Name, from, to, 1)
			return true
		}
	}
	for _, c := range []struct {
		folder, want string
		change       func(x *checkpoint.Tensor) bool
		more         []checkpoint.Tensor
	}{
		{"good", conv + " is missing", without(conv), nil},
		{"good", "post_quant_conv.bias is missing", without("post_quant_conv.bias"), nil},
		{"good", "decoder.conv_in.weight is missing", without("decoder."), nil},
		{"good", "[4 8 1 1], expected [4 8 3 3]", shape(conv, 4, 8, 1, 1), nil},
		{"good", "[4 8 5 5], expected [4 8 3 3]", shape(conv, 4, 8, 5, 5), nil},
		{"good", "decoder.conv_norm_out.weight: shape is [3]", shape("decoder.conv_norm_out.weight", 3), nil},
		{"good", "to_q.weight: shape is [8 8 3 3]", shape("decoder.mid_block.attentions.0.to_q.weight", 8, 8, 3, 3), nil},
		{"good", conv + " is missing", rename(conv, "decoder.up_blocks.1.resnets.9.conv1.weight"), nil},
		{"good", "decoder.extra.x: unexpected", without("none"), []checkpoint.Tensor{numbers("decoder.extra.x", 2)}},
		{"good", "no autoencoder is in it", rename("", "blocks."), nil},
		{"tae_good", "decoder.layers.3.conv.2.weight is missing", without("decoder.layers.3.conv.2.weight"), nil},
		{"tae_good", "decoder.layers.0.weight is missing", rename("decoder.layers.", "decoder.layers.1"), nil},
		{"tae_good", "decoder.layers.3.pool.0.weight: unexpected", without("none"), []checkpoint.Tensor{numbers("decoder.layers.3.pool.0.weight", 2)}},
	} {
		_, err := Read(opened(t, "vae_bad/"+c.folder, c.change, c.more...), Said{GuidedChannels: -1})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// compVisNames are the names of CompVis' code for diffusers' of a network of n levels.
func compVisName(name string, n int) string {
	for i := range n {
		name = strings.Replace(name, "decoder.up_blocks."+string(rune('0'+i))+".", "decoder.up."+string(rune('0'+n-1-i))+".", 1)
	}
	attention := strings.Contains(name, "attentions")
	r := strings.NewReplacer("down_blocks", "down", "mid_block.resnets.0", "mid.block_1", "mid_block.resnets.1", "mid.block_2", "mid_block.attentions.0", "mid.attn_1",
		"resnets", "block", "upsamplers.0", "upsample", "downsamplers.0", "downsample", "conv_shortcut", "nin_shortcut", "conv_norm_out", "norm_out")
	name = r.Replace(name)
	if attention {
		name = strings.NewReplacer("group_norm", "norm", "to_q", "q", "to_k", "k", "to_v", "v", "to_out.0", "proj_out").Replace(name)
	}
	return name
}

// The forms in which one network is passed around give the same tensors.
func TestForms(t *testing.T) {
	old := strings.NewReplacer("to_q", "query", "to_k", "key", "to_v", "value", "to_out.0", "proj_attn")
	for _, path := range []string{"vae_bad/good", "e2e_dit/vae", "vae_kl16"} {
		want, err := Read(opened(t, path, func(*checkpoint.Tensor) bool { return true }), Said{GuidedChannels: -1})
		if err != nil {
			t.Fatal(err)
		}
		levels := len(want.Autoencoder.Config.Decoder.Channels)
		for form, change := range map[string]func(x *checkpoint.Tensor) bool{
			"old names": func(x *checkpoint.Tensor) bool { x.Name = old.Replace(x.Name); return true },
			"CompVis":   func(x *checkpoint.Tensor) bool { x.Name = compVisName(x.Name, levels); return true },
			"first stage": func(x *checkpoint.Tensor) bool {
				x.Name = "first_stage_model." + compVisName(x.Name, levels)
				return true
			},
			"vae.": func(x *checkpoint.Tensor) bool { x.Name = "vae." + x.Name; return true },
			"1×1": func(x *checkpoint.Tensor) bool {
				if strings.Contains(x.Name, "attentions") && len(x.Shape) == 2 {
					x.Shape = append(x.Shape, 1, 1)
				}
				return true
			},
		} {
			got, err := Read(opened(t, path, change), Said{GuidedChannels: -1})
			if err != nil {
				t.Errorf("%s, %s: %v", path, form, err)
				continue
			}
			a, _ := json.Marshal(want.Autoencoder)
			if b, _ := json.Marshal(got.Autoencoder); string(a) != string(b) {
				t.Errorf("%s, %s: %s, want %s", path, form, b, a)
			}
			for _, s := range want.Specs {
				x, err := want.Tensor(s.Name)
				y, err2 := got.Tensor(s.Name)
				if err != nil || err2 != nil || !slices.Equal(x.F32, y.F32) || !slices.Equal(x.Shape, y.Shape) {
					t.Errorf("%s, %s: %s differs, %v, %v", path, form, s.Name, err, err2)
				}
			}
		}
	}
}
