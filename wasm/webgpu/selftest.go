//go:build js

package webgpu

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/param"
	"dit8/wasm/promise"
)

// tests are tiny networks that run every operation between them, in widths that no tile divides.
var tests = []struct {
	config dit.Config
	int8s  bool
}{
	{dit.Config{InputSize: 12, PatchSize: 2, InChannels: 3, HiddenSize: 72, Depth: 1, NumHeads: 2, MLPHidden: 150, NumClasses: 2}, true},
	{dit.Config{InputSize: 12, PatchSize: 2, InChannels: 3, HiddenSize: 40, Depth: 2, NumHeads: 2, MLPHidden: 53, NumClasses: 2, Norm: dit.RMSNorm, MLP: dit.SwiGLU, QKNorm: true,
		Rope: dit.AxialRope, Context: dit.Context{Class: 5, Start: 1}}, true},
	{dit.Config{InputSize: 6, PatchSize: 2, InChannels: 3, HiddenSize: 28, Depth: 1, NumHeads: 2, MLPHidden: 40, NumClasses: 2}, false},
}

// autoencoders are tiny ones that run every kind of convolution between them.
var autoencoders = []autoencoder.Config{
	{ImageChannels: 3, LatentChannels: 4, Groups: 2, Decoder: autoencoder.Half{Channels: []int{10, 36}, Layers: []int{1, 1}, Mid: true, Quant: true},
		Encoder: &autoencoder.Half{Channels: []int{6, 10}, Layers: []int{1, 1}}},
	{Kind: autoencoder.Tiny, ImageChannels: 3, LatentChannels: 4, Decoder: autoencoder.Half{Channels: []int{12, 12}, Layers: []int{1, 1}}},
}

// TestConvolutions reports an error unless the device gives the bits of package generic for tiny autoencoders. Then it
// runs those that fit it (see Fits).
func (d *Device) TestConvolutions() error {
	if d.convolves {
		return nil
	}
	if err := d.compiled(true); err != nil {
		return err
	}
	for i, c := range autoencoders {
		want, err := pictures(generic.New(), c)
		if err != nil {
			return err
		}
		got, err := pictures(d, c)
		if err == nil {
			err = same(got, want)
		}
		if err != nil {
			return fmt.Errorf("webgpu: test of autoencoder %d: %w", i, err)
		}
	}
	d.convolves = true
	return nil
}

// pictures are what an autoencoder of random weights decodes, and what it makes of that again.
func pictures(dev compute.Convolver, c autoencoder.Config) ([]float32, error) {
	m, err := autoencoder.Load(dev, c, untrained(c))
	if err != nil {
		return nil, err
	}
	defer m.Free()
	const h, w = 3, 5
	z := make([]float32, c.LatentChannels*h*w)
	for i := range z {
		z[i] = float32(i*i%61-30) / 16
	}
	pixels := c.ImageChannels * h * w * c.Factor() * c.Factor()
	all := make([]float32, pixels+c.Moments()*h*w)
	if err := m.Decode(context.Background(), all[:pixels], z, h, w, nil); err != nil || c.Encoder == nil {
		return all, err
	}
	return all, m.Encode(context.Background(), all[pixels:], all[:pixels], h*c.Factor(), w*c.Factor(), nil)
}

// untrained are weights for a test, with int8s. (autoencoder.Random's normal distribution would have to be downloaded.)
func untrained(c autoencoder.Config) iter.Seq2[param.Tensor, error] {
	return func(yield func(param.Tensor, error) bool) {
		r := uint64(1)
		values := func(n int, bound float32) []float32 {
			v := make([]float32, n)
			for i := range v {
				r = r*6364136223846793005 + 1442695040888963407
				v[i] = bound * float32(int32(r>>32)) / (1 << 31)
			}
			return v
		}
		for _, s := range c.Specs() {
			t, n, rows := param.Tensor{Name: s.Name, Shape: s.Shape}, s.Len(), s.Shape[0]
			bound := float32(math.Sqrt(3 * float64(rows) / float64(n)))
			if s.Role == param.Convolution {
				t.I8, t.Scale, t.Smooth = make([]int8, n), values(rows, bound/127), values(s.Shape[3], 0.5)
				for i, v := range values(n, 127) {
					t.I8[i] = int8(v)
				}
				for i := range t.Smooth {
					t.Smooth[i]++
				}
			} else {
				t.F32 = values(n, bound)
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// Test reports an error unless the device gives the bits of package generic for layers of int8 weights,
// whose outputs tell the last bit, and for some tiny networks.
func (d *Device) Test() error {
	if d.tested {
		return nil
	}
	if err := d.compiled(false); err != nil {
		return err
	}
	want, err := layers(generic.New())
	if err != nil {
		return err
	}
	got, err := layers(d)
	if err != nil {
		return err
	}
	if err := same(got, want); err != nil {
		return fmt.Errorf("webgpu: test of layers: %w", err)
	}
	for i, c := range tests {
		want, err := newTrial(generic.New(), c.config, c.int8s)
		if err != nil {
			return err
		}
		got, err := newTrial(d, c.config, c.int8s)
		if err != nil {
			return err
		}
		err = same(got.out, want.out)
		got.free()
		if err != nil {
			return fmt.Errorf("webgpu: test %d: %w", i, err)
		}
	}
	d.tested = true
	return nil
}

// Prepare has all be compiled that autoencoders need, while something else is done.
func (d *Device) Prepare() { d.host.Call("compiled", true) }

// compiled waits until what networks, or autoencoders as well, need is compiled.
func (d *Device) compiled(autoencoders bool) error {
	if _, err := promise.Await(d.host.Call("compiled", autoencoders)); err != nil {
		return fmt.Errorf("webgpu: %w", err)
	}
	return nil
}

// Takes reports an error where a network does not fit the device, whatever its size.
func Takes(c dit.Config) error {
	if n := c.HiddenSize / c.NumHeads; n > MaxHeadDim {
		return fmt.Errorf("webgpu: heads of %d channels, allowed up to %d", n, MaxHeadDim)
	}
	return nil
}

// Race reports whether d runs networks of a shape faster than another device, to the same bits, by blocks of
// random weights. It fails where a block does not fit or its results differ.
func (d *Device) Race(cfg dit.Config, other compute.Device) (faster bool, err error) {
	cfg.Depth, cfg.NumClasses, cfg.Context.Start = 1, 1, 0
	cfg.TimesStart = min(cfg.TimesStart, 1)
	var trials [2]*trial
	for i, dev := range []compute.Device{d, other} {
		if trials[i], err = newTrial(dev, cfg, true); err != nil {
			return false, err
		}
		defer trials[i].free()
	}
	if err := same(trials[0].out, trials[1].out); err != nil {
		return false, err
	}
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	for range 3 {
		for i, t := range trials {
			start := time.Now()
			if err := t.run(); err != nil {
				return false, err
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	return best[0] < best[1]*4/5, nil
}

// trial is a network of random weights with something to do.
type trial struct {
	model *dit.Model
	cond  *dit.Conditioning
	in    []float32
	out   []float32
}

// newTrial makes one and runs it once.
func newTrial(dev compute.Device, cfg dit.Config, int8s bool) (*trial, error) {
	m, err := dit.Load(dev, cfg, dit.Random(cfg, 1, int8s))
	if err != nil {
		return nil, err
	}
	t := &trial{model: m, in: make([]float32, cfg.ImageLen())}
	t.out = make([]float32, len(t.in)/cfg.InChannels*cfg.OutChannels())
	for i := range t.in {
		t.in[i] = float32(i*i%61-30) / 16
	}
	cond := dit.Cond{T: 0.5}
	if cfg.TwoTimes() {
		cond.R, cond.Omega, cond.TMin, cond.TMax = 0.25, 2, 0.1, 0.7
	}
	if cfg.GuidanceInput() {
		cond.Omega = 2
	}
	if t.cond, err = m.Condition([]dit.Cond{cond}); err == nil {
		err = t.run()
	}
	if err != nil {
		t.free()
		return nil, err
	}
	return t, nil
}

func (t *trial) run() error { return t.model.Forward(t.out, t.in, 1, t.cond, 0, 1) }

func (t *trial) free() {
	if t.cond != nil {
		t.cond.Free()
	}
	t.model.Free()
}

// same reports an error unless two devices' values have the same bits.
func same(got, want []float32) error {
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			return fmt.Errorf("value %d of %d is %v, another device's is %v", i, len(want), got[i], w)
		}
	}
	return nil
}

// layers gives the outputs of a layer with each activation, one after the other.
func layers(dev compute.Device) ([]float32, error) {
	const rows, in, out = 35, 77, 45
	w := compute.Weights{In: in, Out: out, I8: make([]int8, in*out), Scale: make([]float32, out), Bias: make([]float32, out)}
	for i := range w.I8 {
		w.I8[i] = int8(i*i%255 - 127)
	}
	for i := range out {
		w.Scale[i], w.Bias[i] = float32(i+1)/7000, float32(i%9-4)/8
	}
	x := make([]float32, rows*in)
	for i := range x {
		x[i] = float32(i*i%1021-510) / 300
	}
	l, err := dev.NewLinear(w)
	if err != nil {
		return nil, err
	}
	defer compute.FreeLinear(l)
	var f [2]compute.F32
	for i, n := range []int{rows * in, rows * out} {
		if f[i], err = dev.Alloc(n); err != nil {
			return nil, err
		}
		defer dev.Free(f[i])
	}
	dev.Write(f[0], x)
	var all []float32
	y := make([]float32, rows*out)
	for _, act := range []compute.Activation{compute.NoActivation, compute.WithGELU, compute.WithSiLU} {
		dev.Linear(f[1], f[0], rows, l, act)
		dev.Read(y, f[1])
		all = append(all, y...)
	}
	return all, compute.Lost(dev)
}

// ErrSlower tells that another device is faster.
var ErrSlower = errors.New("webgpu: the processor is faster for this network")
