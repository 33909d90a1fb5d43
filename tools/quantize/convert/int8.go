package convert

import (
	"math"
	"slices"

	"dit8/core/compute"
	"dit8/core/param"
	"dit8/tools/quantize/calib"
)

// quantizeRows quantises each row of t symmetrically: scale = max|w|/127 and
// values round(w/scale), half to even.
func quantizeRows(t param.Tensor) param.Tensor {
	rows := t.Shape[0]
	cols := len(t.F32) / rows
	q := param.Tensor{Name: t.Name, Shape: t.Shape, I8: make([]int8, len(t.F32)), Scale: make([]float32, rows)}
	for i := range rows {
		q.Scale[i] = compute.QuantizeRow(q.I8[i*cols:(i+1)*cols], t.F32[i*cols:(i+1)*cols])
	}
	return q
}

// smoothedKernels is quantizeKernels with the factors that err least on inputs like those
// that were seen, if any were.
func smoothedKernels(t param.Tensor, seen *calib.Channels) (best param.Tensor) {
	if seen == nil {
		return quantizeKernels(t, nil)
	}
	least := math.Inf(1)
	for _, smooth := range seen.Smoothings() {
		q := quantizeKernels(t, smooth)
		if q.I8 == nil {
			continue
		}
		if e := seen.Error(t.F32, q.Floats(), smooth); e < least {
			best, least = q, e
		}
	}
	if best.I8 == nil {
		return t
	}
	return best
}

// quantizeKernels is quantizeRows for the kernels t [out, row, column, in] of a
// convolution, after their inputs' channels were multiplied by smooth, nil for none.
// Sums have to stay within compute.MaxConvSum: an output with too many large weights
// gets a larger scale. Where that takes more than a bit of any output, t stays as it is.
func quantizeKernels(t param.Tensor, smooth []float32) param.Tensor {
	in := t.Shape[3]
	w := param.Tensor{Name: t.Name, Shape: t.Shape, F32: slices.Clone(t.F32)}
	if smooth == nil {
		smooth = slices.Repeat([]float32{1}, in)
	}
	for i := range w.F32 {
		w.F32[i] /= smooth[i%in]
	}
	q := quantizeRows(w)
	q.Smooth = smooth
	n := len(t.F32) / t.Shape[0]
	for o := range q.Scale {
		row, exact := q.I8[o*n:(o+1)*n], w.F32[o*n:(o+1)*n]
		for steps := float32(127); compute.ConvSum(row) > compute.MaxConvSum; steps-- {
			if steps < 64 {
				return t
			}
			q.Scale[o] = roundTo(row, exact, steps)
		}
	}
	return q
}

// roundTo rounds w to steps on both sides of zero, and returns the scale.
func roundTo(q []int8, w []float32, steps float32) (scale float32) {
	var top float32
	for _, v := range w {
		top = max(top, v, -v)
	}
	inv := steps / top
	for i, v := range w {
		q[i] = int8(compute.RoundEven(float32(v * inv)))
	}
	return top / steps
}
