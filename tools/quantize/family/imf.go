package family

import (
	"regexp"
	"strconv"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// IMF is the network of Lyy-iiis/imeanflow (imfDiT.py, branch torch): one evaluation,
// of latents. Class, guidance and time come as tokens in front; norms and gates are
// stored, the same at all times.
var IMF = Family{
	Name: "imf", Prefix: "iMF-", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return isMeanFlow(c) && has(c, "x_embedder.proj.weight") },
	Read: readIMF,
}

var (
	imfModels = official{
		name:  regexp.MustCompile(`^iMF-(XL|L|M|B)[-/]([24])$`),
		known: "iMF-, then B, M, L or XL, then -2 or -4",
		sizes: map[string]size{"B": {768, 12, 12}, "M": {768, 24, 12}, "L": {1024, 32, 16}, "XL": {1024, 48, 16}},
	}
	// by hidden_size and depth (README.md)
	imfGuidance = map[[2]int]guided{{768, 12}: {8, 0.4, 0.65}, {768, 24}: {10.5, 0.4, 0.6}, {1024, 32}: {10.5, 0.4, 0.6}, {1024, 48}: {8, 0.42, 0.62}}
	// utils/vae_util.py, of sd-vae-ft-mse's latents
	imfLatents = core.Latents{
		Mean: []float32{0.86488, -0.27787343, 0.21616915, 0.3738409},
		Std:  []float32{4.85503674, 5.31922414, 3.93725398, 3.9870003},
	}
)

// guided is a guidance scale and the times between which it applies.
type guided struct{ omega, tMin, tMax float32 }

// oneStep is what networks of one evaluation are made for.
var oneStep = []int{1}

func (g guided) defaults() core.Defaults {
	return core.Defaults{Steps: 1, Guidance: g.omega, GuidanceInterval: []float32{g.tMin, g.tMax}}
}

func readIMF(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "iMF")
	cfg := t.meanFlow(imfModels)
	cfg.Rope = dit.SequenceRope
	cfg.InputSize = t.whole("input_size", 32) // no tensor shows it
	tokens := 0
	if cfg.PatchSize > 0 {
		tokens = (cfg.InputSize / cfg.PatchSize) * (cfg.InputSize / cfg.PatchSize)
	}
	t.zero("pos_embed", 1, tokens, cfg.HiddenSize)
	m, err := t.meanFlowModel(cfg, flow.Convention{Prediction: flow.Velocity})
	g, ok := imfGuidance[[2]int{cfg.HiddenSize, cfg.Depth}]
	if !ok {
		g = guided{8, 0.4, 0.65}
	}
	m.Defaults, m.StepCounts = g.defaults(), oneStep
	if cfg.Depth == 48 { // XL, whose README has figures of both
		m.StepCounts = []int{1, 2}
	}
	if cfg.InChannels == len(imfLatents.Mean) {
		m.Latents = imfLatents
	}
	return m, err
}

// isMeanFlow tells the networks of tokens.
func isMeanFlow(c *checkpoint.Checkpoint) bool {
	return has(c, "class_tokens", "omega_tokens", "time_tokens", "shared_blocks.0.attn_scale")
}

// meanFlow reads what iMF and pMF share: everything but positions and the embedding of
// patches.
func (t *taker) meanFlow(of official) (cfg dit.Config) {
	p := parts{patch: "x_embedder.proj.weight", table: "y_embedder.embedding_table.weight", mlp: "shared_blocks.0.mlp.w1.weight", final: "u_final_layer.linear.weight"}
	patch, table, mlp := t.dims(p.patch, 4), t.dims(p.table, 2), t.dims(p.mlp, 2)
	shared, heads := depth(t.c, "shared_blocks."), depth(t.c, "u_heads.")
	cfg = dit.Config{
		HiddenSize: patch[0], InChannels: patch[1], PatchSize: patch[2], NumClasses: table[0] - 1, Depth: shared + heads, MLPHidden: mlp[0],
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Modulation: dit.StaticModulation, Times: dit.TimesToken,
	}
	cfg.NumHeads = t.heads(cfg, of, t.headsOf(cfg, "shared_blocks.0.attn.q_norm.weight"))
	cfg.Context = dit.Context{
		Class: t.count("class_tokens"), Omega: t.count("omega_tokens"), TMin: t.count("t_min_tokens"), TMax: t.count("t_max_tokens"), Time: t.count("time_tokens"),
	}
	t.bare = true
	t.tokens("context_embed", "class_tokens", "omega_tokens", "t_min_tokens", "t_max_tokens", "time_tokens")
	t.embedder("t_embedder", "h_embedder")
	t.embedder("omega_embedder", "omega_embedder")
	t.embedder("t_min_embedder", "cfg_t_start_embedder")
	t.embedder("t_max_embedder", "cfg_t_end_embedder")
	for i := range cfg.Depth {
		from := "shared_blocks." + strconv.Itoa(i) + "."
		if i >= shared {
			from = "u_heads." + strconv.Itoa(i-shared) + "."
		}
		t.meanFlowBlock("blocks."+strconv.Itoa(i)+".", from, cfg.HiddenSize)
	}
	t.fixed("final_layer.modulation", cfg.HiddenSize, vector{}, vector{"u_final_layer.norm.weight", true})
	t.linear("final_layer.linear", "u_final_layer.linear")
	return cfg
}

func (t *taker) meanFlowBlock(to, from string, hidden int) {
	t.fixed(to+"modulation", hidden,
		vector{}, vector{from + "norm1.weight", true}, vector{from + "attn_scale", false},
		vector{}, vector{from + "norm2.weight", true}, vector{from + "mlp_scale", false})
	t.rows(to+"attn.qkv", from+"attn.q_proj", from+"attn.k_proj", from+"attn.v_proj")
	t.same(to+"attn.q_norm.weight", from+"attn.q_norm.weight")
	t.same(to+"attn.k_norm.weight", from+"attn.k_norm.weight")
	t.linear(to+"attn.proj", from+"attn.out_proj")
	for _, w := range []string{"mlp.w1", "mlp.w3", "mlp.w2"} {
		t.linear(to+w, from+w)
	}
}

// meanFlowModel ends the reading.
func (t *taker) meanFlowModel(cfg dit.Config, conv flow.Convention) (Model, error) {
	t.skip("v_heads.*", "for training alone")
	t.skip("v_final_layer.*", "for training alone")
	t.skip("rope_freqs", "a table of cosines and sines, which is computed")
	conv.Clock, conv.Average, conv.GuidanceInput = flow.FlowClock, true, true
	t.agree(cfg)
	t.rest(cfg)
	t.done("a network of this kind")
	return t.model(cfg, conv)
}
