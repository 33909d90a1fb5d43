package convert

import (
	"bytes"
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/compute/native"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/checkpoint"
	"dit8/tools/quantize/family"
	"dit8/tools/quantize/proof"
	"dit8/weights"
)

const autoencoders = "../../../testdata/golden-vae/"

// autoencoderOf describes an autoencoder of the goldens.
func autoencoderOf(t *testing.T, path string) Model {
	t.Helper()
	in, err := checkpoint.OpenAutoencoder(autoencoders + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	m, err := family.Read(in, family.Said{GuidedChannels: -1})
	if err != nil {
		t.Fatal(err)
	}
	model, err := New(m, About{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// stored writes a model in a type and reads it again.
func stored(t *testing.T, m Model, dtype string) (*autoencoder.Model, *weights.Header) {
	t.Helper()
	var file bytes.Buffer
	types := Types{Default: dtype}
	if err := m.Write(&file, nil, m.Tensors(types), Options{Types: types, Compress: "small"}); err != nil {
		t.Fatal(err)
	}
	r, err := weights.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := native.New("", 1)
	if err != nil {
		t.Fatal(err)
	}
	a, err := autoencoder.Load(dev.(compute.Convolver), m.Autoencoder.Config, r.Autoencoder())
	if err != nil {
		t.Fatal(err)
	}
	return a, r.Header()
}

// In integers autoencoders make the pictures of float32, to 48 dB, and latents to 45.
func TestInt8Autoencoders(t *testing.T) {
	for _, path := range []string{"vae_kl16", "vae_f16_attn", "vae_lowvar", "vae_noattn", "taesd", "e2e_dit/vae", "vae_bad/good", "vae_bad/tae_good"} {
		m := autoencoderOf(t, path)
		if err := m.Calibrate(context.Background(), generic.New(), Types{Default: "int8"}); err != nil {
			t.Fatal(err)
		}
		exact, _ := stored(t, m, "f32")
		got, header := stored(t, m, "int8")
		cfg, h, w := m.Autoencoder.Config, 7, 10
		if cfg.Factor() > 8 {
			h, w = 4, 5
		}
		for _, x := range header.Tensors {
			if want := filepath.Ext(x.Name) == ".weight" && types(m)[x.Name] == param.Convolution; (x.DType == weights.I8) != want {
				t.Errorf("%s: tensor %s is %v", path, x.Name, x.DType)
			}
		}
		z := m.Autoencoder.Latents.Apply(latents(cfg.LatentChannels, h, w))
		pictures := [2][]float32{}
		for i, a := range []*autoencoder.Model{got, exact} {
			pictures[i] = make([]float32, cfg.ImageChannels*h*w*cfg.Factor()*cfg.Factor())
			if err := a.Decode(context.Background(), pictures[i], z, h, w, nil); err != nil {
				t.Fatal(err)
			}
		}
		psnr := proof.RangePSNR(pictures[0], pictures[1])
		t.Logf("%-16s decoded %.1f dB", path, psnr)
		if !(psnr >= 48) {
			t.Errorf("%s: decoded pictures are %.1f dB from float32's", path, psnr)
		}
		if cfg.Encoder == nil {
			continue
		}
		moments := [2][]float32{}
		for i, a := range []*autoencoder.Model{got, exact} {
			moments[i] = make([]float32, cfg.Moments()*h*w)
			if err := a.Encode(context.Background(), moments[i], pictures[1], h*cfg.Factor(), w*cfg.Factor(), nil); err != nil {
				t.Fatal(err)
			}
		}
		n := cfg.LatentChannels * h * w // the means
		psnr = proof.RangePSNR(moments[0][:n], moments[1][:n])
		t.Logf("%-16s encoded %.1f dB", path, psnr)
		if !(psnr >= 45) {
			t.Errorf("%s: encoded latents are %.1f dB from float32's", path, psnr)
		}
	}
}

func types(m Model) map[string]param.Role {
	roles := make(map[string]param.Role)
	for _, s := range m.Specs() {
		roles[s.Name] = s.Role
	}
	return roles
}

// latents are normal, others than those of calibration, and alike in pairs of rows.
func latents(c, h, w int) []float32 {
	z := make([]float32, c*h*w)
	flow.Noise(z, 7, 0)
	for i := range z {
		if i/w%2 == 1 {
			z[i] = (z[i] + 2*z[i-w]) / 2
		}
	}
	return z
}

// Kernels whose sums would be too large get a larger scale, and stay floats where that
// costs too much.
func TestLargeKernels(t *testing.T) {
	const in = 512
	x := param.Tensor{Name: "w", Shape: []int{2, 3, 3, in}, F32: make([]float32, 2*9*in)}
	for i := range x.F32 {
		x.F32[i] = float32(i%3-1) * 0.5 // of which two thirds are as large as there are
		if i >= 9*in && i%9 > 0 {
			x.F32[i] /= 4
		}
	}
	q := quantizeKernels(x, nil)
	if q.I8 == nil {
		t.Fatal("the kernels stayed floats")
	}
	if sum := compute.ConvSum(q.I8[:9*in]); sum > compute.MaxConvSum || sum < compute.MaxConvSum-9*in {
		t.Errorf("the weights come to %d, allowed %d", sum, compute.MaxConvSum)
	}
	if top := slices.Min(q.I8[9*in:]); top != -127 {
		t.Errorf("an output that needs no larger scale has %d steps", top)
	}
	for i, v := range q.Floats() {
		if math.Abs(float64(v-x.F32[i])) > float64(q.Scale[i/9/in])/2*1.0001 {
			t.Fatalf("weight %d is %v, was %v", i, v, x.F32[i])
		}
	}
	x.Shape[3], x.F32 = 4*in, slices.Repeat([]float32{1}, 2*9*4*in)
	if q = quantizeKernels(x, nil); q.I8 != nil {
		t.Error("kernels of which more than a bit would be lost became int8")
	}
	smooth := slices.Repeat([]float32{1, 4}, 4)
	x = param.Tensor{Name: "w", Shape: []int{1, 3, 3, 8}, F32: slices.Repeat([]float32{0.5, 2}, 36)}
	q = quantizeKernels(x, smooth)
	if !slices.Equal(q.Floats(), x.F32) || slices.Min(q.I8) != 127 {
		t.Errorf("smoothed kernels are %v, with factors %v", q.I8, q.Smooth)
	}
}
