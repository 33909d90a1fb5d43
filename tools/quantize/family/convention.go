package family

import (
	"path/filepath"
	"strings"

	"dit8/core/dit"
	"dit8/core/flow"
)

// conventions are those that -convention names.
var conventions = map[string]flow.Convention{
	"ours": {Prediction: flow.Velocity, Clock: flow.FlowClock},
	"sit":  {Prediction: flow.Velocity, Clock: flow.SiTClock, GuidedChannels: 3},
	"dit":  {Prediction: flow.Epsilon, Clock: flow.DDPMClock, GuidedChannels: 3},
}

// trainedFloor is the least time that tools/train divides by.
const trainedFloor = 0.05

// convention is what a network of DiT's and SiT's kind predicts: no tensor says it.
func (t *taker) convention(cfg dit.Config) flow.Convention {
	name := t.conventionName(cfg)
	c := conventions[name]
	if name == "ours" && t.cleanImage() {
		c.Prediction, c.Floor = flow.X0, trainedFloor
		t.note("it predicts the clean image (x0), as %s says", filepath.Base(t.configFile()))
	}
	if cfg.FreqShift == 1 {
		c.GuidedChannels = 0 // diffusers: pipeline_dit.py guides all of the latent's
	}
	if t.said.GuidedChannels >= 0 {
		c.GuidedChannels = t.said.GuidedChannels
	}
	return c
}

// ambiguous does not take in silence what may be another family's: published networks
// of latents without a variance look all alike.
func (t *taker) ambiguous(cfg dit.Config) {
	if cfg.LearnSigma || cfg.InChannels != 4 || cfg.NumClasses != 1000 || cfg.FreqShift == 1 || trainedAsSiT(t.c) || t.said.Family != "" {
		return
	}
	const like = "the tensors are those of a plain DiT of 1000 classes without a variance: REPA's and DMF's files look the same"
	if t.said.Convention == "" && t.said.Model == "" {
		t.fail("%s, and what each predicts differs: say -family repa, dmf, sit or dit, or -convention ours", like)
	}
	t.note("%s (-family repa, -family dmf)", like)
}

func (t *taker) conventionName(cfg dit.Config) string {
	path, prediction, model := t.c.Args["path_type"], t.c.Args["prediction"], t.c.Args["model"]
	supported := (path == "" || path == "Linear") && (prediction == "" || prediction == "velocity")
	switch {
	case t.said.Convention != "":
		if !supported {
			t.note("-convention %s, though the checkpoint was trained with path_type %.40q and prediction %.40q", t.said.Convention, path, prediction)
		}
		return t.said.Convention
	case t.said.Family == "sit" || t.said.Family == "dit":
		return t.said.Family
	case trainedAsSiT(t.c):
		if path != "Linear" || prediction != "velocity" {
			t.fail("the checkpoint was trained with path_type %.40q and prediction %.40q, supported are Linear and velocity", path, prediction)
		}
		t.note("-convention sit, as the checkpoint's training arguments are SiT's")
		return "sit"
	case strings.HasPrefix(model, "DiT-"):
		t.note("-convention dit, as the checkpoint says it is %s", model)
		return "dit"
	case cfg.LearnSigma:
		t.note("a checkpoint does not say what it predicts: assuming -convention dit (the others: ours, sit)")
		return "dit"
	}
	t.note("a checkpoint does not say what it predicts: assuming -convention ours (the others: sit, dit)")
	return "ours"
}
