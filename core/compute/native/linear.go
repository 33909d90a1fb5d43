//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// linear is a layer whose weights are packed in panels of outputs, the last of
// them filled up with zeros.
type linear struct {
	in, out, width int // width: inputs, filled up to whole sixteens

	// int8: for each four inputs of a panel the weights of its outputs, by fours.
	i8          []int8
	scale       []float32
	corrections []int32 // -zero·Σw: sums start from them

	f32  []float32 // float32: [panels, in, panel]
	bias []float32
}

func (l *linear) In() int    { return l.in }
func (l *linear) Out() int   { return l.out }
func (l *linear) Int8() bool { return l.i8 != nil }

// NewLinear packs w.
func (d *Device) NewLinear(w compute.Weights) (compute.Linear, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	panel := d.k.panel
	outs := up(w.Out, panel)
	l := &linear{in: w.In, out: w.Out, width: up(w.In, 16), bias: make([]float32, outs)}
	copy(l.bias, w.Bias)
	if w.F32 != nil {
		l.f32 = make([]float32, outs*w.In)
		for j := range w.Out {
			to := l.f32[j/panel*panel*w.In+j%panel:]
			for k, v := range w.F32[j*w.In : (j+1)*w.In] {
				to[k*panel] = v
			}
		}
		return l, nil
	}
	l.i8, l.scale, l.corrections = make([]int8, outs*l.width), make([]float32, outs), make([]int32, outs)
	copy(l.scale, w.Scale)
	for j := range w.Out {
		to := l.i8[j/panel*panel*l.width+j%panel*4:]
		var sum int32
		for k, v := range w.I8[j*w.In : (j+1)*w.In] {
			to[k/4*4*panel+k%4] = v
			sum += int32(v)
		}
		l.corrections[j] = int32(d.k.zero) * sum
	}
	return l, nil
}

// Linear computes dst = act(x·Wᵀ + b).
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	compute.SameLen("linear x", x.Len, rows*w.In())
	compute.SameLen("linear dst", dst.Len, rows*w.Out())
	d.runLinear(linearOp{dst: dst.Host, x: x.Host, rows: rows, l: w.(*linear), act: act})
}

// LinearGate adds gate ∘ (x·Wᵀ + b) to dst.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	compute.SameLen("linear x", x.Len, rows*w.In())
	compute.SameLen("linear dst", dst.Len, rows*w.Out())
	d.runLinear(linearOp{dst: dst.Host, x: x.Host, rows: rows, l: w.(*linear), gate: gate, gated: true})
}

// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b).
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	g := grow(&d.patches, dst.Len)
	d.Linear(compute.F32{Host: g, Len: dst.Len}, x, rows, gate, compute.WithSiLU)
	d.Linear(dst, x, rows, w, compute.NoActivation)
	for i, v := range g {
		dst.Host[i] = float32(v * dst.Host[i])
	}
}

// linearOp is a linear layer in parts: blocks of rows with all outputs or, where
// rows are few, all rows with some panels.
type linearOp struct {
	d       *Device
	dst, x  []float32
	rows    int
	l       *linear
	act     compute.Activation
	gate    compute.PerGroup
	gated   bool
	perPart int // rows of a part
	panels  int // of a part
	across  int // parts for the same rows
}

// blockRows is about how many rows a part has: enough for the weights to be
// read seldom, few enough for their activations to stay in the nearest cache.
const blockRows = 36

func (d *Device) runLinear(op linearOp) {
	if op.rows == 0 {
		return
	}
	panels := up(op.l.out, d.k.panel) / d.k.panel
	op.d, op.perPart, op.panels, op.across = d, op.rows, panels, 1
	threads := d.pool.threads
	if each := (op.rows + threads - 1) / threads; threads == 1 || each >= 2*d.k.rows {
		blocks := (each + blockRows - 1) / blockRows
		op.perPart = (each + blocks - 1) / blocks
	} else {
		op.across = min(panels, 2*threads)
		op.panels = (panels + op.across - 1) / op.across
		op.across = (panels + op.panels - 1) / op.panels
	}
	d.linear = op
	d.pool.run(&d.linear, (op.rows+op.perPart-1)/op.perPart*op.across)
	d.linear = linearOp{}
}

func (op *linearOp) part(i, thread int) {
	d, l, s := op.d, op.l, &op.d.own[thread]
	panel := d.k.panel
	r0 := i / op.across * op.perPart
	n := min(op.rows-r0, op.perPart)
	j0 := i % op.across * op.panels * panel
	j1 := min(l.out, j0+op.panels*panel)
	x := op.x[r0*l.in : (r0+n)*l.in]
	if l.i8 != nil {
		d.quantizeRows(s, x, n, l)
	}
	// a gated product waits in y for its gate
	y, stride := op.dst[r0*l.out:(r0+n)*l.out], l.out
	if op.gated {
		stride = up(j1-j0, panel)
		y = grow(&s.y, n*stride)
	}
	for j := j0; j < j1; j += panel {
		at := j
		if op.gated {
			at = j - j0
		}
		d.panel(s, y[at:], stride, x, n, l, j)
	}
	for r := range n {
		dst := op.dst[(r0+r)*l.out+j0 : (r0+r)*l.out+j1]
		switch {
		case op.gated:
			d.addGated(dst, y[r*stride:], op.gate.Vector(r0+r, l.out)[j0:j1])
		case op.act == compute.WithGELU:
			d.gelu(dst)
		case op.act == compute.WithSiLU:
			d.silu(dst)
		}
	}
}

// panel computes the outputs from j on of n rows into y, whose rows are stride
// apart. The rows are x's or, for int8, those that quantizeRows left in s.
func (d *Device) panel(s *scratch, y []float32, stride int, x []float32, n int, l *linear, j int) {
	panel := d.k.panel
	dst, dstStride := y, stride
	whole := min(panel, l.out-j)
	if stride < panel || (n-1)*stride+panel > len(y) || whole < panel && stride == l.out {
		dst, dstStride = grow(&s.tile, n*panel), panel
	}
	for r := 0; r < n; {
		rows, tiles := tiling(n-r, d.k.rows)
		to := &dst[r*dstStride]
		_ = dst[(r+rows*tiles-1)*dstStride+panel-1]
		if l.i8 != nil {
			w := l.i8[j*l.width : (j+panel)*l.width]
			d.k.dot[rows](to, 4*dstStride, &s.q[r*l.width], l.width, &w[0], l.width/16, tiles, &s.scales[r], &l.scale[j], &l.bias[j], &l.corrections[j])
		} else {
			w := l.f32[j*l.in : (j+panel)*l.in]
			d.k.gemm[rows](to, 4*dstStride, &x[r*l.in], 4*l.in, &w[0], l.in, tiles, &l.bias[j])
		}
		r += rows * tiles
	}
	if dstStride != stride {
		for r := range n {
			copy(y[r*stride:r*stride+whole], dst[r*panel:])
		}
	}
}

// tiling gives the rows of the next tiles and their number, so that n rows fall
// into tiles of about equal size, of at most most rows.
func tiling(n, most int) (rows, tiles int) {
	count := (n + most - 1) / most
	rows = (n + count - 1) / count
	if n == rows*count {
		return rows, count
	}
	return rows, count - (rows*count - n)
}
