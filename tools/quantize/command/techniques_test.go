package command

import (
	"strings"
	"testing"
)

func TestTechniques(t *testing.T) {
	out := must(t, "techniques", "-num-heads", "4", "-convention", "sit", "-calibration", "1", "-images", "1", "-steps", "1", goldens+"sit_tiny/model.safetensors")
	equal(t, "the number of rows", strings.Count(out, "\n| "), 11)
	has(t, "the table", out, "| GPTQ |", "calibrated on 1.")
	refused(t, "techniques", []refusal{
		{2, "not defined: -o", []string{"-o", "x", good}},
		{1, "steps is 0", []string{"-steps", "0", "random:s4"}},
		{1, `config is "s9"`, []string{"random:s9"}},
		{1, "no such file", []string{"nope"}},
	})
}
