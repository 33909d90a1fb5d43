package calib

import (
	"fmt"
	"math"
	"slices"

	"dit8/core/compute"
	"dit8/core/dit"
	"dit8/core/param"
)

// strengths are the exponents that Smooth chooses from: s = max|x|^a / max|w|^(1-a)
// (SmoothQuant, arXiv 2211.10438); 0 here stands for none.
var strengths = []float64{0, 0.25, 0.35, 0.5, 0.65, 0.75, 0.85}

// Smoothed tells what Smooth did to a layer.
type Smoothed struct {
	Layer    string  `json:"layer"`
	Strength float64 `json:"strength"`     // 0: left as it was
	Before   float64 `json:"error_before"` // relative, of the layer's int8 outputs for the sampled inputs
	After    float64 `json:"error_after"`
}

// Smooth moves spread from the inputs of the blocks' linear layers, quantised token by
// token, to their weights, quantised row by row: channel j of the input is divided by
// s[j], column j of the weight multiplied by it. The division costs nothing when
// sampling: for qkv and fc1, or w1 and w3 together, it goes into the AdaLN head, whose
// rows give (1+scale) and shift, or into the stored modulation; for proj into the rows
// of qkv that give v; for w2 into those of w3. fc2's input comes out of GELU, which lets
// nothing through. For each layer the strength that errs least on the
// sampled inputs is taken, or none. tensors are changed in place, and layers' samples
// with them. Layers whose weights are not isInt8 stay as they are.
func Smooth(tensors map[string][]float32, layers map[string]*Layer, cfg dit.Config, isInt8 func(param.Spec) bool) ([]Smoothed, error) {
	able := make(map[string]bool)
	for _, s := range cfg.Specs() {
		able[s.Name] = isInt8(s)
	}
	var done []Smoothed
	for i := range cfg.Depth {
		for _, p := range smoothable(tensors, fmt.Sprintf("blocks.%d.", i), cfg) {
			if slices.ContainsFunc(p.layers, func(name string) bool { return !able[name+".weight"] }) {
				continue
			}
			report, err := p.smooth(tensors, layers)
			if err != nil {
				return nil, err
			}
			done = append(done, report)
		}
	}
	return done, nil
}

// foldable are layers of one input, and how to divide it by factors.
type foldable struct {
	layers []string
	fold   func(s []float32)
}

// smooth chooses the layers' factors and folds them in.
func (p foldable) smooth(tensors map[string][]float32, layers map[string]*Layer) (report Smoothed, err error) {
	l := layers[p.layers[0]]
	if l == nil || len(l.X) == 0 {
		return report, fmt.Errorf("calib: no inputs of %s were seen", p.layers[0])
	}
	var w []float32
	for _, name := range p.layers {
		w = append(w, tensors[name+".weight"]...)
	}
	s, report := l.smoothing(w)
	if s == nil {
		return report, nil
	}
	p.fold(s)
	for _, name := range p.layers {
		layers[name].apply(s, tensors[name+".weight"])
	}
	return report, nil
}

// smoothable are those of a block. What a layer's factors change is one that was
// smoothed before it, or none.
func smoothable(tensors map[string][]float32, block string, cfg dit.Config) []foldable {
	d := cfg.HiddenSize
	norm := func(chunk int) func(s []float32) {
		if static := tensors[block+"modulation"]; static != nil {
			return func(s []float32) { foldVectors(static, s, chunk) }
		}
		return func(s []float32) {
			foldNorm(tensors[block+"adaLN_modulation.1.weight"], tensors[block+"adaLN_modulation.1.bias"], s, chunk)
		}
	}
	all := []foldable{
		{[]string{block + "attn.proj"}, func(s []float32) { // before qkv's own columns change
			foldRows(tensors[block+"attn.qkv.weight"][2*d*d:], tensors[block+"attn.qkv.bias"][2*d:], s, d)
		}},
		{[]string{block + "attn.qkv"}, norm(0)},
	}
	if cfg.MLP != dit.SwiGLU {
		return append(all, foldable{[]string{block + "mlp.fc1"}, norm(3)})
	}
	return append(all,
		foldable{[]string{block + "mlp.w2"}, func(s []float32) { // before w3's own columns change
			foldRows(tensors[block+"mlp.w3.weight"], tensors[block+"mlp.w3.bias"], s, d)
		}},
		foldable{[]string{block + "mlp.w1", block + "mlp.w3"}, norm(3)})
}

// foldRows divides the outputs of a layer with weights w [len(s), n].
func foldRows(w, bias, s []float32, n int) {
	for j, x := range s {
		divide(w[j*n:(j+1)*n], x)
		bias[j] /= x
	}
}

// foldVectors is foldNorm for a stored modulation.
func foldVectors(v, s []float32, chunk int) {
	d := len(s)
	for j, x := range s {
		v[chunk*d+j] /= x
		v[(chunk+1)*d+j] = (1+v[(chunk+1)*d+j])/x - 1
	}
}

// apply multiplies the columns of the layer's weights w by s, and divides what was
// seen of its inputs.
func (l *Layer) apply(s, w []float32) {
	n := len(s)
	for k := range w {
		w[k] *= s[k%n]
	}
	for k := range l.X {
		l.X[k] /= s[k%n]
	}
	for k := range l.AbsMax {
		l.AbsMax[k] /= s[k]
	}
}

func divide(v []float32, by float32) {
	for i := range v {
		v[i] /= by
	}
}

// foldNorm divides what modulates a norm's output: shift by s, and 1+scale. chunk is
// the shift's of the head's six, the scale's is the next.
func foldNorm(head, bias, s []float32, chunk int) {
	d := len(s)
	for j, x := range s {
		shift, scale := chunk*d+j, (chunk+1)*d+j
		divide(head[shift*d:(shift+1)*d], x)
		divide(head[scale*d:(scale+1)*d], x)
		bias[shift] /= x
		bias[scale] = (1+bias[scale])/x - 1
	}
}

const tried = 256 // sampled rows that strengths are tried on

// smoothing finds the best factors of a layer with weights w [out, In], nil for none.
func (l *Layer) smoothing(w []float32) ([]float32, Smoothed) {
	n := l.In
	wmax := make([]float32, n)
	for k, v := range w {
		wmax[k%n] = max(wmax[k%n], v, -v)
	}
	x := l.X[:min(len(l.X), tried*n)]
	exact := product(x, w, n)
	var best []float32
	report := Smoothed{Layer: l.Name}
	for _, a := range strengths {
		var s []float32
		if a > 0 {
			s = make([]float32, n)
			logs := 0.0
			for j := range s {
				v := math.Pow(float64(max(l.AbsMax[j], 1e-5)), a) / math.Pow(float64(max(wmax[j], 1e-5)), 1-a)
				s[j] = float32(v)
				logs += math.Log(v)
			}
			mean := float32(math.Exp(logs / float64(n)))
			for j := range s {
				s[j] = max(1.0/64, min(64, s[j]/mean))
			}
		}
		e := int8Error(x, w, s, exact, n)
		switch {
		case s == nil:
			report.Before, report.After = e, e
		case e < report.After:
			report.Strength, report.After, best = a, e, s
		}
	}
	return best, report
}

// product is x·wᵀ for rows of n, in float64.
func product(x, w []float32, n int) []float64 {
	rows, out := len(x)/n, len(w)/n
	y := make([]float64, rows*out)
	parallel(rows, func(r int) {
		for j := range out {
			sum := 0.0
			for k, v := range x[r*n : (r+1)*n] {
				sum += float64(v * w[j*n+k])
			}
			y[r*out+j] = sum
		}
	})
	return y
}

// int8Error is how far x·wᵀ in int8 is from exact, relative, with the factors s.
func int8Error(x, w, s []float32, exact []float64, n int) float64 {
	if s != nil {
		x, w = slices.Clone(x), slices.Clone(w)
		for k := range x {
			x[k] /= s[k%n]
		}
		for k := range w {
			w[k] *= s[k%n]
		}
	}
	rows, out := len(x)/n, len(w)/n
	qw, sw := make([]int8, len(w)), make([]float32, out)
	parallel(out, func(j int) { sw[j] = compute.QuantizeRow(qw[j*n:(j+1)*n], w[j*n:(j+1)*n]) })
	errs := make([]float64, rows)
	parallel(rows, func(r int) {
		q := make([]int8, n)
		sx := compute.QuantizeRow(q, x[r*n:(r+1)*n])
		for j := range out {
			sum := int32(0)
			for k, v := range q {
				sum += int32(v) * int32(qw[j*n+k])
			}
			d := float64(sum)*float64(sx)*float64(sw[j]) - exact[r*out+j]
			errs[r] += d * d
		}
	})
	e, norm := 0.0, 0.0
	for _, v := range errs {
		e += v
	}
	for _, v := range exact {
		norm += v * v
	}
	return math.Sqrt(e / max(norm, math.SmallestNonzeroFloat64))
}
