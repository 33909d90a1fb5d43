package family

import (
	"regexp"

	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// PMF is the network of Lyy-iiis/pMF (pmfDiT.py, branch torch): iMF's in pixels, with
// positions and a rope by row and column. It predicts the clean image, from which the
// average velocity follows.
var PMF = Family{
	Name: "pmf", Prefix: "pMF-", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return isMeanFlow(c) && has(c, "x_embedder.proj1.weight") },
	Read: readPMF,
}

var (
	pmfModels = official{
		name:  regexp.MustCompile(`^pMF-(H|L|B)[-/](16|32)$`),
		known: "pMF-, then B, L or H, then -16 or -32",
		sizes: map[string]size{"B": {768, 16, 12}, "L": {1024, 32, 16}, "H": {1280, 48, 16}},
	}
	// by hidden_size and patch_size (configs, pmf.py)
	pmfGuidance = map[[2]int]guided{{768, 16}: {8.5, 0.1, 0.7}, {1024, 16}: {7, 0.2, 0.7}, {1280, 16}: {7, 0.2, 0.6}, {768, 32}: {6.5, 0.1, 0.7}, {1024, 32}: {7.5, 0.2, 0.6}}
	pmfNoise    = map[[2]int]float32{{1280, 16}: 2, {768, 32}: 2, {1024, 32}: 4, {1280, 32}: 4}
)

func readPMF(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "pMF")
	t.product("x_embedder.proj", "x_embedder.proj2", "x_embedder.proj1")
	cfg := t.meanFlow(pmfModels)
	cfg.Rope = dit.AxialRope
	pos := t.dims("pos_embed", 3) // [1, L+T, D]
	cfg.InputSize = t.side("pos_embed", pos[1]-cfg.Context.Len()) * cfg.PatchSize
	t.positions("pos_embed", "context_embed", "pos_embed")
	kind := [2]int{cfg.HiddenSize, cfg.PatchSize}
	m, err := t.meanFlowModel(cfg, flow.Convention{Prediction: flow.X0, Floor: 0.05, NoiseScale: pmfNoise[kind]})
	g, ok := pmfGuidance[kind]
	if !ok {
		g = guided{7.5, 0.1, 0.8} // of the README's command
	}
	m.Defaults, m.StepCounts = g.defaults(), oneStep
	return m, err
}
