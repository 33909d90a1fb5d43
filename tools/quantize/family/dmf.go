package family

import (
	"fmt"
	"regexp"

	"dit8/core"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// DMF is the network of kyungmnlee/dmf (decoupled MeanFlow): SiT's, whose last blocks
// see a second time. Its tensors show that only where q and k are normalised, or where
// the head for training is still there.
var DMF = Family{
	Name: "dmf", Prefix: "DMF", ImageNet: true,
	Is: func(c *checkpoint.Checkpoint) bool {
		return isDiT(c) && (has(c, "logvar_linear.weight") || has(c, "blocks.0.attn.q_norm.scale"))
	},
	Read: readDMF,
}

var dmfModels = official{
	name:  regexp.MustCompile(`^DMFT?-(XL|L|B|S)/([248])$`),
	known: "DMF-, then S, B, L or XL, then /2, /4 or /8",
	sizes: ditModels.sizes,
}

func readDMF(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "DMF")
	cfg := t.shape(ditParts, depth(c, "blocks."))
	inFile := 0
	if cfg.QKNorm = has(c, "blocks.0.attn.q_norm.scale"); cfg.QKNorm {
		inFile = t.headsOf(cfg, "blocks.0.attn.q_norm.scale")
		for i := range cfg.Depth {
			for _, n := range []string{"q", "k"} {
				name := fmt.Sprintf("blocks.%d.attn.%s_norm.", i, n)
				t.same(name+"weight", name+"scale")
			}
		}
	}
	cfg.NumHeads = t.heads(cfg, dmfModels, inFile)
	known := 0
	if cfg.HiddenSize == 1152 && cfg.Depth == 28 {
		known = 20 // of the released XL/2
	}
	cfg.Times, cfg.TimesStart = dit.TimesSplit, t.whole("dmf_depth", known)
	t.skip("logvar_linear.*", "for training alone")
	t.agree(cfg)
	t.rest(cfg)
	t.done("a DMF")
	m, err := t.model(cfg, flow.Convention{Prediction: flow.Velocity, Clock: flow.FlowClock, Average: true, Interval: flow.StepInterval, GuidedChannels: t.channels(0)})
	m.Latents = sdLatents(cfg.InChannels)
	// README.md
	m.Defaults, m.StepCounts = core.Defaults{Steps: 4, Guidance: 1}, []int{1, 2, 4}
	if cfg.InputSize >= 64 { // 512 pixels
		m.Defaults.Shift = 1.5
	}
	return m, err
}
