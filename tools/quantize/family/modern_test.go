package family_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dit8/core/compute/native"
	"dit8/core/dit"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/core/sampling"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/checkpoint/safetensors"
	"dit8/tools/quantize/family"
)

const modern = "../../../testdata/golden-modern"

// modernCase is what case.json says of a network and its files.
type modernCase struct {
	Config      family.Config `json:"config"`
	Checkpoints []struct {
		File   string `json:"file"`
		Format string `json:"format"`
	} `json:"checkpoints"`
}

func readCase(t *testing.T, name string) (c modernCase) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(modern, name, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// stepCounts are those of the families of few steps.
var stepCounts = map[string][]int{"pmf": {1}, "imf": {1}, "soflow": {1}, "dmf": {1, 2, 4}}

// The networks of each family compute what the official code does, from every form
// that they come in, and are recognised.
func TestModernForward(t *testing.T) {
	for name, want := range map[string]string{
		"jit_tiny": "jit", "jit_lowvar": "jit", "jit_pth": "jit", "lightningdit_tiny": "lightningdit", "lightningdit_flags": "lightningdit",
		"repa_tiny": "repa", "repae_tiny": "repa", "dmf_tiny": "dmf", "soflow_tiny": "soflow", "imf_tiny": "imf", "pmf_tiny": "pmf",
	} {
		c := readCase(t, name)
		for _, f := range c.Checkpoints {
			if f.File == "latents_stats.pt" {
				continue
			}
			t.Run(name+"/"+f.File, func(t *testing.T) { modernForward(t, name, f.File, want, c.Config) })
		}
	}
}

func modernForward(t *testing.T, name, file, want string, config family.Config) {
	in, err := checkpoint.Open(filepath.Join(modern, name, file), "")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	in.Config = ""
	var recognised []string
	for _, f := range family.All {
		if f.Is(in) {
			recognised = append(recognised, f.Name)
		}
	}
	if len(recognised) != 1 || recognised[0] != want {
		t.Errorf("it is taken for %v, want %s", recognised, want)
	}
	m, err := family.Read(in, family.Said{Config: config, ConfigFile: "case.json", GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.Notes {
		t.Log(n)
	}
	if counts := stepCounts[want]; !slices.Equal(m.StepCounts, counts) {
		t.Errorf("made for %v steps, want %v", m.StepCounts, counts)
	}
	dev, err := native.New("", 1)
	if err != nil {
		t.Fatal(err)
	}
	net, err := dit.Load(dev, *m.Network, func(yield func(param.Tensor, error) bool) {
		for _, s := range m.Specs {
			if !yield(m.Tensor(s.Name)) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ref := openFile(t, filepath.Join(modern, name, "forward.safetensors"))
	get := func(name string) []float32 {
		x, ok := ref.Lookup(name)
		if !ok {
			return nil
		}
		v, err := ref.Floats(x)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	ys, _ := ref.Lookup("y")
	y, err := ref.Ints(ys)
	if err != nil {
		t.Fatal(err)
	}
	tt, r, h := get("t"), get("r"), get("h")
	if s := get("s"); s != nil {
		r = s
	}
	conds := make([]dit.Cond, len(y))
	for i := range conds {
		conds[i] = dit.Cond{T: tt[i], R: tt[i], Label: y[i]}
		if r != nil {
			conds[i].R = r[i]
		}
		if h != nil {
			conds[i].T, conds[i].R = h[i], 0
			conds[i].Omega, conds[i].TMin, conds[i].TMax = get("omega")[i], get("t_min")[i], get("t_max")[i]
		}
	}
	cond, err := net.Condition(conds)
	if err != nil {
		t.Fatal(err)
	}
	x := get("x")
	out := make([]float32, len(x))
	if err := net.Forward(out, x, len(y), cond, 0, len(y)); err != nil {
		t.Fatal(err)
	}
	wantOut := get("out")
	if o := get("out_x"); o != nil {
		worst(t, "out_x", out, o, 1e-4)
		n := sampling.Network{Model: net, Convention: m.Convention}
		size := net.Config().ImageLen()
		for i := range y {
			n.Convention.ToVelocity(out[i*size:(i+1)*size], x[i*size:(i+1)*size], flow.Input{T: tt[i]})
		}
		worst(t, "out", out, wantOut, 1e-3)
		return
	}
	worst(t, "out", out, wantOut, 1e-4)
}

func worst(t *testing.T, name string, got, want []float32, bound float64) {
	t.Helper()
	e := 0.0
	for i := range want {
		e = max(e, math.Abs(float64(got[i]-want[i])))
	}
	t.Logf("%s: max error %.2e", name, e)
	if !(e <= bound) {
		t.Errorf("%s: max error %.2e, allowed %g", name, e, bound)
	}
}

func openFile(t *testing.T, path string) *safetensors.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	in, err := safetensors.Read(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return in
}
