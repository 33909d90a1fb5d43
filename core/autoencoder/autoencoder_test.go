package autoencoder

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/native"
	"dit8/core/param"
)

var (
	kl = Config{
		ImageChannels: 3, LatentChannels: 4, Groups: 4,
		Decoder: Half{Channels: []int{8, 12, 8}, Layers: []int{2, 1, 2}, Attention: []bool{false, false, true}, Mid: true, Quant: true},
		Encoder: &Half{Channels: []int{8, 12, 8}, Layers: []int{1, 1, 1}, Quant: true},
	}
	small = Config{
		Kind: Tiny, ImageChannels: 3, LatentChannels: 5,
		Decoder: Half{Channels: []int{7, 7, 7}, Layers: []int{1, 2, 2}},
		Encoder: &Half{Channels: []int{7, 7, 7}, Layers: []int{1, 2, 1}},
	}
)

func open(t testing.TB, dev compute.Device, c Config) *Model { return load(t, dev, c, Random(c, 1)) }

func load(t testing.TB, dev compute.Device, c Config, tensors iter.Seq2[param.Tensor, error]) *Model {
	t.Helper()
	m, err := Load(dev.(compute.Convolver), c, tensors)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wave is a picture of values about one.
func wave(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(float64(i*i%97))) * 1.5
	}
	return v
}

// Every device gives the same bits, for pictures of any shape, whatever was run before.
func TestDevices(t *testing.T) {
	for _, c := range []struct {
		Config
		tensors func(Config, uint64) iter.Seq2[param.Tensor, error]
	}{{kl, Random}, {small, Random}, {kl, RandomInt8}, {small, RandomInt8}} {
		want := make(map[int][]float32)
		names := native.Names()
		slices.Reverse(names) // generic first
		for _, name := range names {
			dev, err := native.New(name, 2)
			if err != nil {
				t.Fatal(err)
			}
			m := load(t, dev, c.Config, c.tensors(c.Config, 1))
			for i, s := range [][2]int{{3, 5}, {8, 2}, {1, 1}, {5, 5}} {
				out := make([]float32, 3*16*s[0]*s[1])
				if err := m.Decode(context.Background(), out, wave(c.LatentChannels*s[0]*s[1]), s[0], s[1], nil); err != nil {
					t.Fatal(err)
				}
				h, w := 4*s[0]+1, 4*s[1]+2
				moments := make([]float32, c.Moments()*c.LatentSize(h)*c.LatentSize(w))
				if err := m.Encode(context.Background(), moments, ofSize(out, h, w), h, w, nil); err != nil {
					t.Fatal(err)
				}
				out = append(out, moments...)
				if want[i] == nil {
					want[i] = out
				}
				if !slices.Equal(out, want[i]) {
					t.Errorf("%s, %v: %v differs from generic", c.Kind, s, name)
				}
			}
			m.Release()
			m.Free()
		}
	}
}

// ofSize is a picture of another size.
func ofSize(v []float32, h, w int) []float32 {
	x := wave(3 * h * w)
	copy(x, v)
	return x
}

// Decoding ends within a step of its context's end, tells how far it is, and refuses
// what does not fit.
func TestDecode(t *testing.T) {
	for _, c := range []Config{kl, small} {
		m := open(t, generic.New(), c)
		z, out := wave(c.LatentChannels*6), make([]float32, 3*16*6)
		ctx, stop := context.WithCancel(context.Background())
		steps, last := 0, 0.0
		see := func(done float64) {
			if done <= last || done > 1 {
				t.Errorf("%v after %v is done", done, last)
			}
			steps, last = steps+1, done
		}
		if err := m.Decode(ctx, out, z, 2, 3, see); err != nil || last != 1 {
			t.Fatalf("%v, %v is done", err, last)
		}
		all := steps
		steps, last = 0, 0
		err := m.Decode(ctx, out, z, 2, 3, func(done float64) {
			if see(done); steps == 4 {
				stop()
			}
		})
		if !errors.Is(err, context.Canceled) || steps != 4 || all < 9 {
			t.Errorf("%v after %d of %d steps", err, steps, all)
		}
		if err := m.Decode(context.Background(), out, z, 3, 3, nil); err == nil {
			t.Error("latents of another size were decoded")
		}
		if err := m.Decode(context.Background(), out, z, 1<<20, 1<<20, nil); err == nil || !strings.Contains(err.Error(), "allowed 1 to") {
			t.Errorf("a huge picture: %v", err)
		}
		c.Encoder = nil
		if err := open(t, generic.New(), c).Encode(context.Background(), z, out, 8, 12, nil); err == nil || !strings.Contains(err.Error(), "no encoder") {
			t.Errorf("without an encoder: %v", err)
		}
	}
}

// The real decoder needs what was measured beside it, and at 512×512 pixels less than 500 MB.
func TestWorkspace(t *testing.T) {
	sd := Config{
		ImageChannels: 3, LatentChannels: 4, Groups: 32,
		Decoder: Half{Channels: []int{128, 256, 512, 512}, Layers: []int{3, 3, 3, 3}, Mid: true, Quant: true},
	}
	parameters := 0
	for _, s := range sd.Specs() {
		parameters += s.Len()
	}
	if parameters != 49_490_199 {
		t.Errorf("%d parameters, want 49,490,199", parameters)
	}
	for size, limit := range map[int]int{32: 200e6, 64: 500e6} {
		if n := 4 * sd.WorkspaceLen(size, size); n > limit {
			t.Errorf("decoding %d×%[1]d latents takes %d bytes, allowed %d", size, n, limit)
		}
	}
}
