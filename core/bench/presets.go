package bench

import (
	"slices"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/dit"
)

// presets are the networks that dit8 is compared with other runtimes on: int8,
// 32×32 pixels, d256 of the default model's kind and the published DiT-S with
// patches of 4 and of 2 pixels.
var presets = []Options{
	{Name: "d256", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 256, Depth: 8, NumHeads: 4, MLPHidden: 1024, NumClasses: 100}},
	{Name: "s4", Batch: 2, Config: dit.Config{InputSize: 32, PatchSize: 4, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
	{Name: "s2", Batch: 1, Config: dit.Config{InputSize: 32, PatchSize: 2, InChannels: 3, HiddenSize: 384, Depth: 12, NumHeads: 6, MLPHidden: 1536, NumClasses: 100}},
}

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
