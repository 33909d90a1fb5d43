package calib

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dit8/core/compute"
	"dit8/core/compute/generic"
	"dit8/core/dit"
	"dit8/core/param"
)

var tiny = dit.Config{InputSize: 8, PatchSize: 2, InChannels: 3, HiddenSize: 24, Depth: 2, NumHeads: 3, MLPHidden: 48, NumClasses: 5}

func values(cfg dit.Config) map[string][]float32 {
	m := make(map[string][]float32)
	for t := range dit.Random(cfg, 1, false) {
		m[t.Name] = slices.Clone(t.F32)
	}
	return m
}

func load(t *testing.T, dev compute.Device, m map[string][]float32) *dit.Model {
	t.Helper()
	model, err := dit.Load(dev, tiny, func(yield func(param.Tensor, error) bool) {
		for _, s := range tiny.Specs() {
			if !yield(param.Tensor{Name: s.Name, Shape: s.Shape, F32: m[s.Name]}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// forward runs a model on three noisy images.
func forward(t *testing.T, m *dit.Model) []float32 {
	t.Helper()
	c, err := m.Condition([]dit.Cond{{T: 0.2, Label: 1}, {T: 0.5, Label: 5}, {T: 0.9, Label: 3}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	x := make([]float32, 3*tiny.ImageLen())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	out := make([]float32, len(x))
	if err := m.Forward(out, x, 3, c, 0, 3); err != nil {
		t.Fatal(err)
	}
	return out
}

func relative(got, want []float32) float64 {
	var d, n float64
	for i, w := range want {
		d += float64(got[i]-w) * float64(got[i]-w)
		n += float64(w) * float64(w)
	}
	return math.Sqrt(d / n)
}

// The recorder changes nothing, and sees every layer's inputs.
func TestRecorder(t *testing.T) {
	m := values(tiny)
	want := forward(t, load(t, generic.New(), m))
	rec := NewRecorder(generic.New())
	if got := forward(t, load(t, rec, m)); !slices.Equal(got, want) {
		t.Error("a recorded network computes something else")
	}
	layers := rec.Layers()
	for name, in := range map[string]int{"t_embedder.mlp.0": 256, "t_embedder.mlp.2": 24, "blocks.0.adaLN_modulation.1": 24, "blocks.1.attn.qkv": 24, "blocks.1.mlp.fc2": 48, "final_layer.linear": 24} {
		l := layers[name]
		if l == nil || l.In != in || len(l.X) == 0 || len(l.X)%in != 0 {
			t.Fatalf("layer %s: %+v", name, l)
		}
		most := make([]float32, in)
		for i, v := range l.X {
			most[i%in] = max(most[i%in], v, -v)
		}
		if !slices.Equal(most, l.AbsMax) { // few rows: all were kept
			t.Errorf("layer %s: the largest inputs are %v, recorded %v", name, most, l.AbsMax)
		}
	}
	// more rows than are kept: a fair sample of all
	l := &Layer{AbsMax: make([]float32, 1), rows: 100}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		l.record([]float32{float32(i)}, r)
	}
	sum := float32(0)
	for _, v := range l.X {
		sum += v
	}
	if mean := sum / 100; len(l.X) != 100 || mean < 4000 || mean > 6000 || l.AbsMax[0] != 9999 {
		t.Errorf("%d rows kept, of mean %v, the largest input %v", len(l.X), mean, l.AbsMax[0])
	}
}

// Layers are told apart by their names, in whatever order their tensors come, and
// both layers of a SwiGLU see its input.
func TestRecorderNames(t *testing.T) {
	cfg := tiny
	cfg.MLP = dit.SwiGLU
	var tensors []param.Tensor
	for x := range dit.Random(cfg, 1, false) {
		tensors = append(tensors, x)
	}
	rec := NewRecorder(generic.New())
	m, err := dit.Load(rec, cfg, func(yield func(param.Tensor, error) bool) {
		for _, x := range slices.Backward(tensors) {
			if !yield(x, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	forward(t, m)
	layers := rec.Layers()
	for name, in := range map[string]int{"blocks.0.attn.qkv": 24, "blocks.1.mlp.w1": 24, "blocks.1.mlp.w2": 48} {
		if l := layers[name]; l == nil || l.Name != name || l.In != in || len(l.X) == 0 {
			t.Errorf("layer %s: %+v", name, l)
		}
	}
	if !slices.Equal(layers["blocks.1.mlp.w1"].X, layers["blocks.1.mlp.w3"].X) {
		t.Error("w1 and w3 saw different inputs")
	}
}

// Smoothing leaves the float network what it was, and int8 layers better.
func TestSmooth(t *testing.T) {
	all := func(param.Spec) bool { return true }
	m := values(tiny)
	for i, v := range m["blocks.0.adaLN_modulation.1.bias"] { // one channel of norms much larger than the others
		if i%24 == 5 {
			m["blocks.0.adaLN_modulation.1.bias"][i] = 40 * (v + 1)
		}
	}
	want := forward(t, load(t, generic.New(), m))
	rec := NewRecorder(generic.New())
	forward(t, load(t, rec, m))
	before := values(tiny)["blocks.0.mlp.fc1.weight"]
	done, err := Smooth(m, rec.Layers(), tiny, all)
	if err != nil || len(done) != 3*tiny.Depth {
		t.Fatalf("%d layers, %v", len(done), err)
	}
	if e := relative(forward(t, load(t, generic.New(), m)), want); e > 3e-6 {
		t.Errorf("the smoothed network is another: relative error %.2e", e)
	}
	better := 0
	for _, s := range done {
		if s.After > s.Before || (s.Strength > 0) != (s.After < s.Before) {
			t.Errorf("%+v", s)
		}
		if s.After < 0.7*s.Before {
			better++
		}
	}
	if better == 0 || slices.Equal(before, m["blocks.0.mlp.fc1.weight"]) {
		t.Errorf("no layer gained: %+v", done)
	}
	if _, err := Smooth(m, map[string]*Layer{}, tiny, all); err == nil {
		t.Error("no inputs were seen, and no error")
	}
	as := maps.Clone(m)
	for k, v := range as {
		as[k] = slices.Clone(v)
	}
	if done, err := Smooth(m, nil, tiny, func(param.Spec) bool { return false }); err != nil || len(done) != 0 || !maps.EqualFunc(m, as, slices.Equal[[]float32]) {
		t.Errorf("no layers to smooth: %v, %v, or weights changed", done, err)
	}
}

func TestInverseFactor(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 7, 90} {
		a := make([]float64, n*n)
		for i := range a {
			a[i] = r.NormFloat64()
		}
		h := make([]float64, n*n)
		for i := range n {
			for j := range n {
				for k := range n {
					h[i*n+j] += a[i*n+k] * a[j*n+k]
				}
			}
			h[i*n+i] += 0.5
		}
		u, err := inverseFactor(h, n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n { // h·(UᵀU) = 1
			for j := range n {
				sum := 0.0
				for k := range n {
					inv := 0.0
					for l := range min(k, j) + 1 {
						inv += u[l*n+k] * u[l*n+j]
					}
					sum += h[i*n+k] * inv
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(sum-want) > 1e-6 {
					t.Fatalf("n = %d: h·h⁻¹[%d, %d] = %v", n, i, j, sum)
				}
			}
		}
	}
	if _, err := inverseFactor([]float64{1, 2, 2, 1}, 2); err == nil {
		t.Error("a matrix that is not positive definite has a factor")
	}
}

// Rounding with the inputs' correlations errs less on them than plain rounding, and
// without correlations it is plain rounding.
func TestRound(t *testing.T) {
	const rows, n, samples = 20, 48, 400
	r := rand.New(rand.NewPCG(1, 2))
	w := make([]float32, rows*n)
	for i := range w {
		w[i] = float32(r.NormFloat64())
	}
	clear(w[3*n : 4*n]) // a row of zeros
	x := make([]float32, samples*n)
	for i := range samples {
		common := float32(r.NormFloat64())
		for j := range n {
			x[i*n+j] = common + 0.3*float32(r.NormFloat64())
		}
	}
	plain, ps := make([]int8, len(w)), make([]float32, rows)
	for i := range rows {
		ps[i] = compute.QuantizeRow(plain[i*n:(i+1)*n], w[i*n:(i+1)*n])
	}
	g, err := Gram(generic.New(), x, n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		want := 0.0
		for k := range samples {
			want += float64(x[k*n]) * float64(x[k*n+i])
		}
		if math.Abs(g[i]-want) > 1e-3*float64(samples) || g[i] != g[i*n] {
			t.Fatalf("gram[0, %d] = %v, want %v", i, g[i], want)
		}
	}
	q, s, err := Round(w, g, n)
	if err != nil {
		t.Fatal(err)
	}
	outputs := func(q []int8, s []float32) []float32 {
		f := param.Tensor{I8: q, Scale: s}.Floats()
		var y []float32
		for _, v := range product(x, f, n) {
			y = append(y, float32(v))
		}
		return y
	}
	var want []float32
	for _, v := range product(x, w, n) {
		want = append(want, float32(v))
	}
	a, b := relative(outputs(plain, ps), want), relative(outputs(q, s), want)
	t.Logf("error of outputs: %.5f plain, %.5f made up for", a, b)
	if !slices.Equal(s, ps) || b > 0.6*a {
		t.Errorf("error of outputs: %.5f plain, %.5f made up for", a, b)
	}
	one := make([]float64, n*n)
	for i := range n {
		one[i*n+i] = 3
	}
	if q, _, err = Round(w, one, n); err != nil || !slices.Equal(q, plain) {
		t.Errorf("uncorrelated inputs: not plain rounding, %v", err)
	}
	if q, _, err = Round(w, make([]float64, n*n), n); err != nil || !slices.Equal(q, plain) {
		t.Errorf("inputs of zeros: not plain rounding, %v", err)
	}
	if slices.Min(q) < -127 {
		t.Error("a value of -128")
	}
}

// A network with fc2 rotated, weights and inputs, is the same network.
func TestRotator(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	y := slices.Clone(x)
	rotate(y, 12) // blocks of 4
	if want := []float32{5, -1, -2, 0, 13, -1, -2, 0, 21, -1, -2, 0}; !slices.Equal(y, want) {
		t.Errorf("rotated: %v, want %v", y, want)
	}
	rotate(y, 12)
	if relative(y, x) > 1e-6 {
		t.Errorf("rotated twice: %v", y)
	}
	m := values(tiny)
	want := forward(t, load(t, generic.New(), m))
	if err := RotateWeights(m, tiny); err != nil {
		t.Fatal(err)
	}
	if e := relative(forward(t, load(t, generic.New(), m)), want); e < 1e-2 {
		t.Errorf("rotated weights alone change the outputs by %.2e only", e)
	}
	if e := relative(forward(t, load(t, NewRotator(generic.New()), m)), want); e > 1e-5 {
		t.Errorf("the rotated network is another: relative error %.2e", e)
	}
	if err := RotateWeights(map[string][]float32{}, tiny); err == nil {
		t.Error("no fc2, and no error")
	}
}
