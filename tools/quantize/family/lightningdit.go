package family

import (
	"regexp"
	"strings"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// LightningDiT is the network of hustvl/LightningDiT (models/lightningdit.py): a DiT
// with RMS norms, SwiGLU, rope, q and k normalised, and a modulation without shifts,
// each of which may be off. The released ones have the first three.
var LightningDiT = Family{
	Name: "lightningdit", Prefix: "LightningDiT-", ImageNet: true,
	Is: func(c *checkpoint.Checkpoint) bool {
		return has(c, "x_embedder.proj.weight", "pos_embed", "blocks.0.adaLN_modulation.1.weight") && !has(c, "in_context_posemb") &&
			(has(c, "feat_rope.freqs_cos") || has(c, "blocks.0.norm1.weight") || has(c, "blocks.0.mlp.w12.weight"))
	},
	Read: readLightningDiT,
}

var (
	lightningModels = official{
		name:  regexp.MustCompile(`^LightningDiT-(1p6B|1p0B|XL|L|B)/([12])$`),
		known: "LightningDiT-, then B, L, XL, 1p0B or 1p6B, then /1 or /2",
		sizes: map[string]size{"B": {768, 12, 12}, "L": {1024, 24, 16}, "XL": {1152, 28, 16}, "1p0B": {1536, 24, 24}, "1p6B": {1792, 28, 28}},
	}
	lightningParts = parts{
		patch: "x_embedder.proj.weight", pos: "pos_embed", table: "y_embedder.embedding_table.weight",
		mlp: "blocks.0.mlp.fc1.weight", final: "final_layer.linear.weight",
	}
)

func readLightningDiT(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "LightningDiT")
	p := lightningParts
	gated := has(c, "blocks.0.mlp.w12.weight")
	if gated {
		p.mlp = "blocks.0.mlp.w3.weight"
	}
	cfg := t.shape(p, depth(c, "blocks."))
	if gated {
		cfg.MLP, cfg.MLPHidden = dit.SwiGLU, t.dims(p.mlp, 2)[1]
	}
	inFile := 0
	if has(c, "feat_rope.freqs_cos") || t.flag("use_rope") {
		cfg.Rope = dit.AxialRope
		inFile = t.headsOf(cfg, "feat_rope.freqs_cos")
	}
	if cfg.QKNorm = has(c, "blocks.0.attn.q_norm.weight"); cfg.QKNorm {
		inFile = t.headsOf(cfg, "blocks.0.attn.q_norm.weight")
	}
	cfg.NumHeads = t.heads(cfg, lightningModels, inFile)
	var norm1, norm2 string
	if has(c, "blocks.0.norm1.weight") {
		cfg.Norm, norm1, norm2 = dit.RMSNorm, "norm1.weight", "norm2.weight"
		t.head("final_layer.adaLN_modulation.1", "final_layer.adaLN_modulation.1", map[int]string{1: "final_layer.norm_final.weight"})
	}
	t.blocks(cfg, norm1, norm2)
	t.skip("feat_rope.*", "tables of cosines and sines, which are computed")
	t.agree(cfg)
	t.rest(cfg)
	t.done("a LightningDiT")
	m, err := t.model(cfg, flow.Convention{Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: t.channels(3)})
	// configs/lightningdit_xl_vavae_f16d32_800ep_cfg.yaml: 250 points; on our clock a
	// shift of 0.3 is one of 1/0.3, and what follows t = 0.125 is what precedes 0.875.
	m.Defaults = core.Defaults{Steps: 249, Guidance: 6.7, GuidanceInterval: []float32{0, 0.875}, Shift: 1 / 0.3}
	if strings.Contains(s.File, "64ep") {
		m.Defaults.Guidance, m.Defaults.GuidanceInterval = 10, []float32{0, 0.9}
	}
	return m, err
}
