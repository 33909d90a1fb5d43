package generic_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/computetest"
	"dit8/core/compute/generic"
)

// The suite compares the generic device with itself: this shows that the suite
// runs. What the device computes is tested below, against float64.
func TestConformance(t *testing.T) {
	computetest.Run(t, "generic", func() compute.Device { return generic.New() })
}

func put(d compute.Device, v []float32) compute.F32 {
	f, err := d.Alloc(len(v))
	if err != nil {
		panic(err)
	}
	d.Write(f, v)
	return f
}

func random(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func near(t *testing.T, what string, got, want, bound float64) {
	t.Helper()
	if !(math.Abs(got-want) <= bound) {
		t.Errorf("%s = %v, want %v within %v", what, got, want, bound)
	}
}

func TestLinear(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, in, out = 3, 50, 11
	x, w, b := random(r, rows*in), random(r, in*out), random(r, out)
	q, scale := make([]int8, len(w)), make([]float32, out)
	for j := range out {
		scale[j] = 0.01 + float32(j)/1000
		for k := range in {
			q[j*in+k] = int8(r.IntN(255) - 127)
		}
	}
	d := generic.New()
	y := put(d, make([]float32, rows*out))
	lf, err := d.NewLinear(compute.Weights{In: in, Out: out, F32: w, Bias: b})
	if err != nil {
		t.Fatal(err)
	}
	li, err := d.NewLinear(compute.Weights{In: in, Out: out, I8: q, Scale: scale, Bias: b})
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		for j := range out {
			sf, si, worst, amax := float64(b[j]), float64(b[j]), 0.0, 0.0
			for k := range in {
				amax = max(amax, math.Abs(float64(x[i*in+k])))
			}
			for k := range in {
				xv := float64(x[i*in+k])
				sf += xv * float64(w[j*in+k])
				si += xv * float64(scale[j]) * float64(q[j*in+k])
				worst += amax / 254 * float64(scale[j]) * math.Abs(float64(q[j*in+k]))
			}
			gelu := func(v float64) float64 {
				return 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v)))
			}
			d.Linear(y, put(d, x), rows, lf, compute.NoActivation)
			near(t, "float32 linear", float64(y.Host[i*out+j]), sf, 1e-5)
			d.Linear(y, put(d, x), rows, lf, compute.WithGELU)
			near(t, "GELU", float64(y.Host[i*out+j]), gelu(sf), 2e-5)
			d.Linear(y, put(d, x), rows, lf, compute.WithSiLU)
			near(t, "SiLU", float64(y.Host[i*out+j]), sf/(1+math.Exp(-sf)), 2e-5)
			d.Linear(y, put(d, x), rows, li, compute.NoActivation)
			near(t, "int8 linear", float64(y.Host[i*out+j]), si, worst+1e-5) // half a step of every activation
		}
	}
}

// Attention is what the formula says; in integers to within their steps.
func TestAttention(t *testing.T) {
	for int8s, bound := range map[bool]float64{false: 1e-5, true: 0.02} {
		attention(t, int8s, bound)
	}
}

func attention(t *testing.T, int8s bool, bound float64) {
	r := rand.New(rand.NewPCG(3, 4))
	const n, tokens, heads, hd = 2, 9, 3, 5
	const dim = heads * hd
	qkv := random(r, 3*n*tokens*dim)
	d := generic.New()
	out := put(d, make([]float32, n*tokens*dim))
	d.Attention(out, put(d, qkv), compute.Heads{N: n, Tokens: tokens, Heads: heads, Dim: hd, Int8: int8s})
	at := func(img, token, part, h, i int) float64 {
		return float64(qkv[((img*tokens+token)*3+part)*dim+h*hd+i])
	}
	for img := range n {
		for h := range heads {
			for q := range tokens {
				var e [tokens]float64
				sum := 0.0
				for k := range tokens {
					s := 0.0
					for i := range hd {
						s += at(img, q, 0, h, i) * at(img, k, 1, h, i)
					}
					e[k] = math.Exp(s / math.Sqrt(hd))
					sum += e[k]
				}
				for i := range hd {
					want := 0.0
					for k := range tokens {
						want += e[k] / sum * at(img, k, 2, h, i)
					}
					near(t, "attention", float64(out.Host[(img*tokens+q)*dim+h*hd+i]), want, bound)
				}
			}
		}
	}
}

func TestNormModulate(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const rows, dim = 4, 37
	x, mod := random(r, rows*dim), random(r, 2*2*dim)
	d := generic.New()
	y, m := put(d, make([]float32, rows*dim)), put(d, mod)
	d.NormModulate(y, put(d, x), rows, dim, compute.LayerNorm, compute.PerGroup{V: m, Stride: 2 * dim, Rows: 2},
		compute.PerGroup{V: m.Slice(dim, m.Len), Stride: 2 * dim, Rows: 2})
	for i := range rows {
		mean, variance := 0.0, 0.0
		for _, v := range x[i*dim : (i+1)*dim] {
			mean += float64(v) / dim
		}
		for _, v := range x[i*dim : (i+1)*dim] {
			variance += (float64(v) - mean) * (float64(v) - mean) / dim
		}
		shift, scale := mod[i/2*2*dim:], mod[i/2*2*dim+dim:]
		for j := range dim {
			want := (float64(x[i*dim+j])-mean)/math.Sqrt(variance+1e-6)*(1+float64(scale[j])) + float64(shift[j])
			near(t, "norm", float64(y.Host[i*dim+j]), want, 1e-5)
		}
	}
}

// Unpatchify undoes patchify up to the order inside a patch: (c, row, column)
// going in, (row, column, c) coming out.
func TestPatches(t *testing.T) {
	s := compute.Image{N: 2, C: 3, H: 6, W: 6, P: 2}
	d := generic.New()
	img := make([]float32, s.Len())
	for i := range img {
		img[i] = float32(i)
	}
	// a layer that sends (c, row, column) to (row, column, c)
	n := s.PatchLen()
	w := compute.Weights{In: n, Out: n, F32: make([]float32, n*n), Bias: make([]float32, n)}
	for c := range s.C {
		for p := range s.P * s.P {
			w.F32[(p*s.C+c)*n+c*s.P*s.P+p] = 1
		}
	}
	l, err := d.NewLinear(w)
	if err != nil {
		t.Fatal(err)
	}
	tokens, back := put(d, make([]float32, s.Len())), put(d, make([]float32, s.Len()))
	d.PatchEmbed(tokens, put(d, img), s, l, put(d, make([]float32, s.Tokens()*n)))
	d.Unpatchify(back, tokens, s)
	for i, v := range back.Host {
		if v != img[i] {
			t.Fatalf("pixel %d came back as %v", i, v)
		}
	}
	if got := tokens.Host[n]; got != 2 { // second token: top left pixel of the patch to the right
		t.Errorf("second token starts with pixel %v, want 2", got)
	}
}
