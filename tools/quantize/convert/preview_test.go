package convert

import (
	"context"
	"math"
	"testing"

	"dit8/core"
	"dit8/core/autoencoder"
	"dit8/core/compute/generic"
	"dit8/core/param"
	"dit8/weights"
)

// Previews are fitted to what an autoencoder makes.
func TestCalibrate(t *testing.T) {
	a := core.Autoencoder{
		Config:  autoencoder.Config{Kind: autoencoder.Tiny, ImageChannels: 3, LatentChannels: 2, Decoder: autoencoder.Half{Channels: []int{6, 6}, Layers: []int{1, 1}}},
		Latents: core.Latents{Mean: []float32{0, 0}, Std: []float32{1, 1}},
	}
	all := make(map[string]param.Tensor)
	for x, err := range autoencoder.Random(a.Config, 1) {
		if err != nil {
			t.Fatal(err)
		}
		all[x.Name] = x
	}
	m := Model{weights.Header{Autoencoder: &a}, nil, func(name string) (param.Tensor, error) { return all[name], nil }, nil}
	if err := m.Calibrate(context.Background(), generic.New(), Types{Default: "int8"}); err != nil {
		t.Fatal(err)
	}
	if err := m.Autoencoder.Check(); err != nil || len(m.Autoencoder.Preview) != 3 || a.Preview != nil {
		t.Errorf("preview %v, %v", m.Autoencoder.Preview, err)
	}
}

// Least squares find the weights that values were made with.
func TestLeastSquares(t *testing.T) {
	z := previewLatents(3)
	n := len(z) / 3
	y := make([]float32, n)
	for i := range y {
		y[i] = 0.5*z[i] - 0.25*z[2*n+i] + 0.125
	}
	for i, want := range []float64{0.5, 0, -0.25, 0.125} {
		if got := float64(leastSquares(z, y)[i]); math.Abs(got-want) > 2e-3 {
			t.Errorf("weight %d is %v, want %v", i, got, want)
		}
	}
}
