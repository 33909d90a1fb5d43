package family

import (
	"fmt"
	"regexp"

	"dit8/tools/quantize/checkpoint"
)

// DiT is the network of facebookresearch/DiT (models.py): what core/dit has without a
// switch, under the same names.
var DiT = Family{
	Name: "dit", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return isDiT(c) && !trainedAsSiT(c) && !other(c) },
	Read: readDiT,
}

// ditModels are the models of the official code (DiT/models.py: DiT_models,
// SiT/models.py: SiT_models).
var ditModels = official{
	name:  regexp.MustCompile(`^(?:DiT|SiT)-(XL|L|B|S)/([248])$`),
	known: "DiT- or SiT-, then S, B, L or XL, then /2, /4 or /8",
	sizes: map[string]size{"XL": {1152, 28, 16}, "L": {1024, 24, 16}, "B": {768, 12, 12}, "S": {384, 12, 6}},
}

// ditParts are the tensors that show a DiT's shape.
var ditParts = parts{
	patch: "x_embedder.proj.weight", pos: "pos_embed", table: "y_embedder.embedding_table.weight",
	mlp: "blocks.0.mlp.fc1.weight", final: "final_layer.linear.weight",
}

func isDiT(c *checkpoint.Checkpoint) bool {
	return has(c, ditParts.patch, ditParts.pos, ditParts.table, ditParts.mlp, ditParts.final, "blocks.0.adaLN_modulation.1.weight")
}

// other tells the families that have all tensors of a DiT, and more.
func other(c *checkpoint.Checkpoint) bool {
	return REPA.Is(c) || DMF.Is(c) || SoFlow.Is(c) || LightningDiT.Is(c)
}

func readDiT(c *checkpoint.Checkpoint, s Said) (Model, error) {
	t := take(c, s, "DiT or SiT")
	cfg := t.shape(ditParts, depth(c, "blocks."))
	cfg.NumHeads = t.heads(cfg, ditModels, 0)
	t.agree(cfg)
	t.rest(cfg)
	t.done(fmt.Sprintf("a DiT of depth %d", cfg.Depth))
	conv := t.convention(cfg)
	t.ambiguous(cfg)
	m, err := t.model(cfg, conv)
	m.Latents = sdLatents(cfg.InChannels)
	return m, err
}
