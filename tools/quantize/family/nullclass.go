package family

import (
	"strings"

	"dit8/tools/quantize/checkpoint"
)

// withoutNull tells whether a network was trained without a null class (DiT/models.py:
// LabelEmbedder has no row for it where dropout_prob is 0), as was said or as the training's
// arguments show. core/dit has a row for it always: one of zeros is put below the
// others, which nothing uses.
func withoutNull(c *checkpoint.Checkpoint, s *Said) bool {
	if p, ok := c.Args["class_dropout_prob"]; ok && p == "0" {
		s.NoNullClass = true
	}
	if !s.NoNullClass {
		return false
	}
	for i, t := range c.Tensors {
		if strings.HasSuffix(t.Name, "embedding_table.weight") && len(t.Shape) == 2 {
			c.Tensors[i], _ = below(t, zeros(t.Name, 1, t.Shape[1])) // of one width
		}
	}
	return true
}
