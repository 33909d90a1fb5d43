package family

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

const goldens = "../../../testdata/golden/"

var nothing = Said{GuidedChannels: -1}

func open(t *testing.T, path string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// contains demands that an error says what is wanted, or that there is none where
// that is nothing.
func contains(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case (err == nil) != (want == ""):
		t.Errorf("%s: %v; want %q", what, err, want)
	case err != nil && !strings.Contains(err.Error(), want):
		t.Errorf("%s: %v; want %q", what, err, want)
	}
}

// Each golden is of one family, and its network is the one of case.json.
func TestFamilies(t *testing.T) {
	for path, want := range map[string]string{
		"dit_tiny/model.safetensors": "dit", "dit_tiny/model.pt": "dit", "sit_tiny/model.safetensors": "dit", "sit_tiny/train.pt": "sit",
		"sit_rgb/model.safetensors": "dit", "sit_lowvar/model.safetensors": "dit", "diffusers": "diffusers", "diffusers_dit": "diffusers",
		"diffusers/official_model.safetensors": "dit", "edge/good.safetensors": "dit",
	} {
		c := open(t, goldens+path)
		var names []string
		for _, f := range All {
			if f.Is(c) {
				names = append(names, f.Name)
			}
		}
		if !slices.Equal(names, []string{want}) {
			t.Errorf("%s is %v, want %s", path, names, want)
		}
		said := nothing
		if want != "diffusers" {
			said.NumHeads = 2
		}
		m, err := Read(c, said)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, s := range m.Specs {
			if x, err := m.Tensor(s.Name); err != nil || x.Check(s) != nil {
				t.Errorf("%s: %v, %v", path, err, x.Check(s))
			}
		}
	}
}

// A network is found whatever the training program calls it, and what only training has
// beside it is left out.
func TestRoots(t *testing.T) {
	c := open(t, goldens+"edge/good.safetensors")
	beside := func(root string, names ...string) (*checkpoint.Checkpoint, error) {
		var all []checkpoint.Tensor
		for _, r := range strings.Split(root, "+") {
			for _, x := range c.Tensors {
				x.Name = r + x.Name
				all = append(all, x)
			}
		}
		for _, n := range names {
			all = append(all, checkpoint.Tensor{Name: n, Shape: []int{3, 3}})
		}
		return checkpoint.Of(all...)
	}
	for _, x := range []struct{ root, beside, note, err string }{
		{"my_generator.", "metric.weight", "", ""},
		{"a.b.", "c.d.e", "", ""},
		{"", "projector.0.weight", "1 tensors projector.* are left out: for training alone", ""},
		{"", "lpips.net.lin0", "1 tensors lpips.* are left out", ""},
		{"", "sqrt_one_minus_alphas_cumprod", "1 tensors sqrt_one_minus_alphas_cumprod are left out", ""},
		{"", "align_head.0.bias", "1 tensors align_head.* are left out", ""},
		{"one.+two.", "", "", "several networks, choose by -weights: one, two"},
		{"", "blocks.0.extra.weight", "", "-ignore 'blocks.0.extra.weight' leaves it out"},
		{"", "metric.weight", "", "-ignore 'metric.*' leaves it out"},
	} {
		var names []string
		if x.beside != "" {
			names = []string{x.beside}
		}
		with, err := beside(x.root, names...)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(with, Said{NumHeads: 2, GuidedChannels: -1})
		contains(t, x.root+x.beside, err, x.err)
		if notes := strings.Join(m.Notes, "; "); !strings.Contains(notes, x.note) {
			t.Errorf("%s: %s; want %q", x.beside, notes, x.note)
		}
	}
}

// A family that is said is taken at one's word.
func TestSaidFamily(t *testing.T) {
	c := open(t, goldens+"sit_tiny/model.safetensors")
	for name, clock := range map[string]flow.Clock{"dit": flow.DDPMClock, "sit": flow.SiTClock} {
		m, err := Read(c, Said{Family: name, NumHeads: 4, GuidedChannels: -1})
		if err != nil || m.Convention.Clock != clock || len(m.Notes) != 0 {
			t.Errorf("%s: %+v, %v, notes %q", name, m.Convention, err, m.Notes)
		}
	}
	_, err := Read(c, Said{Family: "unet"})
	contains(t, "unet", err, `the family is "unet", known are autoencoderkl, taesd, diffusers, jit, lightningdit, repa, dmf, soflow, imf, pmf, sit, dit`)
	_, err = Read(c, Said{Family: "diffusers"})
	contains(t, "diffusers", err, "need the config.json")
}

func TestForeign(t *testing.T) {
	for name, want := range map[string]string{
		"decoder.conv_in.weight": "shape is [2], expected four dimensions", "diffusion_model.x": "this is a U-Net's checkpoint",
		"pos_embed": "tensor x_embedder.proj.weight is missing: this is no DiT or SiT",
	} {
		c, err := checkpoint.Of(numbers(name, 2))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Read(c, nothing)
		contains(t, name, err, want)
	}
	_, err := Read(&checkpoint.Checkpoint{}, nothing)
	contains(t, "an empty file", err, "no tensors")
	c, err := checkpoint.Of(numbers("first_stage_model.w", 2), numbers("model.diffusion_model.blocks.0.attn.qkv.weight", 2), numbers("model.diffusion_model.x_embedder.proj.weight", 2),
		numbers("model_ema.diffusion_model.x_embedder.proj.weight", 3))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(c, nothing)
	contains(t, "a DiT in a latent diffusion model", err, "tensor x_embedder.proj.weight: shape [3] has 1 dimensions") // the average's
}

// pipeline copies a diffusers folder with config.json changed.
func pipeline(t *testing.T, from string, change func(m map[string]any)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "transformer")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "diffusion_pytorch_model.safetensors"} {
		b, err := os.ReadFile(filepath.Join(goldens, from, name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "config.json" {
			m := map[string]any{}
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			if b, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Dir(dir)
}

func TestDiffusers(t *testing.T) {
	for name, own := range map[string]bool{"diffusers": false, "diffusers_dit": true} {
		m, err := Read(open(t, pipeline(t, name, func(m map[string]any) { m["_diffusers_version"] = "0.32.0" })), nothing)
		if err != nil {
			t.Fatal(err)
		}
		if c := m.Network; c.NumHeads != 4 || c.FreqShift != 1 || c.BlockEmbedders != own {
			t.Errorf("%s: %+v", name, c)
		}
		x, err := m.Tensor("blocks.1.attn.qkv.weight")
		if err != nil || !slices.Equal(x.Shape, []int{144, 48}) || len(x.F32) != 144*48 {
			t.Errorf("%s: qkv %v, %d values, %v", name, x.Shape, len(x.F32), err)
		}
	}
	m, err := Read(open(t, goldens+"diffusers"), Said{Numerics: "official", GuidedChannels: -1})
	if err != nil || m.Network.FreqShift != 0 || m.Convention.GuidedChannels != 3 {
		t.Errorf("official numerics: %+v, %+v, %v", m.Network, m.Convention, err)
	}
}

// The table that is computed is the one that the official file has.
func TestPosEmbed(t *testing.T) {
	o, err1 := Read(open(t, goldens+"diffusers/official_model.safetensors"), Said{NumHeads: 4, GuidedChannels: -1})
	d, err2 := Read(open(t, goldens+"diffusers"), nothing)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	a, err1 := o.Tensor("pos_embed")
	b, err2 := d.Tensor("pos_embed")
	if err1 != nil || err2 != nil || !slices.Equal(a.Shape, b.Shape) {
		t.Fatalf("%v and %v, %v, %v", a.Shape, b.Shape, err1, err2)
	}
	for i := range a.F32 {
		if d := a.F32[i] - b.F32[i]; d > 1e-6 || d < -1e-6 {
			t.Fatalf("pos_embed %d: %v, the official file has %v", i, b.F32[i], a.F32[i])
		}
	}
}

func TestDiffusersRefusals(t *testing.T) {
	for want, change := range map[string]func(m map[string]any){
		`_class_name is "UNet2DModel"`:                     func(m map[string]any) { m["_class_name"] = "UNet2DModel" },
		`norm_type "layer_norm"`:                           func(m map[string]any) { m["norm_type"] = "layer_norm" },
		`activation_fn "geglu"`:                            func(m map[string]any) { m["activation_fn"] = "geglu" },
		"norm_elementwise_affine true":                     func(m map[string]any) { m["norm_elementwise_affine"] = true },
		"num_attention_heads is 0":                         func(m map[string]any) { delete(m, "num_attention_heads") },
		"num_layers is -1":                                 func(m map[string]any) { m["num_layers"] = -1 },
		"sample_size 7 with patch_size 2":                  func(m map[string]any) { m["sample_size"] = 7 },
		"unexpected, a DiTTransformer2DModel of 1 layers":  func(m map[string]any) { m["num_layers"] = 1 },
		"transformer_blocks.2.norm1.emb.timestep_embedder": func(m map[string]any) { m["num_layers"] = 3 },
		"num_layers is a JSON string, expected an integer": func(m map[string]any) { m["num_layers"] = "two" },
	} {
		_, err := Read(open(t, pipeline(t, "diffusers", change)), nothing)
		contains(t, "config.json", err, want)
	}
	alone := filepath.Join(t.TempDir(), "m.safetensors")
	b, err := os.ReadFile(goldens + "diffusers/diffusion_pytorch_model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, b, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Read(open(t, alone), nothing)
	contains(t, "without config.json", err, "need the config.json")
}

// A config.json beside the checkpoint gives the heads, and must be of the same
// network.
func TestConfigBeside(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.safetensors")
	b, err := os.ReadFile(goldens + "edge/good.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model, b, 0o644); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"num_heads": 2, "depth": 1}`: "",
		`{"num_heads": 2, "depth": 5}`: "says depth 5, the tensors show 1",
		`{"num_heads": "two"}`:         "config.json: num_heads is a JSON string, expected an integer",
		`{"num_heads": 2.5}`:           "config.json: num_heads is a JSON number 2.5, expected an integer",
		`{"num_heads": 5}`:             "num_heads is 5",
		`{"num_heads": null}`:          "give -num-heads",
		`nonsense`:                     "config.json",
		`[]`:                           "config.json: the file holds a JSON array, expected an object",
	} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(open(t, model), nothing)
		contains(t, "config.json "+text, err, want)
	}
	if _, err := Read(open(t, model), Said{GuidedChannels: -1, Config: Config{"num_heads": json.RawMessage("2")}}); err != nil {
		t.Errorf("a config in its place: %v", err)
	}
}

// The official models' names give the number of heads.
func TestNamedModel(t *testing.T) {
	cfg := dit.Config{HiddenSize: 384, Depth: 12, PatchSize: 4}
	for name, want := range map[string]string{
		"DiT-S/4": "", "SiT-S/4": "", "DiT-S/2": "patches of 2", "DiT-B/4": "hidden_size 768", "S/4": "known are", "DiT-S/3": "known are", "": "known are",
	} {
		s, err := ditModels.size(name, cfg)
		contains(t, name, err, want)
		if err == nil && s.heads != 6 {
			t.Errorf("%s: %d heads", name, s.heads)
		}
	}
}

// The heads are those that were asked for, or else those of the best witness.
func TestHeads(t *testing.T) {
	cfg := dit.Config{HiddenSize: 384, Depth: 12, PatchSize: 4}
	trained := map[string]string{"model": "SiT-S/4"}
	twelve := Config{"num_heads": json.RawMessage("12")}
	for _, c := range []struct {
		said   Said
		args   map[string]string
		inFile int
		want   int
		note   string
		err    string
	}{
		{args: trained, want: 6, note: "num_heads 6, as of SiT-S/4, which the checkpoint says it is"},
		{said: Said{Model: "DiT-S/4"}, args: trained, want: 6},
		{said: Said{NumHeads: 6}, args: trained, want: 6},
		{said: Said{Config: twelve}, args: trained, want: 12, note: "num_heads 12, from config.json"},
		{said: Said{Config: twelve}, inFile: 3, want: 3},
		{want: 6, note: "num_heads 6, as in the official models of hidden_size 384 (S)"},
		{said: Said{Model: "DiT-S/4", NumHeads: 4}, err: "-num-heads is 4, -model DiT-S/4 has 6"},
		{said: Said{NumHeads: 5}, err: "num_heads is 5, which does not divide hidden_size 384"},
		{args: map[string]string{"model": "DiT-B/4"}, err: "DiT-B/4 has hidden_size 768"},
	} {
		k := take(&checkpoint.Checkpoint{Args: c.args, Config: "config.json"}, c.said, "this")
		n := k.heads(cfg, ditModels, c.inFile)
		contains(t, "heads", k.err, c.err)
		if c.err == "" && n != c.want {
			t.Errorf("%+v, %v: %d heads, want %d", c.said, c.args, n, c.want)
		}
		if notes := strings.Join(k.notes, "; "); notes != c.note {
			t.Errorf("%+v, %v: notes %q, want %q", c.said, c.args, notes, c.note)
		}
	}
	k := take(&checkpoint.Checkpoint{}, nothing, "this")
	k.heads(dit.Config{HiddenSize: 100}, ditModels, 0)
	contains(t, "an unusual width", k.err, "give -num-heads (hidden_size is 100)")
}

// What a checkpoint's training arguments say of the convention.
func TestTrainedConvention(t *testing.T) {
	gvp := map[string]string{"path_type": "GVP", "prediction": "velocity"}
	for _, c := range []struct {
		said  string
		args  map[string]string
		cfg   dit.Config
		clock flow.Clock
		note  string
		err   string
	}{
		{args: map[string]string{"path_type": "Linear", "prediction": "velocity"}, clock: flow.SiTClock, note: "training arguments are SiT's"},
		{args: gvp, err: `path_type "GVP"`},
		{said: "sit", args: gvp, clock: flow.SiTClock, note: `-convention sit, though the checkpoint was trained with path_type "GVP"`},
		{args: map[string]string{"path_type": "Linear", "prediction": "score"}, err: `prediction "score"`},
		{args: map[string]string{"model": "DiT-XL/2"}, clock: flow.DDPMClock, note: "the checkpoint says it is DiT-XL/2"},
		{clock: flow.FlowClock, note: "assuming -convention ours (the others: sit, dit)"},
		{cfg: dit.Config{LearnSigma: true}, clock: flow.DDPMClock, note: "assuming -convention dit (the others: ours, sit)"},
	} {
		k := take(&checkpoint.Checkpoint{Args: c.args}, Said{Convention: c.said, GuidedChannels: -1}, "this")
		got := k.convention(c.cfg)
		contains(t, "convention", k.err, c.err)
		if c.err != "" {
			continue
		}
		if got.Clock != c.clock {
			t.Errorf("%q, %v: %+v", c.said, c.args, got)
		}
		if len(k.notes) != 1 || !strings.Contains(k.notes[0], c.note) {
			t.Errorf("%q, %v: notes %q, want %q", c.said, c.args, k.notes, c.note)
		}
	}
	if c := take(&checkpoint.Checkpoint{}, Said{Convention: "sit", GuidedChannels: 2}, "this").convention(dit.Config{}); c.GuidedChannels != 2 {
		t.Errorf("two guided channels: %+v", c)
	}
}
