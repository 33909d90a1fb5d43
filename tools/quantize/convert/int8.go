package convert

import (
	"dit8/core/compute"
	"dit8/core/param"
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
