package dit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/param"
)

// The switches of JiT and of iMF, small.
var (
	jit = dit.Config{InputSize: 6, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 3, NumHeads: 3, MLPHidden: 17, NumClasses: 5,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.AxialRope, Context: dit.Context{Class: 4, Start: 1}}
	imf = dit.Config{InputSize: 6, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 3, NumHeads: 3, MLPHidden: 17, NumClasses: 5,
		Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true, Rope: dit.SequenceRope, Modulation: dit.StaticModulation, Times: dit.TimesToken,
		Context: dit.Context{Class: 2, Omega: 2, TMin: 1, TMax: 1, Time: 2}}
)

// forward runs a network on n equal images, each with a condition.
func forward(t *testing.T, m *dit.Model, conds ...dit.Cond) []float32 {
	t.Helper()
	c, err := m.Condition(conds)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Free()
	n, cfg := len(conds), m.Config()
	x := slices.Repeat(ramp(cfg.ImageLen()), n)
	out := make([]float32, n*cfg.ImageLen())
	if err := m.Forward(out, x, n, c, 0, n); err != nil {
		t.Fatal(err)
	}
	return out
}

// What an image becomes depends on its own condition, not on its neighbours', and on
// every part of it.
func TestContextOfEachImage(t *testing.T) {
	base := dit.Cond{T: 0.9, R: 0.3, Label: 1, Omega: 3, TMin: 0.1, TMax: 0.8}
	for name, cfg := range map[string]dit.Config{"JiT": jit, "iMF": imf} {
		m := load(t, cfg, dit.Random(cfg, 1, true))
		changed := map[string]func(*dit.Cond){
			"label": func(c *dit.Cond) { c.Label = 4 }, "t": func(c *dit.Cond) { c.T = 0.7 },
			"mix": func(c *dit.Cond) { c.Mix = []dit.Share{{Label: 1, Weight: 0.5}, {Label: 2, Weight: 0.5}} },
		}
		if name == "iMF" {
			changed["r"] = func(c *dit.Cond) { c.R = 0.1 }
			changed["omega"] = func(c *dit.Cond) { c.Omega = 8 }
			changed["t_min"] = func(c *dit.Cond) { c.TMin = 0.2 }
			changed["t_max"] = func(c *dit.Cond) { c.TMax = 0.7 }
		}
		alone := forward(t, m, base)
		for part, change := range changed {
			other := base
			change(&other)
			both := forward(t, m, other, base)
			if slices.Equal(both[:len(alone)], alone) {
				t.Errorf("%s: another %s changes nothing", name, part)
			}
			if !slices.Equal(both[len(alone):], alone) {
				t.Errorf("%s: an image is another one behind one of another %s", name, part)
			}
		}
		m.Free()
	}
}

// With closed gates a static modulation leaves the stream as it is: blocks and
// context tokens do nothing.
func TestZeroStaticModulation(t *testing.T) {
	closed := func(t *param.Tensor) {
		if strings.HasSuffix(t.Name, ".modulation") && strings.HasPrefix(t.Name, "blocks.") {
			clear(t.F32)
		}
	}
	one := imf
	one.Depth = 1
	cond := dit.Cond{T: 1, Omega: 2}
	deep, shallow := forward(t, load(t, imf, change(imf, false, closed)), cond), forward(t, load(t, one, change(one, false, closed)), cond)
	if !slices.Equal(deep, shallow) {
		t.Error("blocks with closed gates are not the identity")
	}
	if slices.Equal(deep, forward(t, load(t, imf, dit.Random(imf, 1, false)), cond)) {
		t.Error("blocks with open gates are the identity")
	}
}

// DMF's blocks see the time that they are meant to: from TimesStart on the second.
func TestSplitTimes(t *testing.T) {
	modulated := func(start int, at, to float32) (all [][]float32) {
		cfg := small
		cfg.Times, cfg.TimesStart = dit.TimesSplit, start
		m := load(t, cfg, dit.Random(cfg, 1, false))
		c, err := m.Condition([]dit.Cond{{T: at, R: to, Label: 1}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range cfg.Depth {
			v := make([]float32, 6*cfg.HiddenSize)
			if err := c.ReadBlock(v, i, 0); err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
		}
		v := make([]float32, 2*cfg.HiddenSize)
		if err := c.ReadFinal(v, 0); err != nil {
			t.Fatal(err)
		}
		return append(all, v)
	}
	first, second := modulated(0, 0.9, 0.9), modulated(0, 0.2, 0.2)
	for start := range small.Depth + 1 {
		for i, v := range modulated(start, 0.9, 0.2) {
			want := first[i]
			if i >= start {
				want = second[i]
			}
			if !slices.Equal(v, want) {
				t.Errorf("times_start %d: layer %d does not see its time", start, i)
			}
		}
	}
}

func TestSwitchesRefuse(t *testing.T) {
	for want, change := range map[string]func(*dit.Config){
		`norm is "batch", allowed "rms" or none`:             func(c *dit.Config) { c.Norm = "batch" },
		`mlp is "glu"`:                                       func(c *dit.Config) { c.MLP = "glu" },
		`rope is "2d", allowed "axial", "sequence" or none`:  func(c *dit.Config) { c.Rope = "2d" },
		"heads of 6 channels cannot be rotated":              func(c *dit.Config) { c.NumHeads = 4 },
		`times is "two"`:                                     func(c *dit.Config) { c.Times = "two" },
		"a static modulation go together":                    func(c *dit.Config) { c.Modulation = dit.StaticModulation },
		"times_start is 1, allowed 0 unless":                 func(c *dit.Config) { c.TimesStart = 1 },
		"context.start is 3, allowed 0 to 2":                 func(c *dit.Config) { c.Context.Start = 3 },
		"context.class is 257, allowed 0 to 256":             func(c *dit.Config) { c.Context.Class = 257 },
		"context.start is 1 without context tokens":          func(c *dit.Config) { c.Context.Class = 0 },
		"block_embedders go with one time, AdaLN":            func(c *dit.Config) { c.BlockEmbedders = true },
		"time as tokens and a static modulation go together": func(c *dit.Config) { c.Context.Time = 1 },
		"dit: modulation is \"none\", allowed \"static\" or": func(c *dit.Config) { c.Modulation = "none" },
		"times_start is 9, allowed 0 to 3":                   func(c *dit.Config) { c.Times, c.TimesStart = dit.TimesSplit, 9 },
	} {
		c := jit
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	m := load(t, imf, dit.Random(imf, 1, false))
	if _, err := m.Condition([]dit.Cond{{T: 1}}); err == nil || !strings.Contains(err.Error(), "guidance 0, allowed above 0") {
		t.Errorf("omega 0: %v", err)
	}
}

// Running out of memory anywhere is an error, and leaves nothing allocated.
func TestOutOfMemoryOfSwitches(t *testing.T) {
	for _, cfg := range []dit.Config{jit, imf} {
		for n := range 200 {
			dev := &poor{Device: generic.New(), left: n}
			m, err := dit.Load(dev, cfg, dit.Random(cfg, 1, false))
			if err == nil {
				var c *dit.Conditioning
				if c, err = m.Condition([]dit.Cond{{Omega: 1}}); err == nil {
					err = m.Forward(make([]float32, cfg.ImageLen()), make([]float32, cfg.ImageLen()), 1, c, 0, 1)
				}
			}
			if err == nil {
				if n < 20 {
					t.Errorf("%d allocations were enough", n)
				}
				break
			}
			if !errors.Is(err, errNoMemory) {
				t.Fatalf("after %d allocations: %v", n, err)
			}
		}
	}
}
