package dit_test

import (
	"slices"
	"strings"
	"testing"

	"dit8/core/dit"
	"dit8/core/param"
)

// With AdaLN weights of zero, the modulation is the heads' biases, in their order.
func TestReadConditioning(t *testing.T) {
	d := small.HiddenSize
	offsets := map[string]float32{"blocks.0": 0, "blocks.1": 0.5, "final_layer": 0.25}
	m := load(t, small, change(small, false, func(t *param.Tensor) {
		switch {
		case strings.HasSuffix(t.Name, "adaLN_modulation.1.weight"):
			clear(t.F32)
		case strings.HasSuffix(t.Name, "adaLN_modulation.1.bias"):
			for i := range t.F32 {
				t.F32[i] = float32(i) + offsets[strings.TrimSuffix(t.Name, ".adaLN_modulation.1.bias")]
			}
		}
	}))
	c, err := m.Condition([]dit.Cond{{T: 0.3}, {T: 0.7, Label: 2}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	v := make([]float32, 6*d)
	want := func(n int, offset float32) []float32 {
		w := make([]float32, n)
		for i := range w {
			w[i] = float32(i) + offset
		}
		return w
	}
	for row := range 2 {
		for i := range small.Depth {
			if err := c.ReadBlock(v, i, row); err != nil || !slices.Equal(v, want(6*d, float32(i)/2)) {
				t.Errorf("block %d, row %d: %v, %v", i, row, err, v)
			}
		}
		if err := c.ReadFinal(v[:2*d], row); err != nil || !slices.Equal(v[:2*d], want(2*d, 0.25)) {
			t.Errorf("final layer, row %d: %v, %v", row, err, v[:2*d])
		}
	}
	for want, err := range map[string]error{
		"block -1 of 2":                          c.ReadBlock(v, -1, 0),
		"block 2 of 2":                           c.ReadBlock(v, 2, 0),
		"row -1 of 2":                            c.ReadBlock(v, 0, -1),
		"row 2 of 2":                             c.ReadFinal(v[:2*d], 2),
		"143 values for a modulation row of 144": c.ReadBlock(v[1:], 0, 0),
		"144 values for a modulation row of 48":  c.ReadFinal(v, 0),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
