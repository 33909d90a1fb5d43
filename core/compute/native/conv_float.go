//go:build (amd64 || arm64) && !purego

package native

import "dit8/core/compute"

// floatConv is a convolution as a linear layer of what its kernel sees, whose sums run in
// the same order. One with few outputs, which would leave a panel nearly empty, computes
// pixels side by side.
type floatConv struct {
	compute.ConvWeights // without the weights
	*linear
	narrow []float32 // [9·In, 3], or none
}

func (c *floatConv) In() int  { return c.ConvWeights.In }
func (c *floatConv) Out() int { return c.ConvWeights.Out }

// narrowOuts is the number of outputs that are few.
const narrowOuts = 3

func (d *Device) newFloatConv(w compute.ConvWeights) (compute.Conv, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	n := w.Kernel * w.Kernel * w.In
	l, err := d.NewLinear(compute.Weights{Name: w.Name, In: n, Out: w.Out, F32: w.F32, Bias: w.Bias})
	if err != nil {
		return nil, err
	}
	c := &floatConv{ConvWeights: w, linear: l.(*linear)}
	if w.Out <= narrowOuts && w.Kernel == 3 && w.Stride == 1 {
		c.narrow = make([]float32, n*narrowOuts)
		for i, v := range w.F32 {
			c.narrow[i%n*narrowOuts+i/n] = v
		}
	}
	c.F32 = nil
	return c, nil
}

// floatOp is one on its way.
type floatOp struct {
	d          *Device
	c          *floatConv
	out        compute.ConvOutput
	in         compute.ConvInput
	rows, cols int
	fill       func(dst, x []float32)
	strip      int // rows of a part
}

func (d *Device) convFloat(out compute.ConvOutput, in compute.ConvInput, c *floatConv) {
	op := &floatOp{d: d, c: c, out: out, in: in}
	op.rows, op.cols = compute.CheckConv(out, in, c.ConvWeights)
	if out.Dst.Len == 0 {
		return
	}
	var a *compute.Affine
	if in.Norm.Groups > 0 {
		_, a = d.statistics(in, c.In())
	}
	op.fill = d.filling(a)
	op.strip = op.rows
	if threads := d.pool.threads; threads > 1 {
		op.strip = up(op.rows, 2*threads) / (2 * threads)
	}
	d.pool.run(op, (op.rows+op.strip-1)/op.strip)
}

// filling makes rows of what a convolution sees: with norm and SiLU, where there is one.
func (d *Device) filling(a *compute.Affine) func(dst, x []float32) {
	if a == nil {
		return func(dst, x []float32) { copy(dst, x) }
	}
	return func(dst, x []float32) {
		d.normalise(dst, x, a)
		d.silu(dst)
	}
}

func (op *floatOp) part(i, thread int) {
	from := compute.NewConvRowsOf(op.in, op.c.In(), op.fill)
	s := &op.d.own[thread]
	row := op.patches
	if op.c.narrow != nil {
		row = op.newNarrowRows(from).row
	}
	for y := i * op.strip; y < min(op.rows, (i+1)*op.strip); y++ {
		row(s, from, y)
	}
}

// patches computes row y by its patches, of some pixels at a time.
func (op *floatOp) patches(s *scratch, from *compute.ConvRows, y int) {
	k, in, out := op.c.Kernel, op.c.In(), op.c.Out()
	n := op.c.linear.in
	for x0 := 0; x0 < op.cols; x0 += blockRows {
		pixels := min(op.cols-x0, blockRows)
		x := grow(&s.conv.row, pixels*n)
		for ky := range k {
			taps := from.Row(y*op.c.Stride + ky - op.c.Pad)
			for p := range pixels {
				at := ((x0+p)*op.c.Stride + 1 - op.c.Pad) * in
				copy(x[(p*k+ky)*k*in:(p*k+ky+1)*k*in], taps[at:at+k*in])
			}
		}
		at := (y*op.cols + x0) * out
		dst := op.out.Dst.Host[at : at+pixels*out]
		to := dst
		if op.out.Residual.Len > 0 { // which dst may be
			to = grow(&s.conv.tile, len(dst))
		}
		op.d.product(s, to, out, x, pixels, op.c.linear, 0, out)
		op.out.Finish(to, at)
		if op.out.Residual.Len > 0 {
			copy(dst, to)
		}
	}
}

// narrowRows are rows of planes.
type narrowRows struct {
	*floatOp
	blocks, width int // of a plane
	ring          [3][]float32
	has           [3]int
	sums          []float32 // [narrowOuts, blocks of pixels]
}

func (op *floatOp) newNarrowRows(from *compute.ConvRows) *narrowRows {
	pixels := op.d.k.narrowPixels
	n := &narrowRows{floatOp: op, blocks: (op.cols + pixels - 1) / pixels}
	n.width = n.blocks*pixels + 2
	n.sums = make([]float32, narrowOuts*n.blocks*pixels)
	for i := range n.ring {
		n.ring[i], n.has[i] = make([]float32, n.width*op.c.In()), -2
	}
	return n
}

// row computes row y of the result.
func (n *narrowRows) row(_ *scratch, from *compute.ConvRows, y int) {
	var rows [3]*float32
	for ky := range rows {
		rows[ky] = &n.planes(from, y+ky-1)[0]
	}
	pixels := len(n.sums) / narrowOuts
	n.d.k.narrow(&n.sums[0], 4*pixels, &rows, 4*n.width, n.c.In(), &n.c.narrow[0], n.blocks)
	out := n.c.Out()
	at := y * n.cols * out
	var buffer [narrowOuts]float32
	for x := range n.cols {
		v := buffer[:out]
		for o := range v {
			v[o] = n.sums[o*pixels+x] + n.c.Bias[o]
		}
		n.out.Finish(v, at+x*out)
		copy(n.out.Dst.Host[at+x*out:], v)
	}
}

// planes is row y as planes [In, width].
func (n *narrowRows) planes(from *compute.ConvRows, y int) []float32 {
	slot := (y + 3) % 3
	row := n.ring[slot]
	if n.has[slot] == y {
		return row
	}
	n.has[slot] = y
	x, c := from.Row(y), n.c.In()
	for k := 0; k < c; k += 16 { // a cache line of channels at a time
		for p := range n.cols + 2 {
			for i, v := range x[p*c+k : p*c+min(c, k+16)] {
				row[(k+i)*n.width+p] = v
			}
		}
	}
	return row
}
