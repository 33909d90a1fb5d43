//go:build (amd64 || arm64) && !purego

package native

import "unsafe"

// tileKernels are products on a matrix unit, by what becomes of them, and of attention's
// weights with values, as kernels.mix's. Inputs and weights lie as for dot, with inputs
// filled up to tileInputs.
type tileKernels struct {
	plain, gelu, gate tileFuncs
	mix               tileFunc
}

// tileFuncs are for tiles of up to sixteen rows, and of up to 32.
type tileFuncs [2]tileFunc

// tileFunc computes panels of outputs of some rows, of which the last has the columns of
// lastMask: a product as dot's in dst, its GELU, or dst plus the product with gate.
// steps counts tileInputs; in each of them perStep rows of the tile before are
// finished. config is what tiles are configured by. q has the rows of whole tiles where
// there is more than one, and buffer has tileBuffer values from a cache line on.
type tileFunc func(config *[64]byte, dst *float32, dstStride int, q *int8, qStride int, w *int8, steps, rows, panels int,
	rowScale, colScale, bias *float32, corrections *int32, gate *float32, lastMask, perStep int, buffer *int32)

const (
	tileInputs = 64
	tileRows   = 32
	tileBuffer = tileRows * 32 // sums of a tile
	// tileBlock is about how many bytes of inputs a part has: most of the second cache.
	tileBlock = 1200 << 10
)

// tileConfig says how many rows tiles have (Intel SDM, volume 1, 18.1): the sums 0 and 1
// and their inputs 4, the sums 2 and 3 and their inputs 5, and the weights 6 and 7.
func tileConfig(first, second int) (c [64]byte) {
	c[0] = 1 // palette
	for t := range 8 {
		c[16+2*t], c[48+t] = 64, 16
	}
	for _, t := range []int{0, 1, 4} {
		c[48+t] = byte(first)
	}
	for _, t := range []int{2, 3, 5} {
		c[48+t] = byte(second)
	}
	return c
}

// inputStride is the distance of quantised rows in bytes. Those of tiles are an odd number of
// cache lines, so that sixteen of them don't share places of the cache.
func (k *kernels) inputStride(width int) int {
	if k.matrix != nil {
		return width | tileInputs
	}
	if k.wide {
		return 2 * width
	}
	return width
}

// finishes tells whether kernels of tiles do what becomes of a product.
func (op *linearOp) finishes() (kernels tileFuncs, ok bool) {
	k := op.d.k.matrix
	if k == nil || op.l.i8 == nil {
		return kernels, false
	}
	switch op.finish {
	case plain:
		return k.plain, true
	case withGELU:
		return k.gelu, true
	case addGated:
		return k.gate, true
	}
	return kernels, false
}

// tiles computes the outputs [j0, j1) of n rows from r0 on, as many at a time as have the same gate.
func (op *linearOp) tiles(s *scratch, kernels tileFuncs, r0, n, j0, j1 int) {
	var gate []float32
	for r := 0; r < n; {
		m := n - r
		if op.finish == addGated {
			m = min(m, op.gate.Rows-(r0+r)%op.gate.Rows)
			gate = op.gate.Vector(r0+r, op.l.out)[j0:j1]
		}
		op.d.tiles(s, kernels, op.dst[(r0+r)*op.l.out+j0:], op.l.out, r, m, op.l, j0, j1, gate)
		r += m
	}
}

// tiles computes the outputs [j0, j1) of n rows, from the r-th of those in s.q on, into
// y, whose rows are stride apart.
func (d *Device) tiles(s *scratch, kernels tileFuncs, y []float32, stride, r, n int, l *linear, j0, j1 int, gate []float32) {
	panel := d.k.panel
	panels := (j1 - j0 + panel - 1) / panel
	_ = y[(n-1)*stride+j1-j0-1]
	w, apart := l.i8[j0*l.width:(j0+panels*panel)*l.width], d.k.inputStride(l.width)
	d.k.multiplyTiles(s, kernels, tileJob{
		dst: &y[0], dstStride: 4 * stride, q: &s.q[r*apart], qStride: apart, w: &w[0], steps: l.width / tileInputs, rows: n, outputs: j1 - j0,
		rowScale: &s.scales[r], colScale: &l.scale[j0], bias: &l.bias[j0], corrections: &l.corrections[j0], gate: gate,
	})
}

// tileJob is what kernels are to do with the rows of a product.
type tileJob struct {
	dst                      *float32
	dstStride                int
	q                        *int8
	qStride                  int
	w                        *int8
	steps, rows, outputs     int
	rowScale, colScale, bias *float32
	corrections              *int32
	gate                     []float32
}

// multiplyTiles takes the kernel for the rows.
func (k *kernels) multiplyTiles(s *scratch, kernels tileFuncs, j tileJob) {
	switch {
	case j.rows >= tileRows:
		k.runTiles(s, kernels[1], tileConfig(16, 16), tileRows, j)
	case j.rows > tileRows/2:
		k.runTiles(s, kernels[1], tileConfig(16, j.rows-16), tileRows, j)
	default:
		k.runTiles(s, kernels[0], tileConfig(j.rows, j.rows), tileRows/2, j)
	}
}

// mixTiles is kernels.mix of all panels.
func (k *kernels) mixTiles(s *scratch, j tileJob) {
	rows := min(j.rows, tileRows/2)
	k.runTiles(s, k.matrix.mix, tileConfig(rows, rows), tileRows/2, j)
}

func (k *kernels) runTiles(s *scratch, kernel tileFunc, config [64]byte, rows int, j tileJob) {
	panels := (j.outputs + k.panel - 1) / k.panel
	lastMask := 1<<(j.outputs-(panels-1)*k.panel) - 1
	gate := &nothing
	if j.gate != nil {
		gate = &j.gate[0]
	}
	s.config = config // memory that is there: a call through a value has no arguments on the stack
	kernel(&s.config, j.dst, j.dstStride, j.q, j.qStride, j.w, j.steps, j.rows, panels, j.rowScale, j.colScale, j.bias, j.corrections, gate,
		lastMask, (rows+j.steps-1)/j.steps, growAligned(&s.sums, tileBuffer))
}

// growAligned is grow of int32 from a cache line on.
func growAligned(s *[]int32, n int) *int32 {
	const line = 64
	b := grow(s, n+line/4)
	return &b[-uintptr(unsafe.Pointer(&b[0]))%line/4]
}
