package bench

import (
	"slices"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/dit"
)

// presets are the networks that dit8 is compared with other runtimes on, in int8. Of
// 32×32 pixels: d256 of the default model's kind and the published DiT-S with
// patches of 4 and of 2 pixels. Then published ones of 256×256 pixels or their
// latents, DiT-B/2 and DiT-XL/2 first.
var presets = []Options{
	{Name: "d256", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 256, Depth: 8, NumHeads: 4, MLPHidden: 1024, NumClasses: 100}},
	{Name: "s4", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
	{Name: "s2", Batch: 1, Config: dit.Config{InputSize: 32, PatchSize: 2, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
	{Name: "ditb2", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 2, InChannels: 4, HiddenSize: 768, Depth: 12, NumHeads: 12, MLPHidden: 3072, NumClasses: 1000, LearnSigma: true}},
	{Name: "ditxl2", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 2, InChannels: 4, HiddenSize: 1152, Depth: 28, NumHeads: 16, MLPHidden: 4608, NumClasses: 1000, LearnSigma: true}},
	{Name: "pmfb16", Batch: 1, Config: dit.Config{InputSize: 256, PatchSize: 16, InChannels: 3, HiddenSize: 768, Depth: 16, NumHeads: 12, MLPHidden: 2048, NumClasses: 1000,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Modulation: dit.StaticModulation, Times: dit.TimesToken, Context: guidedContext}},
	{Name: "imfb2", Batch: 1, Config: dit.Config{InputSize: 32, PatchSize: 2, InChannels: 4, HiddenSize: 768, Depth: 12, NumHeads: 12, MLPHidden: 2048, NumClasses: 1000,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.SequenceRope, Modulation: dit.StaticModulation, Times: dit.TimesToken, Context: guidedContext}},
	{Name: "jitb16", Batch: 2, Config: dit.Config{InputSize: 256, PatchSize: 16, InChannels: 3, HiddenSize: 768, Depth: 12, NumHeads: 12, MLPHidden: 2048, NumClasses: 1000,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Context: dit.Context{Class: 32, Start: 4}}},
	{Name: "lightningxl1", Batch: 2, Config: dit.Config{InputSize: 16, PatchSize: 1, InChannels: 32, HiddenSize: 1152, Depth: 28, NumHeads: 16, MLPHidden: 3072, NumClasses: 1000,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, Rope: dit.AxialRope}},
}

// guidedContext are the tokens of iMF and pMF.
var guidedContext = dit.Context{Class: 8, Omega: 4, TMin: 2, TMax: 2, Time: 4}

// Preset gives the Options of the preset with a name. It fails with a
// *core.FieldError.
func Preset(name string) (Options, error) {
	for _, p := range presets {
		if p.Name == name {
			p.Passes = DefaultPasses
			return p, nil
		}
	}
	if len(name) > 60 {
		name = name[:60] + "…"
	}
	return Options{}, &core.FieldError{Field: "config", Value: strconv.Quote(name), Allowed: strings.Join(Names(), ", ") + " or an object of the network's sizes"}
}

// Names are the presets'.
func Names() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.Name
	}
	return names
}

// Presets are the networks that have names, in a copy.
func Presets() []Options { return slices.Clone(presets) }
