//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// linear is a layer whose weights are packed in panels of outputs, the last of
// them filled up with zeros.
type linear struct {
	in, out, width int // width: inputs, filled up to what a product takes at a time

	// int8: for each four inputs of a panel, or what kernels.beside says, the weights of
	// its outputs, by fours.
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
	panel, beside := d.k.panel, d.k.beside
	outs := up(w.Out, panel)
	l := &linear{in: w.In, out: w.Out, width: up(w.In, d.k.inputs), bias: make([]float32, outs)}
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
		to := l.i8[j/panel*panel*l.width+j%panel*beside:]
		var sum int32
		for k, v := range w.I8[j*w.In : (j+1)*w.In] {
			to[k/beside*beside*panel+k%beside] = v
			sum += int32(v)
		}
		l.corrections[j] = int32(d.k.zero) * sum
	}
	return l, nil
}

// Linear computes dst = act(x·Wᵀ + b).
func (d *Device) Linear(dst, x compute.F32, rows int, w compute.Linear, act compute.Activation) {
	d.runLinear(dst, x, linearOp{rows: rows, l: w.(*linear), finish: epilogue(act)})
}

// LinearGate adds gate ∘ (x·Wᵀ + b) to dst.
func (d *Device) LinearGate(dst, x compute.F32, rows int, w compute.Linear, gate compute.PerGroup) {
	d.runLinear(dst, x, linearOp{rows: rows, l: w.(*linear), finish: addGated, gate: gate})
}

// LinearSwiGLU computes dst = SiLU(x·Wgᵀ + bg) ∘ (x·Wᵀ + b).
func (d *Device) LinearSwiGLU(dst, x compute.F32, rows int, gate, w compute.Linear) {
	compute.SameLen("swiglu gate in", gate.In(), w.In())
	compute.SameLen("swiglu gate out", gate.Out(), w.Out())
	d.runLinear(dst, x, linearOp{rows: rows, l: w.(*linear), finish: swiGLU, gateLayer: gate.(*linear)})
}

// epilogue is what becomes of a product: an activation or one of those below.
type epilogue uint8

const (
	plain    = epilogue(compute.NoActivation)
	withGELU = epilogue(compute.WithGELU)
	withSiLU = epilogue(compute.WithSiLU)
	addGated = withSiLU + 1 // adds it to dst with a gate
	swiGLU   = withSiLU + 2 // multiplies it with SiLU of another product
)

// linearOp is a linear layer in parts: blocks of rows with all outputs or, where
// rows are few, all rows with some panels.
type linearOp struct {
	d         *Device
	dst, x    []float32
	rows      int
	l         *linear
	finish    epilogue
	gate      compute.PerGroup // addGated's
	gateLayer *linear          // swiGLU's
	perPart   int              // rows of a part
	panels    int              // of a part
	across    int              // parts for the same rows
}

const (
	// blockRows is about how many rows a part has: enough for the weights to be
	// read seldom, few enough for their activations to stay in the nearest cache.
	blockRows = 36
	// Weights of more bytes than largeLayer come from further away than activations do:
	// then a part has largeBlockRows. Those of more than hugeLayer come from memory.
	largeLayer     = 1 << 20
	largeBlockRows = 128
	hugeLayer      = 4 << 20
	hugeBlockRows  = 512
	// blockOutputs is how many outputs are computed before they are finished, while
	// a near cache has them: a multiple of every panel.
	blockOutputs = 256
)

func (d *Device) runLinear(dst, x compute.F32, op linearOp) {
	compute.SameLen("linear x", x.Len, op.rows*op.l.in)
	compute.SameLen("linear dst", dst.Len, op.rows*op.l.out)
	if op.rows == 0 {
		return
	}
	panels := up(op.l.out, d.k.panel) / d.k.panel
	op.d, op.dst, op.x = d, dst.Host, x.Host
	op.perPart, op.panels, op.across = op.rows, panels, 1
	threads, least, most := d.pool.threads, 2*d.k.rows, blockRows
	switch n := len(op.l.i8); {
	case n > hugeLayer:
		most = hugeBlockRows
	case n > largeLayer:
		most = largeBlockRows
	}
	tiled := d.k.matrix != nil && op.l.i8 != nil
	if tiled {
		least, most = tileRows, max(2*tileRows, tileBlock/op.l.width)
	}
	if each := (op.rows + threads - 1) / threads; threads == 1 || each >= least {
		blocks := (each + most - 1) / most
		op.perPart = (each + blocks - 1) / blocks
		if tiled {
			op.perPart = up(op.perPart, tileRows)
		}
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
	r0 := i / op.across * op.perPart
	n := min(op.rows-r0, op.perPart)
	j0 := i % op.across * op.panels * d.k.panel
	j1 := min(l.out, j0+op.panels*d.k.panel)
	if l.i8 != nil || op.gateLayer != nil && op.gateLayer.i8 != nil {
		d.quantizeRows(s, op.x[r0*l.in:(r0+n)*l.in], n, l)
	}
	if k, ok := op.finishes(); ok {
		op.tiles(s, k, r0, n, j0, j1)
		return
	}
	for j := j0; j < j1; j += blockOutputs {
		op.block(s, r0, n, j, min(j1, j+blockOutputs))
	}
}

// block computes the outputs [j0, j1) of n rows from r0 on.
func (op *linearOp) block(s *scratch, r0, n, j0, j1 int) {
	d, l := op.d, op.l
	x := op.x[r0*l.in : (r0+n)*l.in]
	y, stride := op.dst[r0*l.out+j0:(r0+n)*l.out], l.out
	var other []float32 // what is added to dst, or dst multiplied with
	wide := up(j1-j0, d.k.panel)
	switch op.finish {
	case addGated: // the product waits for its gate
		other = grow(&s.y, n*wide)
		y, stride = other, wide
	case swiGLU:
		other = grow(&s.y, n*wide)
		d.product(s, other, wide, x, n, op.gateLayer, j0, j1)
		d.silu(other)
	}
	d.product(s, y, stride, x, n, l, j0, j1)
	for r := range n {
		dst := op.dst[(r0+r)*l.out+j0 : (r0+r)*l.out+j1]
		switch op.finish {
		case withGELU:
			d.gelu(dst, l.i8 != nil)
		case withSiLU:
			d.silu(dst)
		case addGated:
			d.addGated(dst, other[r*wide:], op.gate.Vector(r0+r, l.out)[j0:j1])
		case swiGLU:
			d.multiply(dst, other[r*wide:])
		}
	}
}

// product computes the outputs [j0, j1) of n rows into y, a panel at a time.
func (d *Device) product(s *scratch, y []float32, stride int, x []float32, n int, l *linear, j0, j1 int) {
	if k := d.k.matrix; k != nil && l.i8 != nil {
		d.tiles(s, k.plain, y, stride, 0, n, l, j0, j1, nil)
		return
	}
	for j := j0; j < j1; j += d.k.panel {
		d.panel(s, y[j-j0:], stride, x, n, l, j)
	}
}

// panel computes the outputs from j on of n rows into y, whose rows are stride
// apart. The rows are x's or, for int8, those that quantizeRows left in s.
func (d *Device) panel(s *scratch, y []float32, stride int, x []float32, n int, l *linear, j int) {
	panel, qStride := d.k.panel, d.k.inputStride(l.width)
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
			d.k.dot[rows](to, 4*dstStride, &s.q[r*qStride], qStride, &w[0], l.width/16, tiles, &s.scales[r], &l.scale[j], &l.bias[j], &l.corrections[j])
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
