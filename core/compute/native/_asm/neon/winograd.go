package main

import "fmt"

// Winograd's F(2×2, 3×3) in integers, as in winograd.go of the directory above: planes of
// words, whose chunks of 32 channels are 64 bytes a pixel or tile. A panel is eight
// outputs. There are addresses for all planes at once, so each moves on as it is used.

const (
	chunk      = 64
	planeTiles = 8 // that planeProducts computes at a time
)

func (w *writer) winograd() {
	w.kernelPlanes()
	w.planeProducts()
	for _, up := range []bool{false, true} {
		w.inputPlanes(up)
		w.outputTiles(up)
	}
}

// planes gives the addresses of n planes, the first of which is a parameter's.
func (f *function) planes(name, stride string, n int) []general {
	by := f.load(stride)
	at := []general{f.load(name)}
	for len(at) < n {
		r := f.register()
		f.op("ADD", "%v, %v, %v", by, at[len(at)-1], r)
		at = append(at, r)
	}
	return at
}

// kernelPlanes transforms the kernels of a panel: u [16, pairs, 2, panel] from w [pairs,
// 3, 3, panel, 2], by (2G)·w·(2G)ᵀ. Outputs lie together, as smlal takes them.
func (w *writer) kernelPlanes() {
	f := w.text("kernelPlanesNEON", "u *int16, planeStride int, w *int8, pairs int", "")
	u, stride, from, n := f.load("u"), f.load("planeStride"), f.load("w"), f.load("pairs")
	to, at := f.register(), f.register()
	row := func(i, kx int) vector { return vector(3*i + kx) }
	const taps, spare = vector(16), vector(24)
	f.label("pair")
	for h := range vector(2) {
		for kx := range 3 {
			for ky := range vector(3) {
				f.op("ADD", "$%d, %v, %v", 16*(3*int(ky)+kx), from, at)
				f.op("VLD2", "(%v), %s", at, list(taps+2*ky, 2, "B8"))
				f.sxtl(taps+2*ky+h, taps+2*ky+h)
			}
			a, b, c := taps+h, taps+2+h, taps+4+h
			f.words("VADD", a, c, spare)
			f.words("VADD", a, a, row(0, kx))
			f.words("VADD", b, spare, row(1, kx))
			f.words("VSUB", b, spare, row(2, kx))
			f.words("VADD", c, c, row(3, kx))
		}
		f.op("ADD", "$%d, %v, %v", 16*h, u, to)
		for i := range 4 {
			a, b, c := row(i, 0), row(i, 1), row(i, 2)
			f.words("VADD", a, c, spare)
			f.words("VADD", a, a, taps)
			f.words("VADD", b, spare, taps+1)
			f.words("VSUB", b, spare, taps+2)
			f.words("VADD", c, c, taps+3)
			for o := range vector(4) {
				f.op("VST1", "[%v.B16], (%v)", taps+o, to)
				f.op("ADD", "%v, %v", stride, to)
			}
		}
	}
	f.op("ADD", "$32, %v", u)
	f.op("ADD", "$144, %v", from)
	f.countdown(n, "pair")
	f.ret()
}

// words writes an operation on eight int16: to = b op a.
func (f *function) words(op string, a, b, to vector) {
	f.op(op, "%v.H8, %v.H8, %v.H8", a, b, to)
}

// planeProducts computes blocks of tiles of one plane: m [blocks·tiles, panel] from v
// [chunks, …, 32], whose chunks are chunkStride apart, and u [chunks, 32, panel].
func (w *writer) planeProducts() {
	f := w.text("planeProductsNEON", "m *int32, v, u *int16, chunks, chunkStride, blocks int", "")
	m, v, stride, blocks := f.load("m"), f.load("v"), f.load("chunkStride"), f.load("blocks")
	at, u, n := f.register(), f.register(), f.register()
	const inputs, weights, sums = vector(0), vector(8), vector(16) // elements must be of the first sixteen
	f.label("block")
	f.op("MOVD", "%v, %v", v, at)
	f.arg("u", u)
	f.arg("chunks", n)
	each(sums, 2*planeTiles, f.clear)
	f.label("chunk")
	for part := range chunk / 16 {
		for i := range planeTiles {
			f.op("FMOVQ", "%d(%v), F%d", chunk*i+16*part, at, int(inputs)+i)
		}
		f.read(u, weights, 4)
		f.read(u, weights+4, 4)
		for c := range 8 {
			for i := range vector(planeTiles) {
				f.smlalElement(sums+2*i, weights+vector(c), inputs+i, c, false)
				f.smlalElement(sums+2*i+1, weights+vector(c), inputs+i, c, true)
			}
		}
	}
	f.op("ADD", "%v, %v", stride, at)
	f.countdown(n, "chunk")
	for i := range vector(planeTiles / 2) {
		f.write(m, sums+4*i, 4)
	}
	f.op("ADD", "$%d, %v", planeTiles*chunk, v)
	f.countdown(blocks, "block")
	f.ret()
}

// difference is how a transformed input comes of two inputs.
type difference struct {
	of, and int
	op      string
}

// Of four inputs in a row, and of three that stand for four.
var (
	differences   = []difference{{0, 2, "VSUB"}, {1, 2, "VADD"}, {2, 1, "VSUB"}, {1, 3, "VSUB"}}
	differencesUp = []difference{{0, 1, "VSUB"}, {1, 1, "VADD"}, {1, 2, "VSUB"}}
)

// inputPlanes transforms a row of tiles in one chunk: v [planes, …, 32] from four rows of
// words, whose tiles are two pixels apart, or three of a picture that is doubled.
func (w *writer) inputPlanes(up bool) {
	name, apart, transform := "inputPlanesNEON", 2, differences
	if up {
		name, apart, transform = "inputPlanesUpNEON", 1, differencesUp
	}
	f := w.text(name, "v *int16, planeStride int, rows *[4]*int16, tiles int", "")
	n := len(transform)
	planes := f.planes("v", "planeStride", n*n)
	tiles, from := f.load("tiles"), f.load("rows")
	var rows []general
	for r := range n {
		to := from // the last takes its place
		if r < n-1 {
			to = f.register()
		}
		f.op("MOVD", "%d(%v), %v", 8*r, from, to)
		rows = append(rows, to)
	}
	const input, column, out = vector(0), vector(16), vector(20)
	f.label("tile")
	for part := range chunk / 16 {
		for r := range n {
			for c := range n {
				f.op("FMOVQ", "%d(%v), F%d", c*chunk+16*part, rows[r], int(input)+n*r+c)
			}
		}
		for x, c := range transform {
			for r := range n {
				of := input + vector(n*r)
				f.words(c.op, of+vector(c.and), of+vector(c.of), column+vector(r))
			}
			for y, r := range transform {
				f.words(r.op, column+vector(r.and), column+vector(r.of), out+vector(y))
				f.op("VST1.P", "[%v.B16], 16(%v)", out+vector(y), planes[y*n+x])
			}
		}
	}
	for _, r := range rows {
		f.op("ADD", "$%d, %v", apart*chunk, r)
	}
	f.countdown(tiles, "tile")
	f.ret()
}

// outputTiles makes two by two outputs of each tile in a row, for a panel: the sums of m
// [planes, …, panel], shifted by two, become floats times scale, plus bias, plus the
// residual, where it is not nil, and at least floor.
func (w *writer) outputTiles(up bool) {
	name, n := "outputTilesNEON", 4
	if up {
		name, n = "outputTilesUpNEON", 3
	}
	f := w.text(name, "dst *float32, rowStride, pixelStride int, m *int32, planeStride, tiles int, scale, bias, residual *float32, floor float32", "")
	planes := f.planes("m", "planeStride", n*n)
	dst, row, pixel, residual, tiles, at := f.load("dst"), f.load("rowStride"), f.load("pixelStride"), f.load("residual"), f.load("tiles"), f.register()
	const value, sums, scale, bias, floor, added = vector(0), vector(16), vector(24), vector(26), vector(28), vector(29)
	f.peek(f.arg("scale", at), scale, 2)
	f.peek(f.arg("bias", at), bias, 2)
	f.scalar("floor", floor)
	f.op("SUB", "%v, %v", dst, residual) // where it is from dst; of none it is not read
	ints := func(op string, a, b, to vector) { f.op(op, "%v.S4, %v.S4, %v.S4", a, b, to) }
	// fold gives the sum of the first three and what the last two leave of the second, likewise of three that stand for four.
	fold := func(v []vector, plus, minus vector) {
		ints("VADD", v[1], v[0], plus)
		ints("VSUB", v[2], v[1], minus)
		if !up {
			ints("VADD", v[2], plus, plus)
			ints("VSUB", v[3], minus, minus)
		}
	}
	f.label("tile")
	for h := range 2 {
		for i, p := range planes {
			f.read(p, value+vector(i), 1)
		}
		var rows [2][]vector
		for x := range n {
			var column []vector
			for y := range n {
				column = append(column, value+vector(y*n+x))
			}
			rows[0], rows[1] = append(rows[0], sums+vector(x)), append(rows[1], sums+4+vector(x))
			fold(column, rows[0][x], rows[1][x])
		}
		for y, v := range rows {
			fold(v, value+vector(2*y), value+vector(2*y+1))
		}
		for i := range vector(4) {
			f.sshr2(value+i, value+i)
			f.scvtf(value+i, value+i)
			f.fmul(value+i, value+i, scale+vector(h))
			f.fadd(value+i, value+i, bias+vector(h))
		}
		each := func(do func(i vector)) { // with its address
			f.op("MOVD", "%v, %v", dst, at)
			do(0)
			f.op("ADD", "%v, %v", pixel, at)
			do(1)
			f.op("ADD", "%v, %v", row, at)
			do(3)
			f.op("SUB", "%v, %v", pixel, at)
			do(2)
		}
		alone := fmt.Sprint("alone", h)
		f.op("MOVD", "residual+%d(FP), %v", f.params["residual"].offset, at)
		f.op("CBZ", "%v, %s", at, alone)
		f.op("ADD", "%v, %v", residual, dst)
		each(func(i vector) {
			f.peek(at, added, 1)
			f.fadd(value+i, value+i, added)
		})
		f.op("SUB", "%v, %v", residual, dst)
		f.label(alone)
		each(func(i vector) {
			f.fmaxnm(value+i, value+i, floor)
			f.op("VST1", "[%v.S4], (%v)", value+i, at)
		})
		f.op("ADD", "$16, %v", dst)
	}
	f.op("SUB", "$32, %v", dst)
	f.op("ADD", "%v<<1, %v", pixel, dst)
	f.countdown(tiles, "tile")
	f.ret()
}
