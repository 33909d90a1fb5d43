package family

import (
	"fmt"

	"dit8/core"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// REPA is the network of sihyun-yu/REPA (models/sit.py) and REPA-E: SiT's, whose time
// runs the other way, t = 1 being noise. Projectors are for training alone; REPA-E
// keeps the mean and variance of its latents in a batch norm.
var REPA = Family{
	Name: "repa", ImageNet: true,
	Is: func(c *checkpoint.Checkpoint) bool {
		return isDiT(c) && (has(c, "projectors.0.0.weight") || has(c, "bn.running_mean") || has(c, "decoder_blocks.0.attn.qkv.weight") || trainedAsREPA(c))
	},
	Read: readREPA,
}

// trainedAsREPA looks for the arguments of REPA/train.py.
func trainedAsREPA(c *checkpoint.Checkpoint) bool {
	return c.Args["enc_type"] != "" || c.Args["path_type"] == "linear" || c.Args["prediction"] == "v"
}

func readREPA(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "SiT of REPA")
	encoder, decoder := depth(c, "blocks."), depth(c, "decoder_blocks.")
	cfg := t.shape(ditParts, encoder+decoder)
	cfg.NumHeads = t.heads(cfg, ditModels, 0)
	for i := range decoder { // of old files (utils.py: load_legacy_checkpoints)
		t.renamed(fmt.Sprintf("decoder_blocks.%d.", i), fmt.Sprintf("blocks.%d.", encoder+i))
	}
	t.skip("projectors.*", "for training alone")
	latents := sdLatents(cfg.InChannels)
	if has(c, "bn.running_mean") {
		latents = t.batchNorm(cfg.InChannels)
	}
	t.agree(cfg)
	t.rest(cfg)
	t.done("a SiT of REPA")
	m, err := t.model(cfg, flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Interval: flow.StepInterval, GuidedChannels: t.channels(0)})
	m.Latents = latents
	m.Defaults = core.Defaults{Steps: 250, Guidance: 1.8, GuidanceInterval: []float32{0, 0.7}, Solver: flow.SDE, Schedule: flow.Tail, Diffusion: 2} // README.md
	return m, err
}
