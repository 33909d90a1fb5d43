package family

import (
	"encoding/json"
	"strings"
	"testing"

	"dit8/core/flow"
	"dit8/tools/quantize/checkpoint"
)

// bare is a file of a family without the tensors that show which one it is.
func bare(t *testing.T, path string, without ...string) *checkpoint.Checkpoint {
	t.Helper()
	in := open(t, path)
	var left []checkpoint.Tensor
	for _, x := range in.Tensors {
		keep := true
		for _, part := range without {
			keep = keep && !strings.Contains(x.Name, part)
		}
		if keep {
			left = append(left, x)
		}
	}
	c, err := checkpoint.Of(left...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What may be REPA's, DMF's or SiT's is not taken for one of them in silence.
func TestAmbiguous(t *testing.T) {
	const modern = "../../../testdata/golden-modern/"
	repa := bare(t, modern+"repa_tiny/model.safetensors", "projectors.")
	dmf := bare(t, modern+"dmf_tiny/dmf_tiny.pt", "logvar", "_norm.")
	heads := Said{NumHeads: 2, GuidedChannels: -1}
	for name, c := range map[string]*checkpoint.Checkpoint{"repa": repa, "dmf": dmf} {
		_, err := Read(c, heads)
		contains(t, name, err, "say -family repa, dmf, sit or dit, or -convention ours")
		said := heads
		said.Convention = "sit"
		m, err := Read(c, said)
		if err != nil || !strings.Contains(strings.Join(m.Notes, "\n"), "REPA's and DMF's files look the same") {
			t.Errorf("%s taken for a SiT: %v, notes %q", name, err, m.Notes)
		}
	}
	for what, said := range map[string]Said{
		"-family":         {Family: "dmf"},
		"-model":          {Model: "DMF-XL/2"},
		"the file's name": {File: "my_DMF_last.pt"},
	} {
		said.NumHeads, said.GuidedChannels, said.Config, said.ConfigFile = 2, -1, Config{"dmf_depth": json.RawMessage("2")}, "c.json"
		m, err := Read(dmf, said)
		if said.Model != "" { // which has another shape
			contains(t, what, err, "DMF-XL/2 has hidden_size 1152")
			continue
		}
		if err != nil || !m.Convention.Average || m.Network.TimesStart != 2 {
			t.Errorf("%s: %+v, %v", what, m.Convention, err)
		}
	}
	_, err := Read(dmf, Said{Family: "dmf", NumHeads: 2, GuidedChannels: -1})
	contains(t, "no dmf_depth", err, "no tensor shows dmf_depth: give it by -config FILE.json")
	m, err := Read(repa, Said{File: "REPA.pt", NumHeads: 2, GuidedChannels: -1})
	if err != nil || m.Convention.Clock != flow.FlowClock || m.Convention.Interval != flow.StepInterval || !strings.Contains(m.Notes[0], "as the file's name says") {
		t.Errorf("REPA by its file's name: %+v, %v, %q", m.Convention, err, m.Notes)
	}
	_, err = Read(repa, Said{Family: "soflow", NumHeads: 2, GuidedChannels: -1})
	contains(t, "soflow", err, "this is no SoFlow")
	_, err = Read(open(t, modern+"pmf_tiny/model.pt"), Said{Convention: "sit", GuidedChannels: -1})
	contains(t, "a convention of pMF", err, "what a pmf predicts is known")
}

// What a published model's name or width says of what no tensor shows.
func TestPublishedNumbers(t *testing.T) {
	const modern = "../../../testdata/golden-modern/"
	_, err := Read(open(t, modern+"jit_tiny/model.safetensors"), nothing)
	contains(t, "in_context_start", err, "no tensor shows in_context_start")
	_, err = Read(open(t, modern+"jit_tiny/model.safetensors"), Said{Model: "JiT-B/16", GuidedChannels: -1})
	contains(t, "another shape", err, "JiT-B/16 has hidden_size 768, depth 12 and patches of 16, the tensors show 40, 3 and 4")
	_, err = Read(open(t, modern+"imf_tiny/model.pt"), Said{Config: Config{"input_size": json.RawMessage("7")}, ConfigFile: "c.json", GuidedChannels: -1})
	contains(t, "input_size", err, "input_size 7 is not a multiple of patch_size 2")
	m, err := Read(open(t, modern+"repae_tiny/0400000.pt"), Said{NumHeads: 2, GuidedChannels: -1})
	if err != nil || len(m.Latents.Mean) != 6 || !(m.Latents.Std[0] > 0) {
		t.Errorf("REPA-E's latents: %+v, %v", m.Latents, err)
	}
}
