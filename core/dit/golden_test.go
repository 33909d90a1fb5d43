package dit_test

import (
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/internal/golden"
)

// The forward pass equals that of the official code. The bound is the noise of
// float32 (1e-6) with room for another order of sums; the mildest known mistake,
// layer norm's eps, costs more than 1e-5 on sit_lowvar.
func TestForwardGolden(t *testing.T) {
	for _, f := range []struct{ name, checkpoint, file string }{
		{"dit_tiny", "model", "forward"},
		{"dit_tiny", "model", "forward_fractional_t"},
		{"sit_tiny", "model", "forward"},
		{"sit_rgb", "model", "forward"},
		{"sit_lowvar", "model", "forward"},
	} {
		t.Run(f.name+"/"+f.file, func(t *testing.T) {
			c := golden.ReadCase(t, f.name)
			m, err := dit.Load(generic.New(), c.Config.Config, golden.Tensors(golden.Read(t, f.name+"/"+f.checkpoint+".safetensors")))
			if err != nil {
				t.Fatal(err)
			}
			ref := golden.Read(t, f.name+"/"+f.file+".safetensors")
			conds := make([]dit.Cond, len(ref["t"].V))
			for i := range conds {
				conds[i] = dit.Cond{T: ref["t"].V[i], Label: int(ref["y"].V[i])}
			}
			cond, err := m.Condition(conds)
			if err != nil {
				t.Fatal(err)
			}
			n := len(conds)
			cfg := m.Config()
			out := make([]float32, n*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
			if err := m.Forward(out, ref["x"].V, n, cond, 0, n); err != nil {
				t.Fatal(err)
			}
			want := ref["out"]
			if before, ok := ref["out_before_chunk"]; ok {
				want = before
			}
			if e := golden.RelErr(out, want.V); !(e < 5e-6) {
				t.Errorf("relative error %.2e", e)
			} else {
				t.Logf("relative error %.2e", e)
			}
		})
	}
}
