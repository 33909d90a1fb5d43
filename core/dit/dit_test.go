package dit_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/param"
)

var small = dit.Config{InputSize: 6, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 40, NumClasses: 5, LearnSigma: true}

// change is Random with the tensors passed through f; f may drop one by giving it
// no name.
func change(cfg dit.Config, int8s bool, f func(*param.Tensor)) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		for t := range dit.Random(cfg, 1, int8s) {
			f(&t)
			if t.Name != "" && !yield(t, nil) {
				return
			}
		}
	}
}

func load(t *testing.T, cfg dit.Config, tensors iter.Seq2[param.Tensor, error]) *dit.Model {
	t.Helper()
	m, err := dit.Load(generic.New(), cfg, tensors)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	return x
}

// AdaLN-Zero (DiT/models.py: initialize_weights): with zero modulation heads every
// block is the identity, and with a zero final layer the output is exactly zero.
func TestZeroModulation(t *testing.T) {
	for _, int8s := range []bool{false, true} {
		zero := func(name string) func(*param.Tensor) {
			return func(t *param.Tensor) {
				if strings.Contains(t.Name, name) {
					clear(t.F32)
					clear(t.I8)
				}
			}
		}
		run := func(cfg dit.Config, f func(*param.Tensor)) []float32 {
			m := load(t, cfg, change(cfg, int8s, f))
			c, err := m.Condition([]dit.Cond{{T: 0.3, Label: 2}})
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, 2*cfg.OutChannels()*cfg.InputSize*cfg.InputSize)
			if err := m.Forward(out, ramp(2*cfg.ImageLen()), 2, c, 0, 1); err != nil {
				t.Fatal(err)
			}
			return out
		}
		blocksOff := run(small, zero("adaLN_modulation.1"))
		none := small
		none.Depth = 1
		if other := run(none, zero("adaLN_modulation.1")); !slices.Equal(blocksOff, other) {
			t.Errorf("int8=%v: two blocks with zero modulation are not the identity", int8s)
		}
		if on := run(small, func(*param.Tensor) {}); slices.Equal(blocksOff, on) {
			t.Errorf("int8=%v: modulation changes nothing", int8s)
		}
		for i, v := range run(small, func(t *param.Tensor) { zero("adaLN_modulation.1")(t); zero("final_layer.linear")(t) }) {
			if v != 0 {
				t.Fatalf("int8=%v: output %d of a zero-initialised DiT is %v", int8s, i, v)
			}
		}
	}
}

// The prediction for an image does not depend on the batch that it is in.
func TestBatchIndependence(t *testing.T) {
	for _, int8s := range []bool{false, true} {
		m := load(t, small, dit.Random(small, 1, int8s))
		conds := []dit.Cond{{T: 0.9, Label: 0}, {T: 0.2, Label: 4}, {T: 0.5, Label: 5}}
		c, err := m.Condition(conds)
		if err != nil {
			t.Fatal(err)
		}
		in, size := small.ImageLen(), 2*small.ImageLen()
		x := ramp(6 * in)
		all := make([]float32, 6*size)
		if err := m.Forward(all, x, 6, c, 0, 3); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			one := make([]float32, size)
			if err := m.Forward(one, x[i*in:(i+1)*in], 1, c, i/2, 1); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one, all[i*size:(i+1)*size]) {
				t.Errorf("int8=%v: image %d alone differs from image %d in a batch", int8s, i, i)
			}
			alone, err := m.Condition(conds[i/2 : i/2+1])
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Forward(one, x[i*in:(i+1)*in], 1, alone, 0, 1); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one, all[i*size:(i+1)*size]) {
				t.Errorf("int8=%v: conditioning computed alone differs", int8s)
			}
			alone.Free()
		}
		c.Free()
	}
}

// int8 layers follow the float ones that they stand for.
func TestInt8FollowsFloat(t *testing.T) {
	run := func(f func(*param.Tensor)) []float32 {
		m := load(t, small, change(small, true, f))
		c, err := m.Condition([]dit.Cond{{T: 0.4, Label: 1}})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float32, 2*small.ImageLen())
		if err := m.Forward(out, ramp(small.ImageLen()), 1, c, 0, 1); err != nil {
			t.Fatal(err)
		}
		return out
	}
	i8 := run(func(*param.Tensor) {})
	f32 := run(func(t *param.Tensor) { t.F32, t.I8, t.Scale = t.Floats(), nil, nil })
	var d, n float64
	for i := range i8 {
		d += float64(i8[i]-f32[i]) * float64(i8[i]-f32[i])
		n += float64(f32[i]) * float64(f32[i])
	}
	if rel := d / n; !(rel > 0 && rel < 0.03*0.03) {
		t.Errorf("squared relative error %v", rel)
	}
}

func TestLoadRefuses(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name    string
		tensors iter.Seq2[param.Tensor, error]
		want    string
	}{
		{"missing", change(small, false, func(t *param.Tensor) {
			if t.Name == "blocks.1.mlp.fc2.bias" {
				t.Name = ""
			}
		}), "blocks.1.mlp.fc2.bias: missing"},
		{"unknown", change(small, false, func(t *param.Tensor) {
			if t.Name == "pos_embed" {
				t.Name = "rope"
			}
		}), "rope: unknown"},
		{"repeated", change(small, false, func(t *param.Tensor) {
			if t.Name == "blocks.1.mlp.fc2.bias" {
				t.Name = "blocks.1.mlp.fc1.bias"
			}
		}), "blocks.1.mlp.fc1.bias: unknown or repeated"},
		{"shape", change(small, false, func(t *param.Tensor) {
			if t.Name == "blocks.0.attn.qkv.weight" {
				t.Shape = []int{t.Shape[1], t.Shape[0]}
			}
		}), "blocks.0.attn.qkv.weight: shape is [24 72], the config asks for [72 24]"},
		{"short", change(small, false, func(t *param.Tensor) {
			if t.Name == "pos_embed" {
				t.F32 = t.F32[1:]
			}
		}), "pos_embed"},
		{"source", func(yield func(param.Tensor, error) bool) { yield(param.Tensor{}, boom) }, "boom"},
	} {
		if _, err := dit.Load(generic.New(), small, c.tensors); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// Embedders of each block that are copies of one compute what the one does; another
// block's changes what modulates that block, and no other.
func TestBlockEmbedders(t *testing.T) {
	own := small
	own.BlockEmbedders = true
	modulation := func(cfg dit.Config, change func(*param.Tensor)) (all [][]float32) {
		m := load(t, cfg, func(yield func(param.Tensor, error) bool) {
			one := map[string]param.Tensor{}
			for x := range dit.Random(small, 1, false) {
				one[x.Name] = x
			}
			for _, s := range cfg.Specs() {
				_, embedder, ok := strings.Cut(s.Name, "_embedder.")
				x := one[s.Name]
				if ok && !strings.HasPrefix(s.Name, "x") {
					x = one[s.Name[len(s.Name)-len("t_embedder."+embedder):]]
				}
				x.Name, x.F32 = s.Name, slices.Clone(x.F32)
				change(&x)
				if !yield(x, nil) {
					return
				}
			}
		})
		c, err := m.Condition([]dit.Cond{{T: 0.3, Label: 2}, {T: 0.7, Label: 5}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Free()
		for i := range cfg.Depth {
			v := make([]float32, 6*cfg.HiddenSize)
			if err := c.ReadBlock(v, i, 1); err != nil {
				t.Fatal(err)
			}
			all = append(all, v)
		}
		v := make([]float32, 2*cfg.HiddenSize)
		if err := c.ReadFinal(v, 1); err != nil {
			t.Fatal(err)
		}
		return append(all, v)
	}
	keep := func(*param.Tensor) {}
	want := modulation(small, keep)
	if got := modulation(own, keep); !slices.EqualFunc(got, want, slices.Equal) {
		t.Error("copies of the embedders compute something else")
	}
	for block, changed := range [][]bool{{true, false, true}, {false, true, false}} {
		got := modulation(own, func(x *param.Tensor) {
			if x.Name == fmt.Sprintf("blocks.%d.t_embedder.mlp.2.bias", block) {
				x.F32[0] += 1
			}
		})
		for i := range got {
			if slices.Equal(got[i], want[i]) == changed[i] {
				t.Errorf("the embedder of block %d is another, the modulation of %d of 3: changed should be %v", block, i, changed[i])
			}
		}
	}
	shifted := small
	shifted.FreqShift = 1
	if slices.EqualFunc(modulation(shifted, keep), want, slices.Equal) {
		t.Error("freq_shift changes nothing")
	}
}

func TestConfigCheck(t *testing.T) {
	if err := small.Check(); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(*dit.Config){
		"input_size":      func(c *dit.Config) { c.InputSize = 0 },
		"patch_size":      func(c *dit.Config) { c.PatchSize = 4 },
		"in_channels":     func(c *dit.Config) { c.InChannels = 65 },
		"hidden_size":     func(c *dit.Config) { c.HiddenSize = 1 << 30 },
		"depth":           func(c *dit.Config) { c.Depth = -1 },
		"num_heads":       func(c *dit.Config) { c.NumHeads = 7 },
		"mlp_hidden_size": func(c *dit.Config) { c.MLPHidden = 1 << 20 },
		"num_classes":     func(c *dit.Config) { c.NumClasses = 0 },
		"freq_shift":      func(c *dit.Config) { c.FreqShift = 2 },
		"tokens":          func(c *dit.Config) { c.InputSize, c.PatchSize = 1024, 1 },
	} {
		c := small
		f(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConditionRefuses(t *testing.T) {
	m := load(t, small, dit.Random(small, 1, false))
	for _, c := range []dit.Cond{{Label: -1}, {Label: 6}, {T: 1e9}, {T: float32nan()}} {
		if _, err := m.Condition([]dit.Cond{c}); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	c, err := m.Condition([]dit.Cond{{}})
	if err != nil {
		t.Fatal(err)
	}
	x, out := make([]float32, small.ImageLen()), make([]float32, 2*small.ImageLen())
	for _, f := range []func() error{
		func() error { return m.Forward(out, x, 1, c, 1, 1) },
		func() error { return m.Forward(out, x, 1, c, 0, 2) },
		func() error { return m.Forward(out, x[1:], 1, c, 0, 1) },
		func() error { return m.Forward(out[1:], x, 1, c, 0, 1) },
		func() error { return m.Forward(out, x, 0, c, 0, 1) },
	} {
		if f() == nil {
			t.Error("a forward pass of wrong sizes was accepted")
		}
	}
}

func float32nan() float32 { z := float32(0); return z / z }

// A device that runs out of memory is an error, not a crash.
func TestOutOfMemory(t *testing.T) {
	for n := range 12 {
		dev := &poor{Device: generic.New(), left: n}
		m, err := dit.Load(dev, small, dit.Random(small, 1, false))
		if err == nil {
			var c *dit.Conditioning
			if c, err = m.Condition([]dit.Cond{{}}); err == nil {
				err = m.Forward(make([]float32, 2*small.ImageLen()), make([]float32, small.ImageLen()), 1, c, 0, 1)
			}
		}
		if !errors.Is(err, errNoMemory) {
			t.Errorf("after %d allocations: %v", n, err)
		}
	}
}

var errNoMemory = errors.New("out of memory")

type poor struct {
	compute.Device
	left int
}

func (p *poor) Alloc(n int) (compute.F32, error) {
	if p.left--; p.left < 0 {
		return compute.F32{}, errNoMemory
	}
	return p.Device.Alloc(n)
}
