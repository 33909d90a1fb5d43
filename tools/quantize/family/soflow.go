package family

import (
	"path/filepath"
	"regexp"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// SoFlow is the network of zlab-princeton/SoFlow (dit.py) and of MeanFlow: a DiT with a
// second embedder, fed the difference of two times, which is summed with the first. tools/train
// makes such networks of few steps, which predict the clean image: config.json says so.
var SoFlow = Family{
	Name: "soflow", Prefix: "SoFlow-", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return isDiT(c) && secondEmbedder(c) != "" },
	Read: readSoFlow,
}

var soflowModels = official{
	name:  regexp.MustCompile(`^(?:SoFlow|MeanFlow|DiT|SiT)-(XL|L|M|B|S)/([248])$`),
	known: "SoFlow- or MeanFlow-, then S, B, M, L or XL, then /2, /4 or /8",
	sizes: map[string]size{"XL": {1152, 28, 16}, "L": {1024, 24, 16}, "M": {1024, 16, 16}, "B": {768, 12, 12}, "S": {384, 12, 6}},
}

// secondEmbedder is its name: SoFlow's, MeanFlow's, or that of zhuyu-cs/MeanFlow.
func secondEmbedder(c *checkpoint.Checkpoint) string {
	for _, name := range []string{"s_embedder", "h_embedder", "r_embedder"} {
		if has(c, name+".mlp.0.weight") {
			return name
		}
	}
	return ""
}

func readSoFlow(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "SoFlow")
	cfg := t.shape(ditParts, depth(c, "blocks."))
	cfg.NumHeads = t.heads(cfg, soflowModels, 0)
	cfg.Times = dit.TimesSum
	name := secondEmbedder(c)
	if name == "" {
		t.fail("no tensors s_embedder.mlp.*: this is no SoFlow")
	}
	t.embedder("r_embedder", name)
	t.agree(cfg)
	t.rest(cfg)
	t.done("a SoFlow")
	conv := flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Average: true, GuidedChannels: t.channels(0)}
	defaults := core.Defaults{Steps: 1, Guidance: 1}
	counts := oneStep
	switch {
	case t.cleanImage():
		t.note("it predicts the clean image (x0), as %s says", filepath.Base(t.configFile()))
		conv.Prediction, conv.Floor = flow.X0, trainedFloor
		defaults.Steps, defaults.Shift = 4, 3
		counts = []int{1, 2, 4, 20}
	case name == "s_embedder": // more steps restart (inference.py)
		defaults.Solver = flow.Restart
	}
	m, err := t.model(cfg, conv)
	m.Latents, m.Defaults, m.StepCounts = sdLatents(cfg.InChannels), defaults, counts
	return m, err
}
