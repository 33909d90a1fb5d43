//go:build js

package webgpu

import (
	"fmt"
	"iter"
	"math"

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
		want, err := newPictures(generic.New(), c, 3, 5)
		if err != nil {
			return err
		}
		got, err := newPictures(d, c, 3, 5)
		if err == nil {
			got.free()
			err = same(got.out, want.out)
		}
		if err != nil {
			return fmt.Errorf("webgpu: test of autoencoder %d: %w", i, err)
		}
	}
	d.convolves = true
	return nil
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
