package main

import "fmt"

// Both products compute tiles of some rows and a panel of eight outputs, again and
// again for further rows. Strides are in bytes.
const (
	dotParams  = "dst *float32, dstStride int, q *int8, qStride int, w *int8, groups, tiles int, rowScale, colScale, bias *float32, corrections *int32"
	gemmParams = "dst *float32, dstStride int, a *float32, aStride int, b *float32, k, tiles int, bias *float32"

	// accumulators lie in V0 to V15, a register of each row in V16 to V23
	row     vector = 16
	operand vector = 24
)

// tile is a tile's accumulators and where its rows are.
type tile struct {
	rows int
	sums int // registers of accumulators, more than one for an output: for int8 any order is exact

	dst, dstStride, tiles general
	first, stride         general // of the source
	at                    []general
}

// chains is the number of accumulators of an output.
func (t *tile) chains() int { return t.sums / (2 * t.rows) }

// acc is the accumulator of a row and of half a panel. Those of the first chain
// end up with the sum.
func (t *tile) acc(chain, row, half int) vector {
	return vector((chain*t.rows+row)*2 + half)
}

// begin loads what tiles share. source is the name of the rows' parameter.
func (f *function) begin(rows, sums int, source string) *tile {
	t := &tile{rows: rows, sums: sums}
	t.dst, t.dstStride, t.tiles = f.load("dst"), f.load("dstStride"), f.load("tiles")
	t.first, t.stride = f.load(source), f.load(source+"Stride")
	for range rows {
		t.at = append(t.at, f.register())
	}
	return t
}

// start begins a tile: the addresses of its rows, and of the next tile's first,
// and sums of zero.
func (f *function) start(t *tile) {
	f.label("tile")
	for _, at := range t.at {
		f.op("MOVD", "%v, %v", t.first, at)
		f.op("ADD", "%v, %v", t.stride, t.first)
	}
	for i := range t.sums {
		f.clear(vector(i))
	}
}

// store writes a row and moves dst to the next.
func (f *function) store(t *tile, i int) {
	f.op("VST1", "%s, (%v)", list(t.acc(0, i, 0), 2, "S4"), t.dst)
	f.op("ADD", "%v, %v", t.dstStride, t.dst)
}

// product is how integers are multiplied. Weights of int8 lie by registers, each with
// four inputs of four outputs or eight of two.
type product interface {
	suffix() string
	rows() int         // most of a tile
	sums(rows int) int // registers of accumulators
	// registers are those of a row, the first of row 0 and how many each has.
	registers() (first vector, each int)
	// group adds the products of the inputs that the rows' registers hold. load gets
	// four registers of weights.
	group(f *function, t *tile, load func(v vector))
	// total leaves the sums in the first chain.
	total(f *function, t *tile)
}

// dot computes dst = float32(q·Wᵀ)·(rowScale·colScale) + bias in tiles of r rows.
func (w *writer) dot(name string, p product, r int) {
	f := w.text(name+p.suffix(), dotParams, "")
	t := f.begin(r, p.sums(r), "q")
	rowScale, weights, n := f.load("rowScale"), f.register(), f.register()

	f.start(t)
	f.arg("w", weights)
	f.arg("groups", n)
	f.label("inputs")
	first, each := p.registers()
	for i, at := range t.at {
		f.op("VLD1.P", "%d(%v), %s", 16*each, at, list(first+vector(i*each), each, "B16"))
	}
	p.group(f, t, func(v vector) { f.read(weights, v, 4) })
	f.countdown(n, "inputs")

	p.total(f, t)
	const colScale, bias, factor, rs = row, row + 2, row + 4, row + 6
	f.peek(f.arg("colScale", weights), colScale, 2)
	f.peek(f.arg("bias", n), bias, 2)
	for i := range r {
		f.readLanes(rowScale, rs)
		for h := range vector(2) {
			v := t.acc(0, i, int(h))
			f.scvtf(v, v)
			f.fmul(factor+h, colScale+h, rs)
			f.fmul(v, v, factor+h)
			f.fadd(v, v, bias+h)
		}
		f.store(t, i)
	}
	f.countdown(t.tiles, "tile")
	f.ret()
}

// peak runs the int8 product of a whole tile on registers alone, n times: the most
// that a core can do.
func (w *writer) peak(p product) {
	f := w.text("peak"+p.suffix(), "n int", "")
	n := f.load("n")
	f.label("again")
	p.group(f, &tile{rows: p.rows(), sums: p.sums(p.rows())}, func(vector) {})
	f.countdown(n, "again")
	f.ret()
}

// sdot multiplies and adds four inputs of four outputs at once.
type sdot struct{}

func (sdot) suffix() string { return "SDOT" }
func (sdot) rows() int      { return 8 }

func (sdot) registers() (vector, int) { return row, 1 }

// sums are more than one for an output of few rows, so that a step needn't wait for the
// one before it.
func (sdot) sums(rows int) int { return 2 * rows * min(4, 8/rows) }

func (sdot) group(f *function, t *tile, load func(v vector)) {
	load(operand)
	load(operand + 4)
	for u := range 4 {
		for i := range t.rows {
			for h := range 2 {
				f.sdotElement(t.acc(u%t.chains(), i, h), operand+vector(2*u+h), row+vector(i), u)
			}
		}
	}
}

func (sdot) total(f *function, t *tile) {
	for c := t.chains() / 2; c > 0; c /= 2 {
		each(0, c*2*t.rows, func(v vector) {
			f.op("VADD", "%v.S4, %v.S4, %v.S4", t.acc(c, 0, 0)+v, v, v)
		})
	}
}

// smmla multiplies and adds eight inputs of two rows and two outputs at once, so that a
// pair of rows has four accumulators, one for each pair of outputs. An odd row makes a
// pair with itself.
type smmla struct{}

func (smmla) suffix() string { return "SMMLA" }
func (smmla) rows() int      { return 8 }

func (smmla) registers() (vector, int) { return row, 1 }

// sums has two chains where registers suffice.
func (p smmla) sums(rows int) int { return 4 * pairs(rows) * p.chains(rows) }

func (smmla) chains(rows int) int { return min(2, 4/pairs(rows)) }

func pairs(rows int) int { return (rows + 1) / 2 }

// acc is the accumulator of a pair of outputs. They are in the order that total leaves
// them in.
func (smmla) acc(t *tile, chain, pair, outputs int) vector {
	return vector(4*(chain*pairs(t.rows)+pair) + []int{0, 2, 1, 3}[outputs])
}

func (p smmla) group(f *function, t *tile, load func(v vector)) {
	n := pairs(t.rows)
	rows := func(pair int) (first, second vector) {
		i := row + vector(2*pair)
		return i, min(i+1, row+vector(t.rows-1))
	}
	inputs := func(pair, half int) vector { // of both rows
		if half == 0 {
			return operand + vector(pair)
		}
		return row + vector(2*pair+1)
	}
	for i := range n {
		first, second := rows(i)
		f.op("VZIP1", "%v.D2, %v.D2, %v.D2", second, first, inputs(i, 0))
		f.op("VZIP2", "%v.D2, %v.D2, %v.D2", second, first, inputs(i, 1))
	}
	const w = operand + 4
	for half := range 2 {
		load(w)
		for i := range n {
			for j := range 4 {
				f.smmla(p.acc(t, half%p.chains(t.rows), i, j), inputs(i, half), w+vector(j))
			}
		}
	}
}

// total parts the rows of each pair.
func (p smmla) total(f *function, t *tile) {
	n := pairs(t.rows)
	if p.chains(t.rows) == 2 {
		each(0, 4*n, func(v vector) { f.op("VADD", "%v.S4, %v.S4, %v.S4", v+vector(4*n), v, v) })
	}
	const spare = operand
	for i := range n {
		for outputs := 0; outputs < 4; outputs += 2 {
			a, b := p.acc(t, 0, i, outputs), p.acc(t, 0, i, outputs+1)
			f.op("VZIP1", "%v.D2, %v.D2, %v.D2", b, a, spare)
			f.op("VZIP2", "%v.D2, %v.D2, %v.D2", b, a, b)
			f.op("VMOV", "%v.B16, %v.B16", spare, a)
		}
	}
}

// smull multiplies to int16, which holds the sum of two products, 2·127·128 at
// most: those of inputs that are four apart. Neighbours are then added to int32, so
// an accumulator has two sums of each of two outputs, and an output two of those.
type smull struct{}

func (smull) suffix() string    { return "NEON" }
func (smull) rows() int         { return 4 }
func (smull) sums(rows int) int { return 2 * 2 * rows }

func (smull) registers() (vector, int) { return row, 1 }

func (smull) group(f *function, t *tile, load func(v vector)) {
	const w, q, low, high = row + 4, row + 8, row + 10, row + 12
	for u := 0; u < 4; u += 2 {
		load(w) // both halves of a panel, then those of four inputs further
		for i := range t.rows {
			for k := range 2 {
				f.op("VDUP", "%v.S[%d], %v.S4", row+vector(i), u+k, q+vector(k))
			}
			// by kinds: processors that keep the order wait least so
			each(0, 2, func(h vector) { f.smullLow(low+h, w+h, q) })
			each(0, 2, func(h vector) { f.smullHigh(high+h, w+h, q) })
			each(0, 2, func(h vector) { f.smlalLow(low+h, w+2+h, q+1) })
			each(0, 2, func(h vector) { f.smlalHigh(high+h, w+2+h, q+1) })
			each(0, 2, func(h vector) { f.sadalp(t.acc(0, i, int(h)), low+h) })
			each(0, 2, func(h vector) { f.sadalp(t.acc(1, i, int(h)), high+h) })
		}
	}
}

func (smull) total(f *function, t *tile) {
	each(0, 2*t.rows, func(v vector) {
		f.op("VADDP", "%v.S4, %v.S4, %v.S4", t.acc(1, 0, 0)+v, v, v)
	})
}

// gemm computes dst = a·B + bias in tiles of r rows, float32: sums start from zero
// and run in the order of k, each product rounded by itself.
func (w *writer) gemm(r int) {
	f := w.text(fmt.Sprintf("gemm%dNEON", r), gemmParams, "")
	t := f.begin(r, 2*r, "a")
	b, n := f.register(), f.register()
	// step adds the products with the u-th value of the rows' registers. Those of
	// three rows at a time have registers, so none waits for its sum.
	step := func(u int) {
		f.read(b, operand, 2)
		for from := 0; from < r; from += 3 {
			to := min(r, from+3)
			each := func(do func(acc, product vector, i, h int)) {
				for i := from; i < to; i++ {
					for h := range 2 {
						do(t.acc(0, i, h), operand+vector(2+2*(i-from)+h), i, h)
					}
				}
			}
			each(func(_, product vector, i, h int) { f.fmulElement(product, operand+vector(h), row+vector(i), u) })
			each(func(acc, product vector, _, _ int) { f.fadd(acc, acc, product) })
		}
	}

	f.start(t)
	f.arg("b", b)
	f.arg("k", n)
	f.op("SUBS", "$4, %v", n)
	f.op("BLT", "rest")
	f.label("four")
	for i, at := range t.at {
		f.read(at, row+vector(i), 1)
	}
	for u := range 4 {
		step(u)
	}
	f.op("SUBS", "$4, %v", n)
	f.op("BGE", "four")
	f.label("rest")
	f.op("ADDS", "$4, %v", n)
	f.op("BEQ", "done")
	f.label("one")
	for i, at := range t.at {
		f.readLanes(at, row+vector(i))
	}
	step(0)
	f.countdown(n, "one")
	f.label("done")
	f.peek(f.arg("bias", b), operand, 2)
	for i := range r {
		for h := range 2 {
			v := t.acc(0, i, h)
			f.fadd(v, v, operand+vector(h))
		}
		f.store(t, i)
	}
	f.countdown(t.tiles, "tile")
	f.ret()
}
