package generic_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
)

// Convolutions are the sums that their definition says, in float64.
func TestConv(t *testing.T) {
	for _, c := range []struct {
		h, w, kernel, stride, pad int
		up, norm, int8            bool
	}{
		{4, 5, 3, 1, 1, false, false, false}, {4, 5, 3, 1, 1, false, true, false}, {3, 2, 3, 1, 1, true, true, false},
		{5, 6, 3, 2, 0, false, false, false}, {6, 5, 3, 2, 0, false, true, false}, {5, 6, 3, 2, 1, false, false, false}, {3, 4, 1, 1, 0, false, false, false},
		{4, 5, 3, 1, 1, false, false, true}, {4, 5, 3, 1, 1, false, true, true}, {3, 2, 3, 1, 1, true, true, true},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 8))
			const in, out = 6, 5
			d := generic.New()
			w := compute.ConvWeights{In: in, Out: out, Kernel: c.kernel, Stride: c.stride, Pad: c.pad, F32: random(r, out*c.kernel*c.kernel*in), Bias: random(r, out)}
			bound, weights := 2e-5, w.F32
			if c.int8 { // the inputs are rounded to 12 bits, and that is all
				bound = 2e-2
				w.F32, w.I8, w.Scale = nil, make([]int8, len(weights)), []float32{0.01, 0.02, 0.015, 0.005, 0.01}
				w.Smooth = []float32{1, 0.5, 2, 1.25, 1, 0.75}
				for i, v := range weights {
					w.I8[i] = int8(100 * max(-1, min(1, v)))
					weights[i] = float32(w.I8[i]) * w.Scale[i/(9*in)] * w.Smooth[i%in]
				}
			}
			k, err := d.NewConv(w)
			if err != nil {
				t.Fatal(err)
			}
			x := random(r, c.h*c.w*in)
			n := compute.GroupNorm{Weight: put(d, random(r, in)), Bias: put(d, random(r, in))}
			seen := widened(x)
			if c.norm {
				n.Groups = 3
				seen = normed(seen, in, 3, n)
				for i, v := range seen {
					seen[i] = v / (1 + math.Exp(-v))
				}
			}
			h, wide := c.h, c.w
			if c.up {
				seen, h, wide = doubled(seen, h, wide, in), 2*h, 2*wide
			}
			rows, cols := w.Size(h), w.Size(wide)
			residual := put(d, random(r, rows*cols*out))
			y := put(d, make([]float32, rows*cols*out))
			d.Conv(compute.ConvOutput{Dst: y, Residual: residual, ReLU: true}, compute.ConvInput{X: put(d, x), H: c.h, W: c.w, Up: c.up, Norm: n}, k)
			for i, got := range y.Host {
				py, px, o := i/out/cols, i/out%cols, i%out
				want := float64(w.Bias[o]) + float64(residual.Host[i])
				for t := range c.kernel * c.kernel {
					sy, sx := py*c.stride+t/c.kernel-c.pad, px*c.stride+t%c.kernel-c.pad
					if sy < 0 || sx < 0 || sy >= h || sx >= wide {
						continue
					}
					for ch := range in {
						want += seen[(sy*wide+sx)*in+ch] * float64(weights[(o*c.kernel*c.kernel+t)*in+ch])
					}
				}
				near(t, "convolution", float64(got), max(want, 0), bound)
			}
		})
	}
}

// Group norms are right also about a mean far from zero.
func TestGroupNorm(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const h, w, c, groups = 19, 5, 12, 4
	d := generic.New()
	n := compute.GroupNorm{Groups: groups, Weight: put(d, random(r, c)), Bias: put(d, random(r, c))}
	for _, mean := range []float32{0, 40} {
		x := random(r, h*w*c)
		for i := range x {
			x[i] = mean + x[i]/10
		}
		y := put(d, make([]float32, len(x)))
		d.GroupNorm(y, put(d, x), h, w, n)
		for i, want := range normed(widened(x), c, groups, n) {
			near(t, "group norm", float64(y.Host[i]), want, 1e-4)
		}
	}
}

func widened(x []float32) []float64 {
	v := make([]float64, len(x))
	for i := range x {
		v[i] = float64(x[i])
	}
	return v
}

// normed is a group norm in float64.
func normed(x []float64, c, groups int, n compute.GroupNorm) []float64 {
	y := make([]float64, len(x))
	per := c / groups
	for g := range groups {
		var of []int
		mean, variance := 0.0, 0.0
		for i := range x {
			if i%c/per == g {
				of = append(of, i)
				mean += x[i]
			}
		}
		mean /= float64(len(of))
		for _, i := range of {
			variance += (x[i] - mean) * (x[i] - mean) / float64(len(of))
		}
		for _, i := range of {
			y[i] = (x[i]-mean)/math.Sqrt(variance+1e-6)*float64(n.Weight.Host[i%c]) + float64(n.Bias.Host[i%c])
		}
	}
	return y
}

// doubled repeats each pixel in both directions.
func doubled(x []float64, h, w, c int) (y []float64) {
	for i := range 2 * h * 2 * w {
		at := (i/(2*w)/2*w + i%(2*w)/2) * c
		y = append(y, x[at:at+c]...)
	}
	return y
}

// Kernels that are no convolution's, or whose sums are not exact, are refused.
func TestInt8Kernels(t *testing.T) {
	for want, change := range map[string]func(w *compute.ConvWeights){
		"":                            func(*compute.ConvWeights) {},
		"stride 2":                    func(w *compute.ConvWeights) { w.Stride = 2 },
		"got 2 scales":                func(w *compute.ConvWeights) { w.Scale = w.Scale[:2] },
		"got 0 factors":               func(w *compute.ConvWeights) { w.Smooth = nil },
		"the factor of input 1 is 0,": func(w *compute.ConvWeights) { w.Smooth[1] = 0 },
		"one of them":                 func(w *compute.ConvWeights) { w.F32 = make([]float32, len(w.I8)) },
		"output 2 come to 262273, sums are exact up to 262272": func(w *compute.ConvWeights) { w.I8[len(w.I8)-1]++ },
	} {
		const in = 400
		w := compute.ConvWeights{In: in, Out: 3, Kernel: 3, Stride: 1, Pad: 1, Bias: make([]float32, 3), I8: make([]int8, 3*9*in), Scale: make([]float32, 3), Smooth: make([]float32, in)}
		for i := range w.Smooth {
			w.Smooth[i] = 1
		}
		left := compute.MaxConvSum
		for i := 2 * 9 * in; i < 3*9*in-1; i++ {
			w.I8[i] = int8(max(-left, -73))
			left += int(w.I8[i])
		}
		w.I8[len(w.I8)-1] = int8(left)
		change(&w)
		_, err := generic.New().NewConv(w)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
