package family

import (
	"regexp"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// JiT is the network of LTH14/JiT (model_jit.py): RMS norms, SwiGLU, q and k normalised
// and rotated by row and column, class tokens in front from a block on. It predicts
// the clean image, in pixels.
var JiT = Family{
	Name: "jit", Prefix: "JiT-", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return has(c, "in_context_posemb", "blocks.0.mlp.w12.weight") },
	Read: readJiT,
}

var (
	jitModels = official{
		name:  regexp.MustCompile(`^JiT-(H|L|B)/(16|32)$`),
		known: "JiT-, then B, L or H, then /16 or /32",
		sizes: map[string]size{"B": {768, 12, 12}, "L": {1024, 24, 16}, "H": {1280, 32, 16}},
	}
	jitParts = parts{
		patch: "x_embedder.proj.weight", pos: "pos_embed", table: "y_embedder.embedding_table.weight",
		mlp: "blocks.0.mlp.w3.weight", final: "final_layer.linear.weight",
	}
	// By width: the block from which there are class tokens, which no tensor shows, and
	// the guidance scale at 256 and at 512 pixels (README.md).
	jitStart    = map[int]int{768: 4, 1024: 8, 1280: 10}
	jitGuidance = map[int][2]float32{768: {2.9, 2.9}, 1024: {2.4, 2.5}, 1280: {2.2, 2.3}}
)

func readJiT(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "JiT")
	t.product("x_embedder.proj", "x_embedder.proj2", "x_embedder.proj1")
	cfg := t.shape(jitParts, depth(c, "blocks."))
	cfg.Norm, cfg.MLP, cfg.QKNorm, cfg.Rope = dit.RMSNorm, dit.SwiGLU, true, dit.AxialRope
	cfg.MLPHidden = t.dims(jitParts.mlp, 2)[1] // [D, F]
	cfg.NumHeads = t.heads(cfg, jitModels, t.headsOf(cfg, "blocks.0.attn.q_norm.weight"))
	cfg.Context.Class = t.dims("in_context_posemb", 3)[1]
	cfg.Context.Start = t.whole("in_context_start", jitStart[cfg.HiddenSize])
	t.same("context_embed", "in_context_posemb")
	t.blocks(cfg, "norm1.weight", "norm2.weight")
	t.head("final_layer.adaLN_modulation.1", "final_layer.adaLN_modulation.1", map[int]string{1: "final_layer.norm_final.weight"})
	t.agree(cfg)
	t.rest(cfg)
	t.done("a JiT")
	conv := flow.Convention{Prediction: flow.X0, Clock: flow.SiTClock, Interval: flow.OpenInterval, Floor: 0.05}
	large := 0
	if cfg.InputSize >= 512 {
		large, conv.NoiseScale = 1, 2
	}
	guidance := float32(2.9)
	if g, ok := jitGuidance[cfg.HiddenSize]; ok {
		guidance = g[large]
	}
	m, err := t.model(cfg, conv)
	m.Defaults = core.Defaults{Steps: 99, Guidance: guidance, GuidanceInterval: []float32{0, 0.9}, Solver: flow.Heun} // 50 steps, the last of Euler's
	return m, err
}
