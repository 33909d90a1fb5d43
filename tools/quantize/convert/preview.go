package convert

import (
	"context"
	"math"
	"slices"
	"strings"

	"dit8/core/autoencoder"
	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/flow"
	"dit8/core/param"
	"dit8/tools/quantize/calib"
)

// previewSize is the height and width of the latents that previews are fitted to.
const previewSize = 16

// Decoding says what Calibrate does.
const Decoding = "decoding, to see what its layers see"

// Calibrate decodes random latents, half of them smooth. It finds the linear map from
// latents to colours that comes closest to what the autoencoder makes of them, and keeps
// it for coarse pictures; and of the convolutions that are to be int8 what they see. dev
// makes no difference but in time.
func (m *Model) Calibrate(ctx context.Context, dev compute.Device, t Types) error {
	a := *m.Autoencoder
	cfg := a.Config
	watch := slices.ContainsFunc(cfg.Specs(), func(s param.Spec) bool { return s.Role == param.Convolution && t.Int8(s) })
	if !watch {
		cfg.Encoder = nil // which is not read
	}
	c, ok := dev.(compute.Convolver)
	if !ok {
		c = generic.New()
	}
	weights := &late{Convolver: c, tensor: m.tensor}
	c = weights
	rec := &calib.ConvRecorder{Convolver: c, Layers: make(map[string]*calib.Channels)}
	if watch {
		c = rec
	}
	// One half at a time is held.
	decoder := cfg
	decoder.Encoder = nil
	net, err := autoencoder.Load(c, decoder, weights.tensors(m, decoder.Specs()))
	if err != nil {
		return err
	}
	z := previewLatents(cfg.LatentChannels)
	size := previewSize * cfg.Factor()
	out := make([]float32, cfg.ImageChannels*size*size)
	if err := net.Decode(ctx, out, a.Latents.Apply(z), previewSize, previewSize, nil); err != nil {
		return err
	}
	net.Free()
	if cfg.Encoder != nil {
		if net, err = autoencoder.LoadEncoder(c, cfg, weights.tensors(m, cfg.EncoderSpecs())); err != nil {
			return err
		}
		if err := net.Encode(ctx, make([]float32, cfg.Moments()*previewSize*previewSize), out, size, size, nil); err != nil {
			return err
		}
		net.Free()
	}
	if weights.err != nil {
		return weights.err
	}
	a.Preview = preview(cfg, z, out)
	m.Autoencoder, m.seen = &a, make(map[string]*calib.Channels)
	for _, s := range cfg.Specs() {
		if layer, ok := strings.CutSuffix(s.Name, ".weight"); ok && s.Role == param.Convolution && t.Int8(s) {
			m.seen[layer] = rec.Layers[layer]
		}
	}
	return nil
}

// preview is the map from latents z to the colours of the picture that came of them.
func preview(cfg autoencoder.Config, z, picture []float32) (rows [][]float32) {
	colours := shrunk(picture, cfg.Factor())
	plane := previewSize * previewSize
	for i := range 3 {
		i = min(i, cfg.ImageChannels-1)
		rows = append(rows, leastSquares(z, colours[i*plane:(i+1)*plane]))
	}
	return rows
}

// previewLatents are random values [C, n, n] of unit variance: noise, and noise of squares
// of four.
func previewLatents(channels int) []float32 {
	const n = previewSize
	z, coarse := make([]float32, channels*n*n), make([]float32, channels*n*n/16)
	flow.Noise(z, 1, 0)
	flow.Noise(coarse, 2, 0)
	for i, v := range z {
		y, x := i/n, i%n // y counts on through the channels
		z[i] = math.Sqrt2 / 2 * (v + coarse[y/4*(n/4)+x/4])
	}
	return z
}

// shrunk is the mean of squares of f pixels of planes n·f pixels wide.
func shrunk(v []float32, f int) []float32 {
	w := previewSize * f
	out := make([]float32, len(v)/f/f)
	for i, x := range v {
		out[i/w/f*previewSize+i%w/f] += x / float32(f*f)
	}
	return out
}

// leastSquares are the weights of the planes z [C, N], and a constant, whose sum is
// closest to y [N], by the normal equations. Four decimals are kept.
func leastSquares(z, y []float32) []float32 {
	n := len(y)
	k := len(z)/n + 1
	at := func(c, i int) float64 {
		if c == k-1 {
			return 1
		}
		return float64(z[c*n+i])
	}
	a := make([][]float64, k) // [k, k+1], the last column is the right side
	for r := range a {
		a[r] = make([]float64, k+1)
		for i := range n {
			for c := range k {
				a[r][c] += at(r, i) * at(c, i)
			}
			a[r][k] += at(r, i) * float64(y[i])
		}
		a[r][r] += 1e-3 * float64(n) // a little towards zero, for planes that are alike
	}
	for p := range k { // Gauss and Jordan; the matrix is positive definite
		for r := range k {
			if r == p {
				continue
			}
			f := a[r][p] / a[p][p]
			for c := p; c <= k; c++ {
				a[r][c] -= f * a[p][c]
			}
		}
	}
	w := make([]float32, k)
	for r := range w {
		w[r] = float32(math.Round(a[r][k]/a[r][r]*1e4) / 1e4)
	}
	return w
}
